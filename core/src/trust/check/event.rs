//! Single events: bodies against leaves, envelopes against keys, erasures against their records.

use serde_json::Value;

use super::{Checked, Rejection};
use crate::events::log::{Erased, Forked, Sealed};
use crate::events::{Event, LogEvent};
use crate::ids::Position;
use crate::log::StreamName;
use crate::time::{Moment, Timestamp};
use crate::trust::bundle::{Bundle, EventPart, SealedState};
use crate::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, sealed_hash};
use crate::trust::missing::{Misfit, Missing};
use crate::trust::seal::{self, DataKey, OpenError, Place};

/// The event that records an erasure, in the stream whose envelopes are gone.
const ERASURE: &str = "client.erased";

/// Reads the leaf of an event and compares its bodies with it.
pub(super) fn read(part: &EventPart, tag: Hash) -> Result<Checked<'_>, Rejection> {
    let leaf = Leaf::from_bytes(&part.leaf.0).ok_or(Rejection::LeafVersion)?;
    let position = leaf.position;
    if leaf.stream_tag != tag {
        return Err(Rejection::OtherStream { position });
    }
    let occurred = Moment { at: Timestamp(part.occurred_at), offset_min: part.offset_min };
    if part.event_type.len() > usize::from(u16::MAX)
        || meta_hash(&part.event_type, part.schema, occurred, part.order, &part.meta.0) != leaf.meta
    {
        return Err(Rejection::MetaAltered { position });
    }
    if facts_hash(&part.salt.0, part.facts.as_bytes()) != leaf.facts {
        return Err(Rejection::FactsAltered { position });
    }
    let fits = match &part.sealed {
        SealedState::None => leaf.sealed == [0; 32],
        SealedState::Envelope(envelope) => leaf.sealed == sealed_hash(Some(envelope)),
        SealedState::Erased => leaf.sealed != [0; 32],
    };
    if !fits {
        return Err(Rejection::SealedAltered { position });
    }
    Ok(Checked { part, leaf, hash: leaf.hash() })
}

/// What a `log.sealed` states; `None` for any other event.
pub(super) fn seal_of(part: &EventPart) -> Option<Sealed> {
    match Event::from_facts(&part.event_type, part.schema, part.facts.as_bytes()) {
        Ok(Event::Log(LogEvent::Sealed(seal))) => Some(seal),
        _ => None,
    }
}

/// What a `log.forked` records; `None` for any other event.
pub(super) fn fork_of(part: &EventPart) -> Option<Forked> {
    match Event::from_facts(&part.event_type, part.schema, part.facts.as_bytes()) {
        Ok(Event::Log(LogEvent::Forked(fork))) => Some(fork),
        _ => None,
    }
}

/// What a `client.erased` records; `None` for any other event.
fn erasure_of(part: &EventPart) -> Option<Erased> {
    match Event::from_facts(&part.event_type, part.schema, part.facts.as_bytes()) {
        Ok(Event::Log(LogEvent::Erased(record))) => Some(record),
        _ => None,
    }
}

/// Whether the erasures of a stream name every sealed part that is missing from it, and no other; the events in their
/// order, each with its position.
pub(in crate::trust) fn erasures<'e>(
    stream: impl IntoIterator<Item = (Position, &'e EventPart)>,
) -> Result<(), Misfit> {
    let mut missing = Missing::default();
    for (position, part) in stream {
        if part.sealed == SealedState::Erased {
            missing.gap(position);
        }
        if part.event_type == ERASURE {
            missing.erasure(position, erasure_of(part).as_ref())?;
        }
    }
    missing.finish()
}

/// How many personal parts are in which state.
#[derive(Default)]
pub(super) struct Counts {
    pub opened: u64,
    pub closed: u64,
    pub erased: u64,
}

/// Opens every envelope whose key is in the bundle; each key has to open one.
pub(super) fn open_all(bundle: &Bundle, events: &[Checked<'_>]) -> Result<Counts, Rejection> {
    for (at, key) in bundle.keys.iter().enumerate() {
        if at > 0 && bundle.keys[at - 1].id >= key.id {
            return Err(Rejection::KeyOrder { id: key.id });
        }
    }
    let mut counts = Counts::default();
    let mut used = vec![false; bundle.keys.len()];
    for event in events {
        let envelope = match &event.part.sealed {
            SealedState::None => continue,
            SealedState::Erased => {
                counts.erased += 1;
                continue;
            }
            SealedState::Envelope(envelope) => envelope,
        };
        let position = event.leaf.position;
        let id = seal::key_id(envelope).map_err(|_| Rejection::DoesNotOpen { position })?;
        let Ok(at) = bundle.keys.binary_search_by_key(&id, |key| key.id) else {
            counts.closed += 1;
            continue;
        };
        used[at] = true;
        open(event, envelope, DataKey::new(bundle.keys[at].key.0), bundle)?;
        counts.opened += 1;
    }
    match used.iter().position(|used| !used) {
        Some(at) => Err(Rejection::KeyOrder { id: bundle.keys[at].id }),
        None => Ok(counts),
    }
}

fn open(event: &Checked<'_>, envelope: &[u8], key: DataKey, bundle: &Bundle) -> Result<(), Rejection> {
    let position = event.leaf.position;
    let owner = bundle.clients.iter().find(|part| part.events.iter().any(|one| std::ptr::eq(one, event.part)));
    let owner = owner.ok_or(Rejection::DoesNotOpen { position })?;
    let stream = StreamName::client(owner.client);
    let place =
        Place { stream: &stream, id: event.leaf.id, event_type: &event.part.event_type, schema: event.part.schema };
    match seal::open(&key, place, envelope) {
        Ok(_) => Ok(()),
        Err(OpenError::OtherKey) => Err(Rejection::OtherKey { position }),
        Err(OpenError::Altered | OpenError::Form) => Err(Rejection::DoesNotOpen { position }),
    }
}

/// The client that a merge or un-merge is about.
pub(in crate::trust) fn absorbed(facts: &str) -> Option<crate::ids::ClientId> {
    let facts: Value = serde_json::from_str(facts).ok()?;
    facts.get("absorbed")?.as_str()?.parse().ok()
}
