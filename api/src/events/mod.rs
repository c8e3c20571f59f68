//! `/v1/events`: facts in, and the feed of all that was recorded.

mod cloud;
mod feed;
mod lines;
mod post;
pub(crate) mod shape;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

pub use shape::{open, shown};

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post::post, feed::read))
}
