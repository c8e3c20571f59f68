//! The raw rows of a log file, for those who check or copy it: nothing is trusted, damage stops nothing.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::backup::Backup;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use super::schema::{open_reader, written_schema};
use crate::log::LogError;
use crate::trust::leaf::Hash;

/// Most rows of one page.
const PAGE: u64 = 1_000;
/// Most lines that an integrity check of SQLite answers.
const CHECK_LINES: usize = 100;
/// Pages that are copied between two reports.
const COPY_PAGES: i32 = 4_000;

/// A log file opened for an audit. It can only read.
pub struct Audit {
    conn: Connection,
}

/// A row of the log as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// Its place in the log.
    pub position: u64,
    /// The key of its stream.
    pub stream: i64,
    /// Its place in its stream.
    pub version: u64,
    /// The key of its type.
    pub event_type: i64,
    /// Its id.
    pub id: [u8; 16],
    /// When it happened, µs UTC.
    pub occurred_at: i64,
    /// The offset it was told in.
    pub offset_min: i16,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// When it was recorded, µs UTC.
    pub recorded_at: i64,
    /// Who recorded it, encoded.
    pub meta: &'a [u8],
    /// Random bytes before the facts in their hash.
    pub salt: [u8; 16],
    /// Canonical JSON, as far as nobody touched it.
    pub facts: &'a [u8],
    /// The hash of its sealed part, when it has or had one.
    pub sealed_hash: Option<Hash>,
    /// The sealed part, when it is there.
    pub envelope: Option<&'a [u8]>,
    /// Its leaf hash.
    pub leaf: Hash,
}

impl RawEvent<'_> {
    /// A hash of everything in it: two rows with one hash are the same.
    pub fn fingerprint(&self) -> Hash {
        let mut hasher = Sha256::new();
        let mut put = |bytes: &[u8]| hasher.update([&(bytes.len() as u64).to_be_bytes(), bytes].concat());
        for number in [self.position, self.stream as u64, self.version, self.event_type as u64] {
            put(&number.to_be_bytes());
        }
        for number in [self.occurred_at, self.offset_min.into(), self.order.into(), self.recorded_at] {
            put(&number.to_be_bytes());
        }
        put(&self.id);
        put(self.meta);
        put(&self.salt);
        put(self.facts);
        put(self.sealed_hash.as_ref().map_or(&[], |hash| hash));
        put(&[self.envelope.is_some().into()]);
        put(self.envelope.unwrap_or_default());
        put(&self.leaf);
        hasher.finalize().into()
    }
}

/// A row, or why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawRow<'a> {
    /// It can.
    Event(RawEvent<'a>),
    /// It cannot.
    Broken {
        /// Where.
        position: u64,
        /// Why.
        reason: String,
    },
    /// A sealed part without an event.
    Stray {
        /// Where it lies.
        position: u64,
    },
}

/// An entry of the look-up tables that is not as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names<T> {
    /// What could be read, by key.
    pub by_key: HashMap<i64, T>,
    /// What could not.
    pub broken: Vec<String>,
}

fn failed(error: rusqlite::Error) -> LogError {
    LogError::new("reading the log for an audit", error)
}

const EVENTS: &str = "SELECT position, stream, version, type, id, occurred_at, offset_min, ord, recorded_at, meta,
    salt, facts, sealed_hash, leaf FROM event WHERE position BETWEEN ?1 AND ?2 ORDER BY position";
const SEALED: &str = "SELECT position, envelope FROM sealed WHERE position BETWEEN ?1 AND ?2 ORDER BY position";

