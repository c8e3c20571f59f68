//! A view file: one SQLite database with the rows and totals of all views and the checkpoint they share.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use letopis_core::background;
use letopis_core::fact::FoldOrder;
use letopis_core::fault::{self, Fault};
use letopis_core::ids::{ClientId, Position, Version};
use letopis_core::statements;
use letopis_core::time::{Timestamp, Zone};
use letopis_core::trust::leaf::Hash;
use letopis_core::wal::Carrier;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::group::{AliasChange, order_from};
use super::row::{Cell, Owner};
use super::schema;
use super::view::{Batch, StoreError, View};
use super::writer::{Additions, Writer, additions};

const SCHEMA: &str = include_str!("file.sql");
/// Made after a bulk load, as the indexes of views are.
const SUBJECT_INDEXES: &str =
    "CREATE UNIQUE INDEX subject_client ON subject (client); CREATE INDEX subject_root ON subject (root);";

/// Up to where a view file is folded, and of which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The last event that is folded in.
    pub position: Position,
    /// Its leaf hash: a view of another log is noticed.
    pub leaf: Hash,
}

/// What is known of a client besides his rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubjectState {
    /// Whether anybody knows who his group is; rows owned by him were counted so.
    pub identified: bool,
    /// Whether his own stream tells who he is.
    pub known: bool,
    /// The last event of his own stream that is folded in.
    pub version: Version,
    /// The greatest place among his facts as recorded.
    pub seen: FoldOrder,
    /// The greatest place among the facts of his group as corrected.
    pub frontier: FoldOrder,
}

/// One view's line in [`ViewFile::status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewStatus {
    /// The view.
    pub name: String,
    /// The version of its fold.
    pub version: u32,
    /// What its rows depend on besides the facts.
    pub fingerprint: String,
    /// The sum of its row hashes.
    pub digest: u128,
    /// How many keys are parked.
    pub parked: u64,
}

