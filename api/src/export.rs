//! `/v1/clients/{id}/export`: everything recorded of a client, for himself.
//!
//! JSON Lines, each with `line`: a `manifest` with what follows, one `event` for each event, and a `bundle` with the
//! proof that they are complete, when the log has been sealed. The text of the bundle is a file for `check-proof`.
//! Each copy is entered in the register of exports, so that a later erasure can name it.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use letopis_core::code::Code;
use letopis_core::events::Event;
use letopis_core::events::log::Exported;
use letopis_core::exports::{self, Digesting};
use letopis_core::fact::Opener;
use letopis_core::ids::{ClientId, Version};
use letopis_core::log::{AppendError, LogError, MAX_PAGE, Recorded, StreamName, alias_group};
use letopis_core::personal::Subject;
use letopis_core::trust::prove::Personal;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Audit;
use crate::error::{Kind, Problem};
use crate::events::shape::shown;
use crate::extract::{self, Asked};
use crate::log::bundle::made;
use crate::openapi::ProblemDocument;
use crate::state::App;
use letopis_core::error::chain;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Everything recorded of a client and of all records merged with him, as JSON Lines. What is personal of others
/// (contact persons of a company) stays sealed.
#[utoipa::path(get, path = "/v1/clients/{id}/export", tag = "erasure",
    params(("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`")),
    responses((status = 200, body = String, content_type = "application/x-ndjson"),
        (status = "4XX", body = ProblemDocument)))]
async fn export(
    State(app): State<App>,
    Path(id): Path<String>,
    Audit(who): Audit,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.finish()?;
    let client = extract::client(&app, &id).await?;
    let mut due = VecDeque::new();
    for member in alias_group(&*app.log, client).await? {
        due.push_back((member, app.log.version(&StreamName::client(member)).await?));
    }
    let streams: Vec<Value> = due.iter().map(|(member, last)| json!({ "client": member, "events": last })).collect();
    let manifest = json!({
        "line": "manifest", "format": "letopis/export/v1", "client": due.front().map(|(head, _)| head),
        "streams": streams, "position": app.log.head().await?, "made_at": app.now().to_string(), "made_by": who.actor,
    });
    let bundle = bundle(&app, client).await?;
    let lines = Lines { app: app.clone(), due, at: Version(0), first: Some(manifest), last: bundle };
    // Read twice: it is entered in the register with its digest before the first byte is out.
    let (mut first, mut digest) = (lines.clone(), Digesting::default());
    while let Some(page) = first.next().await? {
        digest.take(&page);
    }
    enter(&app, client, &who.actor, "client", digest).await?;
    let body = stream::unfold(lines, |mut lines| async move {
        let next = lines.next().await.inspect_err(|error| tracing::error!(error = chain(error), "an export broke off"));
        next.transpose().map(|page| (page, lines))
    });
    let name = format!("attachment; filename=\"{client}.ndjson\"");
    let head = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((head, Body::from_stream(body)).into_response())
}

/// Enters a copy of a client's data in the register of exports.
pub(crate) async fn enter(
    app: &App,
    client: ClientId,
    actor: &str,
    what: &str,
    digest: Digesting,
) -> Result<(), Problem> {
    let upto = app.log.head().await?;
    let what: Code = what.parse().map_err(|error| LogError::new("what was exported", error))?;
    let exported = Exported { what, digest: digest.finish()?, upto };
    let recorded = exports::record(&*app.log, &*app.clock, &app.random, Some(client), actor, exported).await;
    recorded.map(drop).map_err(|error| match error {
        AppendError::Unknown(error) => error.into(),
        error => Problem::new(Kind::Refused, format!("the copy cannot be entered in the register of exports: {error}")),
    })
}

/// The proof, without keys: whoever gets it reads the events beside it. None before the first seal.
async fn bundle(app: &App, client: ClientId) -> Result<Option<Value>, Problem> {
    if app.proofs.checkpoint()?.is_none() {
        return Ok(None);
    }
    let bytes = made(app, Personal::Closed, client, false).await?;
    let text = String::from_utf8(bytes).map_err(|error| Problem::internal(&error))?;
    Ok(Some(json!({ "line": "bundle", "bundle": text })))
}

#[derive(Clone)]
struct Lines {
    app: App,
    /// Streams with their last versions.
    due: VecDeque<(ClientId, Version)>,
    at: Version,
    first: Option<Value>,
    last: Option<Value>,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Bytes>, LogError> {
        if let Some(manifest) = self.first.take() {
            return Ok(Some(format!("{manifest}\n").into()));
        }
        while let Some(&(client, end)) = self.due.front() {
            let wanted = usize::try_from(end.0.saturating_sub(self.at.0)).unwrap_or(MAX_PAGE).min(MAX_PAGE);
            let page = if wanted == 0 {
                Vec::new()
            } else {
                self.app.log.read_stream(&StreamName::client(client), self.at, wanted).await?
            };
            let Some(last) = page.last().map(|last| last.version) else {
                self.due.pop_front();
                self.at = Version(0);
                continue;
            };
            self.at = last;
            let mut text = String::new();
            for recorded in page {
                let opener = self.opener(&recorded, client);
                let event = json!({ "line": "event", "event": shown(recorded, opener)? });
                text += &format!("{event}\n");
            }
            return Ok(Some(text.into()));
        }
        Ok(self.last.take().map(|bundle| format!("{bundle}\n").into()))
    }

    /// Opens what is sealed under his own key.
    fn opener(&self, recorded: &Recorded, client: ClientId) -> Opener<'_> {
        let event = Event::from_facts(&recorded.event_type, recorded.schema, &recorded.facts);
        let is_own = event.is_ok_and(|event| event.subject(client) == Subject::Client(client));
        if is_own { Opener::Vault(&self.app.vault) } else { Opener::Closed }
    }
}
