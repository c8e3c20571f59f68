//! Random bit flips: found, or shown to be harmless; never a panic; views are built anew.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use letopis_api::{folder as served, server};
use letopis_core::intake::{Caller, Outcome};
use letopis_replay_tool::console::Exit;
use rusqlite::types::Value as Cell;
use serde_json::json;
use tower::ServiceExt;

use super::chance::{Chance, from_env};
use super::folder::{PANIC, copy, files, tool, verify};

/// What is damaged; the view file is the one that is served.
const TARGETS: &[&str] = &["log.db", "keys.db", "trust.db", "views/views", "views/search.db"];

/// A small folder with everything in it: sealed, erased, corrected, folded.
async fn world(dir: &Path) {
    let app = served::open(dir, false).await.expect("opens");
    let mut events = Vec::new();
    for n in 0..120 {
        let client = format!("shop:C-{}", n % 17);
        events.push(json!({
            "type": "call.logged", "source": "pbx", "id": format!("call/{n}"), "client": client,
            "occurred_at": format!("2025-{:02}-{:02}T10:00:00Z", n % 12 + 1, n % 27 + 1),
            "data": { "direction": "in", "duration_s": n, "topics": ["delivery"], "summary": format!("asked for word{n}") },
        }));
        if n < 17 {
            events.push(json!({
                "type": "client.registered", "source": "shop", "id": format!("reg/{n}"), "client": client,
                "occurred_at": "2025-01-01T00:00:00Z", "data": { "kind": "person", "name": format!("Client {n}") },
            }));
        }
        events.push(json!({
            "type": "order.placed", "source": "shop", "id": format!("order/{n}"), "client": client,
            "occurred_at": format!("2025-{:02}-11T10:00:00Z", n % 12 + 1),
            "data": { "order": format!("shop:O-{n}"), "currency": "EUR",
                "lines": [{ "product": "tea", "quantity": "2", "unit_price": "1.25" }] },
        }));
    }
    let answers = app.intake.post(&Caller::default(), events, false).await;
    assert!(answers.iter().all(|answer| matches!(answer, Outcome::Accepted { .. })), "{answers:?}");
    app.sealer.seal().await.expect("sealed");
    let request = axum::http::Request::post("/v1/clients/shop:C-3/erasure?basis=gdpr-17");
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let answer = server::router(app.clone()).oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), 200);
    app.views.catch_up().await.expect("folded");
    app.search.catch_up().await.expect("indexed");
    app.sealer.seal().await.expect("sealed");
}

/// Everything that SQL can read of a database, table by table, with what the file says of itself.
fn contents(path: &Path) -> Result<BTreeMap<String, Vec<Vec<Cell>>>, rusqlite::Error> {
    let conn = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let read = |sql: &str| -> Result<Vec<Vec<Cell>>, rusqlite::Error> {
        let mut select = conn.prepare(sql)?;
        let width = select.column_count();
        let rows = select.query_map([], |row| (0..width).map(|column| row.get(column)).collect())?;
        rows.collect()
    };
    let mut all = BTreeMap::new();
    all.insert("schema".to_owned(), read("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2")?);
    all.insert("of itself".to_owned(), read("SELECT * FROM pragma_journal_mode")?);
    let tables = read(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'sqlite_sequence' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1",
    )?;
    for table in tables.iter().flatten() {
        if let Cell::Text(name) = table {
            all.insert(name.clone(), read(&format!("SELECT * FROM \"{name}\""))?);
        }
    }
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    all.insert("indexes".to_owned(), vec![vec![Cell::Text(sound)]]);
    Ok(all)
}

/// What `verify` does not recompute: a keyed hash that is no identity's is looked up by nobody, the progress of a
/// tree that can be made again is followed or refused by the sealer, and some bookkeeping of FTS5 is read by no query.
const NOT_RECOMPUTED: &[(&str, &str)] =
    &[("log.db", "identity"), ("trust.db", "progress"), ("views/search.db", "search_data")];

#[derive(Debug, Default)]
struct Tally {
    flips: u64,
    /// Found by `verify`, with the position of the event or not.
    positions: u64,
    found: u64,
    /// The file could not be opened any more, and that was said.
    refused: u64,
    /// Bytes that no reader looks at: all contents are as they were.
    harmless: u64,
    /// Told by nobody, see [`NOT_RECOMPUTED`].
    unnoticed: u64,
}

