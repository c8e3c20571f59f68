//! `/v1/funnel`: four different numbers bear that name, and wins and losses beside them.

use axum::extract::State;
use axum::response::Response;
use letopis_core::code::Code;
use letopis_core::time::Day;
use letopis_projections::engine::read::Reader;
use letopis_projections::views::funnel::{self, By, Period};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PeriodParams, whole};
use crate::error::Problem;
use crate::extract::Asked;
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "deals";
/// The stage model when nobody names one.
const DEFAULT_MODEL: &str = "default";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(board))
        .routes(routes!(flow))
        .routes(routes!(cohort))
        .routes(routes!(time_in_stage))
        .routes(routes!(win_rate))
        .routes(routes!(lost_reasons))
        .routes(routes!(velocity))
}

fn model(asked: &mut Asked) -> Result<Code, Problem> {
    match asked.one("model")? {
        Some(model) => Ok(model),
        None => DEFAULT_MODEL.parse().map_err(|error| Problem::parameter("model", format!("{error}"))),
    }
}

fn period(reader: &Reader<'_>, asked: (Option<Day>, Option<Day>)) -> Period {
    let (from, to) = reader.days(asked);
    Period { from, to }
}

/// The snapshot: deals and money in each stage at the end of a day.
#[utoipa::path(get, path = "/v1/funnel/board", tag = "funnel",
    params(ClockParams, ("model" = Option<String>, Query, description = "Stage model; `default` when missing"),
        ("by" = Option<String>, Query, description = "none, agent, manager, region, product, product_group")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn board(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let model = model(&mut asked)?;
    let by: By = asked.one("by")?.unwrap_or_default();
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::board(r, &model, by, r.day())).await
}

/// The flow: entries and exits of each stage within a period.
#[utoipa::path(get, path = "/v1/funnel/flow", tag = "funnel",
    params(ClockParams, PeriodParams, ("model" = Option<String>, Query, description = "Stage model; `default` when missing")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn flow(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (model, days) = (model(&mut asked)?, asked.days()?);
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::flow(r, &model, period(r, days))).await
}

/// The cohort: how far the deals came that were opened in a period.
#[utoipa::path(get, path = "/v1/funnel/cohort", tag = "funnel",
    params(ClockParams, PeriodParams, ("model" = Option<String>, Query, description = "Stage model; `default` when missing")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn cohort(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (model, days) = (model(&mut asked)?, asked.days()?);
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::cohort(r, &model, period(r, days))).await
}

/// How long deals stay in each stage.
#[utoipa::path(get, path = "/v1/funnel/time-in-stage", tag = "funnel",
    params(ClockParams, ("model" = Option<String>, Query, description = "Stage model; `default` when missing")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn time_in_stage(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let model = model(&mut asked)?;
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::time_in_stage(r, &model)).await
}

/// Deals won and lost in a period, by date of close.
#[utoipa::path(get, path = "/v1/funnel/win-rate", tag = "funnel",
    params(ClockParams, PeriodParams,
        ("by" = Option<String>, Query, description = "none, agent, manager, region, product, product_group, quarter")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn win_rate(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (by, days): (By, _) = (asked.one("by")?.unwrap_or_default(), asked.days()?);
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::win_rate(r, period(r, days), by)).await
}

/// Why deals were lost, and to whom.
#[utoipa::path(get, path = "/v1/funnel/lost-reasons", tag = "funnel", params(ClockParams, PeriodParams),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn lost_reasons(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let days = asked.days()?;
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::lost_reasons(r, period(r, days))).await
}

/// The speed of sales, by the deals closed in a period.
#[utoipa::path(get, path = "/v1/funnel/velocity", tag = "funnel", params(ClockParams, PeriodParams),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn velocity(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let days = asked.days()?;
    whole(&app, asked, VIEW, From::Totals, move |r| funnel::velocity(r, period(r, days))).await
}
