//! The OpenAPI document: made from the routes and their types, served with its reader offline.

use axum::Router;
use serde::Serialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::state::App;

/// What went wrong, RFC 9457; sent as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "written by `error::Problem::document`; here for the document")]
pub struct ProblemDocument {
    /// `urn:letopis:problem:` and the code.
    r#type: String,
    /// The kind of problem in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The kind of problem for programs; stable.
    code: String,
    /// What is wrong here, with the value.
    detail: String,
    /// The dotted path of the field or the name of the parameter.
    field: Option<String>,
    /// The line of malformed JSON.
    line: Option<u64>,
    /// The column of malformed JSON.
    column: Option<u64>,
    /// The request, as in `X-Request-Id` and in the server's log.
    request_id: String,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Letopis",
        description = "An event-sourced CRM core. Facts are posted to `/v1/events`; everything else is an answer \
            that is folded from them. Every query takes `as_of`, `known_at` and `min_position`; every error is an \
            RFC 9457 problem; lists are paged by `cursor`.",
    ),
    components(schemas(ProblemDocument))
)]
struct Document;

/// The document of routes that were put together on top of it.
pub fn document() -> OpenApi {
    let mut document = Document::openapi();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", bearer);
    document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    document
}

/// Splits routes and document, and serves the document.
pub fn serve(routes: OpenApiRouter<App>) -> Router<App> {
    let (router, document) = routes.split_for_parts();
    router.merge(SwaggerUi::new("/docs").url("/openapi.json", document))
}
