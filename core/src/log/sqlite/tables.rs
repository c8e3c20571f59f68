//! The statements of the writer, and what it remembers of the streams.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::recent::Recent;
use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::accept::{Tables, Write};
use crate::log::sequence::Hashes;
use crate::log::{LogError, NewEvent, Placed, StreamName};
use crate::time::Timestamp;
use crate::trust::leaf::Hash;

/// Streams whose heads the writer remembers (to twice as many).
const HEADS: usize = 100_000;
/// Event types whose keys the writer remembers (to twice as many).
const TYPES: usize = 10_000;

/// The end of a stream; without a key as long as the stream is not in its table.
#[derive(Debug, Clone, Copy, Default)]
struct StreamHead {
    key: Option<i64>,
    version: u64,
    leaf: Hash,
}

/// The tables as the writer uses them inside its transaction.
pub(super) struct WriterTables<'c> {
    find_event: Statement<'c>,
    find_type: Statement<'c>,
    insert_stream: Statement<'c>,
    insert_type: Statement<'c>,
    insert_event: Statement<'c>,
    insert_sealed: Statement<'c>,
    find_owner: Statement<'c>,
    set_owner: Statement<'c>,
    drop_owner: Statement<'c>,
    find_parent: Statement<'c>,
    set_parent: Statement<'c>,
    drop_parent: Statement<'c>,
    find_key: Statement<'c>,
    set_key: Statement<'c>,
    heads: Heads<'c>,
    types: Recent<(Arc<str>, u16), i64>,
}

/// The ends of streams.
struct Heads<'c> {
    find_stream: Statement<'c>,
    find_last: Statement<'c>,
    recent: Recent<StreamName, StreamHead>,
}

impl<'c> Heads<'c> {
    fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find_stream: conn.prepare("SELECT key FROM stream WHERE name = ?1")?,
            find_last: conn
                .prepare("SELECT version, leaf FROM event WHERE stream = ?1 ORDER BY version DESC LIMIT 1")?,
            recent: Recent::new(HEADS),
        })
    }

    /// The end of a stream, to be moved on.
    fn of(&mut self, stream: &StreamName) -> Result<&mut StreamHead, LogError> {
        let Self { find_stream, find_last, recent } = self;
        recent.get_or_insert_with(stream, || {
            let key: Option<i64> =
                find_stream.query_row([stream.as_str()], |row| row.get(0)).optional().map_err(failed)?;
            let mut head = StreamHead { key, ..StreamHead::default() };
            if let Some(key) = key {
                let last = find_last.query_row([key], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional();
                if let Some((version, leaf)) = last.map_err(failed)? {
                    (head.version, head.leaf) = (version as u64, leaf);
                }
            }
            Ok(head)
        })
    }
}

fn failed(error: rusqlite::Error) -> LogError {
    LogError::new("writing to the log", error)
}

