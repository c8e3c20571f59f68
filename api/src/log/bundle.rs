//! `GET /v1/clients/{id}/proof`: all that the log holds of a client, to be checked without this server.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use letopis_core::exports::Digesting;
use letopis_core::ids::{ClientId, Version};
use letopis_core::log::StreamName;
use letopis_core::trust::prove::Personal;

use super::{CHANGES, not_sealed, plain};
use crate::auth::Audit;
use crate::error::Problem;
use crate::export;
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// A bundle: every event of a client and of the records merged with him up to the last seal, or that there is none.
///
/// `replay-tool check-proof` checks it with the key of the log alone. A ULID that is nobody's gets a proof of
/// absence. `personal=opened` puts the keys of the personal parts into the file: who has it can read them, and it is
/// entered in the register of exports.
#[utoipa::path(get, path = "/v1/clients/{id}/proof", tag = "log",
    params(
        ("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("personal" = Option<String>, Query, description = "closed (default) or opened"),
        ("cosigned" = Option<bool>, Query, description = "With the cosignatures of the witnesses")),
    responses((status = 200, content_type = "application/json"), (status = "4XX", body = ProblemDocument)))]
pub(super) async fn bundle(
    State(app): State<App>,
    Audit(who): Audit,
    mut asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let opened = asked.word("personal", &[("closed", false), ("opened", true)])?.unwrap_or(false);
    let cosigned: bool = asked.one("cosigned")?.unwrap_or(false);
    plain(&asked)?;
    let client = match id.parse::<ClientId>() {
        Ok(client) => client,
        Err(_) => extract::client(&app, &id).await?,
    };
    if app.proofs.checkpoint()?.is_none() {
        return Err(not_sealed("nothing is sealed yet"));
    }
    let personal = if opened { Personal::Opened(&app.vault) } else { Personal::Closed };
    let bytes = match cosigned {
        true => app.proofs.cosigned_bundle(&*app.log, personal, client).await?.encode(),
        false => app.proofs.bundle(&*app.log, personal, client).await?,
    };
    if opened && app.log.version(&StreamName::client(client)).await? > Version(0) {
        let mut digest = Digesting::default();
        digest.take(&bytes);
        export::enter(&app, client, &who.actor, "bundle", digest).await?;
    }
    Ok(([(header::CONTENT_TYPE, "application/json"), CHANGES], bytes).into_response())
}
