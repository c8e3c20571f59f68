//! Read-only connections and what is asked of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::HashMap;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::recent::Recent;
use super::schema::open_reader;
use super::tables::client;
use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::{LogError, MAX_PAGE, Recorded, SealedPart, StreamName};
use crate::time::{Moment, Timestamp};
use crate::trust::leaf::Hash;

/// Connections kept open; while more threads read at once, more are opened and closed again.
const KEPT: usize = 8;
/// Stream names that each connection remembers (to twice as many).
const STREAMS: usize = 20_000;

/// The connections that are not in use.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        let first = Reader::open(path)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    /// Asks one connection.
    pub(super) fn with<T>(&self, ask: impl FnOnce(&mut Reader) -> Result<T, LogError>) -> Result<T, LogError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut reader = taken.map_or_else(|| Reader::open(&self.path), Ok)?;
        let answer = ask(&mut reader)?;
        let mut idle = idle();
        if idle.len() < KEPT {
            idle.push(reader);
        }
        Ok(answer)
    }
}

/// One connection with the names it has met.
pub(super) struct Reader {
    conn: Connection,
    names: Names,
}

struct Names {
    streams: Recent<i64, StreamName>,
    types: HashMap<i64, (Arc<str>, u16)>,
}

macro_rules! select_event {
    ($($more:literal)+) => {
        concat!(
            "SELECT position, stream, version, type, id, occurred_at, offset_min, ord, recorded_at, meta, salt, facts,
                    sealed_hash, leaf ",
            $($more),+
        )
    };
}

/// An event wherever it stands, with its envelope.
macro_rules! select_one {
    ($rest:literal) => {
        select_event!(
            ", CASE WHEN sealed_hash IS NOT NULL
                    THEN (SELECT envelope FROM sealed WHERE sealed.position = event.position) END
             FROM event " $rest
        )
    };
}

fn failed(error: rusqlite::Error) -> LogError {
    LogError::new("reading the log", error)
}

impl Reader {
    fn open(path: &Path) -> Result<Self, LogError> {
        let names = Names { streams: Recent::new(STREAMS), types: HashMap::default() };
        Ok(Self { conn: open_reader(path)?, names })
    }

    /// The envelopes are read beside the events in one go: a look-up for each costs a seventh of a replay.
    pub(super) fn all(&mut self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let Self { conn, names } = self;
        let sql = select_event!("FROM event WHERE position > ?1 ORDER BY position LIMIT ?2");
        let (after_key, limit) = (saturate(after.0), limit.min(MAX_PAGE));
        // One state of the file for both.
        let _state = conn.unchecked_transaction().map_err(failed)?;
        let mut select = conn.prepare_cached(sql).map_err(failed)?;
        let mut sealed = conn
            .prepare_cached("SELECT position, envelope FROM sealed WHERE position > ?1 ORDER BY position")
            .map_err(failed)?;
        let mut rows = select.query((after_key, limit as i64)).map_err(failed)?;
        let mut envelopes = sealed.query([after_key]).map_err(failed)?;
        let mut envelope = envelopes.next().map_err(failed)?;
        let mut events = Vec::with_capacity(limit.min(64));
        while let Some(row) = rows.next().map_err(failed)? {
            let place: i64 = row.get(0).map_err(failed)?;
            while let Some(found) = envelope
                && found.get::<_, i64>(0).map_err(failed)? < place
            {
                envelope = envelopes.next().map_err(failed)?;
            }
            let own = match envelope {
                Some(found) if found.get::<_, i64>(0).map_err(failed)? == place => found.get_ref(1).map_err(failed)?,
                _ => ValueRef::Null,
            };
            events.push(event(row, own, conn, names)?);
        }
        for (event, due) in events.iter().zip(after.0.saturating_add(1)..) {
            if event.position.0 != due {
                return Err(LogError::damage(format!("position {due} is missing, {} follows", event.position)));
            }
        }
        Ok(events)
    }