/// Flips one bit of a copy and looks at what is said of it.
///
/// # Errors
/// When it is neither found nor harmless, or not got over.
fn flip(sound: &Path, name: &str, chance: &mut Chance, tally: &mut Tally) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a folder");
    copy(sound, dir.path());
    let path = target(dir.path(), name);
    let mut bytes = std::fs::read(&path).expect("a file");
    let at = chance.below(bytes.len() as u64) as usize;
    let bit = chance.below(8);
    bytes[at] ^= 1 << bit;
    std::fs::write(&path, bytes).expect("written");
    let place = format!("bit {bit} of byte {at} in {name}");
    let is_view = name.starts_with("views/");
    tally.flips += 1;
    let flags: &[&str] = if is_view { &["--deep", "--views"] } else { &["--deep"] };
    match tool(dir.path(), "verify", flags) {
        Err(reason) if reason.is_empty() || reason == PANIC => return Err(format!("{place}: {reason}")),
        Err(_) => tally.refused += 1,
        Ok(done) if done.exit == Exit::Found => {
            tally.found += 1;
            let list = done.report["findings"]["list"].as_array();
            tally.positions += u64::from(list.is_some_and(|list| list.iter().any(|one| one["position"].is_u64())));
        }
        Ok(_) => {
            let before = contents(&target(sound, name)).expect("sound");
            let after = contents(&path).map_err(|error| format!("{place} is not found: {error}"))?;
            let differs: Vec<&String> = before.keys().filter(|part| before.get(*part) != after.get(*part)).collect();
            match &differs[..] {
                [] => tally.harmless += 1,
                [part] if NOT_RECOMPUTED.contains(&(name, part.as_str())) => tally.unnoticed += 1,
                _ => return Err(format!("{place} changes {differs:?} and is not found")),
            }
        }
    }
    if is_view {
        anew(dir.path(), &path).map_err(|error| format!("{place}: the views are not built anew: {error}"))?;
    }
    Ok(())
}

/// The server opens, and builds anew what it is told to: the views by a request, the index when its file is taken away.
/// Then they are as the log says.
fn anew(data: &Path, damaged: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    let opened = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            if damaged.ends_with("search.db") {
                drop(served::open(data, false).await);
                std::fs::remove_file(damaged).expect("taken away");
            }
            let app = served::open(data, false).await.map_err(|error| format!("{error:#}"))?;
            app.search.catch_up().await.map_err(|error| letopis_core::error::chain(&error))?;
            app.views.rebuild(&|_, _| {}).await.map_err(|error| letopis_core::error::chain(&error))
        })
    }));
    opened.map_err(|_| "a panic")??;
    verify(data, true)
}

fn target(data: &Path, name: &str) -> PathBuf {
    let name = data.join(name).display().to_string();
    let found = files(data).into_iter().find(|path| {
        let path = path.display().to_string();
        path.starts_with(&name) && path.ends_with(".db")
    });
    found.expect("the file is there")
}

fn walk(each: u64, chance: &mut Chance) {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    runtime.block_on(world(dir.path()));
    drop(runtime);
    verify(dir.path(), true).expect("sound before it is damaged");
    let mut wrong = Vec::new();
    for name in TARGETS {
        let mut tally = Tally::default();
        for _ in 0..each {
            wrong.extend(flip(dir.path(), name, chance, &mut tally).err());
        }
        println!("{name}: {tally:?}");
    }
    assert!(wrong.is_empty(), "{} of the flips: {wrong:#?}", wrong.len());
}

#[test]
fn a_flipped_bit_is_found_or_harmless_and_never_a_panic() {
    walk(from_env("LETOPIS_FLIPS", 8), &mut Chance::printed("damage"));
}

#[test]
#[ignore = "takes minutes: LETOPIS_FLIPS in each of five files, 250 when not given"]
fn a_thousand_flipped_bits_are_found_or_harmless() {
    walk(from_env("LETOPIS_FLIPS", 250), &mut Chance::printed("damage"));
}

#[test]
fn negative_control_a_flip_that_changes_a_fact_is_not_called_harmless() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    runtime.block_on(world(dir.path()));
    drop(runtime);
    let path = dir.path().join("log.db");
    let before = contents(&path).expect("sound");
    let mut bytes = std::fs::read(&path).expect("a file");
    let at = bytes.windows(14).position(|part| part == b"\"duration_s\":5").expect("a fact");
    bytes[at + 13] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    assert_ne!(contents(&path).ok(), Some(before));
    verify(dir.path(), false).expect_err("and it is found");
}
