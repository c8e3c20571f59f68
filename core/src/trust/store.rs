//! `trust.db`: tiles, heads and checkpoints of the log beside it. All of it can be made again from the log.
//!
//! `head` stands as it was at the last checkpoint, so that proofs against that checkpoint can always be read;
//! what changed since waits in `pending`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::events::{Event, LogEvent};
use crate::ids::{Position, Version};
use crate::log::{LogError, Recorded};
use crate::time::Timestamp;
use crate::trust::chain::{self, End, Tail};
use crate::trust::heads::{self, Head, NodeId};
use crate::trust::hex::Hex;
use crate::trust::leaf::Hash;
use crate::trust::tree::{Edge, Tiles};

/// The name of the file.
pub const FILE: &str = "trust.db";
/// The stream in which the log speaks of itself.
pub const LOG: &str = "log";
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE progress (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    position    INTEGER NOT NULL, -- the last event that is in tiles
    recorded_at INTEGER NOT NULL,
    leaf        BLOB NOT NULL,    -- of that event
    log_version INTEGER NOT NULL, -- the end of the stream `log`
    log_leaf    BLOB NOT NULL,
    fresh       INTEGER NOT NULL, -- events of other streams since the last checkpoint
    seal        INTEGER,          -- position of the last seal
    epoch       INTEGER NOT NULL
) STRICT;
CREATE TABLE tile (
    level INTEGER NOT NULL,
    idx   INTEGER NOT NULL,
    data  BLOB NOT NULL,          -- up to 256 hashes; the last tile of a level grows
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE head (tag BLOB PRIMARY KEY, version INTEGER NOT NULL, leaf BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE pending (tag BLOB PRIMARY KEY, version INTEGER NOT NULL, leaf BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE node (id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT; -- of the heads map, without the empty ones
CREATE TABLE fork (epoch INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
CREATE TABLE checkpoint (
    size    INTEGER PRIMARY KEY,
    covered INTEGER NOT NULL,     -- what its seal covers
    note    TEXT NOT NULL         -- signed by the log first, then by the witnesses that answered
) STRICT;";

pub(super) fn failed(error: rusqlite::Error) -> LogError {
    LogError::new("trust.db", error)
}

/// Opens or makes the database.
pub(super) fn open(path: &Path) -> Result<Connection, LogError> {
    let db = Connection::open(path).map_err(failed)?;
    db.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    // What a power cut takes is made again from the log, which lost nothing.
    db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;")
        .map_err(failed)?;
    db.set_prepared_statement_cache_capacity(64);
    let format: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    match format {
        0 => db.execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")).map_err(failed)?,
        FORMAT => {}
        other => {
            return Err(LogError::damage(format!(
                "{} has format {other}, this program knows {FORMAT}: delete it, it is made again from the log",
                path.display()
            )));
        }
    }
    Ok(db)
}

/// Whether the tables are those that this program makes.
pub(super) fn has_own_tables(db: &Connection) -> Result<bool, LogError> {
    let tables = |db: &Connection| -> rusqlite::Result<Vec<(String, Option<String>)>> {
        let mut select = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let fresh = Connection::open_in_memory().map_err(failed)?;
    fresh.execute_batch(SCHEMA).map_err(failed)?;
    Ok(tables(db).map_err(failed)? == tables(&fresh).map_err(failed)?)
}

/// Opens the database for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, LogError> {
    let failed = |error| LogError::new(format!("opening {}", path.display()), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    Ok(db)
}

/// How far the log was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub tail: Tail,
    pub leaf: Hash,
    pub log: End,
    pub fresh: u64,
    pub seal: Option<u64>,
    pub epoch: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { tail: Tail::default(), leaf: [0; 32], log: End::default(), fresh: 0, seal: None, epoch: 1 }
    }
}

pub(super) fn progress(db: &Connection) -> Result<Progress, LogError> {
    let sql = "SELECT position, recorded_at, leaf, log_version, log_leaf, fresh, seal, epoch FROM progress";
    let found = db.prepare_cached(sql).map_err(failed)?.query_row([], |row| {
        Ok(Progress {
            tail: Tail { position: Position(row.get(0)?), recorded_at: Timestamp(row.get(1)?) },
            leaf: row.get(2)?,
            log: End { version: Version(row.get(3)?), leaf: row.get(4)? },
            fresh: row.get(5)?,
            seal: row.get(6)?,
            epoch: row.get(7)?,
        })
    });
    Ok(found.optional().map_err(failed)?.unwrap_or_default())
}

pub(super) fn set_progress(db: &Connection, p: &Progress) -> Result<(), LogError> {
    let sql = "INSERT OR REPLACE INTO progress VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values =
        params![p.tail.position.0, p.tail.recorded_at.0, p.leaf, p.log.version.0, p.log.leaf, p.fresh, p.seal, p.epoch];
    db.prepare_cached(sql).and_then(|mut set| set.execute(values)).map(drop).map_err(failed)
}

/// Forgets everything: the log is another one than was followed.
pub(super) fn clear(db: &Connection) -> Result<(), LogError> {
    let all = "DELETE FROM progress; DELETE FROM tile; DELETE FROM head; DELETE FROM pending; DELETE FROM node; DELETE FROM fork; DELETE FROM checkpoint;";
    db.execute_batch(&format!("BEGIN; {all} COMMIT;")).map_err(failed)
}

/// The tiles in the database.
#[derive(Debug)]
pub(super) struct StoredTiles<'a>(pub &'a Connection);

impl Tiles for StoredTiles<'_> {
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        let Ok(index) = i64::try_from(index) else { return Ok(None) };
        let sql = "SELECT data FROM tile WHERE level = ?1 AND idx = ?2";
        let mut find = self.0.prepare_cached(sql).map_err(failed)?;
        find.query_row(params![level, index], |row| row.get(0)).optional().map_err(failed)
    }
}

/// Takes in the events that come next, after checking that they do. Inside the caller's transaction.
pub(super) fn apply(db: &Connection, events: &[Recorded]) -> Result<Progress, LogError> {
    let mut at = progress(db)?;
    let mut edge = Edge::load(at.tail.position.0, &StoredTiles(db))?;
    let mut full = Vec::new();
    let mut ends: BTreeMap<Hash, End> = BTreeMap::new();
    for event in events {
        let of_log = event.stream.as_str() == LOG;
        let tag = crate::trust::leaf::stream_tag(event.stream.as_str());
        let end = match ends.get(&tag) {
            _ if of_log => at.log,
            Some(end) => *end,
            None => stream_end(db, &tag)?,
        };
        chain::next(event, at.tail, end)?;
        at.tail = Tail { position: event.position, recorded_at: event.recorded_at };
        at.leaf = event.leaf;
        edge.push(event.leaf, &mut |level, index, data| full.push((level, index, data)));
        if of_log {
            at.log = End { version: event.version, leaf: event.leaf };
            note_seals(db, &mut at, event)?;
        } else {
            ends.insert(tag, End { version: event.version, leaf: event.leaf });
            at.fresh += 1;
        }
    }
    let mut set = db.prepare_cached("INSERT OR REPLACE INTO pending VALUES (?1, ?2, ?3)").map_err(failed)?;
    for (tag, end) in &ends {
        set.execute(params![tag, end.version.0, end.leaf]).map_err(failed)?;
    }
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO tile VALUES (?1, ?2, ?3)").map_err(failed)?;
    let full = full.iter().map(|(level, index, data)| (*level, *index, data.as_slice()));
    for (level, index, data) in full.chain(edge.growing()) {
        put.execute(params![level, index, data]).map_err(failed)?;
    }
    set_progress(db, &at)?;
    Ok(at)
}

fn note_seals(db: &Connection, at: &mut Progress, event: &Recorded) -> Result<(), LogError> {
    let read = Event::from_facts(&event.event_type, event.schema, &event.facts);
    let failed = |error| LogError::new(format!("the event at position {} of stream log", event.position), error);
    match read.map_err(failed)? {
        Event::Log(LogEvent::Sealed(_)) => at.seal = Some(event.position.0),
        Event::Log(LogEvent::Forked(fork)) => {
            at.epoch = fork.epoch;
            let sql = "INSERT OR REPLACE INTO fork VALUES (?1, ?2)";
            db.execute(sql, params![fork.epoch, event.position.0]).map_err(self::failed)?;
        }
        _ => {}
    }
    Ok(())
}

/// The end of a stream, whether sealed or pending.
fn stream_end(db: &Connection, tag: &Hash) -> Result<End, LogError> {
    for sql in ["SELECT version, leaf FROM pending WHERE tag = ?1", "SELECT version, leaf FROM head WHERE tag = ?1"] {
        let mut find = db.prepare_cached(sql).map_err(failed)?;
        let found =
            find.query_row([tag], |row| Ok(End { version: Version(row.get(0)?), leaf: row.get(1)? })).optional();
        if let Some(end) = found.map_err(failed)? {
            return Ok(end);
        }
    }
    Ok(End::default())
}

fn read_bucket(db: &Connection, sql: &str, bucket: NodeId) -> Result<Vec<Head>, LogError> {
    let first = bucket.prefix();
    let last = [&first[..], &[0xff; 31]].concat();
    let mut select = db.prepare_cached(sql).map_err(failed)?;
    let heads = select.query_map(params![first, last], |row| {
        Ok(Head { tag: Hex(row.get(0)?), version: row.get(1)?, leaf: Hex(row.get(2)?) })
    });
    heads.and_then(Iterator::collect).map_err(failed)
}

/// A bucket as it was at the last checkpoint.
pub(super) fn bucket(db: &Connection, bucket: NodeId) -> Result<Vec<Head>, LogError> {
    read_bucket(db, "SELECT tag, version, leaf FROM head WHERE tag >= ?1 AND tag < ?2 ORDER BY tag", bucket)
}

/// A node as it was at the last checkpoint.
pub(super) fn node(db: &Connection, id: NodeId) -> Result<Option<Hash>, LogError> {
    let mut find = db.prepare_cached("SELECT hash FROM node WHERE id = ?1").map_err(failed)?;
    find.query_row([id.0], |row| row.get(0)).optional().map_err(failed)
}

/// The nodes of the heads map that change when what is pending is sealed; the root is node 1.
pub(super) fn pending_nodes(db: &Connection) -> Result<BTreeMap<NodeId, Hash>, LogError> {
    let mut dirty = BTreeMap::new();
    let mut select = db.prepare_cached("SELECT tag FROM pending ORDER BY tag").map_err(failed)?;
    let mut tags = select.query([]).map_err(failed)?;
    while let Some(row) = tags.next().map_err(failed)? {
        let id = NodeId::bucket_of(&row.get(0).map_err(failed)?);
        if dirty.contains_key(&id) {
            continue;
        }
        let mut heads: BTreeMap<Hex<32>, Head> = bucket(db, id)?.into_iter().map(|head| (head.tag, head)).collect();
        let sql = "SELECT tag, version, leaf FROM pending WHERE tag >= ?1 AND tag < ?2";
        heads.extend(read_bucket(db, sql, id)?.into_iter().map(|head| (head.tag, head)));
        dirty.insert(id, heads::bucket_hash(&heads.into_values().collect::<Vec<_>>()));
    }
    Ok(heads::update(dirty.into_iter().collect(), |id| node(db, id))?.into_iter().collect())
}

/// Moves what is pending to its place.
pub(super) fn settle(db: &Connection, nodes: &BTreeMap<NodeId, Hash>) -> Result<(), LogError> {
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO node VALUES (?1, ?2)").map_err(failed)?;
    for (id, hash) in nodes {
        put.execute(params![id.0, hash]).map_err(failed)?;
    }
    let all = "INSERT OR REPLACE INTO head SELECT tag, version, leaf FROM pending; DELETE FROM pending;";
    db.execute_batch(all).map_err(failed)
}

/// Positions of the records of all epochs after the first, up to an event.
pub(super) fn forks(db: &Connection, up_to: u64) -> Result<Vec<Position>, LogError> {
    let mut select =
        db.prepare_cached("SELECT position FROM fork WHERE position <= ?1 ORDER BY epoch").map_err(failed)?;
    let found = select.query_map([up_to], |row| row.get(0).map(Position));
    found.and_then(Iterator::collect).map_err(failed)
}

/// A stored checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredCheckpoint {
    pub size: u64,
    pub covered: u64,
    pub note: String,
}

