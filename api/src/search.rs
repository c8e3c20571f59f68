//! `/v1/search`: words of what was said and written, in any form, in Russian and English.

use axum::extract::State;
use axum::response::Response;
use letopis_projections::views::list::Window;
use letopis_projections::views::search;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, whole};
use crate::error::{Kind, Problem};
use crate::extract::Asked;
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "search";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(find))
}

/// Events of all clients in whose texts all words occur, the best first.
#[utoipa::path(get, path = "/v1/search", tag = "clients",
    params(ClockParams, PageParams, ("q" = String, Query, description = "Words in any form")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn find(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let text: String = asked.required("q")?;
    let (limit, cursor) = asked.page()?;
    let window = Window { limit, cursor };
    let found = whole(&app, asked, VIEW, From::Rows, move |r| search::find(r, &text, None, &window)).await;
    found.map_err(not_built)
}

/// The index is built after the views: until then there is nothing to search in.
pub fn not_built(problem: Problem) -> Problem {
    match problem.kind() {
        Kind::Internal => Problem::new(Kind::NotThere, "the search index is not built yet"),
        _ => problem,
    }
}
