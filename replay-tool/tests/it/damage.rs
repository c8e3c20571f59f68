//! `verify` finds what was done to a log, and says where.

use letopis_replay_tool::console::Exit;
use serde_json::{Value, json};

use crate::support::{Desk, history, text};

fn log() -> Desk {
    let desk = Desk::new();
    desk.import(&history(30), &[]);
    let report = desk.report("verify", &["--deep"]);
    assert_eq!(report["findings"]["total"], 0, "{report}");
    desk
}

/// The findings, as position and words.
fn findings(desk: &Desk) -> Vec<(Option<u64>, String)> {
    let done = desk.run("verify", &[]).expect("verify");
    assert_eq!(done.exit, Exit::Found);
    let list = done.report["findings"]["list"].as_array().expect("list").clone();
    list.iter().map(|finding| (finding["position"].as_u64(), text(&finding["what"]).to_owned())).collect()
}

fn assert_found(desk: &Desk, position: u64, part: &str) {
    let findings = findings(desk);
    assert!(findings.iter().any(|(at, what)| *at == Some(position) && what.contains(part)), "{part}: {findings:?}");
    let elsewhere = findings.iter().filter(|(at, _)| at.is_some_and(|at| at != position)).count();
    assert_eq!(elsewhere, 0, "nothing else is accused: {findings:?}");
}

#[test]
fn a_sound_log_is_found_sound_with_its_views() {
    let desk = log();
    desk.report("rebuild", &["--install"]);
    let report = desk.report("verify", &["--views"]);
    assert!(report["views"].as_array().expect("views").iter().all(|view| view["sound"] == true), "{report}");
}

#[test]
fn a_changed_fact_is_found_at_its_position() {
    let desk = log();
    desk.tamper("event_update", "UPDATE event SET facts = replace(facts, 'in', 'on') WHERE position = 23");
    let found = findings(&desk);
    assert!(found.iter().all(|(at, _)| *at == Some(23)), "{found:?}");
    let desk = log();
    desk.tamper("event_update", "UPDATE event SET occurred_at = occurred_at + 1 WHERE position = 23");
    assert_found(&desk, 23, "its");
}

#[test]
fn what_the_next_event_of_the_stream_proves_is_said() {
    let desk = log();
    // Not the last event of its stream: the one behind it was chained to the true leaf.
    let sql = "SELECT e.position FROM event e WHERE EXISTS
        (SELECT 1 FROM event n WHERE n.stream = e.stream AND n.version = e.version + 1) ORDER BY 1 LIMIT 1 OFFSET 5";
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    let position: u64 = conn.query_row(sql, [], |row| row.get(0)).expect("a position");
    drop(conn);
    let other = log();
    desk.tamper("event_update", &format!("UPDATE event SET salt = zeroblob(16) WHERE position = {position}"));
    assert_found(&desk, position, "its contents are not those that were recorded");
    other.tamper("event_update", &format!("UPDATE event SET leaf = zeroblob(32) WHERE position = {position}"));
    assert_found(&other, position, "its stored leaf hash is not the one that was recorded");
}

