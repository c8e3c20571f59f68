//! `/v1/cases`: what was raised, what was promised, what came of it.

use axum::extract::{Path, State};
use axum::response::Response;
use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, EmployeeId};
use letopis_projections::engine::list::Window;
use letopis_projections::engine::read::Reader;
use letopis_projections::engine::row::Owner;
use letopis_projections::views::cases::{self, CaseFilter, CasesBy, PromiseQuery, PromiseState, Status};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, PeriodParams, of_found, whole};
use crate::error::Problem;
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "client_case";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(overview))
        .routes(routes!(responses))
        .routes(routes!(promises))
        .routes(routes!(case))
}

/// The kinds of cases.
const KINDS: &[(&str, CaseKind)] = &[
    ("complaint", CaseKind::Complaint),
    ("question", CaseKind::Question),
    ("error_report", CaseKind::ErrorReport),
    ("wish", CaseKind::Wish),
    ("incident", CaseKind::Incident),
];

/// Cases, the latest first.
#[utoipa::path(get, path = "/v1/cases", tag = "cases",
    params(ClockParams, PageParams,
        ("status" = Option<Vec<String>>, Query, description = "open, answered, resolved, closed"),
        ("kind" = Option<String>, Query, description = "complaint, question, error_report, wish, incident"),
        ("topic" = Option<String>, Query), ("product" = Option<String>, Query), ("channel" = Option<String>, Query),
        ("employee" = Option<String>, Query, description = "Seen to by this one of us"),
        ("client" = Option<String>, Query, description = "Of this client"),
        ("overdue" = Option<bool>, Query, description = "Only those whose promised date has passed")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn list(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let window = Window { limit, cursor };
    let statuses = [
        ("open", Status::Open),
        ("answered", Status::Answered),
        ("resolved", Status::Resolved),
        ("closed", Status::Closed),
    ];
    let filter = CaseFilter {
        status: asked.words("status", &statuses)?,
        kind: asked.word("kind", KINDS)?,
        topic: asked.one("topic")?,
        product: asked.one("product")?,
        channel: asked.one("channel")?,
        employee: asked.entity(&app, "employee")?.map(EmployeeId),
        client: match asked.one::<String>("client")? {
            Some(text) => {
                let client = extract::client(&app, &text).await.map_err(|problem| problem.field("client"))?;
                letopis_core::log::alias_group(&*app.log, client).await?.first().copied().map(Owner::from)
            }
            None => None,
        },
        overdue: asked.one("overdue")?.unwrap_or_default(),
    };
    whole(&app, asked, VIEW, From::Rows, move |r| cases::cases(r, &filter, &window)).await
}

/// One case with every date that was promised and why it was moved.
#[utoipa::path(get, path = "/v1/cases/{id}", tag = "cases",
    params(ClockParams, ("id" = String, Path, description = "A ULID, or its id in another system, such as `desk:T-7`")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn case(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let id = CaseId(extract::entity(&app, "case", &id)?);
    let find = move |r: &Reader<'_>| Ok(cases::case(r, id)?.map(|case| case.client));
    of_found(&app, asked, VIEW, find, move |r| cases::case(r, id)).await
}

/// Counts over a period: raised, answered, resolved, moved, kept, broken; what is open and overdue at its end.
#[utoipa::path(get, path = "/v1/cases/overview", tag = "cases",
    params(ClockParams, PeriodParams, ("by" = Option<String>, Query, description = "kind, topic, channel, product")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn overview(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let by = [
        ("kind", CasesBy::Kind),
        ("topic", CasesBy::Topic),
        ("channel", CasesBy::Channel),
        ("product", CasesBy::Product),
    ];
    let (by, period) = (asked.word("by", &by)?, asked.days()?);
    whole(&app, asked, VIEW, From::Totals, move |r| {
        let (from, to) = r.days(period);
        cases::overview(r, from, to, by)
    })
    .await
}

/// Cases that were handed to somebody outside, by the answer.
#[utoipa::path(get, path = "/v1/cases/responses", tag = "cases", params(ClockParams),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn responses(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    whole(&app, asked, VIEW, From::Totals, cases::responses).await
}

/// Promised dates, the earliest first.
#[utoipa::path(get, path = "/v1/cases/promises", tag = "cases",
    params(ClockParams, PageParams,
        ("state" = Option<String>, Query, description = "kept, broken, pending"),
        ("kind" = Option<String>, Query, description = "complaint, question, error_report, wish, incident"),
        ("employee" = Option<String>, Query, description = "Seen to by this one of us"),
        ("min_moves" = Option<u32>, Query, description = "Moved at least so often"),
        ("from" = Option<String>, Query, description = "Due not before this instant or local day"),
        ("to" = Option<String>, Query, description = "Due before this instant or local day")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn promises(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let window = Window { limit, cursor };
    let states = [("kept", PromiseState::Kept), ("broken", PromiseState::Broken), ("pending", PromiseState::Pending)];
    let zone = &app.settings.zone;
    let query = PromiseQuery {
        state: asked.word("state", &states)?,
        kind: asked.word("kind", KINDS)?,
        employee: asked.entity(&app, "employee")?.map(EmployeeId),
        min_moves: asked.one("min_moves")?.unwrap_or_default(),
        from: asked.start("from", zone)?,
        to: asked.start("to", zone)?,
    };
    whole(&app, asked, VIEW, From::Rows, move |r| cases::promises(r, &query, &window)).await
}
