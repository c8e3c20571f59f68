//! `GET /v1/clients/{id}/proof`: all that the log holds of a client, to be checked without this server.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use letopis_core::exports::Digesting;
use letopis_core::ids::{ClientId, Version};
use letopis_core::log::StreamName;
use letopis_core::trust::prove::{BundleError, Personal};
use letopis_core::trust::sealer::SealerError;

use super::{CHANGES, not_sealed, plain};
use crate::auth::Audit;
use crate::error::{Kind, Problem};
use crate::export;
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// How often a bundle is tried while an erasure is going on.
const TRIES: usize = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A bundle: every event of a client and of the records merged with him up to the last seal, or that there is none.
///
/// `replay-tool check-proof` checks it with the key of the log alone. A ULID that is nobody's gets a proof of
/// absence. Where the last seal does not have the record of an erasure of his, the log is sealed first.
/// `personal=opened` puts the keys of the personal parts into the file: who has it can read them, and it is entered in
/// the register of exports.
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
    let personal = if opened { Personal::Opened(&app.vault) } else { Personal::Closed };
    let bytes = made(&app, personal, client, cosigned).await?;
    if opened && app.log.version(&StreamName::client(client)).await? > Version(0) {
        let mut digest = Digesting::default();
        digest.take(&bytes);
        export::enter(&app, client, &who.actor, "bundle", digest).await?;
    }
    Ok(([(header::CONTENT_TYPE, "application/json"), CHANGES], bytes).into_response())
}

/// A bundle. An erasure whose record no seal has yet is sealed first.
pub(crate) async fn made(
    app: &App,
    personal: Personal<'_>,
    client: ClientId,
    cosigned: bool,
) -> Result<Vec<u8>, Problem> {
    for _ in 0..TRIES {
        let made = match cosigned {
            true => app.proofs.cosigned_bundle(&*app.log, personal, client).await.map(|bundle| bundle.encode()),
            false => app.proofs.bundle(&*app.log, personal, client).await,
        };
        match made {
            Err(BundleError::Unrecorded(_)) => {}
            Err(BundleError::NotSealed) => return Err(not_sealed("nothing is sealed yet")),
            Err(BundleError::Log(error)) => return Err(error.into()),
            Ok(bytes) => return Ok(bytes),
        }
        let before = app.proofs.checkpoint()?;
        app.sealer.seal().await.map_err(|error| match error {
            SealerError::Log(error) => error.into(),
            error => Problem::new(Kind::Refused, format!("an erasure cannot be sealed: {error}")),
        })?;
        if app.proofs.checkpoint()? == before {
            // His parts are being deleted at this moment: the record comes after them.
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(not_sealed("he is being erased, and that is not recorded yet"))
}
