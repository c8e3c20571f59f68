//! Witnesses: [`serve`] is one (`letopis witness`), [`ask`] asks one for its cosignature.
//!
//! The protocol is C2SP `tlog-witness`; see [`letopis_core::trust::witness`].

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use letopis_core::time::Clock;
use letopis_core::trust::witness::{Refusal, Witness};
use tokio::net::TcpListener;

use letopis_core::error::chain;

pub mod ask;

/// Most bytes of a request: 63 hashes and a note.
const MAX_BODY_BYTES: usize = 64 << 10;
const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];

#[derive(Clone)]
struct Desk {
    witness: Arc<Witness>,
    clock: Arc<dyn Clock>,
}

/// The service of a witness.
pub fn router(witness: Arc<Witness>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/{log}/checkpoint", get(last))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Desk { witness, clock })
}

/// Serves a witness until `end` comes to pass.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    witness: Arc<Witness>,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(witness, clock)).with_graceful_shutdown(end).await
}

/// `add-checkpoint`. The statuses are those of the specification; their meaning is in the body.
async fn add(State(desk): State<Desk>, body: String) -> Response {
    let Desk { witness, clock } = desk;
    // It waits for the disk.
    let done = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, clock.now())).await;
    let refusal = match done {
        Ok(Ok(line)) => return (TEXT, line).into_response(),
        Ok(Err(refusal)) => refusal,
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    tracing::warn!(reason = chain(&refusal), "a checkpoint is not cosigned");
    let status = match &refusal {
        Refusal::OtherSize { size } => {
            let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            return (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response();
        }
        Refusal::Failed(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::Untrusted => StatusCode::FORBIDDEN,
        Refusal::Inconsistent(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (status, TEXT, format!("{refusal}\n")).into_response()
}

/// The last checkpoint of a log that was cosigned here, by the hash of its origin.
async fn last(State(desk): State<Desk>, Path(log): Path<String>) -> Response {
    match desk.witness.checkpoint(&log) {
        Ok(Some(note)) => (TEXT, note).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = chain(&error), "a checkpoint cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
