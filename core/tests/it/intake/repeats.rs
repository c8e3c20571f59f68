//! An event id is recorded once, for ever.

use letopis_core::intake::{Item, Outcome};
use serde_json::{Value, json};

use super::{Desk, call, caller, item, ulid, with};

fn note(text: &str) -> Value {
    let data = json!({ "direction": "in", "summary": text });
    with(item("call.logged", "shop:C-1", 3, data), "id", "call-1")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_posted_a_hundred_times_in_parallel_and_after_a_restart_is_stored_once() {
    let desk = Desk::sqlite();
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let intake = desk.intake.clone();
        posts.spawn(async move { intake.post(&super::caller(), vec![note("hello")], false).await.remove(0) });
    }
    let (mut accepted, mut receipts) = (0, Vec::new());
    for outcome in posts.join_all().await {
        match outcome {
            Outcome::Accepted { receipt, .. } => {
                accepted += 1;
                receipts.push(receipt);
            }
            Outcome::Duplicate { receipt } => receipts.push(receipt),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, receipts.len()), (1, 100));
    let desk = desk.restart();
    let Outcome::Duplicate { receipt } = desk.post(note("hello")).await else { panic!("a duplicate") };
    receipts.push(receipt);
    receipts.dedup();
    assert_eq!(receipts.len(), 1);
    // The identity's link and the call.
    assert_eq!(desk.head().await.0, 2);
    assert!(matches!(desk.post(note("bye")).await, Outcome::Conflict { .. }));
    assert!(matches!(desk.post(with(note("hello"), "order", 1)).await, Outcome::Conflict { .. }));
    assert!(matches!(desk.post(with(note("hello"), "client", "shop:C-2")).await, Outcome::Conflict { .. }));
    assert_eq!(desk.head().await.0, 2);
}

#[tokio::test]
async fn one_id_twice_in_a_batch_is_a_duplicate_or_a_conflict_of_the_first() {
    let desk = Desk::memory();
    let answers = desk.batch(vec![note("a"), note("a"), note("b")], false).await;
    let Outcome::Accepted { receipt: first, .. } = &answers[0] else { panic!("{answers:?}") };
    assert!(matches!(&answers[1], Outcome::Duplicate { receipt } if receipt == first), "{answers:?}");
    assert!(matches!(&answers[2], Outcome::Conflict { .. }), "{answers:?}");
}

#[tokio::test]
async fn every_kind_of_item_posted_again_is_a_duplicate() {
    let desk = Desk::memory();
    let schema = json!({ "properties": { "n": { "type": "number" }, "w": { "type": "string" } } });
    let (a, b) = (ulid(1), ulid(2));
    let registered = |n: u64| item("client.registered", &ulid(n), 1, json!({ "kind": "person", "name": "Ян" }));
    let point = json!({ "contact_point": "crm:p1", "kind": "phone", "value": "8 912 345 67 89" });
    let items = vec![
        with(registered(1), "id", "r1"),
        with(registered(2), "id", "r2"),
        with(super::definition("employee.defined", json!({ "employee": "hr:1", "name": "Мария" })), "id", "e1"),
        with(
            super::definition("event_type.declared", json!({ "name": "poll.taken", "version": 1, "schema": schema })),
            "id",
            "t1",
        ),
        with(item("poll.taken", &a, 2, json!({ "n": 1.0, "w": "x" })), "id", "c1"),
        with(call(&a, 2), "id", "call"),
        with(item("contact_point.added", &a, 3, point), "id", "p1"),
        with(item("contact_point.removed", &a, 4, json!({ "contact_point": "crm:p1" })), "id", "p2"),
        with(
            item("event.corrected", &a, 5, json!({ "target": "test:call", "data": { "direction": "out" } })),
            "id",
            "k1",
        ),
        with(item("event.retracted", &a, 5, json!({ "target": "test:c1", "reason": "no" })), "id", "k2"),
        with(item("client.merged", &a, 6, json!({ "absorbed": b })), "id", "m1"),
        with(item("client.unmerged", &a, 7, json!({ "absorbed": b })), "id", "m2"),
    ];
    // Read and looked up before anything of it is recorded, as an import does with what it posts later.
    let mut ahead: Vec<Item> = items.iter().map(|item| desk.intake.read(&caller(), item.clone())).collect();
    desk.intake.look_ahead(ahead.iter_mut()).await;
    for answer in desk.batch(items.clone(), false).await {
        assert!(matches!(answer, Outcome::Accepted { .. }), "{answer:?}");
    }
    let head = desk.head().await;
    for answer in desk.intake.post_read(&caller(), ahead, false).await {
        assert!(matches!(answer, Outcome::Duplicate { .. }), "{answer:?}");
    }
    for desk in [&desk, &desk.second()] {
        for answer in desk.batch(items.clone(), false).await {
            assert!(matches!(answer, Outcome::Duplicate { .. }), "{answer:?}");
        }
    }
    assert_eq!(desk.head().await, head);
}

