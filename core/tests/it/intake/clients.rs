//! Whose fact it is.

use letopis_core::events::Event;
use letopis_core::intake::{Caller, Outcome};
use serde_json::json;

use super::{Desk, call, item, ulid, with};

fn registered(n: u64) -> serde_json::Value {
    item("client.registered", &ulid(n), 1, json!({ "kind": "person" }))
}

#[tokio::test]
async fn a_client_by_ulid_must_be_known_unless_an_export_is_restored() {
    let desk = Desk::memory();
    let rejection = desk.reject(call(&ulid(1), 1)).await;
    assert_eq!((rejection.rule, rejection.field.as_str()), ("unknown_client", "client"));
    let answers = desk.batch(vec![registered(1), call(&ulid(1), 2)], false).await;
    assert!(answers.iter().all(|a| matches!(a, Outcome::Accepted { .. })), "{answers:?}");
    let restorer = Caller { restores: true, ..super::caller() };
    let answers = desk.intake.post(&restorer, vec![call(&ulid(2), 2)], false).await;
    assert!(matches!(answers[0], Outcome::Accepted { .. }), "{answers:?}");
}

#[tokio::test]
async fn an_unidentified_client_keeps_his_facts_together_and_has_no_identity() {
    let desk = Desk::memory();
    let unknown = |day| with(call("", day), "client", json!({ "unidentified": "visitor 7" }));
    let (one, two) = (desk.accept(unknown(1)).await, desk.accept(unknown(2)).await);
    assert_eq!((one.client, two.version.0), (two.client, 2));
    let elsewhere = desk.accept(with(unknown(3), "source", "other")).await;
    assert_ne!(one.client, elsewhere.client);
}

#[tokio::test]
async fn an_identity_is_one_clients_until_it_is_unlinked() {
    let desk = Desk::memory();
    let card = json!({ "scheme": "card", "value": "77" });
    let linked = |n| item("identity.linked", &ulid(n), 2, card.clone());
    let unlinked = |n| item("identity.unlinked", &ulid(n), 3, card.clone());
    desk.batch(vec![registered(1), registered(2)], false).await;
    let answers = desk.batch(vec![linked(1), call("card:77", 3), linked(2)], false).await;
    assert!(
        matches!(&answers[1], Outcome::Accepted { receipt, .. } if receipt.client.map(|c| c.to_string()) == Some(ulid(1)))
    );
    let Outcome::Rejected(rejection) = &answers[2] else { panic!("{answers:?}") };
    assert_eq!(rejection.rule, "identity_taken");
    assert!(rejection.message.contains(&ulid(1)), "{}", rejection.message);
    assert_eq!(desk.reject(unlinked(2)).await.rule, "identity_not_linked");
    desk.accept(unlinked(1)).await;
    desk.accept(linked(2)).await;
    assert_eq!(desk.client("card:77").await.map(|c| c.to_string()), Some(ulid(2)));
}

#[tokio::test]
async fn an_identity_that_was_given_up_names_another_client_next_time() {
    let desk = Desk::memory();
    let first = desk.accept(call("card:5", 1)).await.client;
    desk.accept(item("identity.unlinked", "card:5", 2, json!({ "scheme": "card", "value": "5" }))).await;
    let second = desk.accept(call("card:5", 3)).await;
    assert_ne!(first, second.client);
    // His link is an event of its own.
    assert_eq!(second.version.0, 2);
}

#[tokio::test]
async fn a_phone_identifies_however_it_is_written_and_a_shared_one_is_flagged() {
    let desk = Desk::memory();
    let point = |id: &str, value: &str| json!({ "contact_point": id, "kind": "phone", "value": value });
    desk.batch(vec![registered(1), registered(2)], false).await;
    let added = |n, id: &str, value: &str| item("contact_point.added", &ulid(n), 2, point(id, value));
    assert!(desk.flags(added(1, "crm:1", "8 (912) 345-67-89")).await.is_empty());
    assert_eq!(desk.accept(call("phone:+79123456789", 3)).await.client.map(|c| c.to_string()), Some(ulid(1)));
    assert_eq!(desk.flags(added(2, "crm:2", "+7 912 345 67 89")).await, ["identity.shared"]);
    assert_eq!(desk.reject(added(2, "crm:3", "911")).await.field, "data.value");
    // The same number twice: it is given up with the last of the two.
    desk.accept(added(1, "crm:4", "+79123456789")).await;
    let removed = |id: &str| item("contact_point.removed", &ulid(1), 4, json!({ "contact_point": id }));
    desk.accept(removed("crm:1")).await;
    assert!(desk.client("phone:+79123456789").await.is_some());
    desk.accept(removed("crm:4")).await;
    assert!(desk.client("phone:+79123456789").await.is_none());
}

#[tokio::test]
async fn merges_stand_with_who_stays_and_are_undone_there() {
    let desk = Desk::memory();
    desk.batch((1..=3).map(registered).collect(), false).await;
    let merged = |n: u64, absorbed: u64| item("client.merged", &ulid(n), 2, json!({ "absorbed": ulid(absorbed) }));
    assert_eq!(desk.reject(merged(1, 1)).await.rule, "merged_with_itself");
    assert_eq!(desk.reject(merged(1, 9)).await.rule, "unknown_client");
    desk.accept(merged(1, 2)).await;
    // Merging into an absorbed record merges into the one that stayed.
    assert_eq!(desk.accept(merged(2, 3)).await.client.map(|c| c.to_string()), Some(ulid(1)));
    assert_eq!(desk.reject(merged(1, 3)).await.rule, "merged_already");
    assert_eq!(desk.reject(merged(3, 1)).await.rule, "merged_with_itself");
    // Events of an absorbed record stay its own.
    assert_eq!(desk.accept(call(&ulid(3), 3)).await.client.map(|c| c.to_string()), Some(ulid(3)));
    assert_eq!(desk.recorded(&ulid(1)).await.len(), 6);
    let unmerged = |n: u64, absorbed: u64| item("client.unmerged", &ulid(n), 4, json!({ "absorbed": ulid(absorbed) }));
    desk.accept(unmerged(2, 3)).await;
    assert_eq!(desk.reject(unmerged(1, 3)).await.rule, "not_merged");
    assert_eq!(desk.recorded(&ulid(3)).await.len(), 2);
}

#[tokio::test]
async fn names_of_other_systems_become_ids_and_are_kept_sealed() {
    let desk = Desk::memory();
    let data = json!({ "direction": "in", "deal": "shop:D-7", "employee": "hr:12" });
    desk.accept(item("call.logged", "shop:C-1", 1, data)).await;
    let opened = json!({ "deal": "shop:D-7", "stage": "new" });
    desk.accept(item("deal.opened", "shop:C-1", 1, opened)).await;
    let facts = desk.facts("shop:C-1").await;
    let call = facts.iter().find(|fact| fact.event.type_name() == "call.logged").expect("there");
    assert_eq!(call.refs, *json!({ "deal": "shop:D-7", "employee": "hr:12" }).as_object().expect("object"));
    let id = |fact: &letopis_core::fact::Fact| {
        let facts: serde_json::Value = serde_json::from_slice(&fact.event.facts()).expect("JSON");
        facts["deal"].clone()
    };
    let deal = facts.iter().find(|fact| matches!(fact.event, Event::Deal(_))).expect("there");
    assert_eq!(id(call), id(deal));
    for recorded in desk.log.read_all(Default::default(), 100).await.expect("reads") {
        assert!(!String::from_utf8_lossy(&recorded.facts).contains("D-7"));
    }
}
