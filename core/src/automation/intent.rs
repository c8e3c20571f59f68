//! [`Intent`]: an event that is to be recorded by rule.

use serde_json::{Map, Value, json};

use super::ACTOR;
use crate::ids::{ClientId, EventId};
use crate::time::Moment;

/// An event that is to be recorded by rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Its id, derived from rule and cause.
    pub id: EventId,
    /// Its type.
    pub event_type: &'static str,
    /// In whose stream.
    pub client: ClientId,
    /// When it happens: with its cause.
    pub occurred: Moment,
    /// Its place among things that happen at one instant: after its cause.
    pub order: i32,
    /// The event that causes it.
    pub causation: EventId,
    /// What both belong to.
    pub correlation: EventId,
    /// Its payload.
    pub data: Map<String, Value>,
}

impl Intent {
    /// As it is posted.
    pub fn item(&self) -> Value {
        json!({
            "id": self.id, "type": self.event_type, "client": self.client, "source": ACTOR,
            "occurred_at": self.occurred, "order": self.order,
            "causation": self.causation, "correlation": self.correlation, "data": self.data,
        })
    }
}

/// An id of 128 bits that follows from its parts. They hold ids that nobody can guess, so no key is needed: every
/// machine derives the same one.
pub(super) fn derive(kind: &str, parts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key("letopis automation intent v1");
    for part in std::iter::once(&kind).chain(parts) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    u128::from_be_bytes(out)
}
