//! Who may ask what: the key of a request, and the roles that extractors demand.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{Kind, Problem};
use crate::keys::{Role, Who};
use crate::state::App;

/// What answers without a key.
const OPEN: &[&str] = &["/healthz", "/readyz", "/openapi.json", "/docs"];

/// Finds out who asks; refuses whom nobody knows.
pub async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if OPEN.contains(&path) || path.starts_with("/docs/") {
        return next.run(request).await;
    }
    let who = match identify(&app, request.headers()) {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(who);
    next.run(request).await
}

fn identify(app: &App, headers: &HeaderMap) -> Result<Who, Problem> {
    if !app.keys.are_demanded() {
        return if is_local(headers) {
            Ok(Who::local())
        } else {
            Err(Problem::new(Kind::Misdirected, "without keys only this machine is answered, by its own name"))
        };
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let key = bearer.ok_or_else(|| Problem::new(Kind::Unauthorized, "send `Authorization: Bearer <key>`"))?;
    app.keys.who(key).ok_or_else(|| Problem::new(Kind::Unauthorized, "this key is not known or was revoked"))
}

/// Whether a request names this machine. A page of somebody else that points its own name here does not.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Who asks, when he has this role.
///
/// # Errors
/// When he has not.
pub fn demand(parts: &Parts, role: Role) -> Result<Who, Problem> {
    match parts.extensions.get::<Who>() {
        Some(who) if who.may(role) => Ok(who.clone()),
        Some(_) => Err(Problem::new(Kind::Forbidden, format!("the key lacks the role {role:?}").to_lowercase())),
        None => Err(Problem::new(Kind::Unauthorized, "nobody asks")),
    }
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Who);

        impl FromRequestParts<App> for $name {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
                demand(parts, Role::$name).map(Self)
            }
        }
    )*};
}

roles! {
    /// Somebody who may post events.
    Write,
    /// Somebody who may read views.
    Read,
    /// Somebody who may read the log with its personal fields.
    Audit,
    /// Somebody who may do everything.
    Admin
}
