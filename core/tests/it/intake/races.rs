//! Parallel posts agree.

use letopis_core::intake::Outcome;
use serde_json::json;

use super::{Desk, call, caller, item, ulid, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_parallel_posts_for_one_new_identity_make_one_client() {
    let desk = Desk::sqlite();
    for n in 0..60 {
        let name = format!("shop:C-{n}");
        // One of the two remembers nothing of what the other does.
        let (one, two) = (desk.intake.clone(), desk.second().intake);
        let (first, second) = (call(&name, 1), call(&name, 2));
        let one = tokio::spawn(async move { one.post(&caller(), vec![first], false).await.remove(0) });
        let two = tokio::spawn(async move { two.post(&caller(), vec![second], false).await.remove(0) });
        let clients: Vec<_> =
            [one.await.expect("joined"), two.await.expect("joined")]
                .into_iter()
                .map(|outcome| {
                    if let Outcome::Accepted { receipt, .. } = outcome { receipt.client } else { panic!("{outcome:?}") }
                })
                .collect();
        assert_eq!(clients[0], clients[1]);
        let facts = desk.recorded(&name).await;
        let names: Vec<_> = facts.iter().map(|fact| fact.event.type_name().to_owned()).collect();
        assert_eq!(names, ["identity.linked", "call.logged", "call.logged"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_contact_point_and_a_client_of_the_same_new_phone_are_settled() {
    let desk = Desk::sqlite();
    for n in 0..40 {
        let phone = format!("+7912345{n:04}");
        desk.accept(item("client.registered", &ulid(n), 1, json!({ "kind": "person" }))).await;
        let point = json!({ "contact_point": format!("crm:{n}"), "kind": "phone", "value": phone });
        let (one, two) = (desk.intake.clone(), desk.second().intake);
        let (added, called) = (item("contact_point.added", &ulid(n), 2, point), call(&format!("phone:{phone}"), 2));
        let one = tokio::spawn(async move { one.post(&caller(), vec![added], false).await.remove(0) });
        let two = tokio::spawn(async move { two.post(&caller(), vec![called], false).await.remove(0) });
        for outcome in [one.await.expect("joined"), two.await.expect("joined")] {
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        }
        // Whoever was first, the call stands with the owner of the phone.
        let facts = desk.recorded(&format!("phone:{phone}")).await;
        assert!(facts.iter().any(|fact| fact.event.type_name() == "call.logged"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn among_parallel_decisions_about_one_deal_one_wins() {
    let desk = Desk::sqlite();
    desk.accept(call("shop:C-1", 1)).await;
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..40 {
        // Two intakes, so that no lock in memory helps.
        let intake = if n % 2 == 0 { desk.intake.clone() } else { desk.second().intake };
        let opened = item("deal.opened", "shop:C-1", 2, json!({ "deal": "shop:D-1", "stage": "new" }));
        posts.spawn(async move { intake.post(&caller(), vec![opened], false).await.remove(0) });
    }
    let outcomes = posts.join_all().await;
    let accepted = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted { .. })).count();
    let refused =
        outcomes.iter().filter(|o| matches!(o, Outcome::Rejected(r) if r.rule == "deal.opened_twice")).count();
    assert_eq!((accepted, refused), (1, 39), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn forty_callers_who_order_for_one_client_all_get_their_turn() {
    let desk = Desk::sqlite();
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..40 {
        let intake = desk.intake.clone();
        let line = json!({ "product": "p", "quantity": "1", "unit_price": "1" });
        let data = json!({ "order": format!("shop:O-{n}"), "currency": "EUR", "lines": [line] });
        let order = item("order.placed", "shop:C-1", 2, data);
        posts.spawn(async move { intake.post(&caller(), vec![order], false).await.remove(0) });
    }
    for outcome in posts.join_all().await {
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_the_caller_expects_of_the_stream_is_kept() {
    let desk = Desk::memory();
    let new = |day| with(call("shop:C-1", day), "expect", json!({ "no_stream": true }));
    desk.accept(new(1)).await;
    assert!(matches!(desk.post(new(2)).await, Outcome::Conflict { .. }));
    let at = |version: u64, day| with(call("shop:C-1", day), "expect", json!({ "version": version }));
    assert!(matches!(desk.post(at(1, 2)).await, Outcome::Conflict { .. }));
    let answers = desk.batch(vec![at(2, 2), at(2, 3), at(3, 3)], false).await;
    assert!(
        matches!(answers[..], [Outcome::Accepted { .. }, Outcome::Conflict { .. }, Outcome::Accepted { .. }]),
        "{answers:?}"
    );
}
