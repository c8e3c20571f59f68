//! Event types of the front office.

use letopis_core::events::Event;
use letopis_core::intake::Outcome;
use serde_json::{Value, json};

use super::{Desk, definition, item, with};

fn declare(version: u16, schema: Value) -> Value {
    definition("event_type.declared", json!({ "name": "poll.taken", "version": version, "schema": schema }))
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["score"],
        "properties": {
            "score": { "type": "integer", "minimum": 0, "maximum": 10 },
            "mood": { "enum": ["good", "bad"] },
            "place": { "type": "string", "format": "code" },
            "words": { "type": "string", "pattern": "^[a-zа-я ]*$" },
        },
    })
}

fn poll(data: Value) -> Value {
    item("poll.taken", "shop:C-1", 2, data)
}

#[tokio::test]
async fn a_declared_type_is_checked_and_split() {
    let desk = Desk::memory();
    assert_eq!(desk.reject(poll(json!({ "score": 1 }))).await.rule, "unknown_type");
    // Declared and used in one batch.
    let data = json!({ "score": 9, "mood": "good", "place": "ru/tver", "words": "спасибо" });
    let answers = desk.batch(vec![declare(1, schema()), poll(data)], false).await;
    assert!(answers.iter().all(|a| matches!(a, Outcome::Accepted { .. })), "{answers:?}");
    let facts = desk.facts("shop:C-1").await;
    let Some(Event::Custom(event)) = facts.iter().map(|fact| &fact.event).find(|e| matches!(e, Event::Custom(_)))
    else {
        panic!("{facts:?}")
    };
    assert_eq!(event.facts, json!({ "score": 9, "mood": "good", "place": "ru/tver" }));
    assert_eq!(event.personal.known().expect("opened")["words"], "спасибо");

    let cases = [
        (json!({ "score": 11 }), "invalid_field", "data.score"),
        (json!({ "score": 1, "mood": "so so" }), "invalid_field", "data.mood"),
        (json!({ "score": 1, "place": "Тверь" }), "invalid_field", "data.place"),
        (json!({ "score": 1, "words": "Ivan 7" }), "invalid_field", "data.words"),
        (json!({ "mood": "good" }), "invalid_field", "data"),
        (json!({ "score": 1, "name": "Ivan" }), "unknown_field", "data.name"),
    ];
    for (data, rule, field) in cases {
        let rejection = desk.reject(poll(data)).await;
        assert_eq!((rejection.rule, rejection.field.as_str()), (rule, field));
    }
}

#[tokio::test]
async fn a_later_version_counts_and_an_older_one_may_be_named() {
    let desk = Desk::memory();
    desk.accept(declare(1, schema())).await;
    let first = with(poll(json!({ "score": 1 })), "id", "p1");
    desk.accept(first.clone()).await;
    assert_eq!(desk.reject(declare(1, schema())).await.rule, "declared_already");
    desk.accept(declare(2, json!({ "properties": { "stars": { "type": "integer" } } }))).await;
    assert_eq!(desk.reject(poll(json!({ "score": 1 }))).await.rule, "unknown_field");
    desk.accept(poll(json!({ "stars": 5 }))).await;
    desk.accept(with(poll(json!({ "score": 2 })), "schema", 1)).await;
    assert_eq!(desk.reject(with(poll(json!({})), "schema", 3)).await.rule, "unknown_schema");
    // What was recorded under the first version is still the same.
    assert!(matches!(desk.post(first).await, Outcome::Duplicate { .. }));
}

#[tokio::test]
async fn bad_declarations_are_refused_and_nothing_is_fetched() {
    let desk = Desk::memory();
    let cases = [
        json!({ "properties": { "a": { "type": "strnig" } } }),
        json!({ "properties": { "a": { "pattern": "(" } } }),
        json!({ "properties": { "a": { "pattern": "(a)\\1" } } }),
        json!({ "$ref": "http://127.0.0.1:1/schema.json" }),
        json!({ "$ref": "file:///etc/hostname" }),
        json!({ "properties": { "refs": {} } }),
        json!({ "properties": { "a": { "enum": ["two words"] } } }),
        json!(true),
    ];
    for schema in cases {
        let shown = schema.to_string();
        let rejection = desk.reject(declare(1, schema)).await;
        assert_eq!(rejection.rule, "invalid_declaration", "{shown}");
        assert!(rejection.field.starts_with("data.schema"), "{shown}");
    }
    let built_in = json!({ "name": "call.logged", "version": 1, "schema": {} });
    assert_eq!(desk.reject(definition("event_type.declared", built_in)).await.field, "data.name");
}