impl Audit {
    /// Opens a log file.
    ///
    /// # Errors
    /// When there is none, or it is no log or one of another version.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        // The cache stays as small as a reader's: a walk reads each page once, and new memory costs more than reading.
        Ok(Self { conn: open_reader(path)? })
    }

    /// The last position in the table of events; 0 when it is empty.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_position(&self) -> Result<u64, LogError> {
        let last = self.conn.query_row("SELECT coalesce(max(position), 0) FROM event", [], |row| row.get::<_, i64>(0));
        Ok(u64::try_from(last.map_err(failed)?).unwrap_or_default())
    }

    /// Hands over the rows from one position to another, both included, in order, and the sealed parts there that no
    /// event has. Where a page of the file is broken, its rows are tried one by one.
    pub fn rows(&self, from: u64, to: u64, take: &mut dyn FnMut(RawRow<'_>)) {
        let mut next = from;
        while next <= to {
            let end = to.min(next.saturating_add(PAGE - 1));
            let mut at = next;
            if self.page(next, end, &mut at, take).is_err() {
                let first = at;
                for position in first..=end {
                    if let Err(error) = self.page(position, position, &mut at, take) {
                        take(RawRow::Broken { position, reason: error.to_string() });
                    }
                }
            }
            next = end + 1;
        }
    }

    /// Hands over a page; `next` follows the last row that was handed over. The envelopes are read beside the
    /// events in one go: a look-up for each costs more than hashing it.
    fn page(&self, from: u64, to: u64, next: &mut u64, take: &mut dyn FnMut(RawRow<'_>)) -> rusqlite::Result<()> {
        let (mut events, mut sealed) = (self.conn.prepare_cached(EVENTS)?, self.conn.prepare_cached(SEALED)?);
        let bounds = (saturate(from), saturate(to));
        let (mut events, mut sealed) = (events.query(bounds)?, sealed.query(bounds)?);
        let mut envelope = sealed.next()?;
        while let Some(row) = events.next()? {
            let place: i64 = row.get(0)?;
            while let Some(found) = envelope
                && found.get::<_, i64>(0)? < place
            {
                take(RawRow::Stray { position: position(found)? });
                envelope = sealed.next()?;
            }
            let at = position(row)?;
            let own = match envelope {
                Some(found) if found.get::<_, i64>(0)? == place => Some(found),
                _ => None,
            };
            let is_own = own.is_some();
            take(match event(row, own) {
                Ok(event) => RawRow::Event(event),
                Err(error) => RawRow::Broken { position: at, reason: error.to_string() },
            });
            if is_own {
                envelope = sealed.next()?;
            }
            *next = at.saturating_add(1);
        }
        while let Some(found) = envelope {
            take(RawRow::Stray { position: position(found)? });
            envelope = sealed.next()?;
        }
        Ok(())
    }

    /// The positions of a stream's events, in the order of the log.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn positions_of(&self, stream: &str) -> Result<Vec<u64>, LogError> {
        let sql =
            "SELECT position FROM event WHERE stream = (SELECT key FROM stream WHERE name = ?1) ORDER BY position";
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let rows = select.query_map([stream], |row| row.get::<_, i64>(0)).map_err(failed)?;
        rows.map(|row| row.map(|position| position as u64).map_err(failed)).collect()
    }

    /// Streams by key.
    ///
    /// # Errors
    /// When the table cannot be read at all.
    pub fn streams(&self) -> Result<Names<String>, LogError> {
        self.names("SELECT key, name FROM stream", |row| row.get(1))
    }

    /// Event types by key, with the version of their payload.
    ///
    /// # Errors
    /// When the table cannot be read at all.
    pub fn event_types(&self) -> Result<Names<(String, u16)>, LogError> {
        self.names("SELECT key, name, schema FROM event_type", |row| Ok((row.get(1)?, row.get(2)?)))
    }

    fn names<T>(&self, sql: &str, get: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Names<T>, LogError> {
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        let mut names = Names { by_key: HashMap::new(), broken: Vec::new() };
        loop {
            match rows.next() {
                Ok(None) => return Ok(names),
                Ok(Some(row)) => match (row.get(0), get(row)) {
                    (Ok(key), Ok(name)) => drop(names.by_key.insert(key, name)),
                    (Err(error), _) | (_, Err(error)) => names.broken.push(error.to_string()),
                },
                Err(error) => {
                    names.broken.push(error.to_string());
                    return Ok(names);
                }
            }
        }
    }

    /// Hands over every identity: its keyed hash and the client.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn identities(&self, take: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), LogError> {
        self.pairs("SELECT hash, client FROM identity", take)
    }

    /// Hands over every alias: the record that is answered under another, and the other.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn aliases(&self, take: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), LogError> {
        self.pairs("SELECT member, parent FROM alias", take)
    }

    /// Hands over the data key of every subject: the subject, and the key's number as 8 bytes.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn subject_keys(&self, take: &mut dyn FnMut(&[u8], i64)) -> Result<(), LogError> {
        let mut select = self.conn.prepare("SELECT subject, key FROM subject_key").map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row.get_ref(0).map_err(failed)?.as_bytes().unwrap_or_default(), row.get(1).map_err(failed)?);
        }
        Ok(())
    }

    fn pairs(&self, sql: &str, take: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), LogError> {
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let cell = |index| row.get_ref(index).map(|cell| cell.as_bytes().unwrap_or_default()).map_err(failed);
            take(cell(0)?, cell(1)?);
        }
        Ok(())
    }

    /// Positions outside of the first so many where a sealed part lies that no event has, and of erasures that were left
    /// half done; at most a hundred. Inside, [`Audit::rows`] hands them over.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn stray_sealed(&self, last: u64) -> Result<Vec<u64>, LogError> {
        let sql = "SELECT position FROM sealed WHERE (position < 1 OR position > ?1) AND NOT EXISTS
                       (SELECT 1 FROM event WHERE event.position = sealed.position)
                   UNION SELECT position FROM erasing ORDER BY 1 LIMIT 100";
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let rows = select.query_map([saturate(last)], |row| row.get::<_, i64>(0)).map_err(failed)?;
        rows.map(|row| row.map(|position| position as u64).map_err(failed)).collect()
    }

    /// Tables, indexes and triggers that are not there or not as they were made, one line each.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub fn schema_differences(&self) -> Result<Vec<String>, LogError> {
        let (want, mut found) = (written_schema()?, schema(&self.conn).map_err(failed)?);
        let mut lines = Vec::new();
        for ((kind, name), sql) in want {
            match found.remove(&(kind.clone(), name.clone())) {
                None => lines.push(format!("{kind} {name} is missing")),
                Some(other) if other != sql => lines.push(format!("{kind} {name} is not as it was made")),
                Some(_) => {}
            }
        }
        lines.extend(found.keys().map(|(kind, name)| format!("{kind} {name} does not belong there")));
        lines.sort();
        Ok(lines)
    }

    /// What SQLite finds wrong with the file: nothing when it is sound. `deep` compares indexes with tables, too.
    pub fn integrity(&self, deep: bool) -> Vec<String> {
        let sql = if deep { "PRAGMA integrity_check(100)" } else { "PRAGMA quick_check(100)" };
        let mut lines = Vec::new();
        let mut check = || -> rusqlite::Result<()> {
            let mut select = self.conn.prepare(sql)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                lines.push(row.get::<_, String>(0)?);
            }
            Ok(())
        };
        if let Err(error) = check() {
            lines.push(error.to_string());
        }
        lines.retain(|line| line != "ok");
        lines.truncate(CHECK_LINES);
        lines
    }

    /// Bytes per table, largest first, indexes counted with their table; none when SQLite was built without
    /// the table that tells.
    pub fn bytes_by_table(&self) -> Vec<(String, u64)> {
        let sql = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name
                   WHERE s.aggregate = TRUE GROUP BY 1 ORDER BY 2 DESC";
        let ask = || -> rusqlite::Result<Vec<(String, u64)>> {
            let mut select = self.conn.prepare(sql)?;
            select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?.collect()
        };
        ask().unwrap_or_default()
    }

    /// Events by type: name, payload version, how many, first and last `occurred_at`, first and last `recorded_at`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn counts(&self) -> Result<Vec<TypeCount>, LogError> {
        let sql = "SELECT t.name, t.schema, count(*), min(occurred_at), max(occurred_at), min(recorded_at),
                   max(recorded_at) FROM event e LEFT JOIN event_type t ON t.key = e.type GROUP BY e.type ORDER BY 1, 2";
        let mut select = self.conn.prepare(sql).map_err(failed)?;
        let rows = select.query_map([], |row| {
            Ok(TypeCount {
                event_type: row.get::<_, Option<String>>(0)?.unwrap_or_else(|| "?".into()),
                schema: row.get::<_, Option<u16>>(1)?.unwrap_or_default(),
                events: row.get::<_, i64>(2)? as u64,
                occurred: (row.get(3)?, row.get(4)?),
                recorded: (row.get(5)?, row.get(6)?),
            })
        });
        rows.map_err(failed)?.map(|row| row.map_err(failed)).collect()
    }

    /// Copies the log as it is at this moment, also while another process writes to it. The copy lies alone
    /// in one file.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub fn copy_to(&self, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
        copy(&self.conn, path, progress)
    }
}

