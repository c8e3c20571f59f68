//! `/v1/log`: what proves the log. Its checkpoint, its tree as tiles, the proof of single events.
//!
//! Checkpoint and tiles are those of C2SP `tlog-tiles` below the prefix `/v1/log`; proofs of events are C2SP
//! `tlog-proof`.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use letopis_core::ids::{EventId, Position};
use letopis_core::trust::tree::TILE_WIDTH;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Read;
use crate::error::{Kind, Problem};
use crate::extract::Asked;
use crate::openapi::ProblemDocument;
use crate::state::App;

pub(crate) mod bundle;
mod place;

const TEXT: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
/// What changes with the next seal.
const CHANGES: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");
/// What never changes. Not `public`: it was asked for with a key.
const NEVER_CHANGES: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, max-age=31536000, immutable");

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(checkpoint))
        .routes(routes!(key))
        .routes(routes!(tile))
        .routes(routes!(proof))
        .routes(routes!(bundle::bundle))
}

/// Nothing more can be said before the next seal.
fn not_sealed(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::NotSealed, detail)
}

/// The last checkpoint: a note signed by the log, and by its witnesses as far as they answered.
#[utoipa::path(get, path = "/v1/log/checkpoint", tag = "log",
    responses((status = 200, content_type = "text/plain"), (status = "4XX", body = ProblemDocument)))]
async fn checkpoint(State(app): State<App>, _: Read) -> Result<Response, Problem> {
    let note = app.proofs.checkpoint()?.ok_or_else(|| not_sealed("nothing is sealed yet"))?;
    Ok(([TEXT, CHANGES], note).into_response())
}

/// The key that verifies checkpoints: `name+hash+base64`. Who relies on it asks for it once, by another way.
#[utoipa::path(get, path = "/v1/log/key", tag = "log", responses((status = 200, content_type = "text/plain")))]
async fn key(State(app): State<App>, _: Read) -> Response {
    ([TEXT, CHANGES], format!("{}\n", app.log_key)).into_response()
}

/// A tile of the tree, or of the entries below it.
///
/// `level` is 0 to 63 or `entries`; the index is written in groups of three digits, all but the last after an `x`,
/// and a partial tile ends in `.p/` and its width: `/v1/log/tile/0/x001/234`, `/v1/log/tile/entries/067.p/12`.
/// An entry is the leaf of an event: 201 bytes, without what the event says.
#[utoipa::path(get, path = "/v1/log/tile/{level}/{*path}", tag = "log",
    params(
        ("level" = String, Path, description = "0 to 63, or `entries`"),
        ("path" = String, Path, description = "The index, and the width of a partial tile")),
    responses((status = 200, content_type = "application/octet-stream"), (status = "4XX", body = ProblemDocument)))]
async fn tile(
    State(app): State<App>,
    _: Read,
    Path((level, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Kind::NotFound, "the tree of the last checkpoint has no such tile");
    let (index, width) = place::parse(&path).ok_or_else(missing)?;
    let data = if level == "entries" {
        app.proofs.entries(&*app.log, index, width).await?
    } else {
        let number: u8 = level.parse().map_err(|_| missing())?;
        let written = number < 64 && number.to_string() == level;
        if written { app.proofs.tile(number, index, width)? } else { None }
    };
    let data = data.ok_or_else(missing)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream"), NEVER_CHANGES], data).into_response())
}

/// The proof that an event stands in the log: what its receipt becomes with the next seal.
///
/// C2SP `tlog-proof`, with the leaf of the event as extra data. `replay-tool check-proof` checks it. While no
/// checkpoint has the event yet the answer is 404 `not_sealed_yet` with `Retry-After`.
#[utoipa::path(get, path = "/v1/log/proof/{event}", tag = "log",
    params(
        ("event" = String, Path, description = "The id of the event, or its position"),
        ("cosigned" = Option<bool>, Query, description = "With the cosignatures of the witnesses")),
    responses((status = 200, content_type = "text/plain"), (status = "4XX", body = ProblemDocument)))]
async fn proof(State(app): State<App>, mut asked: Asked, Path(event): Path<String>) -> Result<Response, Problem> {
    let cosigned: bool = asked.one("cosigned")?.unwrap_or(false);
    plain(&asked)?;
    let unknown = || Problem::new(Kind::NotFound, "there is no such event").field("event");
    let position = match (event.parse::<u64>(), event.parse::<EventId>()) {
        (Ok(position), _) => Position(position),
        (_, Ok(id)) => app.log.find(id).await?.ok_or_else(unknown)?.position,
        _ => return Err(Problem::new(Kind::Parameter, "expected the id of an event or a position").field("event")),
    };
    if position.0 == 0 || position > app.log.head().await? {
        return Err(unknown());
    }
    let receipt = app.proofs.receipt(&*app.log, position, cosigned).await?;
    let receipt = receipt.ok_or_else(|| not_sealed("the event is not sealed yet").with("position", position.0))?;
    Ok(([TEXT, CHANGES], receipt).into_response())
}

/// Proofs are of the log itself: neither clocks nor `min_position`, nor anything else that was not taken out.
fn plain(asked: &Asked) -> Result<(), Problem> {
    if asked.clocks != Default::default() || asked.min_position.is_some() {
        return Err(Problem::parameter(
            "as_of",
            "proofs are of the log itself: they take neither clocks nor min_position",
        ));
    }
    asked.finish()
}

/// The width of a tile that is not partial.
const FULL: usize = TILE_WIDTH;
