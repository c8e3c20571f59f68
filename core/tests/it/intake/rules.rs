//! Decisions are refused, happenings flagged.

use letopis_core::events::{ClientEvent, Event};
use letopis_core::intake::Outcome;
use letopis_core::personal::Personal;
use serde_json::{Value, json};

use super::{Desk, item, ulid, with};

const CLIENT: &str = "shop:C-1";

fn line() -> Value {
    json!([{ "product": "p", "quantity": "2", "unit_price": "1.50" }])
}

fn placed(order: &str) -> Value {
    item("order.placed", CLIENT, 2, json!({ "order": order, "currency": "EUR", "lines": line() }))
}

fn shipped(order: &str) -> Value {
    item("goods.shipped", CLIENT, 3, json!({ "order": order, "lines": [{ "product": "p", "quantity": "2" }] }))
}

fn sent(day: u8) -> Value {
    let data = json!({ "campaign": "spring", "channel": "email", "purpose": "marketing" });
    item("touch.sent", CLIENT, day, data)
}

#[tokio::test]
async fn three_edits_within_a_minute_give_three_changes() {
    let desk = Desk::memory();
    desk.accept(item("client.registered", &ulid(1), 1, json!({ "kind": "person", "name": "A" }))).await;
    for (n, (old, new)) in [("A", "B"), ("B", "C"), ("C", "D")].into_iter().enumerate() {
        let edit = item("client.profile_changed", &ulid(1), 2, json!({ "field": "name", "old": old, "new": new }));
        desk.accept(with(edit, "occurred_at", format!("2026-05-02T12:00:{:02}Z", n * 10))).await;
    }
    let facts = desk.facts(&ulid(1)).await;
    let changes: Vec<_> = facts
        .iter()
        .filter_map(|fact| match &fact.event {
            Event::Client(ClientEvent::ProfileChanged(e)) => Some((e.old.clone(), e.new.clone())),
            _ => None,
        })
        .collect();
    let pair = |old: &str, new: &str| (Personal::Known(old.to_owned()), Personal::Known(new.to_owned()));
    assert_eq!(changes, [pair("A", "B"), pair("B", "C"), pair("C", "D")]);
}

#[tokio::test]
async fn a_send_after_withdrawn_consent_is_refused() {
    let desk = Desk::memory();
    desk.accept(item("consent.given", CLIENT, 1, json!({ "purpose": "marketing" }))).await;
    assert!(desk.flags(sent(2)).await.is_empty());
    desk.accept(item("consent.withdrawn", CLIENT, 3, json!({ "purpose": "marketing" }))).await;
    assert_eq!(desk.reject(sent(4)).await.rule, "consent.withdrawn");
    // In one batch the send is judged by the withdrawal before it.
    let given = item("consent.given", CLIENT, 5, json!({ "purpose": "marketing" }));
    let withdrawn = item("consent.withdrawn", CLIENT, 6, json!({ "purpose": "marketing" }));
    let answers = desk.batch(vec![given, sent(6), withdrawn, sent(7)], false).await;
    assert!(matches!(answers[1], Outcome::Accepted { .. }), "{answers:?}");
    assert!(matches!(&answers[3], Outcome::Rejected(r) if r.rule == "consent.withdrawn"), "{answers:?}");
}

#[tokio::test]
async fn a_shipment_nobody_ordered_is_kept_and_flagged() {
    let desk = Desk::memory();
    assert_eq!(desk.flags(shipped("shop:O-9")).await, ["order.not_placed"]);
    let facts = desk.facts(CLIENT).await;
    assert!(facts.iter().any(|fact| fact.event.type_name() == "goods.shipped"));
}

