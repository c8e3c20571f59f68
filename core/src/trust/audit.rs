//! What `trust.db` holds, for those who compare it with the log: one state of the file, nothing is trusted.

use std::path::Path;

use rusqlite::Connection;

use crate::log::LogError;
use crate::trust::heads::{Head, NodeId};
use crate::trust::hex::Hex;
use crate::trust::leaf::Hash;
use crate::trust::store::{self, StoredTiles, failed};
use crate::trust::tree::Tiles;

/// `trust.db` opened for an audit. It can only read.
#[derive(Debug)]
pub struct TrustAudit {
    conn: Connection,
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Size of its tree.
    pub size: u64,
    /// What its seal covers.
    pub covered: u64,
    /// The signed note.
    pub note: String,
}

impl TrustAudit {
    /// Opens the file of a folder and holds on to its present state; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be opened or has another format.
    pub fn open(dir: &Path) -> Result<Option<Self>, LogError> {
        let path = dir.join(store::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let conn = store::open_reader(&path)?;
        conn.execute_batch("BEGIN").map_err(failed)?;
        let audit = Self { conn };
        // The first read fixes the state that is read from now on.
        audit.position()?;
        Ok(Some(audit))
    }

    /// What is wrong with the file itself: what SQLite finds, and tables that are not as they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn damage(&self) -> Result<Option<String>, LogError> {
        let found: String = self.conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if found != "ok" {
            return Ok(Some(found));
        }
        let sound = store::has_own_tables(&self.conn)?;
        Ok((!sound).then(|| "its tables are not as they were made".to_owned()))
    }

    /// The last event that is in the tree.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn position(&self) -> Result<u64, LogError> {
        Ok(store::progress(&self.conn)?.tail.position.0)
    }

    /// All checkpoints, the smallest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>, LogError> {
        let sql = "SELECT size, covered, note FROM checkpoint ORDER BY size";
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let rows = select
            .query_map([], |row| Ok(KeptCheckpoint { size: row.get(0)?, covered: row.get(1)?, note: row.get(2)? }));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// A tile as it is kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        StoredTiles(&self.conn).tile(level, index)
    }

    /// How many tiles are kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tiles(&self) -> Result<u64, LogError> {
        self.conn.query_row("SELECT count(*) FROM tile", [], |row| row.get(0)).map_err(failed)
    }

    /// Hands over the heads of the last checkpoint, ascending by tag.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn heads(&self, take: &mut dyn FnMut(Head)) -> Result<(), LogError> {
        self.heads_by("SELECT tag, version, leaf FROM head ORDER BY tag", take)
    }

    /// Hands over the heads that changed after the last checkpoint, ascending by tag.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pending(&self, take: &mut dyn FnMut(Head)) -> Result<(), LogError> {
        self.heads_by("SELECT tag, version, leaf FROM pending ORDER BY tag", take)
    }

    fn heads_by(&self, sql: &str, take: &mut dyn FnMut(Head)) -> Result<(), LogError> {
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let head = |row: &rusqlite::Row<'_>| {
                Ok(Head { tag: Hex(row.get(0)?), version: row.get(1)?, leaf: Hex(row.get(2)?) })
            };
            take(head(row).map_err(failed)?);
        }
        Ok(())
    }

    /// Hands over the nodes of the heads map of the last checkpoint, without the empty ones.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn nodes(&self, take: &mut dyn FnMut(NodeId, Hash)) -> Result<(), LogError> {
        let mut select = self.conn.prepare("SELECT id, hash FROM node ORDER BY id").map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(NodeId(row.get(0).map_err(failed)?), row.get(1).map_err(failed)?);
        }
        Ok(())
    }
}
