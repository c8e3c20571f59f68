//! Leaf v1: the fixed 201 bytes of an event that the Merkle tree is built over. Frozen.
//!
//! All numbers big-endian. `leaf_hash = SHA-256(0x00 ‖ leaf)` as in RFC 6962 §2.1; test vectors stand
//! in `fixtures/trust/leaf-v1.json`.

use sha2::{Digest, Sha256};

use crate::ids::{CommitId, EventId, Position, Version};
use crate::time::{Moment, Timestamp};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Length of a leaf in bytes.
pub const LEAF_LEN: usize = 1 + 8 + 32 + 8 + 32 + 16 + 8 + 32 + 32 + 32;

/// What one leaf says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Place in the log.
    pub position: Position,
    /// [`stream_tag`] of its stream.
    pub stream_tag: Hash,
    /// Place in the stream.
    pub version: Version,
    /// Leaf hash of the stream's previous event; zeros for the first.
    pub prev: Hash,
    /// The event.
    pub id: EventId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// [`meta_hash`].
    pub meta: Hash,
    /// [`facts_hash`].
    pub facts: Hash,
    /// [`sealed_hash`]; zeros when nothing is sealed.
    pub sealed: Hash,
}

impl Leaf {
    /// The frozen bytes.
    pub fn to_bytes(&self) -> [u8; LEAF_LEN] {
        let mut out = [0; LEAF_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&[1]);
        put(&self.position.0.to_be_bytes());
        put(&self.stream_tag);
        put(&self.version.0.to_be_bytes());
        put(&self.prev);
        put(&self.id.to_bytes());
        put(&(self.recorded_at.0 as u64).to_be_bytes());
        put(&self.meta);
        put(&self.facts);
        put(&self.sealed);
        out
    }

    /// The reverse of [`Leaf::to_bytes`]; `None` for another version.
    pub fn from_bytes(bytes: &[u8; LEAF_LEN]) -> Option<Self> {
        fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
            let (head, tail) = rest.split_first_chunk::<N>()?;
            *rest = tail;
            Some(*head)
        }
        let (1, mut rest) = (bytes[0], &bytes[1..]) else { return None };
        Some(Self {
            position: Position(u64::from_be_bytes(take(&mut rest)?)),
            stream_tag: take(&mut rest)?,
            version: Version(u64::from_be_bytes(take(&mut rest)?)),
            prev: take(&mut rest)?,
            id: EventId::from_bytes(take(&mut rest)?),
            recorded_at: Timestamp(u64::from_be_bytes(take(&mut rest)?) as i64),
            meta: take(&mut rest)?,
            facts: take(&mut rest)?,
            sealed: take(&mut rest)?,
        })
    }

    /// `SHA-256(0x00 ‖ leaf)`.
    pub fn hash(&self) -> Hash {
        Sha256::new_with_prefix([0]).chain_update(self.to_bytes()).finalize().into()
    }
}

/// `SHA-256("letopis/stream/v1" ‖ stream name)`.
pub fn stream_tag(stream: &str) -> Hash {
    Sha256::new_with_prefix(b"letopis/stream/v1").chain_update(stream).finalize().into()
}

/// `SHA-256(salt ‖ facts)`.
pub fn facts_hash(salt: &[u8; 16], facts: &[u8]) -> Hash {
    Sha256::new_with_prefix(salt).chain_update(facts).finalize().into()
}

/// SHA-256 of a sealed envelope; zeros for none.
pub fn sealed_hash(envelope: Option<&[u8]>) -> Hash {
    envelope.map_or([0; 32], |bytes| Sha256::digest(bytes).into())
}

/// Who recorded an event, from where, and in which commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// Who, an opaque id that comes from the caller's key.
    pub actor: String,
    /// From which system.
    pub source: String,
    /// What it belongs to.
    pub correlation: Option<EventId>,
    /// Which event caused it.
    pub causation: Option<EventId>,
    /// The commit.
    pub commit: CommitId,
    /// Place in the commit, from 0.
    pub index: u32,
    /// Events in the commit as it was submitted.
    pub count: u32,
}

