//! Is the server alive, ready, and what does it count.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Read;
use crate::error::{Kind, Problem};
use crate::state::App;
use crate::telemetry;

/// With more events than this missing in the views, the server is not ready.
pub const MAX_READY_LAG: u64 = 10_000;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(measure))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200)), security(()))]
async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// The log and the views answer, the views are not far behind, the log is being sealed, and rules are being asked.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses((status = 200), (status = 503, body = crate::openapi::ProblemDocument)))]
async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let head = app.log.head().await?;
    let lag = head.0.saturating_sub(app.views.position().0);
    if app.views.failure().is_some() {
        // Why is in `/v1/views`, for those who have a key.
        return Err(Problem::new(Kind::Unavailable, "the views have stopped").with("lag", lag));
    }
    if lag > MAX_READY_LAG {
        let detail = format!("{lag} events are not in the views yet, at most {MAX_READY_LAG} may be missing");
        return Err(Problem::new(Kind::Unavailable, detail).with("lag", lag));
    }
    if app.sealer.failure().is_some() {
        return Err(Problem::new(Kind::Unavailable, "the log is not sealed any more; why is in the log of the server"));
    }
    if app.automation.failure().is_some() {
        let detail = "nothing is done by rule any more; why is in the log of the server";
        return Err(Problem::new(Kind::Unavailable, detail));
    }
    let behind = app.sealer.behind().await?;
    let unsealed = json!({ "events": behind.events, "seconds": behind.seconds });
    Ok(Json(json!({ "status": "ready", "position": head, "lag": lag, "unsealed": unsealed })))
}

/// Metrics in the format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, content_type = "text/plain")))]
async fn measure(State(app): State<App>, _: Read) -> Result<Response, Problem> {
    let head = app.log.head().await?;
    let lag = head.0.saturating_sub(app.views.position().0);
    metrics::gauge!("letopis_log_position").set(head.0 as f64);
    metrics::gauge!("letopis_view_lag_events").set(lag as f64);
    metrics::gauge!("letopis_search_lag_events").set(head.0.saturating_sub(app.search.position().0) as f64);
    let acted = app.automation.progress().position;
    metrics::gauge!("letopis_automation_lag_events").set(head.0.saturating_sub(acted.0) as f64);
    let behind = app.sealer.behind().await?;
    metrics::gauge!("letopis_unsealed_events").set(behind.events as f64);
    metrics::gauge!("letopis_unsealed_seconds").set(behind.seconds);
    metrics::gauge!("letopis_seal_failed").set(f64::from(u8::from(app.sealer.failure().is_some())));
    let (status, _) = app.views.status().await?;
    for view in status {
        metrics::gauge!("letopis_view_parked_keys", "view" => view.name).set(view.parked as f64);
    }
    let handle = telemetry::metrics();
    handle.run_upkeep();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response())
}
