//! Lists of clients: by name, kind, attributes, and whether something is open with them.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::client::ClientKind;
use letopis_core::ids::ClientId;
use letopis_core::time::Moment;
use serde::Serialize;

use super::{Access, ClientRow, open};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};

/// What may be open with a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// A deal.
    Deal,
    /// An order.
    Order,
    /// A case.
    Case,
}

/// Which clients are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchQuery {
    /// Every word of it begins a word of the name, whatever the case; `ё` is `е`.
    pub text: Option<String>,
    /// Persons or companies.
    pub kind: Option<ClientKind>,
    /// With these coded attributes.
    pub attributes: BTreeMap<Code, Code>,
    /// With one of these open.
    pub open: Option<Open>,
    /// Known by somebody, or not.
    pub identified: Option<bool>,
}

/// A client in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientLine {
    /// The head of his group.
    pub client: ClientId,
    /// Full name.
    pub name: Option<String>,
    /// A person or a company.
    pub kind: Option<ClientKind>,
    /// Coded attributes.
    pub attributes: BTreeMap<Code, Code>,
    /// Whether anybody knows who he is.
    pub identified: bool,
    /// Whether his personal values are open.
    pub personal: Option<Access>,
    /// The last time we spoke, wrote or met.
    pub last_contact_at: Option<Moment>,
}

/// A name as it is looked for: words in lower case, `ё` as `е`, one space before each.
pub fn name_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 1);
    let mut between = true;
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            if std::mem::take(&mut between) {
                key.push(' ');
            }
            key.push(if c == 'ё' { 'е' } else { c });
        } else {
            between = true;
        }
    }
    key
}

/// Clients in the order of their names, those without one last, then by id.
///
/// # Errors
/// When a parameter is out of range, the cursor is another query's, or the file cannot be read.
pub fn search(reader: &Reader<'_>, query: &SearchQuery, window: &Window) -> Result<Page<ClientLine>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("clients {query:?}");
    let mut condition = Condition::default();
    condition.is("kind", query.kind.as_ref()).is("identified", query.identified.as_ref());
    if let Some(text) = &query.text {
        let key = name_key(text);
        if key.is_empty() {
            return Err(QueryError::Parameter { name: "text", reason: format!("{text:?} has no word in it") });
        }
        for word in key.split_whitespace() {
            condition.and("instr(name_key, ?) > 0", [format!(" {word}").put()]);
        }
    }
    for (attribute, value) in &query.attributes {
        let path = format!("$.\"{attribute}\"");
        condition.and("json_extract(attributes, ?) = ?", [path.put(), value.put()]);
    }
    if let Some(what) = query.open {
        let (table, open) = match what {
            Open::Deal => ("deal", "status = 'open'"),
            Open::Order => ("client_order", "placed_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL"),
            Open::Case => ("client_case", "status IN ('open', 'answered')"),
        };
        let exists = open::has(reader, table)?;
        let some = format!("EXISTS (SELECT 1 FROM {table} t WHERE t.client = client_card.client AND {open})");
        condition.and(if exists { &some } else { "0" }, []);
    }
    // A cursor names the last client and not his name: cursors end up in addresses and their logs.
    let after = match window.place(&shape, 1)?.as_deref() {
        Some([client]) => Some((place_of(reader, client)?, client.clone())),
        _ => None,
    };
    // The unnamed come last: they are a second list that begins where the first one ends.
    let mut rows: Vec<ClientRow> = Vec::new();
    for named in [true, false] {
        let missing = wanted - rows.len() as i64;
        let mut part = Condition::default();
        part.and(if named { "name_key IS NOT NULL" } else { "name_key IS NULL" }, []);
        part.extend(&condition);
        match &after {
            Some((Some(_), _)) if !named => {}
            Some((Some(name_key), client)) => {
                part.and("(name_key, client) > (?, ?)", [name_key.put(), client.clone()]);
            }
            Some((None, _)) if named => continue,
            Some((None, client)) => {
                part.and("client > ?", [client.clone()]);
            }
            None => {}
        }
        if missing > 0 && (named || query.text.is_none()) {
            let rest = format!("ORDER BY name_key, client LIMIT {missing}");
            rows.extend(reader.rows::<ClientRow>(&part.sql(&rest), &part.values())?);
        }
    }
    let page = Page::cut(rows, limit, &shape, |row| vec![row.client.put()]);
    Ok(page.map(|row| ClientLine {
        client: row.client,
        name: row.name,
        kind: row.kind,
        attributes: row.attributes.0,
        identified: row.identified,
        personal: row.personal_state,
        last_contact_at: row.last_contact_at.map(Moment::utc),
    }))
}

fn place_of(reader: &Reader<'_>, client: &Atom) -> Result<Option<String>, QueryError> {
    let mut statement = reader.conn.prepare_cached("SELECT name_key FROM client_card WHERE client = ?1")?;
    let mut rows = statement.query([client])?;
    Ok(match rows.next()? {
        Some(row) => cell(row, 0)?,
        None => None,
    })
}
