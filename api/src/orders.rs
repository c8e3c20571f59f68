//! `/v1/orders` and `/v1/revenue`: what was ordered, sent, paid; what it came to.

use axum::extract::{Path, State};
use axum::response::Response;
use letopis_core::ids::OrderId;
use letopis_projections::engine::read::Reader;
use letopis_projections::views::orders::answer::Paging;
use letopis_projections::views::orders::card;
use letopis_projections::views::orders::revenue::{self, By, Question};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, PeriodParams, of_found, whole};
use crate::error::Problem;
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "orders";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(order)).routes(routes!(revenue))
}

/// One order: lines, shipments, invoices, payments, what is open.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "orders",
    params(ClockParams, ("id" = String, Path, description = "A ULID, or its id in another system, such as `shop:O-7`")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn order(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let id = OrderId(extract::entity(&app, "order", &id)?);
    let find = move |r: &Reader<'_>| Ok(card::order(r, id)?.map(|card| card.client));
    of_found(&app, asked, VIEW, find, move |r| card::order(r, id)).await
}

/// Revenue of a period: every fact counts on its own day.
#[utoipa::path(get, path = "/v1/revenue", tag = "orders",
    params(ClockParams, PeriodParams, PageParams,
        ("by" = Option<String>, Query, description = "day, month (the default), product, channel, region, client"),
        ("currency" = Option<String>, Query, description = "ISO 4217; all, each for itself, when missing"),
        ("identified" = Option<bool>, Query, description = "Only clients somebody knows, or only the others")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn revenue(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let by = [
        ("day", By::Day),
        ("month", By::Month),
        ("product", By::Product),
        ("channel", By::Channel),
        ("region", By::Region),
        ("client", By::Client),
    ];
    let by = asked.word("by", &by)?.unwrap_or(By::Month);
    let (period, (limit, cursor)) = (asked.days()?, asked.page()?);
    let (currency, identified) = (asked.one("currency")?, asked.one("identified")?);
    let paging = Paging { limit: limit as usize, cursor };
    whole(&app, asked, VIEW, From::Totals, move |r| {
        let (from, to) = r.days(period);
        revenue::revenue(r, &Question { from, to, by, currency, identified }, &paging)
    })
    .await
}
