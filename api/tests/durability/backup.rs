//! Copies: taken while the server works, refused when a bit was flipped, and put back in every way that is documented.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::chance::Chance;
use super::folder::{files, holding, tool, verify};
use super::load::{Shared, start};
use super::process::{Process, Start};

/// Runs `letopis` and gives what it printed, or what it complained of.
fn letopis(arguments: &[&str], paths: &[(&str, &Path)]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letopis"));
    command.args(["--log", "error"]).args(arguments).env_remove("LETOPIS_FAULT");
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let output = command.output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

struct Places {
    _dir: tempfile::TempDir,
    data: PathBuf,
    copy: PathBuf,
    secrets: PathBuf,
}

impl Places {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let place = |name: &str| dir.path().join(name);
        Self { data: place("data"), copy: place("copy"), secrets: place("secrets"), _dir: dir }
    }

    fn back_up(&self) -> String {
        let paths = [("--data", &*self.data), ("--to", &*self.copy), ("--secrets-to", &*self.secrets)];
        letopis(&["backup"], &paths).expect("copied")
    }

    fn restore(&self, secrets: bool, data: &Path) -> Result<String, String> {
        let mut paths = vec![("--from", &*self.copy), ("--data", data)];
        paths.extend(secrets.then_some(("--secrets-from", &*self.secrets)));
        letopis(&["restore"], &paths)
    }
}

fn person(server: &Process, client: &str, name: &str) {
    let event = json!({
        "type": "client.registered", "source": "shop", "id": format!("reg/{client}"), "client": client,
        "occurred_at": "2025-06-01T10:00:00Z", "data": { "kind": "person", "name": name },
    });
    let answer = server.agent().post("/v1/events", "application/json", &event.to_string()).expect("answered");
    assert_eq!(answer.0, 201, "{}", answer.1);
}

fn name_of(server: &Process, client: &str) -> Value {
    server.settled().expect("folded");
    server.get(&format!("/v1/clients/{client}")).expect("answered").1["data"]["name"].clone()
}

fn end(mut server: Process) {
    server.terminate();
    assert!(server.wait().success(), "{}", server.said());
}

/// The last event that stands in the log.
fn head(data: &Path) -> u64 {
    tool(data, "stat", &[]).expect("stat").report["head"].as_u64().expect("a number")
}

/// Moves the databases of a folder away, as one does who lost them.
fn lose(data: &Path) {
    for path in files(data) {
        if path.parent() == Some(data) && path.file_name().is_some_and(|name| name.to_string_lossy().contains(".db")) {
            std::fs::remove_file(path).expect("removed");
        }
    }
}

#[test]
fn a_copy_that_is_taken_under_load_is_whole_and_can_be_put_back_where_it_came_from() {
    let places = Places::new();
    let begin = Start::new(&places.data);
    let server = begin.ready().expect("ready");
    person(&server, "shop:A", "Anna");
    let shared = Shared::new(false);
    let callers = start(|| server.agent(), &shared, &mut Chance::printed("backup"));
    std::thread::sleep(Duration::from_millis(300));
    let said = places.back_up();
    assert!(said.contains("read through"), "{said}");
    std::thread::sleep(Duration::from_millis(200));
    shared.stop.store(true, Ordering::SeqCst);
    callers.into_iter().for_each(|caller| caller.join().expect("no panic"));
    end(server);
    let (lost_at, copied) = (head(&places.data), head(&places.copy));
    assert!(copied > 1 && copied < lost_at, "{copied} of {lost_at}");
    verify(&places.copy, false).expect("the copy is sound by itself");
    assert!(!places.copy.join("secrets").exists());
    // The disk lost everything but the secrets, which are newer than the copy: the loss must be put on record.
    let there = places.restore(false, &places.data).expect_err("a log is there");
    assert!(there.contains("move it aside first"), "{there}");
    lose(&places.data);
    let said = places.restore(false, &places.data).expect("put back");
    assert!(said.contains("replay-tool fork"), "{said}");
    let refused = begin.ready().err().expect("it does not start");
    assert!(refused.contains("replay-tool fork"), "{refused}");
    tool(&places.data, "fork", &["--reason", "disk_failure"]).expect("forked");
    let server = begin.ready().expect("ready");
    assert_eq!(name_of(&server, "shop:A"), "Anna");
    end(server);
    verify(&places.data, true).expect("sound");
}

