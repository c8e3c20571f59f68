//! Seals, proofs and their checks as an auditor uses them, and what `verify` finds of what lies beside the log.

use std::path::Path;
use std::process::Command;

use clap::Parser;
use letopis_core::ids::Position;
use letopis_core::log::sqlite::SqliteLog;
use letopis_core::trust::hex;
use letopis_core::trust::note::SigningKey;
use letopis_core::trust::prove::Proofs;
use letopis_core::trust::signer;
use letopis_replay_tool::commands::{self, Cli};
use letopis_replay_tool::console::{Console, Done, Exit, UsageError};
use serde_json::{Value, json};

use crate::support::{Desk, history, repository, text};

fn check(desk: &Desk, file: &str, arguments: &[&str]) -> anyhow::Result<Done> {
    let key = desk.data().join("checkpoint.pub").display().to_string();
    let file = desk.path(file).display().to_string();
    let mut words = vec!["replay-tool", "check-proof", &file];
    if !arguments.contains(&"--key") {
        words.extend(["--key", &key]);
    }
    let cli = Cli::try_parse_from(words.into_iter().chain(arguments.iter().copied())).expect("a right call");
    commands::run(&cli.command, &Console { json: true, quiet: true })
}

fn prove(desk: &Desk, client: &str, out: &str, arguments: &[&str]) -> Value {
    let out = format!("{{}}/{out}");
    desk.report("prove", &[&["--client", client, "--out", &out], arguments].concat())
}

/// A log of three tiles with two seals and some events after them.
fn sealed() -> Desk {
    let desk = Desk::new();
    desk.import(&history(120), &[]);
    desk.report("seal", &[]);
    desk.import(&[product("more")], &[]);
    desk.report("seal", &[]);
    desk
}

fn product(name: &str) -> Value {
    json!({ "type": "product.defined", "id": format!("product/{name}"), "source": "shop",
            "occurred_at": "2025-12-01T00:00:00Z", "data": { "product": name, "label": name } })
}

#[test]
fn an_auditor_checks_a_client_with_the_public_key_alone() {
    let desk = sealed();
    let made = prove(&desk, "shop:C-3", "closed", &[]);
    prove(&desk, "shop:C-3", "opened", &["--opened"]);
    let nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    prove(&desk, nobody, "absent", &[]);
    let closed = check(&desk, "closed", &["--max-age", "24h"]).expect("checks");
    assert_eq!((closed.exit, &closed.report["events"]), (Exit::Fine, &json!(5)), "{}", closed.text);
    assert!(closed.text.contains("complete and unaltered: exactly 5 events"), "{}", closed.text);
    assert!(closed.text.contains("up to position 603"), "{}", closed.text);
    let opened = check(&desk, "opened", &["--client", text(&made["client"])]).expect("checks").report;
    assert!(opened["opened"].as_u64() > Some(0) && opened["closed"] == 0, "{opened}");
    let absent = check(&desk, "absent", &[]).expect("checks");
    assert_eq!((absent.exit, &absent.report["events"]), (Exit::Fine, &json!(0)), "{}", absent.text);
    assert!(absent.text.contains("has no event of client 01ARZ"), "{}", absent.text);

    let rejected = |arguments: &[&str]| check(&desk, "closed", arguments).expect("checks").report["code"].clone();
    assert_eq!(rejected(&["--client", nobody]), "other-client");
    assert_eq!(rejected(&["--max-age", "0s"]), "stale");
    assert_eq!(rejected(&["--seen", &format!("9999:{}", "0".repeat(64))]), "older-than-seen");
    let other = SigningKey::new(&[9; 32], "letopis.local/other").expect("a name").verifier_line();
    assert_eq!(rejected(&["--key", &other]), "unknown-signer");
    let mut bytes = std::fs::read(desk.path("closed")).expect("a bundle");
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        bytes[at] ^= 1;
        std::fs::write(desk.path("altered"), &bytes).expect("written");
        let done = check(&desk, "altered", &[]).expect("checks");
        assert_eq!((done.exit, &done.report["ok"]), (Exit::Found, &json!(false)), "byte {at}");
        bytes[at] ^= 1;
    }
    assert!(check(&desk, "nowhere", &[]).is_err(), "it could not run");
    let usage = |arguments: &[&str]| check(&desk, "closed", arguments).expect_err("usage").is::<UsageError>();
    assert!(usage(&["--key", "a+b+c"]) && usage(&["--max-age", "long"]) && usage(&["--seen", "1"]));
    python(&desk, &["closed", "opened", "absent"]);
}

