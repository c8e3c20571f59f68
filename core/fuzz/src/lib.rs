//! What the targets start from: the released files in `fixtures/trust`, all of one log.
//!
//! A target may be run over that folder as a corpus; `edited` also makes inputs that reach behind the first check, by
//! changing a good file here and there as the fuzzer says.

use std::sync::OnceLock;

use letopis_core::trust::note::VerifierKey;
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
    while !said.0.is_empty() {
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
