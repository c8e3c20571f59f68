//! What is refused, and by which field.

use letopis_core::intake::Outcome;
use serde_json::{Value, json};

use super::{Desk, call, definition, item, ulid, with};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn order(currency: &str, quantity: &str) -> Value {
    let line = json!({ "product": "p", "quantity": quantity, "unit_price": "1" });
    item("order.placed", "shop:C-1", 1, json!({ "order": "shop:O-1", "currency": currency, "lines": [line] }))
}

#[tokio::test]
async fn every_bad_item_is_refused_by_field() {
    let desk = Desk::memory();
    let good = || call("shop:C-1", 1);
    let data = |data: Value| item("call.logged", "shop:C-1", 1, data);
    let long = "x".repeat(70_000);
    let cases = [
        (json!("text"), "invalid_field", ""),
        (with(good(), "type", "call.loged"), "unknown_type", "type"),
        (with(good(), "type", 7), "invalid_field", "type"),
        (with(good(), "schema", 2), "unknown_schema", "schema"),
        (with(good(), "schema", 0), "invalid_field", "schema"),
        (with(good(), "colour", "red"), "unknown_field", "colour"),
        (with(good(), "position", 7), "server_owned_field", "position"),
        (with(good(), "recorded_at", "2026-01-01T00:00:00Z"), "server_owned_field", "recorded_at"),
        (with(good(), "actor", "me"), "server_owned_field", "actor"),
        (with(good(), "occurred_at", Value::Null), "missing_field", "occurred_at"),
        (with(good(), "occurred_at", "2026-05-01"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "2026-02-30T00:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "0000-01-01T00:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "9999-01-01T00:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "2026-06-02T12:00:01Z"), "in_future", "occurred_at"),
        (with(good(), "order", 1.5), "invalid_field", "order"),
        (with(good(), "order", 3_000_000_000_u64), "invalid_field", "order"),
        (with(good(), "id", ""), "invalid_field", "id"),
        (with(good(), "id", "x".repeat(201)), "invalid_field", "id"),
        (with(good(), "source", "a\nb"), "invalid_field", "source"),
        (with(good(), "expect", json!({ "version": -1 })), "invalid_field", "expect"),
        (with(good(), "client", Value::Null), "missing_field", "client"),
        (with(good(), "client", "C-1042"), "invalid_field", "client"),
        (with(good(), "client", "phone:123"), "invalid_field", "client"),
        (with(good(), "client", json!({ "name": "x" })), "invalid_field", "client"),
        (with(good(), "client", ulid(9)), "unknown_client", "client"),
        (with(good(), "data", "text"), "invalid_field", "data"),
        (with(good(), "data", nested(33)), "too_deep", "data"),
        (data(json!({})), "missing_field", "data.direction"),
        (data(json!({ "direction": "in", "mood": 1 })), "unknown_field", "data.mood"),
        (data(json!({ "direction": "in", "deal": "D-7" })), "invalid_field", "data.deal"),
        (data(json!({ "direction": "in", "topics": ["two words"] })), "invalid_field", "data.topics[0]"),
        (data(json!({ "direction": "in", "duration_s": -1 })), "invalid_field", "data.duration_s"),
        (data(json!({ "direction": "in", "duration_s": 9_999_999 })), "invalid_value", "data.duration_s"),
        (data(json!({ "direction": "in", "summary": long })), "too_large", "data"),
        (order("EURO", "1"), "invalid_field", "data.currency"),
        (order("EUR", "NaN"), "invalid_field", "data.lines[0].quantity"),
        (order("EUR", "0"), "invalid_value", "data.lines[0].quantity"),
        (
            with(definition("product.defined", json!({ "product": "p", "label": "P" })), "client", "shop:C-1"),
            "unexpected_client",
            "client",
        ),
    ];
    for (item, rule, field) in cases {
        let shown: String = item.to_string().chars().take(200).collect();
        let rejection = desk.reject(item).await;
        assert_eq!((rejection.rule, rejection.field.as_str()), (rule, field), "{shown}: {}", rejection.message);
        assert!(rejection.message.len() < 400, "{}", rejection.message);
    }
    assert_eq!(desk.head().await.0, 0);
}

#[tokio::test]
async fn a_foreign_id_needs_its_source() {
    let desk = Desk::memory();
    let nameless = letopis_core::intake::Caller { source: None, ..super::caller() };
    let item = with(call("shop:C-1", 1), "id", "call-7");
    let answers = desk.intake.post(&nameless, vec![item.clone(), with(item, "source", "pbx")], false).await;
    assert!(matches!(&answers[0], Outcome::Rejected(r) if r.field == "source"), "{answers:?}");
    assert!(matches!(&answers[1], Outcome::Accepted { .. }), "{answers:?}");
}

#[tokio::test]
async fn good_items_around_a_bad_one_are_stored() {
    let desk = Desk::memory();
    let answers = desk.batch(vec![call("shop:C-1", 1), json!({}), call("shop:C-1", 2)], false).await;
    assert!(matches!(answers[..], [Outcome::Accepted { .. }, Outcome::Rejected(_), Outcome::Accepted { .. }]));
}
