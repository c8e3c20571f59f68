//! The index: what goes in, what goes out, how far it is.

use std::collections::BTreeSet;

use letopis_core::events::{Event, KnowledgeEvent, LogEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EventId, Position};
use letopis_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::stem::{self, terms, texts_of};
use crate::engine::read::QueryError;
use crate::engine::row::Cell;

/// The index of one view file. Every method runs in the transaction of its connection, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct SearchIndex<'a> {
    pub(crate) conn: &'a Connection,
}

/// What a page of facts left to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many documents were written.
    pub written: usize,
    /// Clients in whose streams something was corrected, retracted or erased: their documents are to be written
    /// anew from their effective facts, see [`SearchIndex::rewrite`].
    pub stale: BTreeSet<ClientId>,
}

impl SearchIndex<'_> {
    /// Areas whose facts must come with their personal part opened.
    pub const OPENS: &'static [&'static str] = stem::AREAS;

    /// Makes the tables, where they are not there.
    ///
    /// # Errors
    /// When the file fails.
    pub fn create(&self) -> Result<(), QueryError> {
        // The old content of a page must not outlive the page, see also `secure-delete` in the file.
        self.conn.execute_batch("PRAGMA secure_delete = ON;")?;
        self.conn.execute_batch(include_str!("index.sql"))?;
        Ok(())
    }

    /// The last event that was taken in; 0 before the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn position(&self) -> Result<Position, QueryError> {
        let position: i64 = self.conn.query_row("SELECT position FROM search_checkpoint", [], |row| row.get(0))?;
        Ok(Position(position.unsigned_abs()))
    }

    /// Takes in the next facts as recorded, in the order of the log. Facts that were taken in already
    /// change nothing.
    ///
    /// # Errors
    /// When the file fails.
    pub fn apply(&self, facts: &[Fact]) -> Result<Applied, QueryError> {
        let mut done = self.position()?;
        let mut applied = Applied::default();
        for fact in facts {
            if fact.position <= done {
                continue;
            }
            done = fact.position;
            let Some(client) = fact.client else { continue };
            match (&fact.event, texts_of(fact)) {
                (
                    Event::Knowledge(KnowledgeEvent::Corrected(_) | KnowledgeEvent::Retracted(_))
                    | Event::Log(LogEvent::Erased(_)),
                    _,
                ) => {
                    applied.stale.insert(client);
                }
                (_, Some(text)) => {
                    self.write(fact.id, client, fact.occurred.at, &text)?;
                    applied.written += 1;
                }
                (_, None) => {}
            }
        }
        let position = i64::try_from(done.0).unwrap_or(i64::MAX);
        self.conn.prepare_cached("UPDATE search_checkpoint SET position = ?1")?.execute([position])?;
        Ok(applied)
    }

    /// Replaces the documents of a client by those of his effective facts: after a correction, a retraction
    /// or an erasure.
    ///
    /// # Errors
    /// When the file fails.
    pub fn rewrite(&self, client: ClientId, facts: &[Fact]) -> Result<(), QueryError> {
        self.remove(client)?;
        for fact in facts.iter().filter(|fact| fact.client == Some(client)) {
            if let Some(text) = texts_of(fact) {
                self.write(fact.id, client, fact.occurred.at, &text)?;
            }
        }
        Ok(())
    }

    /// Writes the document of an event, in the place of an older one.
    ///
    /// # Errors
    /// When the file fails.
    pub fn write(
        &self,
        event: EventId,
        client: ClientId,
        occurred_at: Timestamp,
        text: &str,
    ) -> Result<(), QueryError> {
        let old: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM search_document WHERE event = ?1")?
            .query_row([event.put()], |row| row.get(0))
            .optional()?;
        if let Some(id) = old {
            self.take_out(id)?;
        }
        let terms = terms(text);
        if terms.is_empty() {
            return Ok(());
        }
        self.conn
            .prepare_cached("INSERT INTO search_document (event, client, occurred_at, terms) VALUES (?1, ?2, ?3, ?4)")?
            .execute((event.put(), client.put(), occurred_at.put(), &terms))?;
        let id = self.conn.last_insert_rowid();
        self.conn.prepare_cached("INSERT INTO search (rowid, client, terms) VALUES (?1, ?2, ?3)")?.execute((
            id,
            client.put(),
            &terms,
        ))?;
        Ok(())
    }

    /// Takes out everything of a client.
    ///
    /// # Errors
    /// When the file fails.
    pub fn remove(&self, client: ClientId) -> Result<(), QueryError> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM search_document WHERE client = ?1")?;
        let ids: Vec<i64> = statement.query_map([client.put()], |row| row.get(0))?.collect::<Result<_, _>>()?;
        ids.into_iter().try_for_each(|id| self.take_out(id))
    }

    fn take_out(&self, id: i64) -> Result<(), QueryError> {
        // The index is told first what it held: it keeps no texts of its own.
        self.conn
            .prepare_cached(
                "INSERT INTO search (search, rowid, client, terms)
                 SELECT 'delete', id, client, terms FROM search_document WHERE id = ?1",
            )?
            .execute([id])?;
        self.conn.prepare_cached("DELETE FROM search_document WHERE id = ?1")?.execute([id])?;
        Ok(())
    }
}
