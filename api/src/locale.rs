//! `locale`: what the codes of an answer are called, beside the answer.
//!
//! One layer does it for every answer of the views: `locale=ru` adds `labels`, `locale=preferred` asks in the language
//! that the client in the path prefers. What an answer says does not depend on it.

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use letopis_core::code::Code;
use letopis_core::time::{Moment, Timestamp};
use letopis_projections::engine::group::Clocks;
use letopis_projections::views::texts;
use serde_json::Value;

use crate::error::Problem;
use crate::extract;
use crate::state::App;

/// The parameter.
pub const LOCALE: &str = "locale";
/// Stands for the language that the client prefers.
const PREFERRED: &str = "preferred";
/// Longest answer that labels are added to, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Adds labels to an answer whose caller names a language.
pub async fn label(State(app): State<App>, request: Request, next: Next) -> Response {
    let wanted = wanted(&request);
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    match wanted {
        Some(wanted) if response.status().is_success() && is_json => {
            labelled(&app, &path, &wanted, response).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => response,
    }
}

fn wanted(request: &Request) -> Option<String> {
    if request.method() != Method::GET {
        return None;
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
    pairs.into_iter().find(|(name, _)| name == LOCALE).map(|(_, value)| value)
}

async fn labelled(app: &App, path: &str, wanted: &str, response: Response) -> Result<Response, Problem> {
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|error| Problem::internal(&error))?;
    let mut answer: Value = serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))?;
    let Some(data) = answer.get("data") else { return Ok(Response::from_parts(head, Body::from(bytes))) };
    let bound = |name: &str| answer[name].as_str().and_then(|text| text.parse::<Moment>().ok()).map(|moment| moment.at);
    let clocks = Clocks { as_of: bound("as_of"), known_at: bound("known_at") };
    let now: Timestamp = clocks.as_of.unwrap_or_else(|| app.now());
    let locale = if wanted == PREFERRED { preferred(app, path, clocks, now).await? } else { Some(code(wanted)?) };
    let labels = match &locale {
        Some(locale) => {
            let (locale, data) = (locale.clone(), data.clone());
            Some(app.views.read(now, move |reader| texts::labels(reader, &locale, &data)).await?.0)
        }
        None => None,
    };
    answer["locale"] = serde_json::to_value(&locale).map_err(|error| Problem::internal(&error))?;
    answer["labels"] = serde_json::to_value(labels.unwrap_or_default()).map_err(|error| Problem::internal(&error))?;
    let text = answer.to_string();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    Ok(Response::from_parts(head, Body::from(text)))
}

fn code(text: &str) -> Result<Code, Problem> {
    text.parse().map_err(|error| Problem::parameter(LOCALE, format!("{error}")))
}

/// The language of the client in the path; none when he is not known to prefer one.
async fn preferred(app: &App, path: &str, clocks: Clocks, now: Timestamp) -> Result<Option<Code>, Problem> {
    let id = path.strip_prefix("/v1/clients/").and_then(|rest| rest.split('/').next());
    let id = id.ok_or_else(|| Problem::parameter(LOCALE, "only answers about one client know a preferred language"))?;
    let who = extract::client(app, id).await?;
    Ok(app.views.read_client(who, clocks, now, texts::preferred).await?.0)
}
