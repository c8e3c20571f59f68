//! [`Reader`]: how queries of views reach their tables, and what can go wrong.

use letopis_core::definitions::Definitions;
use letopis_core::time::{Day, Timestamp, Zone};
use rusqlite::Connection;

use super::row::{Atom, Row};

/// 1800-01-01, the first day anything can be recorded of.
const FIRST_DAY: Day = Day(-62_091);

/// A view file (live, rebuilt, as of a date, or of one client in memory) that answers queries.
///
/// All queries take one, so that every copy answers alike.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    pub(crate) conn: &'a Connection,
    /// The file in which definitions stand; another one for the facts of one client in memory.
    stated: &'a Connection,
    /// Where calendar days are cut.
    pub zone: &'a Zone,
    /// The instant that stands for now where a number depends on it (overdue, recency): the `as_of`
    /// of the question, or the caller's clock.
    pub now: Timestamp,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A parameter is out of range or does not fit the others.
    #[error("parameter {name}: {reason}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The cursor belongs to another query, or is damaged.
    #[error("the cursor belongs to another query")]
    Cursor,
    /// The view file cannot be read.
    #[error("the view file cannot be read")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(conn: &'a Connection, zone: &'a Zone, now: Timestamp) -> Self {
        Self { conn, stated: conn, zone, now }
    }

    /// The same, with definitions out of another file.
    pub(crate) fn with_definitions(self, stated: &'a Connection) -> Self {
        Self { stated, ..self }
    }

    /// The same file, as of another bound.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// What is defined of some kinds, as the answer's bound allows: nothing that counts from the bound on.
    ///
    /// # Errors
    /// When the view file cannot be read.
    pub fn definitions(&self, kinds: &[&str]) -> Result<Definitions, QueryError> {
        crate::views::definitions::load(&Reader { conn: self.stated, ..*self }, kinds)
    }

    /// The last local day that the answer covers: the day before the bound, when the bound is a day's end.
    pub fn day(&self) -> Day {
        self.zone.day(Timestamp(self.now.0.saturating_sub(1)))
    }

    /// The days `[from, to)` of a period whose ends may be left open: from the first that anything can be
    /// recorded of, up to the bound of the answer.
    pub fn days(&self, (from, to): (Option<Day>, Option<Day>)) -> (Day, Day) {
        (from.unwrap_or(FIRST_DAY), to.unwrap_or(Day(self.day().0.saturating_add(1))))
    }

    /// Rows of a table by an SQL condition, `WHERE` onwards.
    pub(crate) fn rows<R: Row>(&self, rest: &str, params: &[&dyn rusqlite::ToSql]) -> Result<Vec<R>, QueryError> {
        let columns: Vec<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
        let sql = format!("SELECT {} FROM {} {rest}", columns.join(", "), R::TABLE);
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params, |row| R::get(row))?;
        rows.map(|row| row.map_err(Into::into)).collect()
    }
}

/// A place in an ordered answer, bound to the query it came from; opaque text for callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor;

impl Cursor {
    /// The text for a place. `query` is everything but the limit that shapes the answer.
    pub fn encode(query: &str, place: &[Atom]) -> String {
        let mut bytes = Self::tag(query).to_vec();
        for atom in place {
            match atom {
                Atom::Null => bytes.push(0),
                Atom::Int(value) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&value.to_be_bytes());
                }
                Atom::Text(text) => {
                    bytes.push(2);
                    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
        }
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The place of a text, `count` values.
    ///
    /// # Errors
    /// When the text is damaged or belongs to another query.
    pub fn decode(query: &str, text: &str, count: usize) -> Result<Vec<Atom>, QueryError> {
        let bytes = hex(text).ok_or(QueryError::Cursor)?;
        let mut rest = bytes.strip_prefix(&Self::tag(query)).ok_or(QueryError::Cursor)?;
        let mut take = |n: usize| -> Result<&[u8], QueryError> {
            let (head, tail) = rest.split_at_checked(n).ok_or(QueryError::Cursor)?;
            rest = tail;
            Ok(head)
        };
        let mut place = Vec::with_capacity(count);
        for _ in 0..count {
            place.push(match take(1)? {
                [0] => Atom::Null,
                [1] => Atom::Int(i64::from_be_bytes(take(8)?.try_into().map_err(|_| QueryError::Cursor)?)),
                [2] => {
                    let len = u32::from_be_bytes(take(4)?.try_into().map_err(|_| QueryError::Cursor)?);
                    Atom::Text(std::str::from_utf8(take(len as usize)?).map_err(|_| QueryError::Cursor)?.into())
                }
                _ => return Err(QueryError::Cursor),
            });
        }
        if rest.is_empty() { Ok(place) } else { Err(QueryError::Cursor) }
    }

    fn tag(query: &str) -> [u8; 8] {
        let hash = blake3::hash(query.as_bytes());
        let mut tag = [0; 8];
        tag.copy_from_slice(&hash.as_bytes()[..8]);
        tag
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_for_its_own_query_only(number: i64, text in ".{0,20}") {
            let place = vec![Atom::Int(number), Atom::Null, Atom::Text(text.into())];
            let cursor = Cursor::encode("history?client=1", &place);
            prop_assert_eq!(Cursor::decode("history?client=1", &cursor, 3).expect("own"), place);
            prop_assert!(Cursor::decode("history?client=2", &cursor, 3).is_err());
            prop_assert!(Cursor::decode("history?client=1", &cursor[..cursor.len() - 2], 3).is_err());
        }
    }
}
