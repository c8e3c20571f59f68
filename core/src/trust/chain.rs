//! Whether an event stands where it says: its leaf recomputed, its stream's chain and the clock followed.

use crate::ids::{Position, Version};
use crate::log::{LogError, Recorded, SealedPart};
use crate::time::Timestamp;
use crate::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, sealed_hash, stream_tag};

/// The end of a stream, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// The last version.
    pub version: Version,
    /// Its leaf hash.
    pub leaf: Hash,
}

/// The end of the log, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The last position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl Default for Tail {
    fn default() -> Self {
        Self { position: Position(0), recorded_at: Timestamp(i64::MIN) }
    }
}

/// The leaf of an event as it was read, after the leaf hash of its stream's previous event.
pub fn leaf_of(event: &Recorded, prev: Hash) -> Leaf {
    Leaf {
        position: event.position,
        stream_tag: stream_tag(event.stream.as_str()),
        version: event.version,
        prev,
        id: event.id,
        recorded_at: event.recorded_at,
        meta: meta_hash(&event.event_type, event.schema, event.occurred, event.order, &event.meta),
        facts: facts_hash(&event.salt, &event.facts),
        sealed: match &event.sealed {
            SealedPart::None => [0; 32],
            SealedPart::Present(envelope) => sealed_hash(Some(envelope)),
            SealedPart::Erased(hash) => *hash,
        },
    }
}

/// The leaf of the event that comes next, after the ends of the log and of its stream.
///
/// # Errors
/// What is wrong with it, and where.
pub fn next(event: &Recorded, tail: Tail, end: End) -> Result<Leaf, LogError> {
    let damaged = |what: String| {
        Err(LogError::damage(format!("the event at position {} of stream {} {what}", event.position, event.stream)))
    };
    if event.position.0 != tail.position.0 + 1 {
        return damaged(format!("follows position {}", tail.position));
    }
    if event.version.0 != end.version.0 + 1 {
        return damaged(format!("has version {} after version {}", event.version, end.version));
    }
    if event.recorded_at < tail.recorded_at {
        return damaged(format!("was recorded at {}, before the one before it", event.recorded_at));
    }
    let leaf = leaf_of(event, end.leaf);
    if leaf.hash() != event.leaf {
        return damaged("was altered: its content does not give its leaf hash".to_owned());
    }
    Ok(leaf)
}
