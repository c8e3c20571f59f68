//! Canonical JSON (RFC 8785), the bytes that are hashed: no blanks, keys ascending by their UTF-16 code units,
//! numbers and escapes as ECMAScript writes them.

use serde::Serialize;
use serde_json::{Map, Number, Value};

/// Whole numbers up to this size are the same in ECMAScript, which knows doubles only.
const MAX_EXACT: u64 = 1 << 53;
/// What most payloads fit into.
const USUAL_LEN: usize = 512;

/// Anything that serialises to JSON.
///
/// # Errors
/// When it does not: a map whose keys are no texts, a number beyond 64 bits.
pub(crate) fn to_vec<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let value = serde_json::to_value(value)?;
    let mut out = Vec::with_capacity(USUAL_LEN);
    write(&value, &mut out);
    Ok(out)
}

/// A JSON object.
pub(crate) fn object(map: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_LEN);
    write_object(map, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => write_object(map, out),
    }
}

fn write_object(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by(|(a, _), (b, _)| match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    });
    out.push(b'{');
    for (n, (key, value)) in entries.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Its escapes are those of the RFC. Writing to memory cannot fail.
    serde_json::to_writer(out, text).expect("a text serialises to JSON");
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if number.as_i64().map(i64::unsigned_abs).or(number.as_u64()).is_some_and(|size| size <= MAX_EXACT) {
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    }
    // JSON has no numbers but finite ones.
    let double = number.as_f64().unwrap_or_default();
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(double).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any JSON, with keys and numbers in which canonical forms differ.
    fn json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![".{0,8}", "[\u{0}-\u{7f}]{0,6}", "[\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{1,3}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-(1_i64 << 54)..1 << 54).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..8)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_another_implementation_writes(value in json()) {
            let theirs = serde_json_canonicalizer::to_vec(&value).expect("JSON");
            prop_assert_eq!(String::from_utf8(to_vec(&value).expect("JSON")), String::from_utf8(theirs));
        }
    }

    #[test]
    fn keys_stand_by_utf16_and_numbers_are_doubles() {
        let value =
            serde_json::json!({ "\u{e000}": 1, "\u{10000}": 9_007_199_254_740_993_u64, "a/b": "\u{7f}\n/", "a": 1e21 });
        let text = String::from_utf8(to_vec(&value).expect("JSON")).expect("UTF-8");
        assert_eq!(text, "{\"a\":1e+21,\"a/b\":\"\u{7f}\\n/\",\"\u{10000}\":9007199254740992,\"\u{e000}\":1}");
    }
}
