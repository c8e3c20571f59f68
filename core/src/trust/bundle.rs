//! The bundle: one file that proves what the log holds of a client, to whoever has the log's public key.
//!
//! A bundle is canonical JSON (RFC 8785), without a byte before or after. Bytes are lower-case hexadecimal.
//! There is no field that is not checked, and no field may be added.
//!
//! ```text
//! format      "letopis.bundle.v1"
//! checkpoint  the signed note
//! clients     of each client of the alias group, ascending by id:
//!   client      its id
//!   bucket      whole content of its bucket of the heads map: {tag, version, leaf}, ascending by tag
//!   path        16 hashes beside the bucket's path, the lowest first
//!   events      its events up to what the seal covers, by version
//! keys        data keys that open envelopes, {id, key}, ascending by id; none for a closed bundle
//! log         the records of all epochs after the first, then the seal in which the checkpoint ends
//! proof       that all leaves are in the tree: its form is `trust::tree`'s proof of several leaves
//! ```
//!
//! An event is its leaf (201 bytes) and what the leaf hashes: `type`, `schema`, `occurred_at` (µs),
//! `offset_min`, `order` and `meta`; `salt` and `facts` (the recorded text); `sealed`: the envelope, `"erased"`,
//! or null.

use serde::{Deserialize, Serialize};

use crate::ids::ClientId;
use crate::log::{LogError, Recorded, SealedPart};
use crate::trust::chain;
use crate::trust::heads::Head;
use crate::trust::hex::{self, Hex, HexBytes};
use crate::trust::leaf::{Hash, LEAF_LEN};

/// The format that is written.
pub const FORMAT: &str = "letopis.bundle.v1";

/// A bundle, decoded and not checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// The signed note.
    pub checkpoint: String,
    /// The clients of the group.
    pub clients: Vec<ClientPart>,
    /// Keys that open envelopes.
    pub keys: Vec<KeyPart>,
    /// Events of the stream `log`.
    pub log: Vec<EventPart>,
    /// Hashes of the subtrees without any of the leaves.
    pub proof: Vec<Hex<32>>,
}

/// One client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPart {
    /// Its id.
    pub client: ClientId,
    /// The content of its bucket.
    pub bucket: Vec<Head>,
    /// The hashes beside the bucket's path.
    pub path: Vec<Hex<32>>,
    /// Its events.
    pub events: Vec<EventPart>,
}

/// A data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Its number.
    pub id: u64,
    /// The key.
    pub key: Hex<32>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPart {
    /// Its leaf.
    pub leaf: Hex<LEAF_LEN>,
    /// The stable name of its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of its payload.
    pub schema: u16,
    /// When it happened, in µs UTC.
    pub occurred_at: i64,
    /// Minutes east of UTC in the original text.
    pub offset_min: i16,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// Actor, source, correlation, causation and commit, encoded.
    pub meta: HexBytes,
    /// The random bytes before the facts in their hash.
    pub salt: Hex<16>,
    /// The facts as they are recorded.
    pub facts: String,
    /// Its sealed part.
    pub sealed: SealedState,
}

/// The sealed part of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Option<String>", into = "Option<String>")]
pub enum SealedState {
    /// It has none.
    None,
    /// The envelope.
    Envelope(Vec<u8>),
    /// It was erased.
    Erased,
}

const ERASED: &str = "erased";

impl From<SealedState> for Option<String> {
    fn from(state: SealedState) -> Self {
        match state {
            SealedState::None => None,
            SealedState::Envelope(bytes) => Some(hex::encode(&bytes)),
            SealedState::Erased => Some(ERASED.to_owned()),
        }
    }
}

impl TryFrom<Option<String>> for SealedState {
    type Error = &'static str;

    fn try_from(text: Option<String>) -> Result<Self, Self::Error> {
        match text.as_deref() {
            None => Ok(Self::None),
            Some(ERASED) => Ok(Self::Erased),
            Some(text) => hex::decode(text).map(Self::Envelope).ok_or("expected null, \"erased\" or hexadecimal"),
        }
    }
}

impl EventPart {
    /// An event as it was read, after the leaf hash of its stream's previous event.
    ///
    /// # Errors
    /// When the event is not the one of its leaf hash.
    pub fn of(event: &Recorded, prev: Hash) -> Result<Self, LogError> {
        let leaf = chain::leaf_of(event, prev);
        let damaged = |what| LogError::damage(format!("the event at position {} {what}", event.position));
        if leaf.hash() != event.leaf {
            return Err(damaged("was altered: its content does not give its leaf hash"));
        }
        let facts = std::str::from_utf8(&event.facts).map_err(|_| damaged("has facts that are not text"))?;
        Ok(Self {
            leaf: Hex(leaf.to_bytes()),
            event_type: event.event_type.to_string(),
            schema: event.schema,
            occurred_at: event.occurred.at.0,
            offset_min: event.occurred.offset_min,
            order: event.order,
            meta: HexBytes(event.meta.to_vec()),
            salt: Hex(event.salt),
            facts: facts.to_owned(),
            sealed: match &event.sealed {
                SealedPart::None => SealedState::None,
                SealedPart::Present(envelope) => SealedState::Envelope(envelope.to_vec()),
                SealedPart::Erased(_) => SealedState::Erased,
            },
        })
    }
}

/// The bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not the fields of a bundle, or something beside them.
    #[error("not a bundle: {0}")]
    Fields(String),
    /// The fields of a bundle, but not in their one encoding.
    #[error("not in the one encoding of a bundle: bytes were added, moved or spelt otherwise")]
    Encoding,
}

impl Bundle {
    /// The one encoding.
    pub fn encode(&self) -> Vec<u8> {
        crate::events::canonical(self)
    }

    /// The reverse of [`Bundle::encode`].
    ///
    /// # Errors
    /// For bytes that `encode` does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let bundle: Self = serde_json::from_slice(bytes).map_err(|error| FormatError::Fields(error.to_string()))?;
        if bundle.format != FORMAT {
            return Err(FormatError::Fields(format!("format {:?}, expected {FORMAT:?}", bundle.format)));
        }
        let again = crate::canonical::to_vec(&bundle).map_err(|_| FormatError::Encoding)?;
        if again == bytes { Ok(bundle) } else { Err(FormatError::Encoding) }
    }
}
