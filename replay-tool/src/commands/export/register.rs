//! Enters in the register of exports what was handed out, when the folder is the log's own and nobody writes to it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use letopis_core::events::log::Exported;
use letopis_core::exports::{self, Digesting};
use letopis_core::folder::Folder;
use letopis_core::ids::{ClientId, Position};
use letopis_core::random::Random;
use letopis_core::time::{Clock, SystemClock};
use serde_json::Value;

use crate::console::Done;
use crate::data::is_written;

/// Who is named when nobody else is.
const ACTOR: &str = "replay-tool";

/// A copy as it is entered.
pub(in crate::commands) struct Handed {
    /// `bundle`, `events`, `view` or `raw`.
    pub(in crate::commands) what: &'static str,
    /// Whose alone, if it is one client's.
    pub(in crate::commands) client: Option<ClientId>,
    /// It may hold events up to this position.
    pub(in crate::commands) upto: Position,
    /// Of its bytes.
    pub(in crate::commands) digest: Digesting,
}

/// Enters a copy and adds to the report where, or says why an erasure will not be able to name it.
pub(in crate::commands) async fn enter(dir: &Path, handed: Handed, mut done: Done) -> Result<Done> {
    let digest = handed.digest.clone().finish()?;
    let why_not = if is_written(dir)? {
        Some("a server has the folder: hand copies of a client out through it")
    } else if !dir.join("secrets").is_dir() {
        Some("this folder is a copy itself, without the secrets of the log")
    } else {
        None
    };
    let record = match why_not {
        None => Some(append(dir, handed).await.context("entering the copy in the register of exports")?),
        Some(_) => None,
    };
    let told = match (record, why_not) {
        (Some(record), _) => format!("entered in the register of exports at position {record}, digest {digest}\n"),
        (None, why) => format!("NOT entered in the register of exports: {}\n", why.unwrap_or_default()),
    };
    match &mut done.report {
        Value::Object(report) => {
            report.insert("digest".to_owned(), digest.to_string().into());
            report.insert("register".to_owned(), record.map_or(Value::Null, |position| position.0.into()));
            done.text += &told;
        }
        // On stdout stands the copy itself.
        _ => eprint!("{told}"),
    }
    Ok(done)
}

async fn append(dir: &Path, handed: Handed) -> Result<Position> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(Random::system());
    let folder = Folder::open(dir, Arc::clone(&clock)).await?;
    // It refuses an older log that was put back, before anything is appended.
    let _sealer = folder.sealer(Arc::clone(&clock), Arc::clone(&random)).await?;
    let exported = Exported { what: handed.what.parse()?, digest: handed.digest.finish()?, upto: handed.upto };
    Ok(exports::record(&*folder.log, &*clock, &random, handed.client, ACTOR, exported).await?)
}