#[tokio::test]
async fn a_batch_is_decided_item_by_item_and_later_by_what_was_stored() {
    let desk = Desk::memory();
    let cancelled = item("order.cancelled", CLIENT, 4, json!({ "order": "shop:O-1" }));
    let confirmed = item("order.confirmed", CLIENT, 4, json!({ "order": "shop:O-1" }));
    let batch = vec![placed("shop:O-1"), shipped("shop:O-1"), cancelled, confirmed.clone(), placed("shop:O-2")];
    let answers = desk.batch(batch, false).await;
    let told: Vec<_> = answers
        .iter()
        .map(|a| match a {
            Outcome::Accepted { flags, .. } => flags.iter().map(|f| f.rule).collect::<Vec<_>>().join(","),
            Outcome::Rejected(r) => format!("refused {}", r.rule),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["", "", "", "refused order.cancelled", ""]);
    for desk in [&desk, &desk.second()] {
        assert_eq!(desk.reject(confirmed.clone()).await.rule, "order.cancelled");
        assert_eq!(desk.reject(placed("shop:O-2")).await.rule, "order.placed_twice");
    }
}

#[tokio::test]
async fn a_retraction_is_seen_by_the_next_decision() {
    let desk = Desk::memory();
    desk.accept(placed("shop:O-1")).await;
    let cancelled = with(item("order.cancelled", CLIENT, 4, json!({ "order": "shop:O-1" })), "id", "x");
    let confirmed = item("order.confirmed", CLIENT, 4, json!({ "order": "shop:O-1" }));
    let retracted = item("event.retracted", CLIENT, 5, json!({ "target": "test:x" }));
    let answers = desk.batch(vec![cancelled, confirmed.clone(), retracted, confirmed], false).await;
    assert!(matches!(&answers[1], Outcome::Rejected(r) if r.rule == "order.cancelled"), "{answers:?}");
    assert!(matches!(&answers[3], Outcome::Accepted { .. }), "{answers:?}");
}

#[tokio::test]
async fn rules_know_the_whole_alias_group() {
    let desk = Desk::memory();
    desk.accept(item("consent.withdrawn", "shop:C-2", 1, json!({ "purpose": "marketing" }))).await;
    assert_eq!(desk.flags(sent(2)).await, ["consent.unknown"]);
    desk.accept(item("client.merged", CLIENT, 3, json!({ "absorbed": "shop:C-2" }))).await;
    assert_eq!(desk.reject(sent(4)).await.rule, "consent.withdrawn");
    let other = with(sent(4), "client", "shop:C-2");
    assert_eq!(desk.reject(other).await.rule, "consent.withdrawn");
    desk.accept(item("client.unmerged", CLIENT, 5, json!({ "absorbed": "shop:C-2" }))).await;
    assert_eq!(desk.flags(sent(6)).await, ["consent.unknown"]);
}

#[tokio::test]
async fn a_second_registration_is_kept_and_flagged() {
    let desk = Desk::memory();
    let registered = |id: &str| with(item("client.registered", CLIENT, 1, json!({ "kind": "person" })), "id", id);
    assert!(desk.flags(registered("a")).await.is_empty());
    assert_eq!(desk.flags(registered("b")).await, ["client.registered_twice"]);
}

#[tokio::test]
async fn a_relation_leads_to_somebody() {
    let desk = Desk::memory();
    desk.accept(item("client.registered", &ulid(1), 1, json!({ "kind": "person" }))).await;
    desk.accept(item("client.registered", &ulid(2), 1, json!({ "kind": "company" }))).await;
    let works_at = |to: &str, id: &str| {
        item("relation.established", &ulid(1), 2, json!({ "relation": id, "kind": "works-at", "to": to }))
    };
    assert!(desk.flags(works_at(&ulid(2), "crm:1")).await.is_empty());
    let slip = desk.reject(works_at(&ulid(9), "crm:2")).await;
    assert_eq!((slip.rule, &*slip.field), ("unknown_client", "data.to"));
    // Another system may name somebody who is not here yet.
    assert_eq!(desk.flags(works_at("shop:C-77", "crm:3")).await, ["relation.unknown_client"]);
}
