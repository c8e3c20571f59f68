//! Events about events: what we learnt to be otherwise. They are filtered by the recorded clock only
//! and act at the time of their target.

use serde_json::{Map, Value};

use super::{DecodeError, Event};
use crate::code::Code;
use crate::ids::{ClientId, EventId};
use crate::personal::{Opened, Personal, Subject};
use crate::time::Moment;

area! {
    /// Events about events.
    KnowledgeEvent in Knowledge "knowledge";

    /// An event of this stream was wrong; this is what it should have said. The last correction counts.
    event Corrected = "event.corrected" @ 1 {
        /// The event that was wrong.
        target: EventId,
        /// Its type.
        target_type: Code,
        /// The payload version of the facts below.
        target_schema: u16,
        /// Its facts as they should have been.
        facts: Value,
    } optional {
        /// When it really happened.
        occurred_at: Moment,
        /// Its place among things that happened at one instant.
        order: i32,
    } personal {
        /// Its personal fields as they should have been.
        personal: Map<String, Value>,
        /// Why.
        reason: String,
    }

    /// An event of this stream never happened. Also takes back a correction.
    event Retracted = "event.retracted" @ 1 {
        /// The event that never happened.
        target: EventId,
    } personal {
        /// Why.
        reason: String,
    }
}

impl Corrected {
    /// The event as it should have been.
    ///
    /// # Errors
    /// When the corrected facts are not what their type declares.
    pub fn replacement(&self) -> Result<Event, DecodeError> {
        let facts = super::canonical(&self.facts);
        let mut event = Event::from_facts(self.target_type.as_str(), self.target_schema, &facts)?;
        event.fill(&match &self.personal {
            Personal::Absent => Opened::Nothing,
            Personal::Known(values) => Opened::Values(values.clone()),
            Personal::Sealed => Opened::Sealed,
            Personal::Erased => Opened::Erased,
        })?;
        Ok(event)
    }

    /// The subject of the target: a correction is sealed under the same key.
    pub(crate) fn subject(&self, client: ClientId) -> Subject {
        self.replacement().map_or(Subject::Client(client), |event| event.subject(client))
    }
}