/// How often a type occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeCount {
    /// The type.
    pub event_type: String,
    /// The version of its payload.
    pub schema: u16,
    /// How many.
    pub events: u64,
    /// The first and the last `occurred_at`, µs UTC.
    pub occurred: (i64, i64),
    /// The first and the last `recorded_at`, µs UTC.
    pub recorded: (i64, i64),
}

/// Copies any SQLite file of a data folder, such as `keys.db`, as it is at this moment.
///
/// # Errors
/// When it cannot be read, or the copy is there already or cannot be written.
pub fn copy_database(from: &Path, to: &Path) -> Result<(), LogError> {
    let failed = |error| LogError::new(format!("opening {}", from.display()), error);
    let conn = Connection::open_with_flags(from, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    copy(&conn, to, &mut |_, _| {})
}

fn copy(conn: &Connection, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
    let failed = |error| LogError::new(format!("copying to {}", path.display()), error);
    let written = |error| LogError::new(format!("copying to {}", path.display()), error);
    std::fs::File::create_new(path).map_err(written)?;
    let mut target = Connection::open(path).map_err(failed)?;
    {
        // The copy stays at one moment as long as this read is open.
        let _moment = conn.unchecked_transaction().map_err(failed)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(failed)?;
        let backup = Backup::new(conn, &mut target).map_err(failed)?;
        loop {
            let step = backup.step(COPY_PAGES).map_err(failed)?;
            let state = backup.progress();
            progress((state.pagecount - state.remaining).max(0) as u64, state.pagecount.max(0) as u64);
            match step {
                rusqlite::backup::StepResult::Done => break,
                rusqlite::backup::StepResult::More => {}
                _ => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
    }
    target.close().map_err(|(_, error)| failed(error))?;
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(written)
}

type Schema = HashMap<(String, String), String>;

/// What each table, index and trigger belongs to and how it was made, by kind and name.
pub(super) fn schema(conn: &Connection) -> rusqlite::Result<Schema> {
    let sql = "SELECT type, name, tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema";
    let mut select = conn.prepare(sql)?;
    let rows = select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}

fn saturate(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where a row lies; 0 for a place that no log has.
fn position(row: &Row<'_>) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default())
}

fn event<'a>(row: &'a Row<'_>, sealed: Option<&'a Row<'_>>) -> Result<RawEvent<'a>, Box<dyn std::error::Error>> {
    Ok(RawEvent {
        position: u64::try_from(row.get::<_, i64>(0)?)?,
        stream: row.get(1)?,
        version: u64::try_from(row.get::<_, i64>(2)?)?,
        event_type: row.get(3)?,
        id: row.get(4)?,
        occurred_at: row.get(5)?,
        offset_min: row.get(6)?,
        order: row.get(7)?,
        recorded_at: row.get(8)?,
        meta: row.get_ref(9)?.as_bytes()?,
        salt: row.get(10)?,
        facts: row.get_ref(11)?.as_bytes()?,
        sealed_hash: row.get(12)?,
        leaf: row.get(13)?,
        envelope: match sealed {
            Some(sealed) => Some(sealed.get_ref(1)?.as_bytes()?),
            None => None,
        },
    })
}
