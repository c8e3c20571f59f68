//! [`Fact`]: a recorded event, decoded; and what a set of facts comes to when it is put in order.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::events::{Event, KnowledgeEvent, LogEvent};
use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::{LogError, Recorded, SealedPart, StreamName};
use crate::personal::Opened;
use crate::time::{Moment, Timestamp};
use crate::trust::leaf::Meta;
use crate::trust::seal::{self, Place};
use crate::trust::vault::Vault;

/// A recorded event, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// The client in whose stream it stands; `None` for definitions.
    pub client: Option<ClientId>,
    /// Its place in its stream.
    pub version: Version,
    /// Its id.
    pub id: EventId,
    /// When it happened.
    pub occurred: Moment,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// When we learnt it.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What its entities are called in other systems, field by field (`"deal": "shop:D-7"`); empty when
    /// the personal part is closed.
    pub refs: Map<String, Value>,
    /// State of the personal part, without its values.
    pub opened: Opened,
    /// The correction that gave it its present content.
    pub corrected_by: Option<EventId>,
    meta: Box<[u8]>,
}

/// The place of a fact among the facts of its client: `(occurred_at, order, event id)`.
pub type FoldOrder = (Timestamp, i32, EventId);

/// Whether personal parts are opened.
#[derive(Debug, Clone, Copy)]
pub enum Opener<'a> {
    /// They stay closed.
    Closed,
    /// They are opened with the keys of this vault.
    Vault(&'a Vault),
}

/// Name under which the names of entities in other systems lie in the sealed part.
pub(crate) const REFS: &str = "refs";

impl Fact {
    /// Decodes a recorded event.
    ///
    /// # Errors
    /// When its bytes are not what its type declares, or an envelope does not open with the key of its subject.
    pub fn decode(recorded: Recorded, opener: Opener<'_>) -> Result<Self, LogError> {
        let failed = |error: &dyn std::error::Error| {
            LogError::damage(format!(
                "event {} ({}) at position {}: {error}",
                recorded.id, recorded.event_type, recorded.position
            ))
        };
        let mut event =
            Event::from_facts(&recorded.event_type, recorded.schema, &recorded.facts).map_err(|e| failed(&e))?;
        let mut opened = open(&recorded, opener)?;
        let mut refs = Map::new();
        if let Opened::Values(values) = &mut opened
            && let Some(Value::Object(found)) = values.remove(REFS)
        {
            refs = found;
        }
        event.fill(&opened).map_err(|e| failed(&e))?;
        if let Opened::Values(values) = &mut opened {
            values.clear();
        }
        Ok(Self {
            position: recorded.position,
            client: recorded.stream.client_id(),
            stream: recorded.stream,
            version: recorded.version,
            id: recorded.id,
            occurred: recorded.occurred,
            order: recorded.order,
            recorded_at: recorded.recorded_at,
            event,
            refs,
            opened,
            corrected_by: None,
            meta: recorded.meta,
        })
    }

    /// A fact as a test needs it: in a client's stream, in UTC, with everything else at its simplest.
    #[doc(hidden)]
    pub fn sample(position: u64, client: ClientId, at: Timestamp, event: impl Into<Event>) -> Self {
        Self {
            position: Position(position),
            stream: StreamName::client(client),
            client: Some(client),
            version: Version(position),
            id: EventId(u128::from(position)),
            occurred: Moment::utc(at),
            order: 0,
            recorded_at: Timestamp(at.0 + 1),
            event: event.into(),
            refs: Map::new(),
            opened: Opened::Nothing,
            corrected_by: None,
            meta: Meta::default().encode().into(),
        }
    }

    /// Its place among the facts of its client.
    pub fn fold_order(&self) -> FoldOrder {
        (self.occurred.at, self.order, self.id)
    }

    /// Who recorded it, from where, in which commit.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn meta(&self) -> Result<Meta, LogError> {
        Meta::decode(&self.meta).map_err(|error| LogError::new(format!("event at position {}", self.position), error))
    }

    /// Whether it is filtered by the recorded clock only: a correction, a retraction, a merge, an identity, an
    /// erasure, an export.
    pub fn is_knowledge(&self) -> bool {
        use crate::events::ClientEvent as C;
        match &self.event {
            Event::Knowledge(_) | Event::Log(LogEvent::Erased(_) | LogEvent::Exported(_)) => true,
            Event::Client(event) => {
                matches!(event, C::Merged(_) | C::Unmerged(_) | C::IdentityLinked(_) | C::IdentityUnlinked(_))
            }
            _ => false,
        }
    }
}

fn open(recorded: &Recorded, opener: Opener<'_>) -> Result<Opened, LogError> {
    let envelope = match (&recorded.sealed, opener) {
        (SealedPart::None, _) => return Ok(Opened::Nothing),
        (SealedPart::Erased(_), _) => return Ok(Opened::Erased),
        (SealedPart::Present(_), Opener::Closed) => return Ok(Opened::Sealed),
        (SealedPart::Present(envelope), Opener::Vault(_)) => envelope,
    };
    let Opener::Vault(vault) = opener else { return Ok(Opened::Sealed) };
    let failed = |error| LogError::new(format!("event {} at position {}", recorded.id, recorded.position), error);
    let Some(key) = vault.key(seal::key_id(envelope).map_err(failed)?)? else { return Ok(Opened::Erased) };
    let place =
        Place { stream: &recorded.stream, id: recorded.id, event_type: &recorded.event_type, schema: recorded.schema };
    seal::open(&key, place, envelope).map(Opened::Values).map_err(failed)
}

/// What a set of recorded facts comes to: corrected, without what was retracted, in fold order.
///
/// `facts` may come in any order; the last correction of an event by position counts, unless it was
/// itself retracted. Knowledge events other than corrections and retractions stay in the result.
/// Corrections that cannot be read are left out and named in the second part.
pub fn effective(mut facts: Vec<Fact>) -> (Vec<Fact>, Vec<EventId>) {
    let mut broken = Vec::new();
    if facts.iter().any(|fact| matches!(fact.event, Event::Knowledge(_))) {
        facts.sort_unstable_by_key(|fact| fact.position);
        let retracted: std::collections::HashSet<EventId> = facts
            .iter()
            .filter_map(|fact| match &fact.event {
                Event::Knowledge(KnowledgeEvent::Retracted(event)) => Some(event.target),
                _ => None,
            })
            .collect();
        let mut corrections = HashMap::new();
        facts.retain(|fact| {
            if let Event::Knowledge(KnowledgeEvent::Corrected(event)) = &fact.event
                && !retracted.contains(&fact.id)
            {
                corrections.insert(event.target, (fact.id, event.clone()));
            }
            !matches!(fact.event, Event::Knowledge(_)) && !retracted.contains(&fact.id)
        });
        for fact in &mut facts {
            let Some((by, correction)) = corrections.get(&fact.id) else { continue };
            match correction.replacement() {
                Ok(event) => fact.event = event,
                Err(_) => {
                    broken.push(*by);
                    continue;
                }
            }
            if let Some(occurred) = correction.occurred_at {
                fact.occurred = occurred;
            }
            if let Some(order) = correction.order {
                fact.order = order;
            }
            fact.corrected_by = Some(*by);
        }
    }
    facts.sort_unstable_by_key(Fact::fold_order);
    (facts, broken)
}
