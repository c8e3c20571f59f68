//! `history`, `as-of`, `rebuild`, `stat`: what analysts and auditors are told.

use letopis_replay_tool::console::Exit;
use serde_json::{Value, json};

use crate::support::{Desk, history};

#[test]
fn a_clients_history_tells_every_event_in_the_order_it_happened_and_raw_as_recorded() {
    let desk = Desk::new();
    desk.import(&history(4), &[]);
    let late = json!({ "type": "visit.logged", "id": "late", "source": "shop", "client": "shop:C-2",
                       "occurred_at": "2026-01-04T12:00:00+03:00", "data": { "direction": "in" } });
    let wrong = json!({ "type": "event.retracted", "id": "gone", "source": "shop",
                        "occurred_at": "2026-05-01T00:00:00Z", "data": { "target": "shop:case/2" } });
    desk.import(&[late, wrong], &[]);
    let types = |report: &Value| -> Vec<String> {
        let events = report["events"].as_array().expect("events");
        events.iter().map(|event| event["type"].as_str().expect("type").to_owned()).collect()
    };
    let told = desk.report("history", &["shop:C-2"]);
    let happened = types(&told);
    let visit = happened.iter().position(|ty| ty == "visit.logged").expect("the visit");
    assert!(visit < happened.iter().position(|ty| ty == "order.placed").expect("the order"));
    assert!(!happened.contains(&"case.raised".to_owned()), "what never happened is not told");
    assert_eq!(
        (&told["events"][visit]["late"], &told["events"][visit]["occurred_at"]),
        (&json!(true), &json!("2026-01-04T12:00:00+03:00"))
    );
    let raw = types(&desk.report("history", &["shop:C-2", "--raw"]));
    assert_eq!(raw[raw.len() - 2..], ["visit.logged", "event.retracted"]);
    assert!(raw.contains(&"case.raised".to_owned()));
    let orders = types(&desk.report("history", &["shop:C-2", "--type", "order", "--from", "2026-02-01"]));
    assert_eq!(orders, ["order.placed"]);
    assert!(desk.run("history", &["shop:nobody"]).is_err());
}

#[test]
fn a_question_about_the_past_is_answered_alike_from_views_and_from_a_rebuild() {
    let desk = Desk::new();
    desk.import(&history(20), &[]);
    desk.report("rebuild", &["--install"]);
    for question in [
        &["revenue", "--by", "day"][..],
        &["loyalty", "repeat-rate"],
        &["loyalty", "rfm"],
        &["loyalty", "cohorts"],
        &["loyalty", "abc"],
    ] {
        let live = desk.report("as-of", &[&["--as-of", "2026-02-10"], question].concat());
        let rebuilt = desk.report("as-of", &[&["--as-of", "2026-02-10", "--rebuild"], question].concat());
        assert_eq!((live["from"].as_str(), rebuilt["from"].as_str()), (Some("the folder's views"), Some("a rebuild")));
        assert_eq!(live["answer"], rebuilt["answer"], "{question:?}");
    }
    let card = desk.ask(&["client", "shop:C-3"]);
    assert_eq!(card["name"], "Client 3");
    let before = desk.report("as-of", &["--known-at", "2020-01-01", "cases", "overview"]);
    assert_eq!(before["answer"][0]["raised"], 0);
    let wrong = desk.run("as-of", &["--as-of", "yesterday", "revenue"]).expect_err("no time");
    assert!(wrong.downcast_ref::<letopis_replay_tool::console::UsageError>().is_some(), "{wrong}");
}

#[test]
fn a_rebuild_equals_the_folders_views_and_says_when_it_does_not() {
    let desk = Desk::new();
    desk.import(&history(10), &[]);
    assert_eq!(desk.report("rebuild", &[])["compared_with_folder"], false);
    desk.report("rebuild", &["--install"]);
    let report = desk.report("rebuild", &["--parts", "3", "--out", "{}/views.db"]);
    assert_eq!(report["compared_with_folder"], true);
    assert!(desk.path("views.db").exists());
    let same = desk.path("views.db").display().to_string();
    assert_eq!(desk.run("diff", &[&same, &desk.data().display().to_string()]).expect("diff").exit, Exit::Fine);
    assert!(desk.run("rebuild", &["--out", "{}/views.db"]).is_err(), "a file is never written over");
}

#[test]
fn stat_counts_what_is_there() {
    let desk = Desk::new();
    desk.import(&history(10), &[]);
    desk.report("rebuild", &["--install"]);
    let report = desk.report("stat", &[]);
    assert_eq!((report["events"].clone(), report["client_streams"].as_u64()), (report["head"].clone(), Some(10)));
    assert_eq!(report["views"]["lag"], 0);
    let orders = report["types"].as_array().expect("types").iter().find(|ty| ty["type"] == "order.placed");
    assert_eq!(orders.expect("orders")["events"], 10);
}
