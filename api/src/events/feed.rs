//! `GET /v1/events`: everything that was recorded, from any position on, as pages or as a live stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use letopis_core::ids::Position;
use letopis_core::log::{LogError, MAX_PAGE};
use serde_json::{Value, json};

use super::shape::{open, shown};
use crate::error::Problem;
use crate::extract::{Asked, MAX_LIMIT};
use crate::keys::Who;
use crate::state::App;
use letopis_core::error::chain;

/// Most events that one request looks through when it wants certain types only.
const MAX_SCAN: u64 = 20_000;
/// A silent stream says so often that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Reads the log.
///
/// `next` is the permanent cursor: pass it as `after`. With `Accept: text/event-stream` the answer follows the
/// log live; the id of each message is its position, so `Last-Event-ID` goes on where it broke off.
/// Personal fields are opened for the roles audit and admin, and `sealed` for others.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "After this position; 0 is before the first"),
        ("limit" = Option<u32>, Query, description = "At most so many, 1 to 1000"),
        ("type" = Option<Vec<String>>, Query, description = "Only these types")),
    responses((status = 200), (status = "4XX", body = crate::openapi::ProblemDocument)))]
pub(super) async fn read(State(app): State<App>, mut asked: Asked, headers: HeaderMap) -> Result<Response, Problem> {
    let after = Position(asked.one("after")?.unwrap_or_default());
    let limit = asked.limit()?;
    let types: Vec<String> = asked.many("type")?;
    if asked.clocks != Default::default() || asked.min_position.is_some() {
        return Err(Problem::parameter(
            "as_of",
            "the feed is the log itself: it takes neither clocks nor min_position",
        ));
    }
    asked.finish()?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/event-stream") {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).map(Position);
        let stream = follow(app, asked.who, last.unwrap_or(after), types);
        return Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response());
    }
    let (mut data, mut next) = (Vec::new(), after);
    let opener = open(&app, &asked.who);
    while data.len() < limit as usize && next.0 - after.0 < MAX_SCAN {
        let wanted = if types.is_empty() { limit as usize - data.len() } else { MAX_PAGE };
        let page = app.log.read_all(next, wanted.min(MAX_PAGE)).await?;
        if page.is_empty() {
            break;
        }
        for recorded in page {
            if data.len() >= limit as usize {
                break;
            }
            next = recorded.position;
            if is_wanted(&types, &recorded.event_type) {
                data.push(shown(recorded, opener)?);
            }
        }
    }
    let body = json!({ "position": app.log.head().await?, "next": next, "data": data });
    Ok(([("x-limit-max", MAX_LIMIT.to_string())], Json(body)).into_response())
}

fn is_wanted(types: &[String], event_type: &str) -> bool {
    types.is_empty() || types.iter().any(|wanted| wanted == event_type)
}

struct Follower {
    app: App,
    who: Who,
    types: Vec<String>,
    after: Position,
    ready: VecDeque<(Position, Value)>,
}

fn follow(app: App, who: Who, after: Position, types: Vec<String>) -> impl Stream<Item = Result<Event, Infallible>> {
    let follower = Follower { app, who, types, after, ready: VecDeque::new() };
    futures_util::stream::unfold(follower, |mut follower| async move {
        let (position, event) = match follower.next().await {
            Ok(next) => next?,
            Err(error) => {
                // The caller comes back with the last id; the cause is for us.
                tracing::error!(error = chain(&error), "a stream of events ended");
                return None;
            }
        };
        let message = Event::default().id(position.to_string()).data(event.to_string());
        Some((Ok(message), follower))
    })
}

impl Follower {
    /// The next event; `None` when the server ends.
    async fn next(&mut self) -> Result<Option<(Position, Value)>, LogError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let page = self.app.log.read_all(self.after, MAX_PAGE).await?;
            if page.is_empty() {
                tokio::select! {
                    more = self.app.log.wait_beyond(self.after) => drop(more?),
                    () = self.app.stop.cancelled() => return Ok(None),
                }
            }
            for recorded in page {
                self.after = recorded.position;
                if is_wanted(&self.types, &recorded.event_type) {
                    let opener = open(&self.app, &self.who);
                    self.ready.push_back((recorded.position, shown(recorded, opener)?));
                }
            }
        }
    }
}
