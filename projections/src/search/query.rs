//! Looking for words.

use letopis_core::ids::{ClientId, EventId};
use letopis_core::time::{Moment, Timestamp};
use rusqlite::Connection;
use serde::Serialize;

use super::stem::match_expression;
use crate::engine::list::{Page, Window};
use crate::engine::read::QueryError;
use crate::engine::row::{Atom, Cell, cell};

/// An event in whose texts all words were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The event.
    pub event: EventId,
    /// The client in whose stream it stands.
    pub client: ClientId,
    /// When it happened.
    pub occurred_at: Moment,
    /// What it says is the last correction of it.
    pub corrected: bool,
    /// How well it fits (BM25, in millionths); less is better.
    pub score: i64,
}

/// See [`super::Search::find`].
pub(super) fn find(
    conn: &Connection,
    text: &str,
    of: Option<&[ClientId]>,
    now: Timestamp,
    window: &Window,
) -> Result<Page<Hit>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let Some(words) = match_expression(text) else {
        return Err(QueryError::Parameter { name: "q", reason: format!("{text:?} has no word in it") });
    };
    let expression = match of {
        None => format!("terms : ({words})"),
        Some(clients) => {
            // The client is a word of the document, so that a search in one history never walks through all.
            let of: Vec<String> = clients.iter().map(|client| format!("\"{client}\"")).collect();
            format!("(client : ({})) AND (terms : ({words}))", of.join(" OR "))
        }
    };
    let shape = format!("search {expression}");
    let place = window.place(&shape, 3)?;
    let bound = place.unwrap_or_else(|| vec![Atom::Int(i64::MIN), Atom::Int(i64::MIN), Atom::Text("".into())]);
    let sql = format!(
        "SELECT event, client, occurred_at, corrected, score FROM (
             SELECT d.event, d.client, d.occurred_at, d.corrected, CAST(bm25(search, 0.0, 1.0) * 1000000 AS INTEGER) AS score
             FROM search JOIN search_document d ON d.id = search.rowid
             WHERE search MATCH ?1 AND d.occurred_at < ?2)
         WHERE (score, -occurred_at, event) > (?3, ?4, ?5)
         ORDER BY score, -occurred_at, event LIMIT {wanted}"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((&expression, now.put(), &bound[0], &bound[1], &bound[2]), |row| {
        let occurred_at = Moment::utc(cell(row, 2)?);
        Ok(Hit { event: cell(row, 0)?, client: cell(row, 1)?, occurred_at, corrected: row.get(3)?, score: row.get(4)? })
    })?;
    let hits: Vec<Hit> = rows.collect::<Result<_, _>>()?;
    Ok(Page::cut(hits, limit, &shape, |hit| {
        vec![Atom::Int(hit.score), Atom::Int(-hit.occurred_at.at.0), hit.event.put()]
    }))
}
