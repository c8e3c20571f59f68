//! What the targets start from: the released files in `fixtures/trust`, all of one log.
//!
//! A target may be run over that folder as a corpus; `edited` also makes inputs that reach behind the first check, by
//! changing a good file here and there as the fuzzer says.

use std::sync::OnceLock;

use letopis_core::ids::Version;
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::bundle::{Bundle, EventPart, SealedState};
use letopis_core::trust::heads::{self, NodeId};
use letopis_core::trust::hex::{self, Hex};
use letopis_core::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, sealed_hash, stream_tag};
use letopis_core::trust::note::{DEFAULT_ORIGIN, SigningKey, VerifierKey};
use letopis_core::trust::tree::root_of_many;
use serde_json::Value;

/// The good bundles.
pub const BUNDLES: [&[u8]; 4] = [
    include_bytes!("../../../fixtures/trust/opened.bundle"),
    include_bytes!("../../../fixtures/trust/closed.bundle"),
    include_bytes!("../../../fixtures/trust/erased.bundle"),
    include_bytes!("../../../fixtures/trust/absent.bundle"),
];

/// The good proof of one event.
pub const PROOF: &[u8] = include_bytes!("../../../fixtures/trust/event.tlog-proof");

/// The checkpoint that all of them have.
pub const NOTE: &str = include_str!("../../../fixtures/trust/checkpoint.txt");

/// The key of the log.
pub fn key() -> &'static VerifierKey {
    static KEY: OnceLock<VerifierKey> = OnceLock::new();
    KEY.get_or_init(|| VerifierKey::parse(include_str!("../../../fixtures/trust/checkpoint.pub")).expect("a key"))
}

fn signing_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::new(&[42; 32], DEFAULT_ORIGIN).expect("a name"))
}

/// The key of an operator who signs whatever he likes; bundles of his are among the seeds.
pub fn forger() -> &'static VerifierKey {
    static KEY: OnceLock<VerifierKey> = OnceLock::new();
    KEY.get_or_init(|| VerifierKey::parse(&signing_key().verifier_line()).expect("a key"))
}

/// So many changes are made to a bundle at most; each walks through the whole of it.
const CHANGES: usize = 24;

/// What the fuzzer says, taken bit by bit; zeros when it has said all.
pub struct Said<'a>(pub &'a [u8]);

impl Said<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below another one.
    pub fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound.max(1)
    }
}