impl<'c> WriterTables<'c> {
    pub(super) fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find_event: conn.prepare("SELECT position, version, recorded_at FROM event WHERE id = ?1")?,
            find_type: conn.prepare("SELECT key FROM event_type WHERE name = ?1 AND schema = ?2")?,
            insert_stream: conn.prepare("INSERT INTO stream (name) VALUES (?1) RETURNING key")?,
            insert_type: conn.prepare("INSERT INTO event_type (name, schema) VALUES (?1, ?2) RETURNING key")?,
            insert_event: conn.prepare(
                "INSERT INTO event (position, stream, version, type, id, occurred_at, offset_min, ord, recorded_at, meta, salt, facts, sealed_hash, leaf)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?,
            insert_sealed: conn.prepare("INSERT INTO sealed (position, envelope) VALUES (?1, ?2)")?,
            find_owner: conn.prepare("SELECT client FROM identity WHERE hash = ?1")?,
            set_owner: conn.prepare("INSERT OR REPLACE INTO identity (hash, client) VALUES (?1, ?2)")?,
            drop_owner: conn.prepare("DELETE FROM identity WHERE hash = ?1")?,
            find_parent: conn.prepare("SELECT parent FROM alias WHERE member = ?1")?,
            set_parent: conn.prepare("INSERT OR REPLACE INTO alias (member, parent) VALUES (?1, ?2)")?,
            drop_parent: conn.prepare("DELETE FROM alias WHERE member = ?1")?,
            find_key: conn.prepare("SELECT key FROM subject_key WHERE subject = ?1")?,
            set_key: conn.prepare("INSERT INTO subject_key (subject, key) VALUES (?1, ?2)")?,
            heads: Heads::new(conn)?,
            types: Recent::new(TYPES),
        })
    }

    /// Writes a new event to the end of its stream; its leaf hash is told with its place.
    pub(super) fn insert(
        &mut self,
        event: &NewEvent,
        hashes: &Hashes,
        position: Position,
        recorded_at: Timestamp,
    ) -> Result<(Placed, Hash), LogError> {
        let event_type = self.type_key(event)?;
        let head = self.heads.of(&event.stream)?;
        let stream = match head.key {
            Some(key) => key,
            None => {
                self.insert_stream.query_row([event.stream.as_str()], |row| row.get::<_, i64>(0)).map_err(failed)?
            }
        };
        let version = Version(head.version + 1);
        let leaf = hashes.leaf(event, position, version, head.leaf, recorded_at);
        self.insert_event
            .execute(params![
                position.0 as i64,
                stream,
                version.0 as i64,
                event_type,
                event.id.to_bytes(),
                event.occurred.at.0,
                event.occurred.offset_min,
                event.order,
                recorded_at.0,
                &*event.meta,
                event.salt,
                text_or_blob(&event.facts),
                event.sealed.is_some().then_some(hashes.sealed),
                leaf,
            ])
            .map_err(failed)?;
        if let Some(envelope) = &event.sealed {
            self.insert_sealed.execute(params![position.0 as i64, &**envelope]).map_err(failed)?;
        }
        *head = StreamHead { key: Some(stream), version: version.0, leaf };
        Ok((Placed { position, version, recorded_at, existed: false }, leaf))
    }

    /// Changes one row of a look-up table.
    pub(super) fn write(&mut self, write: &Write) -> Result<(), LogError> {
        let done = match write {
            Write::Owner(identity, Some(client)) => self.set_owner.execute(params![identity, client.to_bytes()]),
            Write::Owner(identity, None) => self.drop_owner.execute([identity]),
            Write::Parent(member, Some(parent)) => {
                self.set_parent.execute(params![member.to_bytes(), parent.to_bytes()])
            }
            Write::Parent(member, None) => self.drop_parent.execute([member.to_bytes()]),
            Write::Key(subject, key) => self.set_key.execute(params![subject, *key as i64]),
        };
        done.map(drop).map_err(failed)
    }

    fn type_key(&mut self, event: &NewEvent) -> Result<i64, LogError> {
        let name = (Arc::clone(&event.event_type), event.schema);
        let Self { find_type, insert_type, types, .. } = self;
        let key = types.get_or_insert_with(&name, || {
            let found = find_type.query_row(params![&*name.0, name.1], |row| row.get(0)).optional().map_err(failed)?;
            match found {
                Some(key) => Ok(key),
                None => insert_type.query_row(params![&*name.0, name.1], |row| row.get(0)).map_err(failed),
            }
        })?;
        Ok(*key)
    }
}

/// Text where it can be, so that any SQLite browser shows it; the bytes are the same.
fn text_or_blob(bytes: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match std::str::from_utf8(bytes) {
        Ok(_) => ValueRef::Text(bytes),
        Err(_) => ValueRef::Blob(bytes),
    })
}

impl Tables for WriterTables<'_> {
    fn placed(&mut self, id: EventId) -> Result<Option<Placed>, LogError> {
        let found = self.find_event.query_row([id.to_bytes()], |row| {
            Ok(Placed {
                position: Position(row.get::<_, i64>(0)? as u64),
                version: Version(row.get::<_, i64>(1)? as u64),
                recorded_at: Timestamp(row.get(2)?),
                existed: true,
            })
        });
        found.optional().map_err(failed)
    }

    fn version(&mut self, stream: &StreamName) -> Result<Version, LogError> {
        Ok(Version(self.heads.of(stream)?.version))
    }

    fn owner(&mut self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        client(self.find_owner.query_row([identity], |row| row.get(0)))
    }

    fn parent(&mut self, member: ClientId) -> Result<Option<ClientId>, LogError> {
        client(self.find_parent.query_row([member.to_bytes()], |row| row.get(0)))
    }

    fn key(&mut self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        let key = self.find_key.query_row([subject], |row| row.get::<_, i64>(0)).optional();
        Ok(key.map_err(failed)?.map(|key| key as u64))
    }
}

/// The client in a look-up table.
pub(super) fn client(found: rusqlite::Result<[u8; 16]>) -> Result<Option<ClientId>, LogError> {
    let found = found.optional().map_err(|error| LogError::new("looking up a client", error))?;
    Ok(found.map(ClientId::from_bytes))
}