/// The recorded bytes of a [`Meta`] are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event's metadata are damaged")]
pub struct DamagedMeta;

impl Meta {
    /// Canonical bytes: two texts with a u16 length each, two optional ids with a flag byte each, the
    /// commit's id, index and count.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.actor.len() + self.source.len());
        for text in [&self.actor, &self.source] {
            let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
            out.extend_from_slice(&(text.len() as u16).to_be_bytes());
            out.extend_from_slice(text);
        }
        for id in [self.correlation, self.causation] {
            out.push(u8::from(id.is_some()));
            if let Some(id) = id {
                out.extend_from_slice(&id.to_bytes());
            }
        }
        out.extend_from_slice(&self.commit.to_bytes());
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out
    }

    /// The reverse of [`Meta::encode`].
    ///
    /// # Errors
    /// When the bytes are not what `encode` writes.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DamagedMeta> {
        fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8], DamagedMeta> {
            let (head, tail) = bytes.split_at_checked(n).ok_or(DamagedMeta)?;
            *bytes = tail;
            Ok(head)
        }
        fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DamagedMeta> {
            take(bytes, N)?.try_into().map_err(|_| DamagedMeta)
        }
        fn text(bytes: &mut &[u8]) -> Result<String, DamagedMeta> {
            let len = u16::from_be_bytes(array(bytes)?);
            String::from_utf8(take(bytes, len.into())?.to_vec()).map_err(|_| DamagedMeta)
        }
        fn id(bytes: &mut &[u8]) -> Result<Option<EventId>, DamagedMeta> {
            match take(bytes, 1)? {
                [0] => Ok(None),
                [1] => Ok(Some(EventId::from_bytes(array(bytes)?))),
                _ => Err(DamagedMeta),
            }
        }
        let meta = Self {
            actor: text(&mut bytes)?,
            source: text(&mut bytes)?,
            correlation: id(&mut bytes)?,
            causation: id(&mut bytes)?,
            commit: CommitId::from_bytes(array(&mut bytes)?),
            index: u32::from_be_bytes(array(&mut bytes)?),
            count: u32::from_be_bytes(array(&mut bytes)?),
        };
        if bytes.is_empty() { Ok(meta) } else { Err(DamagedMeta) }
    }
}

/// SHA-256 of the type (u16 length, text), schema (u16), occurred_at (i64 µs), offset (i16 minutes),
/// order (i32) and the bytes of [`Meta::encode`].
pub fn meta_hash(event_type: &str, schema: u16, occurred: Moment, order: i32, meta: &[u8]) -> Hash {
    Sha256::new()
        .chain_update((event_type.len() as u16).to_be_bytes())
        .chain_update(event_type)
        .chain_update(schema.to_be_bytes())
        .chain_update(occurred.at.0.to_be_bytes())
        .chain_update(occurred.offset_min.to_be_bytes())
        .chain_update(order.to_be_bytes())
        .chain_update(meta)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_leaf_of_version_one_reads_back(mut bytes: [[u8; 67]; 3]) {
            bytes[0][0] = 1;
            let bytes: [u8; LEAF_LEN] = bytes.concat().try_into().expect("201 bytes");
            prop_assert_eq!(Leaf::from_bytes(&bytes).map(|leaf| leaf.to_bytes()), Some(bytes));
        }

        #[test]
        fn metadata_read_back_and_cut_metadata_are_refused(actor in ".{0,40}", source in ".{0,40}", c: Option<u128>, e: Option<u128>, commit: u128, index: u32, count: u32, cut in 0usize..200) {
            let meta = Meta { actor, source, correlation: c.map(EventId), causation: e.map(EventId), commit: CommitId(commit), index, count };
            let bytes = meta.encode();
            prop_assert_eq!(Meta::decode(&bytes), Ok(meta));
            if cut < bytes.len() {
                prop_assert!(Meta::decode(&bytes[..cut]).is_err());
            }
        }
    }
}
