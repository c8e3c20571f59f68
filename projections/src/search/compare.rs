//! Whether an index is the one that the log makes.

use std::path::Path;
use std::sync::Arc;

use letopis_core::log::EventLog;
use letopis_core::trust::vault::Vault;

use super::Search;
use super::index::Index;
use super::live::FILE;
use crate::engine::EngineError;
use crate::engine::content::{SCHEMA, content, integrity};
use crate::engine::file::ViewFile;

/// Compares an index with one that is made anew in an empty folder, up to the same event: its documents, and the words
/// by which it finds them. Tells what differs.
///
/// # Errors
/// When the index or the log cannot be read.
pub async fn compare(
    path: &Path,
    scratch: &Path,
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
) -> Result<Option<String>, EngineError> {
    let stored = ViewFile::open_reader(path)?;
    // One state of it, also while a server goes on with it.
    let stored = stored.unchecked_transaction()?;
    if let Some(damage) = integrity(&stored)? {
        return Ok(Some(damage));
    }
    let Some(at) = Index(&stored).checkpoint()? else {
        return Ok(Some("it is of another version".to_owned()));
    };
    if log.head().await? < at.position {
        return Ok(Some(format!("it is of another log: it says position {}", at.position)));
    }
    let made = Search::open(scratch, log, vault).await?;
    while made.step_to(at.position).await? > 0 {}
    let made = ViewFile::open_reader(&scratch.join(FILE))?;
    if Index(&made).checkpoint()? != Some(at) {
        return Ok(Some(format!("it is of another log: its event at position {} is not this one", at.position)));
    }
    for conn in [&*stored, &made] {
        conn.execute_batch("CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, search, instance)")?;
    }
    for (what, sql) in PARTS {
        if content(&stored, sql)? != content(&made, sql)? {
            return Ok(Some(format!("its {what} are not those that the log makes")));
        }
    }
    Ok(None)
}

/// What makes an index, without the numbers that its documents have.
const PARTS: &[(&str, &str)] = &[
    ("documents", "SELECT event, client, occurred_at, corrected, terms FROM search_document"),
    ("words", "SELECT d.event, w.term, w.col, w.offset FROM temp.word w LEFT JOIN search_document d ON d.id = w.doc"),
    ("lengths", "SELECT d.event, s.sz FROM search_docsize s LEFT JOIN search_document d ON d.id = s.id"),
    ("averages", "SELECT block FROM search_data WHERE id = 1"),
    // FTS5 raises its format version at the first secure deletion: it tells what was done, not what is found.
    ("settings", "SELECT k, v FROM search_config WHERE k <> 'version'"),
    ("tables", SCHEMA),
    ("checkpoint", "SELECT * FROM search_checkpoint"),
];