#[test]
fn a_proof_right_after_an_erasure_has_the_record_of_it_and_a_copy_that_cannot_be_sealed_gives_none() {
    let desk = sealed();
    let client = text(&prove(&desk, "shop:C-3", "before", &[])["client"]).to_owned();
    desk.report("erase", &["--client", "shop:C-3", "--basis", "gdpr-17"]);
    copy(&desk.data(), &desk.path("copy"));
    for file in ["trust.db", "checkpoint.pub", "settings.toml"] {
        std::fs::copy(desk.data().join(file), desk.path("copy").join(file)).expect("copied");
    }
    let words = ["replay-tool", "prove", "--data", "{}/copy", "--client", &client, "--out", "{}/none"];
    let beside = desk.path("").display().to_string();
    let cli = Cli::try_parse_from(words.map(|word| word.replace("{}", &beside))).expect("a right call");
    let refused = commands::run(&cli.command, &Console { json: true, quiet: true }).expect_err("no seal has it");
    let refused = format!("{refused:#}");
    assert!(refused.contains("has to be sealed first") && refused.contains("no record of its erasure"), "{refused}");
    assert!(!desk.path("none").exists());
    prove(&desk, &client, "after", &[]);
    let after = check(&desk, "after", &[]).expect("checks");
    assert_eq!((after.exit, &after.report["closed"]), (Exit::Fine, &json!(0)), "{}", after.text);
    assert!(after.report["erased"].as_u64() > Some(1), "{}", after.text);
    assert_eq!(check(&desk, "before", &[]).expect("checks").exit, Exit::Fine, "what was handed out before stays good");
    python(&desk, &["before", "after"]);
}

fn python(desk: &Desk, files: &[&str]) {
    let has = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: python3 with the library `cryptography` is not installed");
        return;
    }
    let mut command = Command::new("python3");
    command.arg("-B").arg(repository().join("fixtures/verify_bundle.py"));
    command.arg("--key").arg(desk.data().join("checkpoint.pub")).args(files.iter().map(|file| desk.path(file)));
    let said = String::from_utf8(command.output().expect("runs").stdout).expect("text");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok")).count(), files.len(), "{said}");
}

#[tokio::test]
async fn the_proof_of_one_event_is_checked_by_the_same_command() {
    let desk = tokio::task::spawn_blocking(sealed).await.expect("made");
    let log = SqliteLog::open_read_only(&desk.data().join("log.db")).expect("opens");
    let receipt = Proofs::open(&desk.data()).expect("opens").receipt(&log, Position(7), false).await.expect("reads");
    std::fs::write(desk.path("receipt"), receipt.expect("sealed")).expect("written");
    let done = check(&desk, "receipt", &[]).expect("checks");
    assert_eq!((done.exit, &done.report["position"]), (Exit::Fine, &json!(7)), "{}", done.text);
    let altered = std::fs::read_to_string(desk.path("receipt")).expect("text").replacen("index 6", "index 7", 1);
    std::fs::write(desk.path("receipt"), altered).expect("written");
    assert_eq!(check(&desk, "receipt", &[]).expect("checks").report["code"], "not-in-tree");
    assert!(check(&desk, "receipt", &["--max-age", "1h"]).expect_err("usage").is::<UsageError>());
}

/// Copies log and keys, without what is signed.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        drop(std::fs::remove_file(to.join(file)));
    }
    for file in ["log.db", "log.db-wal"] {
        if from.join(file).exists() {
            std::fs::copy(from.join(file), to.join(file)).expect("copied");
        }
    }
}

