//! CloudEvents 1.0: attributes to the envelope of an event.
//!
//! Read by hand, because `time` must keep its UTC offset: it is part of when something happened.
//! `id` and `source` stay, `type` is the event type, `time` is `occurred_at`, `subject` the client,
//! `data` the payload. `letopisorder`, `letopiscorrelation`, `letopiscausation` and `letopisschema`
//! are the rest of the envelope; other extensions are left out.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::error::{Kind, Problem};

/// Extensions that are fields of our envelope.
const EXTENSIONS: &[(&str, &str)] = &[
    ("letopisorder", "order"),
    ("letopiscorrelation", "correlation"),
    ("letopiscausation", "causation"),
    ("letopisschema", "schema"),
];

fn refuse<T>(field: &str, detail: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(Kind::Rejected, detail).field(field))
}

/// The item of an event in structured mode.
pub(super) fn item(event: Value) -> Result<Value, Problem> {
    let Value::Object(mut event) = event else {
        return refuse("", "a CloudEvent is a JSON object");
    };
    if event.contains_key("data_base64") {
        return refuse("data_base64", "data must be a JSON object, not bytes");
    }
    let data = event.remove("data");
    from_attributes(event, data)
}

/// The item of an event in binary mode: attributes in headers, data in the body.
pub(super) fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    let mut attributes = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let text = value.to_str().ok().and_then(unescape);
        let Some(text) = text else {
            return refuse(&format!("ce-{name}"), format!("the header ce-{name} is not percent-encoded UTF-8"));
        };
        attributes.insert(name.to_owned(), text.into());
    }
    let data =
        if body.is_empty() { None } else { Some(serde_json::from_slice(body).map_err(|error| Problem::json(&error))?) };
    from_attributes(attributes, data)
}

fn from_attributes(mut attributes: Map<String, Value>, data: Option<Value>) -> Result<Value, Problem> {
    match attributes.remove("specversion") {
        Some(version) if version == "1.0" => {}
        other => {
            let version = other.unwrap_or_default();
            return refuse("specversion", format!("{version} is not a version of CloudEvents that is known here: 1.0"));
        }
    }
    let mut item = Map::new();
    for (theirs, ours) in [("id", "id"), ("source", "source"), ("type", "type"), ("time", "occurred_at")] {
        match attributes.remove(theirs) {
            Some(Value::String(text)) if !text.is_empty() => drop(item.insert(ours.into(), text.into())),
            _ => return refuse(theirs, format!("{theirs} is missing or no text")),
        }
    }
    if let Some(subject) = attributes.remove("subject") {
        item.insert("client".into(), subject);
    }
    for (theirs, ours) in EXTENSIONS {
        let Some(value) = attributes.remove(*theirs) else { continue };
        // In headers numbers are texts.
        let number =
            value.as_str().and_then(|text| text.parse::<i64>().ok()).filter(|_| matches!(*ours, "order" | "schema"));
        item.insert((*ours).into(), number.map_or(value, |number| json!(number)));
    }
    if let Some(name) = attributes.keys().find(|name| name.starts_with("letopis")) {
        return refuse(name, format!("there is no extension {name:?}"));
    }
    item.insert("data".into(), data.unwrap_or_else(|| json!({})));
    Ok(Value::Object(item))
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        out.push((digit()? << 4 | digit()?) as u8);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_the_envelope_and_the_offset_stays() {
        let event = json!({
            "specversion": "1.0", "id": "7", "source": "pbx", "type": "call.logged", "subject": "shop:C-1",
            "time": "2026-03-01T12:30:00+03:00", "letopisorder": 2, "traceparent": "00-1", "data": {"direction": "in"},
        });
        let expected = json!({
            "id": "7", "source": "pbx", "type": "call.logged", "client": "shop:C-1",
            "occurred_at": "2026-03-01T12:30:00+03:00", "order": 2, "data": {"direction": "in"},
        });
        assert_eq!(item(event).expect("good"), expected);
        let problem = item(json!({ "specversion": "1.0", "id": "7" })).expect_err("no source");
        assert_eq!(problem.document("")["field"], "source");
    }

    #[test]
    fn headers_are_unescaped_and_broken_ones_refused() {
        assert_eq!(unescape("%D0%98%D0%B2%D0%B0%D0%BD 1"), Some("Иван 1".into()));
        assert_eq!(unescape("%D0"), None);
        assert_eq!(unescape("%4"), None);
    }
}
