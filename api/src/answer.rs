//! How answers of views are asked for and shaped: the two clocks, waiting, the envelope.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use letopis_core::ids::{ClientId, Position};
use letopis_core::time::Timestamp;
use letopis_projections::engine::generations::Fresh;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::question::{self, json};
use letopis_projections::engine::read::{QueryError, Reader};
use letopis_projections::search;
use serde::Serialize;
use tokio::runtime::Handle;
use utoipa::{IntoParams, ToSchema};

use crate::error::{Kind, Problem};
use crate::extract::{Asked, MAX_LIMIT};
use crate::state::App;

/// How long a request waits for `min_position`.
pub const MAX_WAIT: Duration = Duration::from_secs(2);
/// When to ask again for views that are being built, in seconds.
const BUILDING_RETRY_S: u16 = 1;

/// Parameters of every query.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by `Asked`; here for the document")]
pub struct ClockParams {
    /// Only what happened before this instant (RFC 3339), or before the end of this local day (YYYY-MM-DD).
    as_of: Option<String>,
    /// Only what was recorded before this instant, or before the end of this local day.
    known_at: Option<String>,
    /// The answer must rest on at least this position of the log; else 503 after 2 s.
    min_position: Option<u64>,
    /// Adds `labels`: what the codes in the answer are called in this language, such as `ru` or `en-GB`; `preferred`
    /// for the one that the client prefers.
    locale: Option<String>,
}

/// Parameters of pages.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by `Asked`; here for the document")]
pub struct PageParams {
    /// At most so many items, 1 to 1000; 50 when missing.
    limit: Option<u32>,
    /// `next` of the page before, of the same query.
    cursor: Option<String>,
}

/// An answer with what it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer<T> {
    /// The last event of the log that is in the answer.
    #[schema(value_type = u64)]
    pub position: Position,
    /// How many events of the log are not.
    pub lag: u64,
    /// The view and its version.
    pub view: String,
    /// The bound of what happened, exclusive; null when there is none.
    #[schema(value_type = Option<String>)]
    pub as_of: Option<String>,
    /// The bound of what was known, exclusive; null when there is none.
    #[schema(value_type = Option<String>)]
    pub known_at: Option<String>,
    /// What was asked for.
    #[schema(value_type = Object)]
    pub data: T,
}

/// What a whole-view answer is made of; it decides what an `as_of` costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Dated totals: the live views answer for any past day.
    Totals,
    /// Present rows: another day needs views built up to it.
    Rows,
}

/// Waits for what the caller wants to be in the answer.
async fn wait(app: &App, asked: &Asked) -> Result<(), Problem> {
    let Some(position) = asked.min_position else { return Ok(()) };
    if position > app.log.head().await? {
        let detail = format!("the log ends before position {position}");
        return Err(Problem::new(Kind::NotThere, detail).field("min_position"));
    }
    if app.views.wait_for(position, MAX_WAIT).await {
        return Ok(());
    }
    let detail = format!("the views are at position {}, not yet at {position}", app.views.position());
    Err(Problem::new(Kind::NotThere, detail).field("min_position"))
}

/// An answer over all clients.
///
/// # Errors
/// When a parameter is left over, the query refuses one, or the views cannot be read.
pub async fn whole<T: Serialize + Send + 'static>(
    app: &App,
    asked: Asked,
    view: &'static str,
    from: From,
    query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError> + Send + 'static,
) -> Result<Response, Problem> {
    asked.finish()?;
    wait(app, &asked).await?;
    let now = asked.now(app);
    let live = match asked.clocks {
        Clocks { as_of: None, known_at: None } => true,
        Clocks { as_of: Some(bound), known_at: None } => from == From::Totals && is_day_bound(app, bound),
        Clocks { known_at: Some(_), .. } => false,
    };
    let (views, clocks, wanted) = (Arc::clone(&app.views), asked.clocks, asked.min_position.unwrap_or_default());
    // Whole views cost time on a processor: they are read on a thread for that.
    let handle = Handle::current();
    let read = tokio::task::spawn_blocking(move || {
        if live {
            handle.block_on(views.read(now, query)).map(Some)
        } else {
            views.read_dated(clocks, wanted, now, query)
        }
    });
    match read.await.map_err(|error| Problem::internal(&error))?? {
        Some((data, fresh)) => Ok(envelope(app, &asked, view, data, fresh)),
        None => Ok(building(&asked)),
    }
}

