//! `/v1/contacts`: how often, how long and about what we talked; and who waits for us.

use axum::extract::State;
use axum::response::Response;
use letopis_core::ids::EmployeeId;
use letopis_projections::engine::list::Window;
use letopis_projections::views::history::{self, ContactsBy, UnhandledQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, PeriodParams, whole};
use crate::error::Problem;
use crate::extract::Asked;
use crate::openapi::ProblemDocument;
use crate::state::App;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(count)).routes(routes!(topics)).routes(routes!(unhandled))
}

/// Counts contacts of a period, by any number of things.
#[utoipa::path(get, path = "/v1/contacts", tag = "contacts",
    params(ClockParams, PeriodParams,
        ("by" = Option<Vec<String>>, Query, description = "day, month, type, channel, topic, employee, direction")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn count(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let by = [
        ("day", ContactsBy::Day),
        ("month", ContactsBy::Month),
        ("type", ContactsBy::Type),
        ("channel", ContactsBy::Channel),
        ("topic", ContactsBy::Topic),
        ("employee", ContactsBy::Employee),
        ("direction", ContactsBy::Direction),
    ];
    let (by, period) = (asked.words("by", &by)?, asked.days()?);
    whole(&app, asked, "history", From::Totals, move |r| {
        let (from, to) = r.days(period);
        history::contacts(r, from, to, &by)
    })
    .await
}

/// What contacts of a period were about, the most frequent first.
#[utoipa::path(get, path = "/v1/contacts/topics", tag = "contacts",
    params(ClockParams, PeriodParams, ("limit" = Option<u32>, Query, description = "At most so many, 1 to 1000")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn topics(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, period) = (asked.limit()?, asked.days()?);
    whole(&app, asked, "history", From::Totals, move |r| {
        let (from, to) = r.days(period);
        history::topics(r, from, to, limit)
    })
    .await
}

/// Contacts that wait for somebody of us, the oldest first.
#[utoipa::path(get, path = "/v1/contacts/unhandled", tag = "contacts",
    params(ClockParams, PageParams,
        ("employee" = Option<String>, Query, description = "Taken by this one of us"),
        ("type" = Option<Vec<String>>, Query, description = "Types of events"),
        ("topic" = Option<String>, Query, description = "About this, first of all")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn unhandled(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let window = Window { limit, cursor };
    let query = UnhandledQuery {
        employee: asked.entity(&app, "employee")?.map(EmployeeId),
        types: asked.many("type")?,
        topic: asked.one("topic")?,
    };
    whole(&app, asked, "contact_handling", From::Rows, move |r| history::unhandled(r, &query, &window)).await
}