/// A good file, changed by cutting, moving and writing bytes.
pub fn edited(good: &[u8], said: &mut Said<'_>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    while !said.0.is_empty() && !bytes.is_empty() {
        let at = said.below(bytes.len());
        match said.byte() % 5 {
            0 => bytes[at] = said.byte(),
            1 => bytes[at] ^= 1 << (said.byte() % 8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, said.byte()),
            _ => {
                let (from, length) = (said.below(bytes.len()), 1 + said.below(64));
                let part = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// A good bundle, changed where its form stays whole: values, elements of lists, members.
pub fn reshaped(good: &[u8], said: &mut Said<'_>) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(good).expect("good");
    for _ in 0..CHANGES {
        if said.0.is_empty() {
            break;
        }
        let mut places = Vec::new();
        walk(&bundle, &mut String::new(), &mut places);
        let place = places[said.below(places.len())].clone();
        let other = bundle.pointer(&places[said.below(places.len())]).cloned().unwrap_or_default();
        let Some(value) = bundle.pointer_mut(&place) else { continue };
        change(value, other, said);
    }
    serde_json_canonicalizer::to_vec(&bundle).expect("JSON")
}

/// The pointers of all values, the whole first.
fn walk(value: &Value, at: &mut String, places: &mut Vec<String>) {
    places.push(at.clone());
    let mut within = |name: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(name);
        walk(value, at, places);
        at.truncate(length);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| within(name, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| within(&n.to_string(), value)),
        _ => {}
    }
}

fn change(value: &mut Value, other: Value, said: &mut Said<'_>) {
    let what = said.byte();
    match value {
        Value::String(text) if what % 4 < 3 => {
            // Most texts are hexadecimal digits, and stay so.
            let mut bytes = std::mem::take(text).into_bytes();
            let at = said.below(bytes.len());
            match (bytes.get(at), what % 4) {
                (None, _) => {}
                (Some(_), 0) => bytes[at] = b"0123456789abcdef"[usize::from(said.byte() % 16)],
                (Some(_), 1) => bytes.truncate(at & !1),
                (Some(_), _) => bytes[at] = said.byte() & 0x7f,
            }
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::Number(number) if what % 4 < 3 => {
            let by = i64::from(said.byte()) - 128;
            *value = number.as_i64().map_or(0.into(), |n| n.wrapping_add(by).into());
        }
        Value::Array(list) if what % 5 < 4 => {
            let (at, to) = (said.below(list.len()), said.below(list.len()));
            match what % 5 {
                _ if list.is_empty() => list.push(other),
                0 => drop(list.remove(at)),
                1 => list.swap(at, to),
                2 => list.insert(to, list[at].clone()),
                _ => list.push(other),
            }
        }
        _ => *value = other,
    }
}

/// A changed bundle, made to fit in itself again and signed by the forger, as far as that can be: hashes, chains, heads
/// and tree are right, so that what lies behind those checks is reached.
pub fn forged(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bundle = Bundle::decode(bytes).ok()?;
    let (mut leaves, mut root) = (Vec::new(), None);
    for part in &mut bundle.clients {
        let tag = stream_tag(&format!("client/{}", part.client));
        let (mut prev, mut count) = ([0; 32], 0);
        for event in &mut part.events {
            count += 1;
            prev = fit(event, tag, Some((prev, count)), &mut leaves)?;
        }
        if let Some(head) = part.bucket.iter_mut().find(|head| head.tag.0 == tag) {
            (head.leaf, head.version) = (Hex(prev), count);
        }
        let path: Vec<Hash> = part.path.iter().map(|hash| hash.0).collect();
        root.get_or_insert(heads::root_of(NodeId::bucket_of(&tag), &part.bucket, &path.try_into().ok()?));
    }
    let (seal, forks) = bundle.log.split_last_mut()?;
    for event in forks {
        fit(event, stream_tag("log"), None, &mut leaves)?;
    }
    if let (Some(root), Ok(Value::Object(mut facts))) = (root, serde_json::from_str(&seal.facts)) {
        facts.insert("heads_root".to_owned(), hex::encode(&root).into());
        seal.facts = String::from_utf8(serde_json_canonicalizer::to_vec(&facts).ok()?).ok()?;
    }
    fit(seal, stream_tag("log"), None, &mut leaves)?;
    let size = leaves.last()?.0.checked_add(1)?;
    leaves.sort_unstable();
    leaves.dedup_by_key(|(index, _)| *index);
    let proof: Vec<Hash> = bundle.proof.iter().map(|hash| hash.0).collect();
    bundle.checkpoint = signing_key().sign(size, root_of_many(size, &leaves, &proof)?).ok()?;
    Some(bundle.encode())
}

/// Makes a leaf that of its bodies and, with a place, the next one of its stream.
fn fit(event: &mut EventPart, tag: Hash, place: Option<(Hash, u64)>, leaves: &mut Vec<(u64, Hash)>) -> Option<Hash> {
    let mut leaf = Leaf::from_bytes(&event.leaf.0)?;
    leaf.stream_tag = tag;
    if let Some((prev, version)) = place {
        (leaf.prev, leaf.version) = (prev, Version(version));
    }
    if event.event_type.len() <= usize::from(u16::MAX) {
        let occurred = Moment { at: Timestamp(event.occurred_at), offset_min: event.offset_min };
        leaf.meta = meta_hash(&event.event_type, event.schema, occurred, event.order, &event.meta.0);
    }
    leaf.facts = facts_hash(&event.salt.0, event.facts.as_bytes());
    leaf.sealed = match &event.sealed {
        SealedState::None => [0; 32],
        SealedState::Envelope(envelope) => sealed_hash(Some(envelope)),
        SealedState::Erased if leaf.sealed == [0; 32] => [6; 32],
        SealedState::Erased => leaf.sealed,
    };
    event.leaf = Hex(leaf.to_bytes());
    leaves.push((leaf.position.0.wrapping_sub(1), leaf.hash()));
    Some(leaf.hash())
}
