//! `/v1/search`: words of what was said and written, in any form, in Russian and English.

use axum::extract::State;
use axum::response::Response;
use letopis_core::ids::ClientId;
use letopis_core::log::alias_group;
use letopis_projections::engine::list::Window;
use letopis_projections::search::{self, Hit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, MAX_WAIT, PageParams, envelope};
use crate::error::{Kind, Problem};
use crate::extract::Asked;
use crate::history::tell;
use crate::openapi::ProblemDocument;
use crate::state::App;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(find))
}

/// Events of all clients in whose texts all words occur, the best first.
#[utoipa::path(get, path = "/v1/search", tag = "clients",
    params(ClockParams, PageParams, ("q" = String, Query, description = "Words in any form")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn find(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let text: String = asked.required("q")?;
    let (limit, cursor) = asked.page()?;
    words(&app, &asked, &text, None, Window { limit, cursor }).await
}

/// The answer to a search for words, in the history of one client or of all.
///
/// # Errors
/// When a parameter is left over or refused, or log or index cannot be read.
pub async fn words(
    app: &App,
    asked: &Asked,
    text: &str,
    client: Option<ClientId>,
    window: Window,
) -> Result<Response, Problem> {
    asked.finish()?;
    if asked.clocks.known_at.is_some() {
        let detail = "the search index knows what is known now, not what was known at an earlier time";
        return Err(Problem::new(Kind::Parameter, detail).field("known_at"));
    }
    if let Some(position) = asked.min_position
        && !app.search.wait_for(position, MAX_WAIT).await
    {
        let detail = format!("the search index is at position {}, not yet at {position}", app.search.position());
        return Err(Problem::new(Kind::NotThere, detail).field("min_position"));
    }
    let group = match client {
        Some(client) => Some(alias_group(&*app.log, client).await?),
        None => None,
    };
    let (page, fresh) = app.search.find(text, group.as_deref(), asked.now(app), &window).await?;
    let page = tell(app, asked.clocks, page, |hit: &Hit| (hit.event, hit.client, hit.corrected)).await?;
    Ok(envelope(app, asked, search::NAME, page, fresh))
}
