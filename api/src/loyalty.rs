//! `/v1/loyalty`: who buys how often, who stays, who is lost. Every answer is as of a date.

use axum::extract::State;
use axum::response::Response;
use letopis_core::time::Day;
use letopis_projections::engine::list;
use letopis_projections::engine::read::Reader;
use letopis_projections::views::loyalty::abc::{self, Of};
use letopis_projections::views::loyalty::cohorts::{self, Measure};
use letopis_projections::views::loyalty::lost::{self, State as Now};
use letopis_projections::views::loyalty::{Basis, Window, rfm, summary};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, PeriodParams, envelope, read_client, whole};
use crate::error::{Kind, Problem};
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "orders";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(purchases))
        .routes(routes!(rfm_clients))
        .routes(routes!(rfm_table))
        .routes(routes!(retention))
        .routes(routes!(repeat_rate))
        .routes(routes!(classes))
        .routes(routes!(lost_clients))
        .routes(routes!(loyal_share))
}

fn basis(asked: &mut Asked) -> Result<Basis, Problem> {
    let known = [("purchases", Basis::Purchases), ("sales", Basis::Sales)];
    Ok(asked.word("basis", &known)?.unwrap_or_default())
}

fn paging(asked: &mut Asked) -> Result<list::Window, Problem> {
    let (limit, cursor) = asked.page()?;
    Ok(list::Window { limit, cursor })
}

fn window(reader: &Reader<'_>, asked: (Option<Day>, Option<Day>)) -> Window {
    let (from, to) = reader.days(asked);
    Window { from, to }
}

/// The purchase summary of one client: x, t_x, T, money.
#[utoipa::path(get, path = "/v1/loyalty/summary", tag = "loyalty",
    params(ClockParams, ("client" = String, Query, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn purchases(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (who, basis): (String, _) = (asked.required("client")?, basis(&mut asked)?);
    let who = extract::client(&app, &who).await.map_err(|problem| problem.field("client"))?;
    let read = move |r: &Reader<'_>, root| summary::summary(r, root, basis);
    let (summary, fresh) = read_client(&app, &asked, who, read).await?;
    let summary = summary.ok_or_else(|| Problem::new(Kind::NotFound, "he has bought nothing").field("client"))?;
    Ok(envelope(&app, &asked, VIEW, summary, fresh))
}

/// Clients with their scores for recency, frequency and money, by id.
#[utoipa::path(get, path = "/v1/loyalty/rfm", tag = "loyalty",
    params(ClockParams, PeriodParams, PageParams,
        ("currency" = Option<String>, Query, description = "ISO 4217; needed where there are several"),
        ("basis" = Option<String>, Query, description = "purchases (the default) or sales"),
        ("scores" = Option<String>, Query, description = "Only these, such as 5,5,4")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn rfm_clients(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (period, paging, basis) = (asked.days()?, paging(&mut asked)?, basis(&mut asked)?);
    let currency = asked.one("currency")?;
    let scores = match asked.many::<u8>("scores")?.as_slice() {
        [] => None,
        &[r, f, m] if [r, f, m].iter().all(|score| (1..=5).contains(score)) => Some([r, f, m]),
        _ => return Err(Problem::parameter("scores", "scores are three numbers from 1 to 5, such as 5,5,4")),
    };
    whole(&app, asked, VIEW, From::Totals, move |r| {
        rfm::rfm(r, &rfm::Question { window: window(r, period), currency, basis, scores }, &paging)
    })
    .await
}

/// How clients spread over the scores, one table per currency.
#[utoipa::path(get, path = "/v1/loyalty/rfm/table", tag = "loyalty",
    params(ClockParams, PeriodParams, ("currency" = Option<String>, Query, description = "ISO 4217"),
        ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn rfm_table(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (period, basis, currency) = (asked.days()?, basis(&mut asked)?, asked.one("currency")?);
    whole(&app, asked, VIEW, From::Totals, move |r| rfm::rfm_table(r, window(r, period), currency, basis)).await
}

/// Retention: of those who first bought in a month, how many bought again in the months after.
#[utoipa::path(get, path = "/v1/loyalty/cohorts", tag = "loyalty",
    params(ClockParams, PeriodParams,
        ("measure" = Option<String>, Query, description = "in_month (the default) or in_month_or_later"),
        ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn retention(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let measures = [("in_month", Measure::InMonth), ("in_month_or_later", Measure::InMonthOrLater)];
    let measure = asked.word("measure", &measures)?.unwrap_or_default();
    let (period, basis) = (asked.days()?, basis(&mut asked)?);
    whole(&app, asked, VIEW, From::Totals, move |r| cohorts::cohorts(r, window(r, period), measure, basis)).await
}

/// The share of buyers who bought on more than one day.
#[utoipa::path(get, path = "/v1/loyalty/repeat-rate", tag = "loyalty",
    params(ClockParams, PeriodParams, ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn repeat_rate(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (period, basis) = (asked.days()?, basis(&mut asked)?);
    whole(&app, asked, VIEW, From::Totals, move |r| summary::repeat_rate(r, window(r, period), basis)).await
}

/// Clients or products by what they bring: A, B, C.
#[utoipa::path(get, path = "/v1/loyalty/abc", tag = "loyalty",
    params(ClockParams, PeriodParams, PageParams,
        ("of" = Option<String>, Query, description = "clients (the default) or products"),
        ("currency" = Option<String>, Query, description = "ISO 4217; needed where there are several")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn classes(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let of = asked.word("of", &[("clients", Of::Clients), ("products", Of::Products)])?.unwrap_or(Of::Clients);
    let (period, paging, currency) = (asked.days()?, paging(&mut asked)?, asked.one("currency")?);
    whole(&app, asked, VIEW, From::Totals, move |r| {
        abc::abc(r, &abc::Question { of, window: window(r, period), currency }, &paging)
    })
    .await
}

/// Clients who are active, at risk, or lost, by the declared rule.
#[utoipa::path(get, path = "/v1/loyalty/lost", tag = "loyalty",
    params(ClockParams, PageParams, ("state" = Option<String>, Query, description = "active, at_risk or lost; all when missing"),
        ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn lost_clients(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let state = asked.word("state", &[("active", Now::Active), ("at_risk", Now::AtRisk), ("lost", Now::Lost)])?;
    let (paging, basis) = (paging(&mut asked)?, basis(&mut asked)?);
    whole(&app, asked, VIEW, From::Totals, move |r| lost::lost(r, state, basis, &paging)).await
}

/// The share of loyal clients of the last twelve months.
#[utoipa::path(get, path = "/v1/loyalty/loyal-share", tag = "loyalty",
    params(ClockParams, ("basis" = Option<String>, Query, description = "purchases (the default) or sales")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn loyal_share(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let basis = basis(&mut asked)?;
    whole(&app, asked, VIEW, From::Totals, move |r| lost::loyal_share(r, basis)).await
}