#[test]
fn a_flipped_byte_in_a_sealed_part_is_found() {
    let desk = log();
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    let (position, mut envelope): (u64, Vec<u8>) = conn
        .query_row("SELECT position, envelope FROM sealed ORDER BY position LIMIT 1 OFFSET 3", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("a sealed part");
    drop(conn);
    *envelope.last_mut().expect("bytes") ^= 1;
    let hex: String = envelope.iter().map(|byte| format!("{byte:02x}")).collect();
    desk.tamper("sealed_update", &format!("UPDATE sealed SET envelope = x'{hex}' WHERE position = {position}"));
    assert_found(&desk, position, "its sealed part is not the one whose hash is recorded");
}

#[test]
fn a_sealed_part_that_no_erasure_names_is_found_and_those_of_an_erasure_are_no_damage() {
    let desk = log();
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    let sealed = |sql: &str| -> (u64, String) {
        let get = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        conn.query_row(sql, [], get).expect("a sealed part")
    };
    let of = "SELECT e.position, substr(s.name, 8) FROM event e JOIN sealed p USING (position)
        JOIN stream s ON s.key = e.stream WHERE s.name LIKE 'client/%' ORDER BY 1";
    let (_, erased) = sealed(&format!("{of} LIMIT 1"));
    desk.report("erase", &["--client", &erased, "--basis", "gdpr-17"]);
    let report = desk.report("verify", &[]);
    assert_eq!(report["findings"]["total"], 0, "{report}");
    assert!(report["erased"].as_u64() > Some(0), "{report}");
    let (position, _) = sealed(&format!("{of} LIMIT 1"));
    desk.tamper("sealed_delete", &format!("DELETE FROM sealed WHERE position = {position}"));
    assert_found(&desk, position, "is missing, and no erasure is recorded that names it");
}

#[test]
fn a_sealed_part_that_no_event_has_is_found_wherever_it_lies() {
    let desk = log();
    let head = desk.report("stat", &[])["head"].as_u64().expect("head");
    let insert = |position: u64| format!("INSERT INTO sealed VALUES ({position}, x'00')");
    let beyond = log();
    beyond.tamper("sealed_insert", &insert(head + 7));
    assert_found(&beyond, head + 7, "a sealed part lies here that no event has");
    let closed = |desk: &Desk| -> u64 {
        let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
        let sql = "SELECT min(position) FROM event WHERE sealed_hash IS NULL";
        conn.query_row(sql, [], |row| row.get(0)).expect("an event without a sealed part")
    };
    let beside = log();
    let position = closed(&beside);
    beside.tamper("sealed_insert", &insert(position));
    assert_found(&beside, position, "its sealed part is not the one whose hash is recorded");
    let gap = log();
    let position = closed(&gap);
    gap.tamper("event_delete", &format!("DELETE FROM event WHERE position = {position}"));
    gap.tamper("sealed_insert", &insert(position));
    let found = findings(&gap);
    assert!(found.iter().any(|(at, what)| *at == Some(position) && what.contains("no event has")), "{found:?}");
    desk.tamper("event_delete", &format!("DELETE FROM event WHERE position = {head}"));
    desk.tamper("sealed_insert", &format!("INSERT OR REPLACE INTO sealed VALUES ({head}, x'00')"));
    assert_found(&desk, head, "a sealed part lies here that no event has");
}

#[test]
fn a_deleted_row_is_found_as_a_gap() {
    let desk = log();
    desk.tamper("event_delete", "DELETE FROM sealed WHERE 0; DELETE FROM event WHERE position = 40");
    let findings = findings(&desk);
    assert!(findings.iter().any(|(at, what)| *at == Some(40) && what.contains("missing")), "{findings:?}");
}

#[test]
fn rows_cut_off_at_the_end_are_not_found_by_the_log_alone() {
    // What only a checkpoint or a witness can show: said here so that nobody relies on it.
    let desk = log();
    let head = desk.report("stat", &[])["head"].as_u64().expect("head");
    desk.tamper("event_delete", &format!(
        "DROP TRIGGER sealed_delete; DELETE FROM sealed WHERE position = {head}; DELETE FROM event WHERE position = {head};
         CREATE TRIGGER sealed_delete BEFORE DELETE ON sealed
WHEN NOT EXISTS (SELECT 1 FROM erasing WHERE position = OLD.position) BEGIN
    SELECT RAISE(ABORT, 'an envelope is deleted by an erasure only');
END"
    ));
    assert_eq!(desk.report("verify", &[])["findings"]["total"], 0);
}

#[test]
fn a_dropped_trigger_is_found_by_name() {
    let desk = log();
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    conn.execute_batch("DROP TRIGGER event_update").expect("dropped");
    drop(conn);
    assert_eq!(findings(&desk), [(None, "trigger event_update is missing".to_owned())]);
}

#[test]
fn events_in_another_order_of_time_and_unknown_names_are_found() {
    let desk = log();
    desk.tamper("event_update", "UPDATE event SET recorded_at = 1 WHERE position = 12");
    assert_found(&desk, 12, "recorded before");
    let desk = log();
    desk.tamper("event_update", "UPDATE event SET type = 999 WHERE position = 12");
    assert_found(&desk, 12, "number 999, is not in the table of types");
    let desk = log();
    desk.tamper("event_update", "INSERT OR REPLACE INTO identity VALUES (zeroblob(32), zeroblob(16))");
    let found = findings(&desk);
    assert!(found.iter().any(|(_, what)| what.contains("who has no events")), "{found:?}");
}

#[test]
fn a_file_with_broken_pages_is_reported_and_never_a_panic() {
    let desk = log();
    desk.report("stat", &[]);
    let path = desk.data().join("log.db");
    let sound = std::fs::read(&path).expect("log");
    for page in 2..(sound.len() / 4096).min(24) {
        let mut bytes = sound.clone();
        for byte in &mut bytes[page * 4096 + 5..page * 4096 + 400] {
            *byte ^= 0x5a;
        }
        std::fs::write(&path, bytes).expect("damaged");
        match desk.run("verify", &[]) {
            Ok(done) => assert_eq!(done.exit, Exit::Found, "page {page}"),
            // A file that is no log any more cannot be opened: said, with a reason.
            Err(error) => assert!(!format!("{error:#}").is_empty(), "page {page}"),
        }
    }
}

#[test]
fn a_changed_row_of_a_view_is_found() {
    let desk = log();
    desk.report("rebuild", &["--install"]);
    let pointer = std::fs::read_to_string(desk.data().join("views/current")).expect("pointer");
    let conn = rusqlite::Connection::open(desk.data().join("views").join(pointer.trim())).expect("views");
    let changed = conn.execute("UPDATE client_case SET topic = 'other' WHERE rowid = 1", []).expect("changed");
    drop(conn);
    assert_eq!(changed, 1);
    let done = desk.run("verify", &["--views"]).expect("verify");
    assert_eq!(done.exit, Exit::Found);
    let views = done.report["views"].as_array().expect("views");
    let unsound: Vec<&Value> = views.iter().filter(|view| view["sound"] == false).map(|view| &view["view"]).collect();
    assert_eq!(unsound, [&json!("client_case")]);
}