/// An answer about one client, never stale.
///
/// # Errors
/// When a parameter is left over, the query refuses one, or the log or the views cannot be read.
pub async fn of_client<T>(
    app: &App,
    asked: Asked,
    view: &'static str,
    client: ClientId,
    query: impl FnOnce(&Reader<'_>, ClientId) -> Result<T, QueryError> + Send + 'static,
) -> Result<Response, Problem>
where
    T: Serialize + Send + 'static,
{
    let (data, fresh) = read_client(app, &asked, client, query).await?;
    Ok(envelope(app, &asked, view, data, fresh))
}

/// What [`of_client`] answers, before it is shaped.
///
/// # Errors
/// As [`of_client`].
pub async fn read_client<T: Send + 'static>(
    app: &App,
    asked: &Asked,
    client: ClientId,
    query: impl FnOnce(&Reader<'_>, ClientId) -> Result<T, QueryError> + Send + 'static,
) -> Result<(T, Fresh), Problem> {
    asked.finish()?;
    if let Some(position) = asked.min_position
        && position > app.log.head().await?
    {
        let detail = format!("the log ends before position {position}");
        return Err(Problem::new(Kind::NotThere, detail).field("min_position"));
    }
    Ok(app.views.read_client(client, asked.clocks, asked.now(app), query).await?)
}

/// An answer about one thing of one client: found in the views, then read as [`of_client`]. Nothing known of it is
/// `None`, or JSON `null`.
///
/// # Errors
/// When it is not found; else as [`of_client`].
pub async fn of_found<T: Serialize + Send + 'static>(
    app: &App,
    asked: Asked,
    view: &'static str,
    find: impl FnOnce(&Reader<'_>) -> Result<Option<ClientId>, QueryError> + Send,
    query: impl FnOnce(&Reader<'_>) -> Result<Option<T>, QueryError> + Send + 'static,
) -> Result<Response, Problem> {
    let ask = |reader: &Reader<'_>| json(query(reader)?);
    of_thing(app, asked, view, find, ask).await
}

/// As [`of_found`], for what is JSON already; `null` is nothing.
///
/// # Errors
/// As [`of_found`].
pub async fn of_thing(
    app: &App,
    asked: Asked,
    view: &'static str,
    find: impl FnOnce(&Reader<'_>) -> Result<Option<ClientId>, QueryError> + Send,
    ask: impl FnOnce(&Reader<'_>) -> question::Answer + Send + 'static,
) -> Result<Response, Problem> {
    asked.finish()?;
    wait(app, &asked).await?;
    let not_found = || Problem::new(Kind::NotFound, "nothing has this id, or it is not in the views yet").field("id");
    let client = app.views.read(app.now(), find).await?.0.ok_or_else(not_found)?;
    let (data, fresh) = read_client(app, &asked, client, |reader, _| ask(reader)).await?;
    if data.get() == "null" {
        return Err(not_found());
    }
    Ok(envelope(app, &asked, view, data, fresh))
}

fn is_day_bound(app: &App, bound: Timestamp) -> bool {
    let zone = &app.settings.zone;
    zone.start(zone.day(bound)) == bound
}

/// Puts an answer into its envelope.
pub fn envelope<T: Serialize>(app: &App, asked: &Asked, view: &'static str, data: T, fresh: Fresh) -> Response {
    let kept = app.views.list().iter().find(|kept| kept.name() == view);
    let version = kept.map_or(search::VERSION, |kept| kept.version());
    let answer = Answer {
        position: fresh.position,
        lag: fresh.lag,
        view: format!("{view}@{version}"),
        as_of: asked.clocks.as_of.map(|at| at.to_string()),
        known_at: asked.clocks.known_at.map(|at| at.to_string()),
        data,
    };
    let mut response = Json(answer).into_response();
    if asked.is_page {
        response.headers_mut().insert("x-limit-max", MAX_LIMIT.into());
    }
    response
}

/// The answer while the views for it are being built: ask again.
fn building(asked: &Asked) -> Response {
    let body = Json(serde_json::json!({ "status": "building" }));
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    let location = asked.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::RETRY_AFTER, BUILDING_RETRY_S.into());
    response
}