#[test]
fn an_older_log_put_back_is_refused_until_a_fork_records_what_was_lost() {
    let desk = sealed();
    copy(&desk.data(), &desk.path("backup"));
    let before = std::fs::read_to_string(desk.data().join("secrets/signer_state.json")).expect("state");
    desk.import(&[product("lost"), product("gone")], &[]);
    let lost = desk.report("seal", &[])["size"].as_u64().expect("a size");
    let seen = desk.report("seal", &[])["checkpoint"].clone();
    std::fs::write(desk.path("seen"), text(&seen)).expect("written");
    copy(&desk.path("backup"), &desk.data());

    let refused = |done: anyhow::Result<Done>| format!("{:#}", done.expect_err("refused"));
    assert!(refused(desk.run("seal", &[])).contains("replay-tool fork --reason"));
    std::fs::write(desk.path("one.ndjson"), product("new").to_string()).expect("written");
    let why = refused(desk.run("import", &["{}/one.ndjson"]));
    assert!(why.contains("the log ends at position 604") && why.contains("fork"), "{why}");
    let findings = findings(&desk, &[]);
    let missing = format!("{} events are missing", lost - 604);
    assert!(findings.iter().any(|(at, what)| *at == Some(605) && what.contains(&missing)), "{findings:?}");

    assert!(desk.run("fork", &["--reason", "Not a code!"]).expect_err("usage").is::<UsageError>());
    let forked = desk.report("fork", &["--reason", "disk_failure"]);
    assert_eq!((&forked["epoch"], &forked["last_size"]), (&json!(2), &json!(lost)));
    assert!(desk.run("fork", &["--reason", "again"]).expect_err("nothing is lost").is::<UsageError>());
    desk.import(&[product("new")], &[]);
    desk.report("seal", &[]);
    prove(&desk, "shop:C-3", "after", &[]);
    let done = check(&desk, "after", &[]).expect("checks");
    let fork = &done.report["forks"][0];
    assert_eq!(
        (&fork["position"], &fork["last_size"], &fork["reason"]),
        (&json!(605), &json!(lost), &json!("disk_failure"))
    );
    assert!(
        done.text.contains(&format!("up to position {lost} before is lost (reason: disk_failure)")),
        "{}",
        done.text
    );
    assert_eq!(desk.report("verify", &[])["findings"]["total"], 0, "the new epoch is sound");
    // Who has a checkpoint of the lost end sees that it is gone, whatever the folder says.
    let found = self::findings(&desk, &["--checkpoint", "{}/seen"]);
    assert!(!found.is_empty() && found.iter().all(|(at, _)| *at == Some(lost)), "{found:?}");

    // Without a checkpoint of their own the others are told nothing when all of the folder is an older one.
    copy(&desk.path("backup"), &desk.data());
    std::fs::write(desk.data().join("secrets/signer_state.json"), before).expect("put back");
    std::fs::remove_file(desk.data().join("trust.db")).expect("removed");
    assert_eq!(desk.report("verify", &[])["findings"]["total"], 0, "negative control");
    let found = self::findings(&desk, &["--checkpoint", "{}/seen"]);
    assert!(found.iter().any(|(_, what)| what.contains("seen before")), "{found:?}");
}

fn findings(desk: &Desk, arguments: &[&str]) -> Vec<(Option<u64>, String)> {
    let done = desk.run("verify", arguments).expect("verify");
    let list = done.report["findings"]["list"].as_array().expect("list").clone();
    assert_eq!(done.exit == Exit::Found, !list.is_empty());
    list.iter().map(|finding| (finding["position"].as_u64(), text(&finding["what"]).to_owned())).collect()
}

fn change(desk: &Desk, file: &str, sql: &str) {
    let conn = rusqlite::Connection::open(desk.data().join(file)).expect("opens");
    conn.execute_batch(sql).expect("changed");
}

