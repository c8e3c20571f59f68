//! Coded attributes of clients as of any instant: a rule that asks for the class of a client asks for the class he
//! had when it happened.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::{ClientEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::ClientId;
use letopis_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::projection::{Context, Projection};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Json, Owner};
use crate::row;

/// An attribute got a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub attribute: Code,
    /// Its value since; none when it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Code>,
}

row! {
    /// What became of the attributes of a client.
    pub struct AttributesRow in "client_attributes" {
        /// The client.
        key client_id: ClientId,
        owner client,
        /// Every change, in fold order.
        changes: Json<Vec<Change>>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes;

impl Projection for Attributes {
    const NAME: &'static str = "client_attributes";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["client"];
    type Row = AttributesRow;

    fn route(&self, fact: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>) {
        let sets = match &fact.event {
            Event::Client(ClientEvent::Registered(e)) => !e.attributes.is_empty(),
            Event::Client(ClientEvent::AttributeChanged(_)) => true,
            _ => false,
        };
        if sets {
            keys.push(cx.owner.0);
        }
    }

    fn fold(&self, row: &mut AttributesRow, fact: &Fact, _cx: &Context<'_>) {
        let at = fact.occurred.at;
        match &fact.event {
            Event::Client(ClientEvent::Registered(e)) => {
                let set = |(attribute, value): (&Code, &Code)| Change {
                    at,
                    attribute: attribute.clone(),
                    value: Some(value.clone()),
                };
                row.changes.0.extend(e.attributes.iter().map(set));
            }
            Event::Client(ClientEvent::AttributeChanged(e)) => {
                row.changes.0.push(Change { at, attribute: e.attribute.clone(), value: e.new.clone() });
            }
            _ => {}
        }
    }
}

/// What became of the attributes of some clients.
#[derive(Debug, Default)]
pub struct Dated(BTreeMap<Owner, Vec<Change>>);

impl Dated {
    /// Of all clients.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(reader: &Reader<'_>) -> Result<Self, QueryError> {
        let rows = reader.rows::<AttributesRow>("", &[])?;
        Ok(Self(rows.into_iter().map(|row| (row.client, row.changes.0)).collect()))
    }

    /// Of one client.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(reader: &Reader<'_>, client: Owner) -> Result<Self, QueryError> {
        let rows = reader.rows::<AttributesRow>("WHERE client = ?1", &[&client.put()])?;
        Ok(Self(rows.into_iter().map(|row| (row.client, row.changes.0)).collect()))
    }

    /// The attributes of a client at an instant, inclusive, as an object.
    pub fn at(&self, client: Owner, at: Timestamp) -> Value {
        let mut held = serde_json::Map::new();
        for change in self.0.get(&client).into_iter().flatten().filter(|change| change.at <= at) {
            let value = change.value.as_ref().map_or(Value::Null, |value| value.as_str().into());
            held.insert(change.attribute.to_string(), value);
        }
        Value::Object(held)
    }
}
