//! `/v1/views`: which views there are, how they are, and how they are built anew.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use letopis_core::ids::Position;
use letopis_projections::search;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::error::{Kind, Problem};
use crate::extract::Asked;
use crate::state::{App, Rebuild};
use letopis_core::error::chain;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rebuild))
}

/// One view.
#[derive(Debug, Serialize, ToSchema)]
struct ViewLine {
    /// Its name.
    name: String,
    /// The version of its fold.
    version: u32,
    /// A hash of what its rows depend on besides the facts.
    fingerprint: String,
    /// The sum of its row hashes, hexadecimal: equal facts give equal digests on any machine.
    digest: String,
    /// How many rows could not be folded.
    parked: u64,
    /// Up to where it is folded.
    #[schema(value_type = u64)]
    position: Position,
    /// How many events of the log are missing in it.
    lag: u64,
}

/// The full-text index.
#[derive(Debug, Serialize, ToSchema)]
struct SearchState {
    /// The version of what is indexed and how.
    version: u32,
    /// Up to where the log is taken in.
    #[schema(value_type = u64)]
    position: Position,
    /// How many events of the log are missing in it.
    lag: u64,
    /// Why it has stopped, if it has.
    failure: Option<String>,
}

/// All views.
#[derive(Debug, Serialize, ToSchema)]
struct ViewList {
    /// Up to where they are folded.
    #[schema(value_type = u64)]
    position: Position,
    /// How many events of the log are missing in them.
    lag: u64,
    /// Why they have stopped, if they have.
    failure: Option<String>,
    /// How the rebuild goes.
    #[schema(value_type = Object)]
    rebuild: Rebuild,
    /// The full-text index beside the views.
    search: SearchState,
    /// One by one.
    data: Vec<ViewLine>,
}

/// All views with their state.
#[utoipa::path(get, path = "/v1/views", tag = "operation", responses((status = 200, body = ViewList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<ViewList>, Problem> {
    asked.finish()?;
    let (status, fresh) = app.views.status().await?;
    let data = status.into_iter().map(|view| ViewLine {
        name: view.name,
        version: view.version,
        fingerprint: view.fingerprint,
        digest: format!("{:032x}", view.digest),
        parked: view.parked,
        position: fresh.position,
        lag: fresh.lag,
    });
    let position = app.search.position();
    let lag = app.log.head().await?.0.saturating_sub(position.0);
    let search = SearchState { version: search::VERSION, position, lag, failure: app.search.failure() };
    Ok(Json(ViewList {
        position: fresh.position,
        lag: fresh.lag,
        failure: app.views.failure(),
        rebuild: lock(&app.rebuild).clone(),
        search,
        data: data.collect(),
    }))
}

/// Builds all views anew beside the present ones, which answer meanwhile.
#[utoipa::path(post, path = "/v1/views/rebuild", tag = "operation",
    responses((status = 202, description = "It runs; see /v1/views"), (status = 409, body = crate::openapi::ProblemDocument)))]
async fn rebuild(State(app): State<App>, Admin(who): Admin) -> Result<Response, Problem> {
    {
        let mut state = lock(&app.rebuild);
        if matches!(*state, Rebuild::Running { .. }) {
            return Err(Problem::new(Kind::Busy, "a rebuild is running"));
        }
        *state = Rebuild::Running { done: 0, total: 0 };
    }
    tracing::info!(actor = who.actor, "the views are built anew");
    letopis_core::background::spawn("rebuild", move || {
        let end = run(&app).map_or_else(|reason| Rebuild::Failed { reason }, |()| Rebuild::Idle);
        *lock(&app.rebuild) = end;
    });
    let body = Json(serde_json::json!({ "status": "building" }));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, "/v1/views")], body).into_response())
}

fn run(app: &App) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| chain(&error))?;
    let progress = |done, total| *lock(&app.rebuild) = Rebuild::Running { done, total };
    runtime.block_on(app.views.rebuild(&progress)).map_err(|error| {
        tracing::error!(error = chain(&error), "the views could not be built anew");
        chain(&error)
    })
}

fn lock(state: &Mutex<Rebuild>) -> MutexGuard<'_, Rebuild> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
