//! Which values of a declared type are facts, and which are personal.
//!
//! Numbers, booleans and strings that the schema limits to codes are facts; every other string is
//! personal, and so is whatever the schema does not describe. A field is one or the other as a whole.

use serde_json::{Map, Value};

use super::outcome::Rejection;
use crate::code::Code;

/// How many references of a schema are followed one after another.
const MAX_REFS: usize = 16;

type Fields = Map<String, Value>;

/// Facts and personal fields of `data`, which satisfies `schema`.
pub(super) fn split(schema: &Value, data: Fields, prefix: &str) -> Result<(Fields, Fields), Rejection> {
    let (mut facts, mut personal) = (Map::new(), Map::new());
    for (name, value) in data {
        let declared = property(schema, schema, &name);
        match declared {
            None if !is_open(schema) => {
                return Err(Rejection::new(
                    "unknown_field",
                    format!("{prefix}{name}"),
                    format!("the declared type has no field {name:?}"),
                ));
            }
            Some(field) if !is_personal(schema, field, &value, &format!("{prefix}{name}"))? => {
                facts.insert(name, value);
            }
            _ => drop(personal.insert(name, value)),
        }
    }
    Ok((facts, personal))
}

/// Whether a schema says itself that fields which it does not name may be there.
fn is_open(schema: &Value) -> bool {
    ["additionalProperties", "patternProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| schema.get(key).is_some_and(|rest| *rest != Value::Bool(false)))
}

/// The schema that a reference inside `root` leads to.
fn follow<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..MAX_REFS {
        let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) else {
            break;
        };
        match root.pointer(pointer) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    follow(root, schema).get("properties")?.get(name)
}

fn is_personal(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<bool, Rejection> {
    let schema = follow(root, schema);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(false),
        Value::String(text) => {
            let coded = schema.get("enum").is_some()
                || schema.get("const").is_some()
                || schema.get("format").is_some_and(|format| format == "code");
            match text.parse::<Code>() {
                _ if !coded => Ok(true),
                Ok(_) => Ok(false),
                Err(error) => Err(Rejection::new("invalid_field", path, error.to_string())),
            }
        }
        Value::Array(items) => {
            let first = schema.get("prefixItems").and_then(Value::as_array);
            for (i, item) in items.iter().enumerate() {
                let described = first.and_then(|first| first.get(i)).or_else(|| schema.get("items"));
                match described {
                    Some(described) if !is_personal(root, described, item, &format!("{path}[{i}]"))? => {}
                    _ => return Ok(true),
                }
            }
            Ok(false)
        }
        Value::Object(map) => {
            for (name, value) in map {
                match property(root, schema, name) {
                    Some(described) if !is_personal(root, described, value, &format!("{path}.{name}"))? => {}
                    _ => return Ok(true),
                }
            }
            Ok(false)
        }
    }
}

/// The first listed string of a schema that is no code, with its place.
pub(super) fn uncoded(schema: &Value, path: &str) -> Option<(String, String)> {
    let bad = |value: &Value| value.as_str().filter(|text| text.parse::<Code>().is_err()).map(str::to_owned);
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match (key.as_str(), value) {
                ("enum", Value::Array(values)) => values.iter().find_map(bad).map(|text| (path, text)),
                ("const", value) => bad(value).map(|text| (path, text)),
                // Examples and defaults are words for people.
                ("examples" | "default", _) => None,
                _ => uncoded(value, &path),
            }
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| uncoded(item, &format!("{path}[{i}]"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_may_hold_words_is_personal() {
        let schema = json!({
            "type": "object",
            "additionalProperties": true,
            "$defs": { "grade": { "enum": ["good", "bad"] } },
            "properties": {
                "score": { "type": "integer" },
                "grade": { "$ref": "#/$defs/grade" },
                "grades": { "items": { "$ref": "#/$defs/grade" } },
                "place": { "type": "string", "format": "code" },
                "note": { "type": "string" },
                "answers": { "properties": { "n": { "type": "integer" } } },
            },
        });
        let data = json!({
            "score": 5, "grade": "good", "grades": ["bad"], "place": "ru/tver", "note": "Ivan was late",
            "answers": { "n": 1, "Ivan": 2 }, "Petrov": 7,
        });
        let data = data.as_object().cloned().expect("object");
        let (facts, personal) = split(&schema, data, "data.").expect("splits");
        assert_eq!(facts.keys().collect::<Vec<_>>(), ["grade", "grades", "place", "score"]);
        assert_eq!(personal.keys().collect::<Vec<_>>(), ["Petrov", "answers", "note"]);
    }

    #[test]
    fn a_listed_string_that_is_no_code_is_found() {
        let schema = json!({ "properties": { "enum": { "enum": ["fine", "not fine"] } } });
        assert_eq!(uncoded(&schema, "s"), Some(("s.properties.enum.enum".into(), "not fine".into())));
    }
}
