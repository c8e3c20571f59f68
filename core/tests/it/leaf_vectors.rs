//! Leaf v1 is frozen: the vectors were computed by another program from the format's description.

use letopis_core::ids::{CommitId, EventId, Position, Version};
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::leaf::{Hash, Leaf, Meta, facts_hash, meta_hash, sealed_hash, stream_tag};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    position: Position,
    stream: String,
    version: Version,
    prev: String,
    id: EventId,
    recorded_at_us: Timestamp,
    #[serde(rename = "type")]
    event_type: String,
    schema: u16,
    occurred_at_us: Timestamp,
    offset_min: i16,
    order: i32,
    actor: String,
    source: String,
    correlation: Option<EventId>,
    causation: Option<EventId>,
    commit: CommitId,
    commit_index: u32,
    commit_count: u32,
    salt: String,
    facts: String,
    sealed: Option<String>,
    meta: String,
    stream_tag: String,
    meta_hash: String,
    facts_hash: String,
    sealed_hash: String,
    leaf: String,
    leaf_hash: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(text: &str) -> Hash {
    bytes(text).try_into().expect("32 bytes")
}

#[test]
fn leaves_are_what_they_were_on_the_first_day() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../../fixtures/trust/leaf-v1.json")).expect("reads");
    assert!(vectors.len() >= 4);
    for v in vectors {
        let meta = Meta {
            actor: v.actor,
            source: v.source,
            correlation: v.correlation,
            causation: v.causation,
            commit: v.commit,
            index: v.commit_index,
            count: v.commit_count,
        };
        let encoded = meta.encode();
        assert_eq!(hex(&encoded), v.meta);
        let occurred = Moment { at: v.occurred_at_us, offset_min: v.offset_min };
        let salt = bytes(&v.salt).try_into().expect("16 bytes");
        let leaf = Leaf {
            position: v.position,
            stream_tag: stream_tag(&v.stream),
            version: v.version,
            prev: hash(&v.prev),
            id: v.id,
            recorded_at: v.recorded_at_us,
            meta: meta_hash(&v.event_type, v.schema, occurred, v.order, &encoded),
            facts: facts_hash(&salt, v.facts.as_bytes()),
            sealed: sealed_hash(v.sealed.as_deref().map(bytes).as_deref()),
        };
        assert_eq!(hex(&leaf.stream_tag), v.stream_tag);
        assert_eq!(hex(&leaf.meta), v.meta_hash);
        assert_eq!(hex(&leaf.facts), v.facts_hash);
        assert_eq!(hex(&leaf.sealed), v.sealed_hash);
        assert_eq!(hex(&leaf.to_bytes()), v.leaf);
        assert_eq!(hex(&leaf.hash()), v.leaf_hash);
    }
}