#[tokio::test]
async fn an_atomic_batch_is_stored_whole_or_not_at_all() {
    let desk = Desk::memory();
    let good = |day| with(call("shop:C-1", day), "id", format!("c{day}"));
    let bad = with(good(3), "occurred_at", "2026-02-30T00:00:00Z");
    let answers = desk.batch(vec![good(1), bad, good(2)], true).await;
    let rules: Vec<_> = answers.iter().map(|a| if let Outcome::Rejected(r) = a { r.rule } else { "" }).collect();
    assert_eq!(rules, ["atomic_batch", "invalid_field", "atomic_batch"]);
    assert_eq!(desk.head().await.0, 0);

    let answers = desk.batch(vec![good(1), good(2)], true).await;
    assert!(answers.iter().all(|a| matches!(a, Outcome::Accepted { .. })), "{answers:?}");
    let events = desk.log.read_all(Default::default(), 10).await.expect("reads");
    let commits: Vec<_> = events.iter().map(|event| event.meta().expect("meta")).collect();
    assert!(commits.iter().all(|meta| meta.commit == commits[0].commit && meta.count == 3));
    let again = desk.batch(vec![good(1), good(2)], true).await;
    assert!(again.iter().all(|a| matches!(a, Outcome::Duplicate { .. })), "{again:?}");
}

#[tokio::test]
async fn an_atomic_batch_of_a_thousand_items_is_taken_and_one_more_is_not() {
    let desk = Desk::memory();
    desk.accept(call("shop:C-1", 1)).await;
    let all = |n: usize| vec![call("shop:C-1", 2); n];
    assert!(desk.batch(all(1_000), true).await.iter().all(|a| matches!(a, Outcome::Accepted { .. })));
    assert!(desk.batch(all(1_001), true).await.iter().all(|a| matches!(a, Outcome::Rejected(_))));
    // Not atomic, one client's items may be any number.
    assert!(desk.batch(all(2_500), false).await.iter().all(|a| matches!(a, Outcome::Accepted { .. })));
    assert_eq!(desk.head().await.0, 3_502);
}

#[tokio::test]
async fn answers_carry_their_status_as_a_tag() {
    let desk = Desk::memory();
    let value = serde_json::to_value(desk.post(note("a")).await).expect("serialises");
    assert_eq!((&value["status"], &value["position"], &value["version"]), (&json!("accepted"), &json!(2), &json!(2)));
    assert_eq!(value["recorded_at"], json!("2026-06-01T12:00:00Z"));
    let value = serde_json::to_value(desk.post(json!({})).await).expect("serialises");
    assert_eq!(
        (&value["status"], &value["rule"], &value["field"]),
        (&json!("rejected"), &json!("missing_field"), &json!("type"))
    );
}

#[tokio::test]
async fn a_link_that_came_by_itself_is_the_same_when_an_export_posts_it() {
    let desk = Desk::memory();
    desk.accept(call("shop:C-1", 1)).await;
    let link = desk.recorded("shop:C-1").await.remove(0);
    let client = link.client.expect("a client's").to_string();
    let posted = |client: &str| {
        let data = json!({ "scheme": "shop", "value": "C-1" });
        with(item("identity.linked", client, 1, data), "id", link.id.to_string())
    };
    assert!(matches!(desk.post(posted(&client)).await, Outcome::Duplicate { .. }));
    // Also when both come together.
    let other = Desk::memory();
    let answers = other.batch(vec![call("shop:C-1", 1), posted("shop:C-1")], false).await;
    assert!(matches!(answers[..], [Outcome::Accepted { .. }, Outcome::Duplicate { .. }]), "{answers:?}");
}
