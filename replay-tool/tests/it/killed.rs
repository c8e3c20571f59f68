//! The real program is killed in the middle of an erasure and of a rotation, and started again.
//!
//! It is stopped at a step by a lock that this test holds on the file that the next step writes, and then killed by
//! the system (SIGKILL): nothing of it runs any more. So nothing is built into the program for it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use letopis_core::folder::Folder;
use letopis_core::random::Random;
use letopis_core::testing::hold::{connect, keep_from_writing, keep_reading, number, wait_until};
use letopis_core::time::SystemClock;
use serde_json::{Value, json};

use crate::support::{Desk, history, text};

/// What is to be forgotten, and stands in every personal field.
const CANARY: &str = "Kanaryquixz Канарейжъ";

/// A folder with four clients, one of them the canary; his id.
fn folder() -> (Desk, String) {
    let desk = Desk::new();
    let item = |ty: &str, day: u32, data: Value| {
        let at = format!("2026-01-{day:02}T08:00:00Z");
        json!({ "type": ty, "id": format!("{ty}/c"), "source": "shop", "client": "shop:canary", "occurred_at": at, "data": data })
    };
    let mut events = history(3);
    events.push(item("client.registered", 3, json!({ "kind": "person", "name": CANARY })));
    events.push(item("call.logged", 4, json!({ "direction": "in", "duration_s": 60, "summary": CANARY })));
    desk.import(&events, &[]);
    desk.report("rebuild", &["--install"]);
    let client = text(&desk.ask(&["client", "shop:canary"])["client"]).to_owned();
    (desk, client)
}

/// The program, started on the folder and not waited for.
fn start(desk: &Desk, command: &str, arguments: &[&str]) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_replay-tool"));
    program.args(["--quiet", "--json", command, "--data"]).arg(desk.data()).args(arguments);
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
}

/// SIGKILL.
fn kill(mut child: Child) {
    child.kill().expect("killed");
    let status = child.wait().expect("ended");
    assert_eq!(status.signal(), Some(9), "it ended before it was killed: {status}");
}

/// How far an erasure is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    Registered,
    KeysDestroyed,
    SealedDeleted,
    Recorded,
    Certified,
}

/// Erases, and kills the program behind a step.
fn erase_up_to(stop: Stop, desk: &Desk, client: &str) {
    let data = desk.data();
    let (log, keys, register) = (data.join("log.db"), data.join("keys.db"), data.join("secrets/erasures.log"));
    let pointer = std::fs::read_to_string(data.join("views/current")).expect("pointer");
    let views = data.join("views").join(pointer.trim());
    let key_count = number(&keys, "SELECT count(*) FROM data_key");
    let sealed_count = number(&log, "SELECT count(*) FROM sealed");
    let records = "SELECT count(*) FROM event e JOIN event_type t ON t.key = e.type WHERE t.name = 'client.erased'";

    let before_keys = keep_from_writing(&keys);
    let child = start(desk, "erase", &["--client", client, "--basis", "gdpr-17"]);
    wait_until("the register", || std::fs::read_to_string(&register).is_ok_and(|text| text.ends_with('\n')));
    if stop == Stop::Registered {
        return kill(child);
    }
    let before_deletion = keep_from_writing(&log);
    drop(before_keys);
    wait_until("the keys' end", || number(&keys, "SELECT count(*) FROM data_key") < key_count);
    if stop == Stop::KeysDestroyed {
        return kill(child);
    }
    let before_record = keep_reading(&log);
    drop(before_deletion);
    wait_until("the parts' end", || number(&log, "SELECT count(*) FROM sealed") < sealed_count);
    if stop == Stop::SealedDeleted {
        assert_eq!(number(&log, records), 0);
        return kill(child);
    }
    let before_views = keep_from_writing(&views);
    drop(before_record);
    wait_until("the record", || number(&log, records) > 0);
    if stop == Stop::Recorded {
        return kill(child);
    }
    drop(before_views);
    let is_done = || std::fs::read_to_string(&register).is_ok_and(|text| text.contains("\"state\":\"done\""));
    wait_until("the certificate", is_done);
    let mut child = child;
    drop(child.kill());
    child.wait().expect("ended");
}

