//! Why a card says what it says: the events that set a field, one after the other.
//!
//! The client's facts are folded one by one and the card is asked for after each, so that any field is explained in
//! the same way, also those that are summed up from other views.

use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EventId};
use letopis_core::money::Money;
use letopis_core::time::{Timestamp, Zone};
use serde::Serialize;
use serde_json::Value;

use super::client;
use crate::engine::group::Clocks;
use crate::engine::list::{Page, Window};
use crate::engine::live::Source;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, Owner, cell};
use crate::engine::scope::trace_client;
use crate::views::cited::Cited;

/// What set a field, and to what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The value since.
    pub value: Value,
    /// The difference to the one before, of numbers and of money in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
    /// The event.
    #[serde(flatten)]
    pub event: Cited,
    /// The correction that gave it its present content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_by: Option<EventId>,
    /// Why, in a code or in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Value>,
}

/// A field of a card with all that ever set it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The head of the group.
    pub client: ClientId,
    /// The field.
    pub field: String,
    /// What it says.
    pub value: Value,
    /// The events that set it, in the order in which they act; the last one gave it its value.
    pub settings: Vec<Setting>,
}

/// Explains a field of the card of a group (the head first), as the facts that the clocks allow tell it.
///
/// A field is a path: names of members with dots between, and for an element of a list its place or any code or id
/// in it, such as `name`, `profile.city`, `contact_points.<id>.value`, `money.EUR.owed`.
///
/// # Errors
/// When the card has no such field, the log cannot be read or an event is damaged.
pub async fn explain(
    source: Source<'_>,
    zone: &Zone,
    now: Timestamp,
    members: Vec<ClientId>,
    clocks: Clocks,
    field: &str,
) -> Result<Explained, QueryError> {
    let root = members.first().copied().unwrap_or_default();
    let (mut last, mut settings, mut card) = (Value::Null, Vec::new(), Value::Null);
    trace_client(source, zone, now, members, clocks, &mut |placed, reader| {
        card = client::card(reader, Owner::from(root))?
            .map_or(Value::Null, |card| serde_json::to_value(card).unwrap_or_default());
        let value = find(&card, field).cloned().unwrap_or_default();
        if value != last {
            settings.push(setting(&placed.fact, &last, &value)?);
            last = value;
        }
        Ok(())
    })
    .await?;
    let top = field.split('.').next().unwrap_or_default();
    if let Value::Object(card) = &card
        && !card.contains_key(top)
    {
        let known: Vec<&str> = card.keys().map(String::as_str).collect();
        let reason = format!("a card has no field {top:?}, it has {}", known.join(", "));
        return Err(QueryError::Parameter { name: "field", reason });
    }
    Ok(Explained { client: root, field: field.to_owned(), value: last, settings })
}

fn setting(fact: &Fact, before: &Value, value: &Value) -> Result<Setting, QueryError> {
    let meta = fact.meta().map_err(|error| QueryError::Storage(Box::new(error)))?;
    let said = fact.event.to_json(&fact.opened);
    Ok(Setting {
        change: number(value).or_else(|| number(before).map(|_| 0)).map(|now| now - number(before).unwrap_or(0)),
        value: value.clone(),
        event: Cited::new(fact, meta),
        corrected_by: fact.corrected_by,
        reason: said.get("reason").filter(|reason| !reason.is_null()).cloned(),
    })
}

/// A whole number, or money in minor units.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.get("minor")?.as_i64())
}

/// The part of a document that a path names.
fn find<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = document;
    for name in path.split('.') {
        at = match at {
            Value::Object(map) => map.get(name)?,
            Value::Array(list) => match name.parse::<usize>() {
                Ok(place) => list.get(place)?,
                Err(_) => list.iter().find(|element| names(element, name, 2))?,
            },
            _ => return None,
        };
    }
    Some(at)
}

/// Whether a text stands somewhere in an element, at most so deep.
fn names(element: &Value, name: &str, depth: u32) -> bool {
    match element {
        Value::String(text) => text == name,
        Value::Object(map) => depth > 0 && map.values().any(|value| names(value, name, depth - 1)),
        _ => false,
    }
}

/// A sum of money over all clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyTotal {
    /// What they owe.
    Owed,
    /// What they paid, less refunds.
    Paid,
    /// What was invoiced.
    Invoiced,
}

impl MoneyTotal {
    /// Their names.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("owed", Self::Owed), ("paid", Self::Paid), ("invoiced", Self::Invoiced)];

    /// The column of an order, and of what names no order.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Owed => ("owed_minor", "services_minor - paid_minor + refunded_minor"),
            Self::Paid => ("paid_minor - refunded_minor", "paid_minor - refunded_minor"),
            Self::Invoiced => ("invoiced_minor", "0"),
        }
    }
}

/// A client's part of a total. What it is made of says [`explain`] of his card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The client, the head of his group.
    pub client: ClientId,
    /// His part.
    pub amount: Money,
    /// The field of his card that holds it.
    pub field: String,
}

/// The clients that make up a total, by id; those whose part is zero are left out.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn parts(
    reader: &Reader<'_>,
    total: MoneyTotal,
    currency: letopis_core::money::Currency,
    window: &Window,
) -> Result<Page<Part>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let word = MoneyTotal::WORDS.iter().find(|(_, known)| *known == total).map_or("", |(word, _)| word);
    let shape = format!("parts {word} {currency}");
    let after = window.place(&shape, 1)?.map_or_else(|| Atom::Text("".into()), |mut place| place.remove(0));
    let (of_order, of_rest) = total.columns();
    let sql = format!(
        "SELECT client, SUM(part) AS total FROM (
             SELECT client, {of_order} AS part FROM client_order WHERE currency = ?1
             UNION ALL SELECT client, {of_rest} FROM unallocated WHERE currency = ?1)
         WHERE client > ?2 GROUP BY client HAVING total <> 0 ORDER BY client LIMIT {wanted}"
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let rows = statement.query_map((currency.put(), &after), |row| {
        let field = format!("money.{currency}.{word}");
        Ok(Part { client: cell(row, 0)?, amount: Money { minor: row.get(1)?, currency }, field })
    })?;
    let parts: Vec<Part> = rows.collect::<Result<_, _>>()?;
    Ok(Page::cut(parts, limit, &shape, |part| vec![part.client.put()]))
}
