//! What the sequencer adds to an event: when it is recorded, and its leaf.

use std::sync::Arc;

use super::NewEvent;
use crate::ids::{Position, Version};
use crate::time::{Clock, DAY_US, Timestamp};
use crate::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, sealed_hash, stream_tag};

/// How far the clock may run ahead of the time that really passed, in microseconds.
const MAX_AHEAD_US: i64 = DAY_US;

/// Gives out `recorded_at`: the clock's time, never running back.
pub(super) struct Recorder {
    clock: Arc<dyn Clock>,
    offset: i64,
    last: Timestamp,
}

impl Recorder {
    /// `last` is the time of the last recorded event.
    pub(super) fn new(clock: Arc<dyn Clock>, last: Timestamp) -> Self {
        let offset = clock.now().0.saturating_sub(clock.steady().0);
        Self { clock, offset, last }
    }

    /// The time to record at, or why it cannot be told.
    ///
    /// A clock that is set far ahead by mistake would freeze `recorded_at` there for ever; so it is refused
    /// unless that much time has really passed since the start.
    pub(super) fn now(&self) -> Result<Timestamp, String> {
        let now = self.clock.now();
        let due = self.clock.steady().0.saturating_add(self.offset).max(self.last.0);
        if now.0 > due.saturating_add(MAX_AHEAD_US) {
            return Err(format!(
                "the clock says {now}, but by the time that passed it should be about {}: set it right, or restart if it is right",
                Timestamp(due)
            ));
        }
        Ok(now.max(self.last))
    }

    /// An event was recorded at this time.
    pub(super) fn used(&mut self, at: Timestamp) {
        self.last = at;
    }
}

/// The hashes of a new event that do not depend on its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashes {
    stream_tag: Hash,
    meta: Hash,
    facts: Hash,
    /// Of the sealed envelope; zeros if there is none.
    pub(super) sealed: Hash,
}

impl Hashes {
    pub(super) fn of(event: &NewEvent) -> Self {
        Self {
            stream_tag: stream_tag(event.stream.as_str()),
            meta: meta_hash(&event.event_type, event.schema, event.occurred, event.order, &event.meta),
            facts: facts_hash(&event.salt, &event.facts),
            sealed: sealed_hash(event.sealed.as_deref()),
        }
    }

    /// The leaf hash of the event at its place; `prev` is the one of the stream's previous event.
    pub(super) fn leaf(
        &self,
        event: &NewEvent,
        position: Position,
        version: Version,
        prev: Hash,
        at: Timestamp,
    ) -> Hash {
        let Self { stream_tag, meta, facts, sealed } = *self;
        Leaf { position, stream_tag, version, prev, id: event.id, recorded_at: at, meta, facts, sealed }.hash()
    }
}
