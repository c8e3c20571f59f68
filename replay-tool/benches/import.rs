//! How fast native lines are imported into an empty folder, against a bare insert loop over the same rows.
//!
//! `cargo bench -p letopis-replay-tool --bench import` prints a table; every figure is a median of [`ROUNDS`] runs that
//! alternate with their peer. `LETOPIS_BENCH_EVENTS` says how many lines. The bare loop has the rows of the imported
//! log ready in memory and writes them to the same tables and indexes, 10,000 events in a transaction; it reads, hashes,
//! seals and checks nothing.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use letopis_core::import::BATCH;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::testing::desk::posted;
use letopis_core::time::SystemClock;
use letopis_replay_tool::commands::import::ImportArgs;
use letopis_replay_tool::commands::{Command, DataArg, run};
use letopis_replay_tool::console::Console;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};

// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error>;

const ROUNDS: usize = 3;
/// Lines when nothing else is said.
const LINES: u64 = 200_000;
/// Clients that they are about.
const CLIENTS: u64 = 20_000;
/// Events of one transaction of the bare loop.
const IN_TRANSACTION: usize = 10_000;
/// Tables of the log whose rows are written as they are, and what a row of `event` is about.
const TABLES: &[&str] = &["event_type", "stream", "identity", "subject_key"];

fn line(n: u64) -> String {
    posted(n, CLIENTS).to_string()
}

/// Imports the file into a new folder. Returns events a second by the time that the command tells; a client that is
/// new is one more.
fn ours(file: &Path, folder: &Path) -> Result<f64, Error> {
    let command = Command::Import(ImportArgs {
        data: DataArg { data: folder.to_owned() },
        files: vec![file.display().to_string()],
        map: None,
        from: None,
        dry_run: false,
        restore: false,
        source: None,
        actor: "bench".to_owned(),
        report: None,
        rejects: None,
        batch: BATCH,
    });
    let done = run(&command, &Console { json: true, quiet: true })?;
    let number = |name: &str| done.report[name].as_f64().ok_or(format!("no {name} in {}", done.report));
    assert_eq!(done.report["rejected"], 0, "{}", done.report);
    Ok(number("head")? / number("seconds")?)
}

fn rows(conn: &Connection, table: &str) -> Result<Vec<Vec<Cell>>, Error> {
    let mut select = conn.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = select.column_count();
    let rows = select.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes the rows of a log to another one. Returns events a second.
fn bare(from: &Path, folder: &Path) -> Result<f64, Error> {
    let read = Connection::open(from)?;
    let (events, sealed) = (rows(&read, "event")?, rows(&read, "sealed")?);
    let beside = TABLES.iter().map(|table| Ok((*table, rows(&read, table)?))).collect::<Result<Vec<_>, Error>>()?;
    let path = folder.join("log.db");
    drop(SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default())?);
    let conn = Connection::open(&path)?;
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=20000; PRAGMA cache_size=-65536;
         DROP TRIGGER event_insert; DROP TRIGGER sealed_insert;",
    )?;
    let started = Instant::now();
    let insert = |table: &str, rows: &[Vec<Cell>]| -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let marks = vec!["?"; first.len()].join(", ");
        let mut insert = conn.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})"))?;
        rows.iter().try_for_each(|row| insert.execute(params_from_iter(row)).map(drop))?;
        Ok(())
    };
    conn.execute_batch("BEGIN IMMEDIATE")?;
    beside.iter().try_for_each(|(table, rows)| insert(table, rows))?;
    conn.execute_batch("COMMIT")?;
    for (events, sealed) in events.chunks(IN_TRANSACTION).zip(sealed.chunks(IN_TRANSACTION)) {
        conn.execute_batch("BEGIN IMMEDIATE")?;
        insert("event", events)?;
        insert("sealed", sealed)?;
        conn.execute_batch("COMMIT")?;
    }
    Ok(events.len() as f64 / started.elapsed().as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() -> Result<(), Error> {
    let lines = match std::env::var("LETOPIS_BENCH_EVENTS") {
        Ok(text) => text.parse()?,
        Err(_) => LINES,
    };
    let folder = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let input = folder()?;
    let file = input.path().join("events.ndjson");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
    (0..lines).try_for_each(|n| writeln!(out, "{}", line(n)))?;
    out.into_inner()?.sync_all()?;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (imported, copied) = (folder()?, folder()?);
        a.push(ours(&file, imported.path())?);
        b.push(bare(&imported.path().join("log.db"), copied.path())?);
    }
    let (a, b) = (median(a), median(b));
    println!("{lines} lines about {CLIENTS} clients; medians of {ROUNDS} rounds");
    println!(
        "| import, events/s | bare insert loop, events/s | ratio |\n|---|---|---|\n| {a:.0} | {b:.0} | {:.2} |",
        a / b
    );
    Ok(())
}
