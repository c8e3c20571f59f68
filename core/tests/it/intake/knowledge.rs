//! What was wrong is mended by another event.

use letopis_core::events::{Event, InteractionEvent};
use letopis_core::intake::Outcome;
use serde_json::{Value, json};

use super::{Desk, call, definition, item, ulid, with};

fn correction(target: &str, data: Value) -> Value {
    item("event.corrected", "shop:C-1", 9, json!({ "target": target, "data": data, "reason": "typed wrong" }))
}

#[tokio::test]
async fn a_correction_shows_what_should_have_been_said_and_a_retraction_takes_it_back() {
    let desk = Desk::memory();
    desk.accept(with(call("shop:C-1", 1), "id", "c")).await;
    let mut right = correction("test:c", json!({ "direction": "out", "duration_s": 60, "summary": "about the door" }));
    right["data"]["occurred_at"] = "2026-04-30T12:00:00Z".into();
    desk.accept(with(right, "id", "k")).await;

    let facts = desk.facts("shop:C-1").await;
    let fact = facts.iter().find(|fact| fact.event.type_name() == "call.logged").expect("there");
    let Event::Interaction(InteractionEvent::CallLogged(e)) = &fact.event else { panic!("{fact:?}") };
    assert_eq!((e.duration_s, e.summary.known().map(String::as_str)), (Some(60), Some("about the door")));
    assert_eq!(fact.occurred.to_string(), "2026-04-30T12:00:00Z");

    desk.accept(item("event.retracted", "shop:C-1", 10, json!({ "target": "test:k" }))).await;
    let facts = desk.facts("shop:C-1").await;
    let fact = facts.iter().find(|fact| fact.event.type_name() == "call.logged").expect("there");
    let Event::Interaction(InteractionEvent::CallLogged(e)) = &fact.event else { panic!("{fact:?}") };
    assert_eq!(e.duration_s, None);

    desk.accept(item("event.retracted", "shop:C-1", 10, json!({ "target": "test:c" }))).await;
    assert!(desk.facts("shop:C-1").await.iter().all(|fact| fact.event.type_name() != "call.logged"));
    assert_eq!(desk.recorded("shop:C-1").await.len(), 5);
}

#[tokio::test]
async fn a_correction_of_what_is_posted_in_the_same_batch_finds_it() {
    let desk = Desk::memory();
    let items = vec![with(call("shop:C-1", 1), "id", "c"), correction("test:c", json!({ "direction": "out" }))];
    let answers = desk.batch(items, false).await;
    assert!(answers.iter().all(|a| matches!(a, Outcome::Accepted { .. })), "{answers:?}");
}

#[tokio::test]
async fn a_definition_is_corrected_without_a_client() {
    let desk = Desk::memory();
    let defined = definition("product.defined", json!({ "product": "p1", "label": "Rof" }));
    desk.accept(with(defined, "id", "p")).await;
    let right = json!({ "target": "test:p", "data": { "product": "p1", "label": "Roof" }, "reason": "typo" });
    assert_eq!(desk.accept(definition("event.corrected", right)).await.client, None);
    let moved = json!({ "target": "test:p", "data": { "product": "p2", "label": "Roof" } });
    assert_eq!(desk.reject(definition("event.corrected", moved)).await.rule, "not_correctable");
    desk.accept(definition("event.retracted", json!({ "target": "test:p", "reason": "never sold" }))).await;
}

#[tokio::test]
async fn bad_corrections_are_refused_by_path() {
    let desk = Desk::memory();
    desk.accept(with(call("shop:C-1", 1), "id", "c")).await;
    desk.accept(call("shop:C-2", 1)).await;
    let linked = json!({ "scheme": "card", "value": "77" });
    desk.accept(with(item("identity.linked", "shop:C-1", 2, linked.clone()), "id", "l")).await;
    let good = json!({ "direction": "out" });
    let told = |rejection: letopis_core::intake::Rejection| (rejection.rule, rejection.field);
    let field = |rule: &'static str, field: &str| (rule, field.to_owned());

    let cases = [
        (correction("test:nothing", good.clone()), field("unknown_target", "data.target")),
        (correction("test:c", json!({ "direction": "up" })), field("invalid_field", "data.data.direction")),
        (correction("test:c", json!({ "direction": "in", "x": 1 })), field("unknown_field", "data.data.x")),
        (correction("test:c", json!({})), field("missing_field", "data.data.direction")),
        (correction("test:l", linked), field("not_correctable", "data.target")),
        (with(correction("test:c", good.clone()), "client", "shop:C-2"), field("target_of_another", "data.target")),
    ];
    for (item, expected) in cases {
        assert_eq!(told(desk.reject(item).await), expected);
    }
    let retracted = item("event.retracted", "shop:C-1", 3, json!({ "target": "test:l" }));
    assert_eq!(told(desk.reject(retracted).await), field("not_retractable", "data.target"));
}

#[tokio::test]
async fn a_corrected_phone_identifies_the_client_and_the_wrong_one_does_not() {
    let desk = Desk::memory();
    let point = |value: &str| json!({ "contact_point": "crm:p", "kind": "phone", "value": value });
    desk.accept(item("client.registered", &ulid(1), 1, json!({ "kind": "person" }))).await;
    desk.accept(with(item("contact_point.added", &ulid(1), 1, point("+79123456789")), "id", "p")).await;
    assert!(desk.client("phone:+79123456789").await.is_some());
    let right = json!({ "target": "test:p", "data": point("+79123456700") });
    desk.accept(with(item("event.corrected", &ulid(1), 2, right), "id", "k")).await;
    assert!(desk.client("phone:+79123456789").await.is_none());
    assert!(desk.client("phone:+79123456700").await.is_some());
    desk.accept(item("event.retracted", &ulid(1), 2, json!({ "target": "test:k" }))).await;
    assert!(desk.client("phone:+79123456789").await.is_some());
    assert!(desk.client("phone:+79123456700").await.is_none());
}
