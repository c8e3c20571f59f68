//! The outermost layer: request ids, problem documents, metrics, one line of log per request.

use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use letopis_core::ids::EventId;

use crate::error::{PROBLEM_JSON, Problem};
use crate::state::App;
use crate::telemetry;

/// The header of request ids.
pub const REQUEST_ID: &str = "x-request-id";
/// Longest id that is taken from a caller.
const MAX_REQUEST_ID: usize = 64;

/// The id of a request: the caller's, or a new one.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self(String::new())))
    }
}

fn request_id(app: &App, request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match given.filter(plain) {
        Some(id) => id.to_owned(),
        None => EventId(app.random.ulid(&*app.clock)).to_string(),
    }
}

/// Wraps every request.
pub async fn wrap(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&app, &request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The pattern of the route, never the path: ids of other systems name people.
    let route =
        request.extensions().get::<MatchedPath>().map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions().get::<Problem>() {
        response = problem.render(&id);
    } else if (response.status().is_client_error() || response.status().is_server_error())
        && response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != PROBLEM_JSON)
    {
        let kept = response.headers().get(header::ALLOW).cloned();
        response = Problem::of_status(response.status()).render(&id);
        response.headers_mut().extend(kept.map(|allow| (header::ALLOW, allow)));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    telemetry::request(method.as_str(), &route, status, seconds);
    tracing::info!(%method, route, status, ms = (seconds * 1e6).round() / 1e3, request_id = id, "answered");
    response
}