    pub(super) fn stream(
        &mut self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let sql = select_one!(
            "WHERE stream = (SELECT key FROM stream WHERE name = ?1) AND version > ?2 ORDER BY version LIMIT ?3"
        );
        let limit = limit.min(MAX_PAGE);
        let events = self.events(sql, params![stream.as_str(), saturate(after.0), limit as i64], limit)?;
        for (event, due) in events.iter().zip(after.0.saturating_add(1)..) {
            if event.version.0 != due {
                return Err(LogError::damage(format!("version {due} of stream {stream} is missing")));
            }
        }
        Ok(events)
    }

    pub(super) fn find(&mut self, id: EventId) -> Result<Option<Recorded>, LogError> {
        Ok(self.events(select_one!("WHERE id = ?1"), [id.to_bytes()], 1)?.pop())
    }

    pub(super) fn positions(&mut self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError> {
        // One state of the file for all of them: taking and giving back its lock costs as much as a look-up.
        let _state = (ids.len() > 1).then(|| self.conn.unchecked_transaction()).transpose().map_err(failed)?;
        let mut find = self.conn.prepare_cached("SELECT position FROM event WHERE id = ?1").map_err(failed)?;
        let mut position = |id: &EventId| {
            let found = find.query_row([id.to_bytes()], |row| row.get::<_, i64>(0)).optional();
            Ok(found.map_err(failed)?.map(|position| Position(position as u64)))
        };
        ids.iter().map(&mut position).collect()
    }

    pub(super) fn head(&mut self) -> Result<Position, LogError> {
        Ok(Position(self.number("SELECT coalesce(max(position), 0) FROM event", [])?.unwrap_or(0)))
    }

    pub(super) fn version(&mut self, stream: &StreamName) -> Result<Version, LogError> {
        let sql = "SELECT max(version) FROM event WHERE stream = (SELECT key FROM stream WHERE name = ?1)";
        Ok(Version(self.number(sql, [stream.as_str()])?.unwrap_or(0)))
    }

    pub(super) fn definition_streams(&mut self) -> Result<Vec<StreamName>, LogError> {
        // `0` is the character after `/`: two ranges of the index on names, which leave all clients out.
        let sql = "SELECT name FROM stream WHERE name < 'client/' OR name >= 'client0' ORDER BY name";
        let mut select = self.conn.prepare_cached(sql).map_err(failed)?;
        let names = select.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
        let parsed = |name: rusqlite::Result<String>| {
            let name = name.map_err(failed)?;
            StreamName::parse(&name).map_err(|error| LogError::damage(error.to_string()))
        };
        let all: Result<Vec<StreamName>, LogError> = names.map(parsed).collect();
        Ok(all?.into_iter().filter(StreamName::is_definition).collect())
    }

    pub(super) fn owner(&mut self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        let mut find = self.conn.prepare_cached("SELECT client FROM identity WHERE hash = ?1").map_err(failed)?;
        client(find.query_row([identity], |row| row.get(0)))
    }

    pub(super) fn parent(&mut self, member: ClientId) -> Result<Option<ClientId>, LogError> {
        let mut find = self.conn.prepare_cached("SELECT parent FROM alias WHERE member = ?1").map_err(failed)?;
        client(find.query_row([member.to_bytes()], |row| row.get(0)))
    }

    pub(super) fn children(&mut self, parent: ClientId) -> Result<Vec<ClientId>, LogError> {
        let sql = "SELECT member FROM alias WHERE parent = ?1 ORDER BY member";
        let mut find = self.conn.prepare_cached(sql).map_err(failed)?;
        let members = find.query_map([parent.to_bytes()], |row| row.get(0)).map_err(failed)?;
        members.map(|member| member.map(ClientId::from_bytes).map_err(failed)).collect()
    }

    pub(super) fn key(&mut self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.number("SELECT key FROM subject_key WHERE subject = ?1", [subject])
    }

    pub(super) fn last_key(&mut self) -> Result<Option<u64>, LogError> {
        self.number("SELECT max(key) FROM subject_key", [])
    }

    pub(super) fn identities_of(&mut self, clients: &HashSet<ClientId>) -> Result<Vec<(Hash, ClientId)>, LogError> {
        let mut select = self.conn.prepare_cached("SELECT hash, client FROM identity").map_err(failed)?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, ClientId::from_bytes(row.get(1)?)))).map_err(failed)?;
        let is_theirs = |row: &rusqlite::Result<(Hash, ClientId)>| {
            row.as_ref().map_or(true, |(_, client)| clients.contains(client))
        };
        rows.filter(is_theirs).map(|row| row.map_err(failed)).collect()
    }

    fn number(&self, sql: &str, params: impl Params) -> Result<Option<u64>, LogError> {
        let mut find = self.conn.prepare_cached(sql).map_err(failed)?;
        let found = find.query_row(params, |row| row.get::<_, Option<i64>>(0)).optional().map_err(failed)?;
        Ok(found.flatten().map(|number| number as u64))
    }

    fn events(&mut self, sql: &str, params: impl Params, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let Self { conn, names } = self;
        let mut select = conn.prepare_cached(sql).map_err(failed)?;
        let mut rows = select.query(params).map_err(failed)?;
        let mut events = Vec::with_capacity(limit.min(64));
        while let Some(row) = rows.next().map_err(failed)? {
            events.push(event(row, row.get_ref(14).map_err(failed)?, conn, names)?);
        }
        Ok(events)
    }
}