/// A hash of everything a view's rows depend on besides the facts, and of the tables and indexes they lie in.
pub fn fingerprint(view: &dyn View, zone: &Zone) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut put = |text: &str| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    put(view.name());
    put(&view.version().to_string());
    put(&schema::tables(view));
    put(&schema::indexes(view));
    put(zone.name());
    put(&format!("{:?}", jiff::tz::db()));
    for info in letopis_core::events::types() {
        put(info.name);
        put(&info.schema.to_string());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// A view file opened for writing. Readers have connections of their own.
pub struct ViewFile {
    pub(super) conn: Connection,
    zone: Zone,
    parked: HashSet<(&'static str, Owner, u128)>,
    additions: Additions,
    carrier: Option<Carrier>,
}

/// Prepared statements that a connection keeps: a few for each table.
const STATEMENTS: usize = 512;
/// How often the write-ahead log is tried to be cut off while somebody reads.
const CUT_OFF_TRIES: u32 = 50;
/// Between two tries.
const CUT_OFF_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// How long a file that is broken on purpose stays between its checkpoint and the rows that belong to it.
const APART: std::time::Duration = std::time::Duration::from_millis(5);

/// More parked keys than this stop the view file loudly.
pub const MAX_PARKED: usize = 1_000;

impl ViewFile {
    /// Makes a new, empty file with all tables but no indexes.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, views: &[Box<dyn View>], zone: &Zone) -> Result<Self, StoreError> {
        let conn = Connection::open(path)?;
        // Until [`ViewFile::index`] the file may break with the power: nothing points to it yet. Sorted runs of
        // large indexes go to files, so that memory stays bounded.
        conn.execute_batch(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; PRAGMA cache_size=-65536;",
        )?;
        conn.pragma_update(None, "threads", std::thread::available_parallelism().map_or(1, usize::from))?;
        statements::keep(&conn, STATEMENTS)?;
        Self::define(&conn, views, zone)?;
        Ok(Self { conn, zone: zone.clone(), parked: HashSet::new(), additions: additions(views), carrier: None })
    }

    /// A file in memory, with indexes: for questions about one client.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory(views: &[Box<dyn View>], zone: &Zone) -> Result<Self, StoreError> {
        let conn = Connection::open_in_memory()?;
        statements::keep(&conn, STATEMENTS)?;
        Self::define(&conn, views, zone)?;
        let mut file =
            Self { conn, zone: zone.clone(), parked: HashSet::new(), additions: additions(views), carrier: None };
        file.index(views)?;
        Ok(file)
    }

    /// Opens a file; `None` when it was made by other folds, another zone or other tables.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, views: &[Box<dyn View>], zone: &Zone) -> Result<Option<Self>, StoreError> {
        let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Self::prepare(&mut conn)?;
        let complete = conn.query_row("SELECT complete FROM checkpoint", [], |row| row.get::<_, bool>(0)).optional();
        if !matches!(complete, Ok(Some(true))) {
            return Ok(None);
        }
        let mut file =
            Self { conn, zone: zone.clone(), parked: HashSet::new(), additions: additions(views), carrier: None };
        let stored: HashMap<String, String> = file.status()?.into_iter().map(|s| (s.name, s.fingerprint)).collect();
        let same = stored.len() == views.len()
            && views.iter().all(|view| stored.get(view.name()) == Some(&fingerprint(view.as_ref(), zone)));
        if !same {
            return Ok(None);
        }
        let known = file.parked_keys()?;
        file.parked = views
            .iter()
            .flat_map(|view| {
                known.iter().filter(|(name, ..)| name == view.name()).map(|(_, owner, key)| (view.name(), *owner, *key))
            })
            .collect();
        Ok(Some(file))
    }

    /// A connection that can only read.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        statements::keep(&conn, STATEMENTS)?;
        conn.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(conn)
    }

    /// How files that can be made again are written.
    pub(crate) fn prepare(conn: &mut Connection) -> Result<(), StoreError> {
        // Views are disposable: what is lost with the power is folded again from the checkpoint. An event touches
        // dozens of pages, so with SQLite's own bound the file would be synced for every thirty events.
        conn.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=10000;",
        )?;
        statements::keep(conn, STATEMENTS)?;
        background::give_way_within(conn)?;
        conn.busy_timeout(std::time::Duration::from_secs(5))
    }

    fn define(conn: &Connection, views: &[Box<dyn View>], zone: &Zone) -> Result<(), StoreError> {
        conn.execute_batch(SCHEMA)?;
        for view in views {
            conn.execute_batch(&schema::tables(view.as_ref()))?;
            conn.execute(
                "INSERT INTO view (name, version, fingerprint, digest) VALUES (?1, ?2, ?3, ?4)",
                (view.name(), view.version(), fingerprint(view.as_ref(), zone), [0_u8; 16]),
            )?;
        }
        Ok(())
    }

    /// About how many bytes of pages are held in memory.
    ///
    /// # Errors
    /// When the file fails.
    pub(super) fn limit_cache(&self, bytes: u64) -> Result<(), StoreError> {
        self.conn.pragma_update(None, "cache_size", -i64::try_from((bytes >> 10).max(1 << 10)).unwrap_or(1 << 20))
    }

    /// Makes the indexes and marks the file as complete, safe on the disk; after a bulk load.
    ///
    /// # Errors
    /// When the file fails.
    pub fn index(&mut self, views: &[Box<dyn View>]) -> Result<(), StoreError> {
        // Short runs are sorted on other threads while this one reads on; a long one it would sort alone.
        self.conn.execute_batch("PRAGMA cache_size=-2048")?;
        self.conn.execute_batch(SUBJECT_INDEXES)?;
        for view in views {
            self.conn.execute_batch(&schema::indexes(view.as_ref()))?;
        }
        if let Some(path) = self.path() {
            Self::prepare(&mut self.conn)?;
            let synced = std::fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|error| StoreError::ToSqlConversionFailure(Box::new(error)))?;
        }
        self.conn.execute_batch("UPDATE checkpoint SET complete = 1;")
    }

    /// From now on a thread of its own carries the write-ahead log over: folding does not wait for the disk.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub(super) fn carry_beside(&mut self) -> Result<(), StoreError> {
        if let Some(path) = self.path() {
            self.carrier = Some(Carrier::start(&mut self.conn, &path)?);
        }
        Ok(())
    }

    /// Carries the write-ahead log over and cuts it off, see [`cut_off`].
    ///
    /// # Errors
    /// When the file fails or a long read keeps old pages.
    pub fn cut_off(&self) -> Result<(), StoreError> {
        cut_off(&self.conn)
    }

    /// Where it lies; `None` in memory.
    pub fn path(&self) -> Option<PathBuf> {
        self.conn.path().filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Where calendar days are cut.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The connection, for queries.
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }

    /// Up to where it is folded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        checkpoint(&self.conn)
    }

    /// All views of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn status(&self) -> Result<Vec<ViewStatus>, StoreError> {
        status(&self.conn)
    }

    fn parked_keys(&self) -> Result<Vec<(String, Owner, u128)>, StoreError> {
        let mut statement = self.conn.prepare("SELECT view, owner, key FROM parked")?;
        let rows = statement.query_map([], |row| {
            let key: [u8; 16] = row.get(2)?;
            Ok((row.get(0)?, super::row::cell(row, 1)?, u128::from_be_bytes(key)))
        })?;
        rows.collect()
    }

    /// Whether a row of this owner is parked in any view.
    pub(super) fn has_parked(&self, owner: Owner) -> bool {
        !self.parked.is_empty() && self.parked.iter().any(|(_, parked, _)| *parked == owner)
    }

    /// The merges and their undoings that are folded in, in the order of the log.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn alias_changes(&self) -> Result<Vec<AliasChange>, StoreError> {
        alias_changes(&self.conn)
    }

    /// What is known of a client.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn subject(&self, client: ClientId) -> Result<Option<SubjectState>, StoreError> {
        subject(&self.conn, client)
    }

    /// Changes rows, totals, subjects and the checkpoint in one transaction.
    ///
    /// # Errors
    /// When the file fails; nothing is changed then.
    pub fn transact(
        &mut self,
        checkpoint: Checkpoint,
        change: impl FnOnce(&Writer<'_>, &mut Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if fault::is_on(Fault::CheckpointApart) {
            self.conn
                .execute("UPDATE checkpoint SET position = ?1, leaf = ?2", (checkpoint.position.0, checkpoint.leaf))?;
            std::thread::sleep(APART);
        }
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut batch = Batch::new(&tx, &self.zone, &self.parked);
        let writer = Writer::new(&tx, &self.additions);
        change(&writer, &mut batch)?;
        let Batch { sums, digests, newly_parked, mut unparked, .. } = batch;
        unparked.retain(|key| self.parked.contains(key));
        writer.digests(&digests)?;
        writer.sums(&sums)?;
        writer.unpark(&unparked)?;
        writer.park(&newly_parked)?;
        writer.checkpoint(checkpoint)?;
        tx.commit()?;
        for key in &unparked {
            self.parked.remove(key);
        }
        self.parked.extend(newly_parked.into_iter().map(|p| (p.view, p.owner, p.key)));
        Ok(())
    }

    /// Changes rows, asks, and takes the changes back.
    ///
    /// # Errors
    /// When the file fails.
    pub(super) fn suppose<T>(
        &self,
        change: impl FnOnce(&Writer<'_>, &mut Batch<'_>) -> Result<(), StoreError>,
        ask: impl FnOnce(&Connection) -> T,
    ) -> Result<T, StoreError> {
        let tx = self.conn.unchecked_transaction()?;
        change(&Writer::new(&tx, &self.additions), &mut Batch::new(&tx, &self.zone, &self.parked))?;
        let answer = ask(&tx);
        tx.rollback()?;
        Ok(answer)
    }

    /// How many keys are parked.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }
}