#[test]
fn a_sealed_log_is_sound_with_everything_that_was_signed() {
    let desk = sealed();
    desk.import(&[product("after")], &[]);
    let report = desk.report("verify", &["--deep"]);
    assert_eq!(report["findings"]["total"], 0, "{report}");
    assert_eq!((&report["seals"], &report["checkpoints"], &report["signed"]), (&json!(2), &json!(2), &json!(604)));
    desk.report("export", &["--raw", "{}/copy"]);
    let copy = desk.path("copy").display().to_string();
    let words = ["replay-tool", "verify", "--data", &copy];
    let done =
        commands::run(&Cli::try_parse_from(words).expect("a call").command, &Console { json: true, quiet: true });
    let copied = done.expect("verify").report;
    assert_eq!((&copied["findings"]["total"], &copied["checkpoints"]), (&json!(0), &json!(2)), "{copied}");
    // What waits for the next seal, and a folder without the file that can be made again.
    std::fs::remove_file(desk.data().join("trust.db")).expect("removed");
    assert_eq!(desk.report("verify", &[])["findings"]["total"], 0);
    desk.report("seal", &[]);
    let report = desk.report("verify", &[]);
    assert_eq!((&report["findings"]["total"], &report["seals"]), (&json!(0), &json!(3)));
    let views = desk.report("rebuild", &[]);
    desk.report("export", &["--out", "{}/export.ndjson"]);
    let other = Desk::with_key_of(&desk);
    std::fs::copy(desk.path("export.ndjson"), other.path("export.ndjson")).expect("copied");
    other.report("import", &["--restore", "{}/export.ndjson"]);
    let digest = |report: &Value| {
        report["views"].as_array().expect("views").iter().map(|view| view["digest"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(digest(&views), digest(&other.report("rebuild", &[])), "seals stay with their log");
}

#[test]
fn what_was_changed_beside_the_log_is_found_one_by_one() {
    let flip = "UPDATE tile SET data = CAST(substr(data, 1, 320) || x'00' || substr(data, 322) AS BLOB) WHERE level = 0 AND idx = 0";
    let cases: &[(&str, &str, Option<u64>, &str)] = &[
        ("a flipped tile", flip, Some(11), "tile 0 of level 0 in trust.db has another hash here"),
        (
            "a dropped tile",
            "DELETE FROM tile WHERE level = 0 AND idx = 0",
            Some(1),
            "tile 0 of level 0 in trust.db is missing",
        ),
        (
            "a cut tile",
            "UPDATE tile SET data = substr(data, 1, 64) WHERE level = 0 AND idx = 1",
            Some(257),
            "has 64 bytes",
        ),
        ("a tile above", "UPDATE tile SET data = zeroblob(32) WHERE level = 1", Some(1), "tile 0 of level 1"),
        ("a tile too many", "INSERT INTO tile VALUES (0, 9, zeroblob(32))", None, "1 tiles that are no part"),
        (
            "an altered head",
            "UPDATE head SET version = version + 1 WHERE tag = (SELECT min(tag) FROM head)",
            None,
            "in trust.db is version",
        ),
        ("a dropped head", "DELETE FROM head WHERE tag = (SELECT min(tag) FROM head)", None, "1 heads are missing"),
        ("a head of nobody", "INSERT INTO head VALUES (zeroblob(32), 1, zeroblob(32))", None, "is of no stream"),
        ("an altered node", "UPDATE node SET hash = zeroblob(32) WHERE id = 1", None, "1 nodes of the heads map"),
        (
            "a seal that covers less",
            "UPDATE checkpoint SET covered = 3 WHERE size = 602",
            Some(602),
            "covers 3 events, not 601",
        ),
        ("another size", "UPDATE checkpoint SET size = 600 WHERE size = 602", Some(600), "signs a tree of 602"),
        (
            "an altered checkpoint",
            "UPDATE checkpoint SET note = replace(note, '602', '601') WHERE size = 602",
            Some(602),
            "is the signature is not one of this text",
        ),
    ];
    let desk = sealed();
    desk.run("verify", &[]).expect("verify");
    change(&desk, "trust.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    let sound = std::fs::read(desk.data().join("trust.db")).expect("a file");
    for (name, sql, position, part) in cases {
        change(&desk, "trust.db", sql);
        let found = findings(&desk, &[]);
        assert!(found.iter().any(|(at, what)| at == position && what.contains(part)), "{name}: {found:?}");
        let cause = if *name == "another size" { 2 } else { 1 };
        assert!((1..=cause).contains(&found.len()), "{name}: nothing else is accused: {found:?}");
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(desk.data().join(format!("trust.db{end}"))));
        }
        std::fs::write(desk.data().join("trust.db"), &sound).expect("put back");
    }
    assert_eq!(findings(&desk, &[]), [], "negative control");
}

#[test]
fn checkpoints_that_somebody_else_or_a_liar_signed_are_found() {
    let desk = sealed();
    let public = signer::public_key(&desk.data()).expect("a key");
    let seed = std::fs::read_to_string(desk.data().join("secrets/signer.key")).expect("the key");
    let seed: [u8; 32] = hex::decode_array(seed.trim()).expect("32 bytes");
    let own = SigningKey::new(&seed, public.origin()).expect("a name");
    let other = SigningKey::new(&[9; 32], public.origin()).expect("a name");
    let put =
        |note: String| change(&desk, "trust.db", &format!("UPDATE checkpoint SET note = '{note}' WHERE size = 602"));
    put(other.sign(602, [7; 32]).expect("signs"));
    let found = findings(&desk, &[]);
    assert!(found.len() == 1 && found[0].1.contains("signed by an unknown key"), "{found:?}");
    put(own.sign(602, [7; 32]).expect("signs"));
    let found = findings(&desk, &[]);
    assert!(
        found.len() == 1 && found[0].0 == Some(602) && found[0].1.contains("not the one that was signed"),
        "{found:?}"
    );
    let key = other.verifier_line();
    let found = findings(&desk, &["--key", &key]);
    assert!(found.iter().any(|(_, what)| what.contains("another key than the one that was given")), "{found:?}");
}

#[test]
fn a_seal_that_states_other_heads_is_found_at_its_position() {
    let desk = sealed();
    let sql = "UPDATE event SET facts = replace(facts, substr(facts, instr(facts, 'heads_root') + 13, 8), '00000000') WHERE position = 602";
    desk.tamper("event_update", sql);
    let found = findings(&desk, &[]);
    let part = "the heads root of this seal is not that of the first 601 events";
    assert!(found.iter().any(|(at, what)| *at == Some(602) && what.contains(part)), "{found:?}");
    assert!(found.iter().all(|(at, _)| *at == Some(602)), "{found:?}");
}

#[test]
fn a_history_that_was_written_anew_and_fits_in_itself_is_found_by_what_was_signed() {
    let (desk, other) = (sealed(), Desk::new());
    other.import(&history(120), &[]);
    other.report("seal", &[]);
    other.import(&[product("more"), product("and_one")], &[]);
    assert_eq!(findings(&other, &[]), [], "the other log is sound in itself");
    copy(&other.data(), &desk.data());
    let found = findings(&desk, &[]);
    let says = |part: &str| found.iter().any(|(_, what)| what.contains(part));
    assert!(says("another hash here than the log") && says("not the one that was signed"), "{found:?}");
}

#[test]
fn the_end_of_a_log_cannot_be_cut_off_once_it_is_sealed() {
    let desk = sealed();
    desk.tamper("event_delete", "DELETE FROM event WHERE position = 604");
    let found = findings(&desk, &[]);
    assert!(found.iter().any(|(at, what)| *at == Some(604) && what.contains("1 events are missing")), "{found:?}");
}

#[test]
fn a_row_that_is_missing_in_the_middle_is_one_finding_and_its_leaf_comes_from_the_tiles() {
    let desk = sealed();
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    let sql = "SELECT max(position) FROM event WHERE position < 200 AND sealed_hash IS NULL";
    let position: u64 = conn.query_row(sql, [], |row| row.get(0)).expect("a position");
    drop(conn);
    desk.tamper("event_delete", &format!("DELETE FROM event WHERE position = {position}"));
    let found = findings(&desk, &[]);
    assert!(found.iter().any(|(at, what)| *at == Some(position) && what.contains("missing")), "{found:?}");
    assert!(!found.iter().any(|(_, what)| what.contains("not the one that was signed")), "the tree holds: {found:?}");
}
