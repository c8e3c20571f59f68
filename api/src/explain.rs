//! `/v1/clients/{id}/explain`, `/v1/explain/money`, `/v1/events/{id}/why`: which events set a field, which clients
//! make up a total, what caused an event and by which rule.

use axum::extract::{Path, State};
use axum::response::Response;
use letopis_core::money::Currency;
use letopis_projections::engine::generations::Fresh;
use letopis_projections::engine::list::Window;
use letopis_projections::views::explain::{self, MoneyTotal};
use letopis_projections::views::why::why;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, envelope, whole};
use crate::error::{Kind, Problem};
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(field)).routes(routes!(money)).routes(routes!(causes))
}

/// The events that set a field of a client's card, with actor, time and reason, and its earlier values.
#[utoipa::path(get, path = "/v1/clients/{id}/explain", tag = "clients",
    params(ClockParams, ("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("field" = String, Query, description = "A path in the card: `name`, `profile.city`, `money.EUR.owed`")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn field(State(app): State<App>, Path(id): Path<String>, mut asked: Asked) -> Result<Response, Problem> {
    let field: String = asked.required("field")?;
    asked.finish()?;
    let client = extract::client(&app, &id).await?;
    let position = app.log.head().await?;
    let (now, clocks) = (asked.now(&app), asked.clocks);
    let members = app.views.group(client, clocks).await?;
    let explained = explain::explain(app.views.source(), app.views.zone(), now, members, clocks, &field).await?;
    Ok(envelope(&app, &asked, "client_card", explained, Fresh { position, lag: 0 }))
}

/// The clients that make up a sum of money over all of them.
#[utoipa::path(get, path = "/v1/explain/money", tag = "clients",
    params(ClockParams, PageParams, ("total" = String, Query, description = "owed, paid or invoiced"),
        ("currency" = String, Query, description = "ISO 4217")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn money(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let total = asked.word("total", MoneyTotal::WORDS)?;
    let total = total.ok_or_else(|| Problem::parameter("total", "total is missing: owed, paid or invoiced"))?;
    let currency: Currency = asked.required("currency")?;
    let window = Window { limit, cursor };
    whole(&app, asked, "settlement", From::Rows, move |r| explain::parts(r, total, currency, &window)).await
}

/// What caused an event, and what caused that, up to the first cause, each with the rule and its version that made it.
#[utoipa::path(get, path = "/v1/events/{id}/why", tag = "events",
    params(ClockParams, ("id" = String, Path, description = "A ULID, or `source:id-in-that-source`")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn causes(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    asked.finish()?;
    let event = extract::event(&app, &id)?;
    let position = app.log.head().await?;
    let told = why(&*app.log, asked.clocks, event).await?;
    let told = told.ok_or_else(|| Problem::new(Kind::NotFound, "no event has this id at the bounds").field("id"))?;
    Ok(envelope(&app, &asked, "history", told, Fresh { position, lag: 0 }))
}