/// Carries the write-ahead log of a file over and cuts it off: pages as they were before an erasure lie in it.
///
/// # Errors
/// When the file fails, or a read keeps the old pages for longer than [`CUT_OFF_TRIES`] pauses.
pub(crate) fn cut_off(conn: &Connection) -> Result<(), StoreError> {
    for _ in 0..CUT_OFF_TRIES {
        let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !busy {
            let Some(path) = conn.path() else { return Ok(()) };
            let failed = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
            return letopis_core::wal::sync(Path::new(path)).map_err(failed);
        }
        std::thread::sleep(CUT_OFF_PAUSE);
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Err(rusqlite::Error::SqliteFailure(busy, Some("a long read keeps old pages of the file".to_owned())))
}

pub(super) fn checkpoint(conn: &Connection) -> Result<Checkpoint, StoreError> {
    conn.prepare_cached("SELECT position, leaf FROM checkpoint")?
        .query_row([], |row| Ok(Checkpoint { position: Position(row.get(0)?), leaf: row.get(1)? }))
}

pub(super) fn status(conn: &Connection) -> Result<Vec<ViewStatus>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT name, version, fingerprint, digest, (SELECT count(*) FROM parked p WHERE p.view = v.name) FROM view v ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| {
        let digest: [u8; 16] = row.get(3)?;
        Ok(ViewStatus {
            name: row.get(0)?,
            version: row.get(1)?,
            fingerprint: row.get(2)?,
            digest: u128::from_be_bytes(digest),
            parked: row.get(4)?,
        })
    })?;
    rows.collect()
}

pub(super) fn alias_changes(conn: &Connection) -> Result<Vec<AliasChange>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT position, recorded_at, absorbed, survivor FROM alias_change ORDER BY position")?;
    let rows = statement.query_map([], |row| {
        Ok(AliasChange {
            position: Position(row.get(0)?),
            recorded_at: Timestamp(row.get(1)?),
            absorbed: super::row::cell(row, 2)?,
            into: super::row::cell(row, 3)?,
        })
    })?;
    rows.collect()
}

pub(super) fn subject(conn: &Connection, client: ClientId) -> Result<Option<SubjectState>, StoreError> {
    conn.prepare_cached("SELECT identified, seen, frontier, known, version FROM subject WHERE client = ?1")?
        .query_row([client.put()], |row| {
            let order = |index| -> rusqlite::Result<FoldOrder> {
                Ok(row.get_ref(index)?.as_blob().ok().and_then(order_from).unwrap_or_default())
            };
            Ok(SubjectState {
                identified: row.get(0)?,
                known: row.get(3)?,
                version: Version(row.get(4)?),
                seen: order(1)?,
                frontier: order(2)?,
            })
        })
        .optional()
}

/// The head of the group that a client is answered under, when anything of him is folded in.
pub(super) fn root(conn: &Connection, client: ClientId) -> Result<Option<ClientId>, StoreError> {
    let mut find = conn.prepare_cached("SELECT root FROM subject WHERE client = ?1")?;
    find.query_row([client.put()], |row| super::row::cell(row, 0)).optional()
}