/// Every file below a folder that holds the canary.
fn found(dir: &Path, out: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found(&path, out);
        } else if has_part(&std::fs::read(&path).expect("file"), b"Kanaryquixz") {
            out.push(path.display().to_string());
        }
    }
}

fn has_part(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn assert_forgotten(desk: &Desk, client: &str, place: &str) {
    let told = desk.report("history", &[client]).to_string();
    assert!(told.contains("\"erased\":true") && !told.contains("Kanary"), "{place}: {told}");
    let plan = desk.report("erase", &["--client", client, "--plan"]);
    let sealed: u64 = plan["streams"].as_array().expect("streams").iter().filter_map(|s| s["sealed"].as_u64()).sum();
    assert_eq!((sealed, plan["keys"].as_array().map(Vec::len), &plan["identities"]), (0, Some(0), &json!(0)), "{plan}");
    let mut files = Vec::new();
    found(&desk.data(), &mut files);
    assert_eq!(files, [""; 0], "{place}");
    assert_eq!(desk.report("verify", &[])["findings"]["total"], 0, "{place}");
    let register = std::fs::read_to_string(desk.data().join("secrets/erasures.log")).expect("register");
    assert_eq!(register.matches("\"state\":\"done\"").count(), 1, "{place}: one certificate");
    desk.report("rebuild", &["--install"]);
    let card = desk.ask(&["client", client]);
    assert_eq!((&card["name"], &card["personal"]), (&Value::Null, &json!("erased")), "{place}: {card}");
    assert_eq!(desk.ask(&["client", "shop:C-1"])["name"], "Client 1", "{place}: others stay");
}

/// Starts again what was killed: any command that writes opens the folder as a server does.
fn restart(desk: &Desk) {
    let mut child = start(desk, "seal", &[]);
    assert!(child.wait().expect("ends").success(), "it starts again");
}

#[test]
fn an_erasure_that_is_killed_behind_any_step_is_complete_at_the_next_start() {
    for stop in [Stop::Registered, Stop::KeysDestroyed, Stop::SealedDeleted, Stop::Recorded, Stop::Certified] {
        let (desk, client) = folder();
        erase_up_to(stop, &desk, &client);
        // Who reads before the next start sees all of him or nothing.
        let between = desk.report("history", &[&client]).to_string();
        assert_eq!(between.contains("Kanary"), stop == Stop::Registered, "{stop:?}: {between}");
        restart(&desk);
        assert_forgotten(&desk, &client, &format!("{stop:?}"));
    }
}

/// `cargo test -p letopis-replay-tool --test it -- --ignored --nocapture killed_at_any_instant`
#[test]
#[ignore = "minutes: many processes"]
fn an_erasure_that_is_killed_at_any_instant_is_complete_at_the_next_start_or_never_began() {
    let (desk, client) = folder();
    let started = Instant::now();
    start(&desk, "erase", &["--client", &client, "--basis", "gdpr-17"]).wait().expect("ends");
    let whole = started.elapsed();
    let (mut begun, random) = (0, Random::seeded(3));
    for round in 0..60_u32 {
        let (desk, client) = folder();
        let mut child = start(&desk, "erase", &["--client", &client, "--basis", "gdpr-17"]);
        std::thread::sleep(whole * u32::from(u16::from_be_bytes(random.bytes())) / u32::from(u16::MAX));
        drop(child.kill());
        child.wait().expect("ended");
        restart(&desk);
        if desk.data().join("secrets/erasures.log").exists() {
            begun += 1;
            assert_forgotten(&desk, &client, &format!("round {round}"));
        } else {
            assert!(desk.report("history", &[&client]).to_string().contains("Kanary"), "round {round}");
            assert_eq!(desk.ask(&["client", "shop:canary"])["name"], CANARY, "round {round}");
        }
    }
    println!("60 erasures killed within {whole:?}: {begun} had begun and were complete at the next start");
    assert!(begun > 0, "none had begun: the harness kills too early");
}

fn kek(desk: &Desk) -> String {
    std::fs::read_to_string(desk.data().join("secrets/kek.key")).expect("there")
}

fn assert_rotated(desk: &Desk, old: &str, told: &Value, place: &str) {
    assert_eq!(&desk.report("history", &["shop:canary"]), told, "{place}: everybody reads in between");
    restart(desk);
    assert_ne!(kek(desk), old, "{place}");
    assert!(!desk.data().join("secrets/kek.next").exists(), "{place}");
    assert_eq!(&desk.report("history", &["shop:canary"]), told, "{place}");
    assert_eq!(number(&desk.data().join("keys.db"), "SELECT count(DISTINCT kek) FROM data_key"), 1, "{place}");
}

#[test]
fn a_rotation_that_is_killed_behind_any_step_is_complete_at_the_next_start() {
    for all_wrapped in [false, true] {
        let (desk, _) = folder();
        let (old, told) = (kek(&desk), desk.report("history", &["shop:canary"]));
        let (keys, next) = (desk.data().join("keys.db"), desk.data().join("secrets/kek.next"));
        let id: String = connect(&keys).query_row("SELECT kek FROM data_key", [], |row| row.get(0)).expect("an id");
        let before_wrapping = keep_from_writing(&keys);
        let child = start(&desk, "rotate-kek", &["--new-kek", "generate"]);
        wait_until("the next key", || std::fs::read_to_string(&next).is_ok_and(|text| text.trim().len() == 64));
        let mut lock = before_wrapping;
        if all_wrapped {
            let cutting_off = keep_reading(&keys);
            drop(std::mem::replace(&mut lock, cutting_off));
            let left = format!("SELECT count(*) FROM data_key WHERE kek = '{id}'");
            wait_until("the last key", || number(&keys, &left) == 0);
        }
        kill(child);
        drop(lock);
        assert_eq!(kek(&desk), old);
        assert_rotated(&desk, &old, &told, if all_wrapped { "all are wrapped" } else { "the next key is stored" });
    }
}

/// `cargo test -p letopis-replay-tool --test it -- --ignored --nocapture killed_at_any_instant`
#[test]
#[ignore = "minutes: many processes and keys"]
fn a_rotation_of_many_keys_that_is_killed_at_any_instant_is_complete_at_the_next_start() {
    let (desk, _) = folder();
    let data = desk.data();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let opened = runtime.block_on(Folder::open(&data, Arc::new(SystemClock))).expect("opens");
    let vault = opened.vault.as_ref().expect("keys");
    (0..40_000).for_each(|_| drop(vault.take().expect("a key")));
    drop(opened);
    let told = desk.report("history", &["shop:canary"]);
    let started = Instant::now();
    start(&desk, "rotate-kek", &["--new-kek", "generate"]).wait().expect("ends");
    let (whole, random, mut begun, mut half) = (started.elapsed(), Random::seeded(5), 0, 0);
    for round in 0..40_u32 {
        let old = kek(&desk);
        let mut child = start(&desk, "rotate-kek", &["--new-kek", "generate"]);
        std::thread::sleep(whole * u32::from(u16::from_be_bytes(random.bytes())) / u32::from(u16::MAX));
        drop(child.kill());
        child.wait().expect("ended");
        half += u32::from(number(&data.join("keys.db"), "SELECT count(DISTINCT kek) FROM data_key") == 2);
        if kek(&desk) != old || data.join("secrets/kek.next").exists() {
            begun += 1;
            assert_rotated(&desk, &old, &told, &format!("round {round}"));
        }
    }
    println!("40 rotations killed within {whole:?}: {begun} had begun, {half} of them half way through the keys");
    assert!(begun > 0, "none had begun: the harness kills too early");
}