#[test]
fn a_copy_of_everything_needs_no_record_and_a_new_machine_does() {
    let places = Places::new();
    let begin = Start::new(&places.data);
    let server = begin.ready().expect("ready");
    person(&server, "shop:A", "Anna");
    end(server);
    places.back_up();
    let last = head(&places.data);
    lose(&places.data);
    let said = places.restore(false, &places.data).expect("put back");
    assert!(!said.contains("fork"), "nothing is lost: {said}");
    assert_eq!(head(&places.data), last);
    end(begin.ready().expect("ready"));
    // Another machine does not know what was signed since: it signs nothing before that is on record.
    let elsewhere = places.data.with_file_name("elsewhere");
    let said = places.restore(true, &elsewhere).expect("put back");
    assert!(said.contains("what was signed last is not known"), "{said}");
    let begin = Start::new(&elsewhere);
    begin.ready().err().expect("it does not start");
    tool(&elsewhere, "fork", &["--reason", "new_machine"]).expect("forked");
    let server = begin.ready().expect("ready");
    assert_eq!(name_of(&server, "shop:A"), "Anna");
    end(server);
    verify(&elsewhere, true).expect("sound");
}

#[test]
fn what_was_erased_after_the_copy_stays_erased() {
    let places = Places::new();
    let begin = Start::new(&places.data);
    let server = begin.ready().expect("ready");
    let word = "zqcanary000000001zq";
    person(&server, "shop:A", "Anna");
    person(&server, "shop:B", word);
    places.back_up();
    let (status, answer) =
        server.agent().post("/v1/clients/shop:B/erasure?basis=gdpr-17", "application/json", "").expect("answered");
    assert_eq!(status, 200, "{answer}");
    end(server);
    lose(&places.data);
    // The register in the copy is older than the folder's: the folder's stays.
    places.restore(true, &places.data).expect("put back");
    tool(&places.data, "fork", &["--reason", "disk_failure"]).expect("forked");
    let server = begin.ready().expect("ready");
    assert_eq!(name_of(&server, "shop:A"), "Anna");
    end(server);
    verify(&places.data, true).expect("sound");
    assert_eq!(holding(&places.data, &[word.to_owned()]), []);
    let told = tool(&places.data, "export", &["--out", &places.copy.join("../all.ndjson").display().to_string()]);
    let told = told.expect("export").report;
    assert_eq!(
        told["erased"], 2,
        "his registration and the link of his identity are there without their words: {told}"
    );
}

#[test]
fn a_copy_in_which_a_bit_was_flipped_is_refused() {
    let places = Places::new();
    let server = Start::new(&places.data).ready().expect("ready");
    person(&server, "shop:A", "Anna");
    end(server);
    places.back_up();
    let target = places.data.with_file_name("target");
    let mut chance = Chance::printed("flip");
    for path in files(&places.copy).into_iter().chain(files(&places.secrets)) {
        let sound = std::fs::read(&path).expect("a file");
        let mut bytes = sound.clone();
        let at = chance.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << chance.below(8);
        std::fs::write(&path, bytes).expect("written");
        let refused = places.restore(true, &target).expect_err(&format!("byte {at} of {}", path.display()));
        assert!(!refused.is_empty());
        assert!(!target.join("log.db").exists(), "nothing was put there: {refused}");
        std::fs::write(&path, sound).expect("mended");
    }
    places.restore(true, &target).expect("the negative control: the sound copy is taken");
    let full = letopis(&["backup"], &[("--data", &places.data), ("--to", &places.copy)]).expect_err("not empty");
    assert!(full.contains("is not empty"), "{full}");
}

#[test]
fn damage_in_the_log_is_noticed_when_it_is_copied() {
    let places = Places::new();
    let server = Start::new(&places.data).ready().expect("ready");
    person(&server, "shop:A", "Anna");
    end(server);
    let conn = rusqlite::Connection::open(places.data.join("log.db")).expect("opens");
    conn.execute_batch("DROP TRIGGER event_update; UPDATE event SET salt = zeroblob(16) WHERE position = 1")
        .expect("damaged");
    drop(conn);
    let refused = letopis(&["backup"], &[("--data", &places.data), ("--to", &places.copy)]).expect_err("damaged");
    assert!(refused.contains("position 1"), "{refused}");
    assert!(!places.copy.join("backup.json").exists(), "and it is no copy");
}
