//! Sealed envelopes: the personal part of an event, readable only with the key of its subject.
//!
//! Envelope v1: version u8 = 1 · key id u64 · key commitment [32] · nonce [24] · XChaCha20-Poly1305
//! ciphertext. Numbers big-endian. The plaintext is its length (u32), the canonical JSON, and zeros up
//! to a multiple of 64 bytes, so that the length of a name does not show. The commitment binds the
//! envelope to one key: no second key can open it to something else.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::{Map, Value};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::ids::EventId;
use crate::log::StreamName;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8 + 32 + 24;
/// Plaintexts are padded to a multiple of this many bytes.
pub const PADDING: usize = 64;

/// The key of one subject.
#[derive(Clone, ZeroizeOnDrop)]
pub struct DataKey {
    bytes: [u8; 32],
    commitment: [u8; 32],
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// From 32 secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes, commitment: blake3::derive_key("letopis 2026 key commitment v1", &bytes) }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A one-way hash of the key, by which it is told from any other.
    pub(crate) fn commitment(&self) -> [u8; 32] {
        self.commitment
    }
}

/// What an envelope is bound to: it opens in this place only.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The stream.
    pub stream: &'a StreamName,
    /// The event.
    pub id: EventId,
    /// Its type.
    pub event_type: &'a str,
    /// The version of its payload.
    pub schema: u16,
}

impl Place<'_> {
    fn aad(&self, key_id: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        for text in [self.stream.as_str(), self.event_type] {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.id.to_bytes());
        out.extend_from_slice(&self.schema.to_be_bytes());
        out.extend_from_slice(&key_id.to_be_bytes());
        out
    }
}

/// An envelope cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not an envelope of a known version.
    #[error("the sealed part is not an envelope of a known version")]
    Form,
    /// Sealed under another key than the one at hand.
    #[error("the sealed part was sealed under another key")]
    OtherKey,
    /// Altered, or moved here from another event.
    #[error("the sealed part was altered or belongs to another event")]
    Altered,
}

/// Seals the personal fields of an event.
pub fn seal(key_id: u64, key: &DataKey, nonce: [u8; 24], place: Place<'_>, personal: &Map<String, Value>) -> Box<[u8]> {
    let json = Zeroizing::new(crate::canonical::object(personal));
    let mut plain = Zeroizing::new(Vec::with_capacity((4 + json.len()).next_multiple_of(PADDING)));
    plain.extend_from_slice(&(json.len() as u32).to_be_bytes());
    plain.extend_from_slice(&json);
    let padded = plain.len().next_multiple_of(PADDING);
    plain.resize(padded, 0);
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &place.aad(key_id) })
        .expect("a personal part is far smaller than the cipher's limit of 256 GiB");
    let mut out = Vec::with_capacity(HEADER + sealed.len());
    out.push(VERSION);
    out.extend_from_slice(&key_id.to_be_bytes());
    out.extend_from_slice(&key.commitment());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    out.into()
}

/// The number of the key that an envelope was sealed under.
///
/// # Errors
/// When the bytes are no envelope.
pub fn key_id(envelope: &[u8]) -> Result<u64, OpenError> {
    match envelope {
        [VERSION, rest @ ..] if envelope.len() > HEADER => {
            rest[..8].try_into().map(u64::from_be_bytes).map_err(|_| OpenError::Form)
        }
        _ => Err(OpenError::Form),
    }
}

/// Opens an envelope.
///
/// # Errors
/// When it is none, was sealed under another key, was altered or stood elsewhere.
pub fn open(key: &DataKey, place: Place<'_>, envelope: &[u8]) -> Result<Map<String, Value>, OpenError> {
    let key_id = key_id(envelope)?;
    let (header, sealed) = envelope.split_at(HEADER);
    if header[9..41] != key.commitment() {
        return Err(OpenError::OtherKey);
    }
    let nonce: [u8; 24] = header[41..].try_into().map_err(|_| OpenError::Form)?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let plain = cipher
        .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &place.aad(key_id) })
        .map_err(|_| OpenError::Altered)?;
    let plain = Zeroizing::new(plain);
    let (len, json) = plain.split_at_checked(4).ok_or(OpenError::Form)?;
    let len = len.try_into().map(u32::from_be_bytes).map_err(|_| OpenError::Form)?;
    let json = json.get(..len as usize).ok_or(OpenError::Form)?;
    serde_json::from_slice(json).map_err(|_| OpenError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(name: &str) -> Map<String, Value> {
        json!({ "name": name }).as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_envelope_opens_in_its_own_place_with_its_own_key_only() {
        let stream = StreamName::parse("client/01J00000000000000000000000").expect("name");
        let place = Place { stream: &stream, id: EventId(5), event_type: "client.registered", schema: 1 };
        let key = DataKey::new([1; 32]);
        let envelope = seal(9, &key, [3; 24], place, &fields("Анна"));
        assert_eq!(key_id(&envelope), Ok(9));
        assert_eq!(open(&key, place, &envelope), Ok(fields("Анна")));
        assert_eq!(open(&DataKey::new([2; 32]), place, &envelope), Err(OpenError::OtherKey));
        assert_eq!(open(&key, Place { id: EventId(6), ..place }, &envelope), Err(OpenError::Altered));
        for at in 0..envelope.len() {
            let mut bad = envelope.clone();
            bad[at] ^= 1;
            assert!(open(&key, place, &bad).is_err(), "byte {at}");
        }
        assert!(open(&key, place, &envelope[..40]).is_err());
    }

    #[test]
    fn names_of_like_length_have_envelopes_of_one_length() {
        let stream = StreamName::parse("client/x").expect("name");
        let place = Place { stream: &stream, id: EventId(5), event_type: "client.registered", schema: 1 };
        let key = DataKey::new([1; 32]);
        let length = |name: &str| seal(9, &key, [3; 24], place, &fields(name)).len();
        assert_eq!(length("Li"), length("Aleksandra Konstantinova"));
    }
}
