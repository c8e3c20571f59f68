//! An event as answers cite it: what, whose, when on both clocks, by whom.

use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EventId, Position};
use letopis_core::time::Moment;
use letopis_core::trust::leaf::Meta;
use serde::Serialize;

/// An event, and where to find it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cited {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// The record in whose stream it stands.
    pub client: Option<ClientId>,
    /// Its place in the log.
    pub position: Position,
    /// When it happened.
    pub occurred_at: Moment,
    /// When we learnt it.
    pub recorded_at: Moment,
    /// Who recorded it.
    pub actor: String,
    /// From which system.
    pub source: String,
}

impl Cited {
    pub(super) fn new(fact: &Fact, meta: Meta) -> Self {
        Self {
            event: fact.id,
            event_type: fact.event.type_name().to_owned(),
            client: fact.client,
            position: fact.position,
            occurred_at: fact.occurred,
            recorded_at: Moment::utc(fact.recorded_at),
            actor: meta.actor,
            source: meta.source,
        }
    }
}