/// The largest position that SQLite can hold stands for all beyond it.
fn saturate(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

fn event(row: &Row<'_>, envelope: ValueRef<'_>, conn: &Connection, names: &mut Names) -> Result<Recorded, LogError> {
    decode(row, envelope, conn, names).map_err(|error| {
        let position = row.get::<_, i64>(0).unwrap_or_default();
        LogError::new(format!("the event at position {position} cannot be read"), error)
    })
}

fn decode(row: &Row<'_>, envelope: ValueRef<'_>, conn: &Connection, names: &mut Names) -> Result<Recorded, Cause> {
    let (event_type, schema) = names.event_type(row.get(3)?, conn)?;
    let sealed = match (row.get::<_, Option<Hash>>(12)?, envelope) {
        (None, _) => SealedPart::None,
        (Some(_), ValueRef::Blob(envelope)) => SealedPart::Present(envelope.into()),
        (Some(hash), _) => SealedPart::Erased(hash),
    };
    Ok(Recorded {
        position: Position(u64::try_from(row.get::<_, i64>(0)?)?),
        stream: names.stream(row.get(1)?, conn)?,
        version: Version(u64::try_from(row.get::<_, i64>(2)?)?),
        id: EventId::from_bytes(row.get(4)?),
        event_type,
        schema,
        occurred: Moment { at: Timestamp(row.get(5)?), offset_min: row.get(6)? },
        order: row.get(7)?,
        recorded_at: Timestamp(row.get(8)?),
        meta: row.get_ref(9)?.as_bytes()?.into(),
        salt: row.get(10)?,
        facts: row.get_ref(11)?.as_bytes()?.into(),
        sealed,
        leaf: row.get(13)?,
    })
}

impl Names {
    fn stream(&mut self, key: i64, conn: &Connection) -> Result<StreamName, Cause> {
        let name = self.streams.get_or_insert_with(&key, || {
            let mut find = conn.prepare_cached("SELECT name FROM stream WHERE key = ?1")?;
            Ok::<_, Cause>(find.query_row([key], |row| Ok(StreamName::parse(row.get_ref(0)?.as_str()?)))??)
        })?;
        Ok(name.clone())
    }

    fn event_type(&mut self, key: i64, conn: &Connection) -> Result<(Arc<str>, u16), Cause> {
        if let Some((name, schema)) = self.types.get(&key) {
            return Ok((Arc::clone(name), *schema));
        }
        let mut find = conn.prepare_cached("SELECT name, schema FROM event_type WHERE key = ?1")?;
        let found: (Arc<str>, u16) =
            find.query_row([key], |row| Ok((row.get_ref(0)?.as_str()?.into(), row.get(1)?)))?;
        self.types.insert(key, found.clone());
        Ok(found)
    }
}
