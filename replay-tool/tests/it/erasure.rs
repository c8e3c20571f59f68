//! `erase`, `explain` and `rotate-kek`, on a folder with a history.

use letopis_core::time::{Moment, Timestamp};
use letopis_replay_tool::console::Exit;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Desk, history, text};

#[test]
fn an_erased_client_is_gone_and_the_views_and_the_log_stay_whole() {
    let desk = Desk::new();
    desk.import(&history(6), &[]);
    desk.report("rebuild", &["--install"]);
    let digests = desk.digests();
    let client = desk.ask(&["client", "shop:C-3"])["client"].clone();
    let plan = desk.report("erase", &["--client", "shop:C-3", "--plan"]);
    assert_eq!((plan["identities"].as_u64(), plan["holds"].as_array().map(Vec::len)), (Some(1), Some(0)), "{plan}");
    let report = desk.report("erase", &["--client", "shop:C-3", "--basis", "gdpr-17", "--actor", "dpo"]);
    let certificate = &report["certificate"];
    assert_eq!((&report["erased_before"], &certificate["actor"]), (&json!(false), &json!("dpo")));
    assert_eq!(certificate["clients"], json!([client]));
    assert!(desk.run("erase", &["--client", "shop:C-3", "--basis", "gdpr-17"]).is_err(), "nobody is called so now");
    let again = desk.report("erase", &["--client", text(&client), "--basis", "gdpr-17"]);
    assert_eq!((&again["erased_before"], &again["certificate"]), (&json!(true), certificate));

    let verified = desk.report("verify", &[]);
    assert_eq!(verified["findings"]["total"], 0, "{verified}");
    assert_eq!(desk.digests(), digests, "digests leave personal values out, and nothing else changed");
    assert_eq!(desk.run("rebuild", &[]).expect("runs").exit, Exit::Fine, "the folder's views are those of a rebuild");
    let history = desk.report("history", &[text(&client)]);
    let said = history["events"].to_string();
    assert!(!said.contains("Client 3") && said.contains("\"erased\":true"));
}

#[test]
fn explain_names_what_set_a_field_and_who_makes_up_a_total() {
    let desk = Desk::new();
    desk.import(&history(3), &[]);
    let report = desk.report("explain", &["shop:C-1", "name"]);
    assert_eq!(
        (&report["value"], &report["settings"][0]["event_type"]),
        (&json!("Client 1"), &json!("client.registered"))
    );
    assert_eq!(report["settings"][0]["actor"], "replay-tool");
    assert!(desk.run("explain", &["shop:C-1", "nme"]).is_err());
    desk.report("rebuild", &["--install"]);
    let parts = desk.report("explain", &["--total", "paid", "--currency", "EUR"]);
    assert_eq!(parts["items"], json!([]), "nobody paid");
}

#[test]
fn explain_takes_the_group_as_it_was_known_then() {
    let desk = Desk::new();
    desk.import(&history(2), &[]);
    let merged = json!({ "absorbed": "shop:C-1", "reason": "twin" });
    let item = |ty: &str, at: &str| json!({ "type": ty, "id": ty, "source": "shop", "client": "shop:C-0", "occurred_at": at, "data": merged });
    let recorded = || {
        let log = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
        let last: i64 = log.query_row("SELECT max(recorded_at) FROM event", [], |row| row.get(0)).expect("a time");
        Moment::utc(Timestamp(last + 1)).to_string()
    };
    let alone = recorded();
    desk.import(&[item("client.merged", "2026-04-01T10:00:00Z")], &[]);
    let as_one = recorded();
    desk.import(&[item("client.unmerged", "2026-04-02T10:00:00Z")], &[]);
    let own = desk.report("explain", &["shop:C-0", "members"])["value"].clone();
    let members = |at: &str| desk.report("explain", &["shop:C-1", "members", "--known-at", at])["value"].clone();
    let count = |value: &Value| value.as_array().map(Vec::len);
    assert_eq!((count(&members(&alone)), count(&members(&as_one)), count(&own)), (Some(1), Some(2), Some(1)));
}

#[test]
fn the_key_encryption_key_is_changed_and_everything_is_read_as_before() {
    let desk = Desk::new();
    desk.import(&history(3), &[]);
    let before = desk.report("history", &["shop:C-1"]);
    let report = desk.report("rotate-kek", &["--new-kek", "generate"]);
    assert!(report["keys"].as_u64() >= Some(3) && report["from"] != report["to"] && report["kept"] == json!(true));
    assert_eq!(desk.report("history", &["shop:C-1"]), before);
    assert!(desk.run("rotate-kek", &["--new-kek", "something"]).is_err());
    let next: Value = desk.report("rotate-kek", &["--new-kek", "generate"]);
    assert_eq!(next["from"], report["to"]);
}

/// The history and the card of a client, without what depends on the time of the question.
fn told(desk: &Desk, n: u64) -> Value {
    let name = format!("shop:C-{n}");
    json!([desk.report("history", &[&name]), desk.ask(&["client", &name])])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn erasing_one_client_changes_no_other_and_no_total(
        clients in 3_u64..7,
        who in 0_u64..7,
        merge in proptest::option::of((0_u64..7, 1_u64..6)),
    ) {
        let who = who % clients;
        let desk = Desk::new();
        desk.import(&history(clients), &[]);
        let mut group = vec![who];
        if let Some((into, step)) = merge {
            let (into, absorbed) = (into % clients, (into + 1 + step % (clients - 1)) % clients);
            let item = json!({
                "type": "client.merged", "id": "m", "source": "shop", "client": format!("shop:C-{into}"),
                "occurred_at": "2026-04-01T10:00:00Z", "data": { "absorbed": format!("shop:C-{absorbed}"), "reason": "twin" },
            });
            desk.import(&[item], &[]);
            if [into, absorbed].contains(&who) {
                group = vec![into, absorbed];
            }
        }
        desk.report("rebuild", &["--install"]);
        let others: Vec<u64> = (0..clients).filter(|n| !group.contains(n)).collect();
        let before: Vec<Value> = others.iter().map(|n| told(&desk, *n)).collect();
        let digests = desk.digests();
        let report = desk.report("erase", &["--client", &format!("shop:C-{who}"), "--basis", "gdpr-17"]);
        prop_assert_eq!(report["certificate"]["clients"].as_array().map(Vec::len), Some(group.len()));
        let after: Vec<Value> = others.iter().map(|n| told(&desk, *n)).collect();
        prop_assert_eq!(after, before);
        prop_assert_eq!(desk.digests(), digests);
        // What the folder keeps is what a rebuild makes of the log.
        prop_assert_eq!(desk.run("rebuild", &[]).expect("runs").exit, Exit::Fine);
        prop_assert_eq!(desk.run("verify", &[]).expect("runs").exit, Exit::Fine);
    }
}
