//! What can be checked of one row by itself: its hashes, its envelope, whether its contents can be read.

use foldhash::HashMap;
use letopis_core::events::log::Erased;
use letopis_core::events::{Event, LogEvent};
use letopis_core::log::sqlite::audit::RawEvent;
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::leaf::{Hash, LEAF_LEN, Meta, facts_hash, meta_hash, sealed_hash};
use letopis_core::trust::seal;

/// A row with the hashes of its bodies.
pub(super) struct Checked {
    pub(super) position: u64,
    pub(super) stream: i64,
    pub(super) version: u64,
    pub(super) id: [u8; 16],
    pub(super) recorded_at: i64,
    pub(super) meta: Hash,
    pub(super) facts: Hash,
    pub(super) sealed: Hash,
    pub(super) has_sealed: bool,
    pub(super) sealed_under: Option<u64>,
    pub(super) erased: bool,
    /// What it records, when it is an erasure.
    pub(super) erasure: Option<Box<Erased>>,
    pub(super) leaf: Hash,
    pub(super) bytes: u64,
    pub(super) problems: Vec<String>,
}

pub(super) struct Bodies<'a> {
    types: HashMap<i64, &'a (String, u16)>,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(types: &'a std::collections::HashMap<i64, (String, u16)>) -> Self {
        Self { types: types.iter().map(|(key, name)| (*key, name)).collect() }
    }

    pub(super) fn check(&self, event: &RawEvent<'_>) -> Checked {
        let (mut problems, mut erasure) = (Vec::new(), None);
        let occurred = Moment { at: Timestamp(event.occurred_at), offset_min: event.offset_min };
        let meta = match self.types.get(&event.event_type) {
            Some((name, schema)) => {
                match Event::from_facts(name, *schema, event.facts) {
                    Ok(Event::Log(LogEvent::Erased(record))) => erasure = Some(Box::new(record)),
                    Ok(_) => {}
                    Err(error) => problems.push(format!("its facts are not those of a {name}: {error}")),
                }
                meta_hash(name, *schema, occurred, event.order, event.meta)
            }
            None => {
                problems.push(format!("its type, number {}, is not in the table of types", event.event_type));
                Hash::default()
            }
        };
        if let Err(error) = Meta::decode(event.meta) {
            problems.push(error.to_string());
        }
        let sealed = event.sealed_hash.unwrap_or_default();
        let mut sealed_under = None;
        if let Some(envelope) = event.envelope {
            if sealed_hash(Some(envelope)) != sealed {
                problems.push("its sealed part is not the one whose hash is recorded".to_owned());
            }
            match seal::key_id(envelope) {
                Ok(key) => sealed_under = Some(key),
                Err(error) => problems.push(error.to_string()),
            }
        }
        let length = |bytes: &[u8]| bytes.len() as u64;
        Checked {
            bytes: length(event.meta)
                + length(event.facts)
                + event.envelope.map_or(0, length)
                + LEAF_LEN as u64
                + 1
                + 16,
            facts: facts_hash(&event.salt, event.facts),
            meta,
            sealed,
            sealed_under,
            has_sealed: event.sealed_hash.is_some(),
            erasure,
            erased: event.sealed_hash.is_some() && event.envelope.is_none(),
            position: event.position,
            stream: event.stream,
            version: event.version,
            id: event.id,
            recorded_at: event.recorded_at,
            leaf: event.leaf,
            problems,
        }
    }
}
