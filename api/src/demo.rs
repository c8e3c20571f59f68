//! What `letopis demo` shows: real data from `fixtures/`, loaded through the one way facts enter the log.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use letopis_core::import::{BATCH, Importer, Tally};
use letopis_core::intake::Caller;
use serde_json::Value;

use crate::state::App;

/// Loads every `*.ndjson` below a folder of fixtures, in the order of their names.
///
/// Tables with a mapping are not read here yet: whatever reads them posts what it makes of a row to the same
/// [`Importer`].
///
/// # Errors
/// When a file cannot be read, a line is no JSON, or the log takes no events.
pub async fn load(app: &App, fixtures: &Path) -> anyhow::Result<Tally> {
    let caller = Caller { actor: "demo".into(), source: Some("demo".into()), ..Caller::default() };
    let mut importer = Importer::new(&app.intake, caller);
    for path in files(fixtures)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for batch in lines.chunks(BATCH) {
            let events: Result<Vec<Value>, _> = batch.iter().map(|line| serde_json::from_str(line)).collect();
            let events = events.with_context(|| format!("{} has a line that is no JSON", path.display()))?;
            importer.post(events).await?;
        }
    }
    Ok(importer.tally().clone())
}

fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "ndjson") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Commands to try, once the demo is served.
pub fn tour(address: std::net::SocketAddr) -> String {
    let ask = |path: &str, what: &str| format!("  curl -s 'http://{address}{path}'   # {what}\n");
    [
        ask("/v1/views", "every view, how far it is, and its digest"),
        ask("/v1/events?limit=3", "the log from its beginning"),
        ask("/v1/clients?limit=3", "clients"),
        ask("/v1/funnel/board", "deals in their stages"),
        ask("/v1/funnel/win-rate?by=region", "who wins where"),
        ask("/v1/cases/overview", "complaints and what was promised"),
        ask("/v1/loyalty/repeat-rate", "who comes back"),
        format!("  http://{address}/docs   # every endpoint, in the browser\n"),
    ]
    .concat()
}