pub(super) fn put_checkpoint(db: &Connection, checkpoint: &StoredCheckpoint) -> Result<(), LogError> {
    let sql = "INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2, ?3)";
    let values = params![checkpoint.size, checkpoint.covered, checkpoint.note];
    db.prepare_cached(sql).and_then(|mut put| put.execute(values)).map(drop).map_err(failed)
}

/// Puts a note with more signatures in the place of the one that is kept.
pub(super) fn replace_note(db: &Connection, size: u64, note: &str) -> Result<(), LogError> {
    let sql = "UPDATE checkpoint SET note = ?2 WHERE size = ?1";
    db.execute(sql, params![size, note]).map(drop).map_err(failed)
}

/// The last checkpoint.
pub(super) fn last_checkpoint(db: &Connection) -> Result<Option<StoredCheckpoint>, LogError> {
    checkpoint_up_to(db, i64::MAX as u64)
}

/// The last checkpoint of at most this size.
pub(super) fn checkpoint_up_to(db: &Connection, size: u64) -> Result<Option<StoredCheckpoint>, LogError> {
    let sql = "SELECT size, covered, note FROM checkpoint WHERE size <= ?1 ORDER BY size DESC LIMIT 1";
    let mut find = db.prepare_cached(sql).map_err(failed)?;
    let read =
        |row: &rusqlite::Row<'_>| Ok(StoredCheckpoint { size: row.get(0)?, covered: row.get(1)?, note: row.get(2)? });
    find.query_row([size], read).optional().map_err(failed)
}
