//! The tables of the index: what goes in, what goes out, how far it is.

use letopis_core::fact::Fact;
use letopis_core::ids::{EventId, Position};
use rusqlite::{Connection, OptionalExtension};

use super::VERSION;
use super::stem::{terms, texts_of};
use crate::engine::file::Checkpoint;
use crate::engine::row::Cell;
use crate::engine::view::StoreError;

/// The tables in one connection. Every method runs in the transaction of the connection, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index<'a>(pub(super) &'a Connection);

impl Index<'_> {
    /// Makes the tables.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        self.0.execute_batch(include_str!("index.sql"))?;
        self.0.execute("UPDATE search_checkpoint SET version = ?1", [VERSION]).map(drop)
    }

    /// The last event that was taken in; `None` when there are no tables, or of another version.
    pub(super) fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let there: bool = self
            .0
            .prepare_cached("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'search_checkpoint'")?
            .query_row([], |row| row.get(0))?;
        if !there {
            return Ok(None);
        }
        self.0
            .prepare_cached("SELECT position, leaf FROM search_checkpoint WHERE version = ?1")?
            .query_row([VERSION], |row| Ok(Checkpoint { position: Position(row.get(0)?), leaf: row.get(1)? }))
            .optional()
    }

    /// Everything up to here is taken in.
    pub(super) fn set_checkpoint(&self, at: Checkpoint) -> Result<(), StoreError> {
        self.0
            .prepare_cached("UPDATE search_checkpoint SET position = ?1, leaf = ?2")?
            .execute((at.position.0, at.leaf))
            .map(drop)
    }

    /// Writes the document of a fact as it counts now, in the place of an older one.
    pub(super) fn write(&self, fact: &Fact, corrected: bool) -> Result<(), StoreError> {
        self.remove_event(fact.id)?;
        self.add(fact, corrected)
    }

    /// Writes the document of a fact that has none.
    pub(super) fn add(&self, fact: &Fact, corrected: bool) -> Result<(), StoreError> {
        let Some((client, text)) = fact.client.zip(texts_of(&fact.event)) else { return Ok(()) };
        let terms = terms(&text);
        if terms.is_empty() {
            return Ok(());
        }
        self.0
            .prepare_cached(
                "INSERT INTO search_document (event, client, occurred_at, corrected, terms) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((fact.id.put(), client.put(), fact.occurred.at.put(), corrected, &terms))?;
        let id = self.0.last_insert_rowid();
        self.0.prepare_cached("INSERT INTO search (rowid, client, terms) VALUES (?1, ?2, ?3)")?.execute((
            id,
            client.put(),
            &terms,
        ))?;
        Ok(())
    }

    /// Takes out the document of an event, if there is one.
    pub(super) fn remove_event(&self, event: EventId) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached("SELECT id FROM search_document WHERE event = ?1")?;
        let id: Option<i64> = statement.query_row([event.put()], |row| row.get(0)).optional()?;
        id.map_or(Ok(()), |id| self.take_out(id))
    }

    /// Builds the index anew when it still holds a word, or the beginning of one, that no document has: what is taken
    /// out leaves the borders of its pages behind, and those are words.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let mut borders = self.0.prepare("SELECT DISTINCT term FROM search_idx")?;
        let mut is_live = self.0.prepare("SELECT EXISTS (SELECT 1 FROM search WHERE search MATCH ?1)")?;
        let mut rows = borders.query([])?;
        while let Some(row) = rows.next()? {
            // After one byte for the kind of index; a border may be cut inside a character.
            let border = row.get_ref(0)?.as_bytes().unwrap_or_default().get(1..).unwrap_or_default();
            let border = match std::str::from_utf8(border) {
                Ok(text) => text,
                Err(error) => std::str::from_utf8(&border[..error.valid_up_to()]).unwrap_or_default(),
            };
            if !border.is_empty() && !is_live.query_row([format!("\"{border}\"*")], |row| row.get::<_, bool>(0))? {
                drop(rows);
                return self.0.execute_batch("INSERT INTO search (search) VALUES ('rebuild')");
            }
        }
        Ok(())
    }

    fn take_out(&self, id: i64) -> Result<(), StoreError> {
        // The index is told first what it held: it keeps no texts of its own.
        self.0
            .prepare_cached(
                "INSERT INTO search (search, rowid, client, terms)
                 SELECT 'delete', id, client, terms FROM search_document WHERE id = ?1",
            )?
            .execute([id])?;
        self.0.prepare_cached("DELETE FROM search_document WHERE id = ?1")?.execute([id]).map(drop)
    }
}
