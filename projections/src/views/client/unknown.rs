//! Whom nobody knows yet.

use letopis_core::code::Code;
use letopis_core::ids::ClientId;
use letopis_core::time::Moment;
use serde::Serialize;

use super::ClientRow;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::{Cell, cell};

/// Somebody whom nobody knows yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unidentified {
    /// His stream: `client.merged` in the stream of who he turns out to be attaches it.
    pub client: ClientId,
    /// Ids by which he could not be found, by their systems: `phone`, `email`, `cookie` …
    pub unresolved: Vec<Code>,
    /// The first thing that happened.
    pub first_seen: Option<Moment>,
    /// The last contact.
    pub last_contact_at: Option<Moment>,
    /// How much is known of him.
    pub events: i64,
}

/// Those whom nobody knows, who came first first.
pub(super) fn unidentified(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = "unidentified".to_owned();
    let mut condition = Condition::default();
    condition.and("identified = 0 AND first_seen < ?", [reader.now.put()]);
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(first_seen, client) > (?, ?)", place);
    }
    let rest = format!("ORDER BY first_seen, client LIMIT {wanted}");
    let rows = reader.rows::<ClientRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.first_seen.put(), row.client.put()]);
    let mut count = reader.conn.prepare_cached(
        "SELECT count(*) FROM history h JOIN subject s ON s.client = h.client WHERE s.root = ?1 AND h.occurred_at < ?2",
    )?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let events = count.query_row((row.client.put(), reader.now.put()), |row| cell(row, 0))?;
        items.push(Unidentified {
            client: row.client,
            unresolved: row.unresolved.0,
            first_seen: row.first_seen.map(Moment::utc),
            last_contact_at: row.last_contact_at.map(Moment::utc),
            events,
        });
    }
    json(Page { items, next: page.next })
}
