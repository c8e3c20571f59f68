//! What would be answered if something had been defined otherwise: the same facts under another definition.
//!
//! Folds read no definitions; whatever depends on them is computed when it is asked. So another definition in a
//! view file that belongs to one question gives that question's other answer, and nothing is recorded.

use letopis_core::events::Event;
use letopis_core::ids::ClientId;
use letopis_core::log::StreamName;
use letopis_core::time::Timestamp;

use super::file::ViewFile;
use super::group::definition_owner;
use super::read::QueryError;
use super::row::{Row, cell};
use super::view::StoreError;
use crate::views::definitions::DefinitionRow;

/// A definition and since when it is to count.
#[derive(Debug, Clone)]
pub struct Assumed {
    /// What is defined.
    pub event: Event,
    /// From when on.
    pub from: Timestamp,
}

impl ViewFile {
    /// Puts definitions in the place of those that count from their instant on, in this file alone. Gives their names,
    /// `kind:code@version`.
    ///
    /// # Errors
    /// When an event defines nothing that answers read, or the file cannot be written.
    pub fn assume(&self, assumed: &[Assumed]) -> Result<Vec<String>, QueryError> {
        let mut names = Vec::new();
        for (n, Assumed { event, from }) in assumed.iter().enumerate() {
            let name = event.type_name().to_owned();
            let wrong = |reason: String| QueryError::Parameter { name: "change", reason };
            let stream = event.definition_stream().and_then(|stream| StreamName::parse(&stream).ok());
            let Some(stream) = stream.filter(|_| name != "employee.defined") else {
                return Err(wrong(format!("{name} defines nothing that an answer could rest on instead")));
            };
            let owner = definition_owner(&stream);
            let Some((kind, code)) = stream.as_str().split_once('/') else {
                return Err(wrong(format!("{stream} is no stream of a definition")));
            };
            let conn = self.connection();
            let last = "SELECT coalesce(max(version), 0) FROM definition WHERE kind = ?1 AND code = ?2";
            let last: i64 = conn.query_row(last, [kind, code], |row| row.get(0))?;
            let replaced =
                "DELETE FROM definition WHERE kind = ?1 AND code = ?2 AND event_type = ?3 AND valid_from >= ?4";
            conn.execute(replaced, (kind, code, &name, from.0))?;
            // No event has such an id: the last there are.
            let mut row = DefinitionRow::empty(u128::MAX - n as u128, owner);
            (row.kind, row.code, row.event_type) = (kind.to_owned(), code.to_owned(), name);
            (row.schema, row.version, row.valid_from) = (event.schema().into(), last + 1, *from);
            // Recorded last: it alters no report of a closed month.
            row.position = i64::MAX;
            row.facts = String::from_utf8(event.facts()).unwrap_or_default();
            names.push(format!("{kind}:{code}@{}", row.version));
            let values = row.put();
            let marks = vec!["?"; values.len()].join(", ");
            let columns: Vec<&str> = DefinitionRow::COLUMNS.iter().map(|column| column.name).collect();
            let sql = format!("INSERT INTO {} ({}) VALUES ({marks})", DefinitionRow::TABLE, columns.join(", "));
            conn.execute(&sql, rusqlite::params_from_iter(values))?;
        }
        Ok(names)
    }

    /// Every alias group that has facts in this file, the head first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn groups(&self) -> Result<Vec<Vec<ClientId>>, StoreError> {
        let sql = "SELECT root, client FROM subject ORDER BY root, client <> root, client";
        let mut statement = self.connection().prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((cell::<ClientId>(row, 0)?, cell::<ClientId>(row, 1)?)))?;
        let mut groups: Vec<Vec<ClientId>> = Vec::new();
        for pair in rows {
            let (root, client) = pair?;
            match groups.last_mut().filter(|group| group[0] == root) {
                Some(group) if client != root => group.push(client),
                Some(_) => {}
                None if client == root => groups.push(vec![root]),
                None => groups.push(vec![root, client]),
            }
        }
        Ok(groups)
    }
}
