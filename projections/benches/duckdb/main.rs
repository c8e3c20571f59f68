//! The funnel and the RFM table, rebuilt from the log; beside it DuckDB, which computes the same two tables from the
//! same events as NDJSON with two threads.
//!
//! `pip install duckdb`, then `LETOPIS_BENCH_EVENTS=1000000 cargo bench -p letopis-projections --bench duckdb`;
//! `LETOPIS_PYTHON` names the interpreter, `python3` when it is not set. Both sides must say the same, or the
//! bench fails.

#[path = "../views/world.rs"]
mod world;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use letopis_core::ids::Position;
use letopis_core::log::{EventLog, MAX_PAGE};
use letopis_core::time::{Day, Zone};
use letopis_projections::engine::rebuild::{Options, rebuild};
use letopis_projections::engine::view::{Folded, View};
use letopis_projections::views::funnel::{self, By};
use letopis_projections::views::loyalty::{Basis, Window, rfm};
use letopis_projections::views::{client, deals, definitions, orders};
use serde_json::{Value, json};

use crate::world::World;

// As the server does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The day as of whose end both tables are asked for.
const DAY: Day = Day(20_200);

/// The events as an analyst would have them: one object a line.
async fn write_ndjson(world: &World, path: &Path) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut at = Position(0);
    loop {
        let page = world.log.read_all(at, MAX_PAGE).await.expect("a page");
        let Some(last) = page.last() else { return file.flush().expect("written") };
        at = last.position;
        for event in page {
            let facts = std::str::from_utf8(&event.facts).expect("text");
            let client = event.stream.client_id().expect("a client");
            let (name, occurred) = (&event.event_type, event.occurred.at.0);
            writeln!(file, r#"{{"type":"{name}","client":"{client}","occurred_at":{occurred},"facts":{facts}}}"#)
                .expect("written");
        }
    }
}

/// Rebuilds the views that the two tables rest on, and asks both; what they say, and in how many seconds.
async fn ours(world: &World, path: &Path) -> (Value, f64) {
    let started = Instant::now();
    let views: Vec<Box<dyn View>> = vec![
        Box::new(Folded::new(deals::Deals)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(client::Client)),
        Box::new(Folded::new(definitions::Stated)),
    ];
    let zone = Zone::default();
    let file = rebuild(world.source(&views), path, &zone, Options::default(), &|_, _| {}).await.expect("rebuilt");
    let (board, tables) = file
        .read(zone.end(DAY), |reader| {
            let model = "default".parse().expect("a code");
            let board = funnel::board(reader, &model, By::default(), DAY)?;
            Ok((board, rfm::rfm_table(reader, Window::ALL, None, Basis::default())?))
        })
        .expect("answers");
    let seconds = started.elapsed().as_secs_f64();
    let minor = |money: &[letopis_core::money::Money]| money.first().map_or(0, |money| money.minor);
    let stages = board.groups.iter().flat_map(|group| &group.stages).filter(|stage| stage.deals > 0);
    let mut funnel: Vec<Value> =
        stages.map(|stage| json!([stage.name.stage.to_string(), stage.deals, minor(&stage.value)])).collect();
    funnel.sort_by_key(ToString::to_string);
    let cells = tables.iter().flat_map(|table| &table.cells);
    let mut rfm: Vec<Value> =
        cells.map(|cell| json!([cell.scores, cell.clients, (cell.monetary.exact.0 / 10_000) as i64])).collect();
    rfm.sort_by_key(ToString::to_string);
    (json!({ "funnel": funnel, "rfm": rfm }), seconds)
}

/// Lets DuckDB compute both from the lines.
fn duckdb(lines: &Path) -> (Value, f64) {
    let python = std::env::var("LETOPIS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/duckdb/tables.py");
    let run = std::process::Command::new(&python).arg(script).arg(lines).arg(DAY.to_string()).output();
    let output = run.unwrap_or_else(|error| panic!("{python} cannot be run: {error}; set LETOPIS_PYTHON"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed; `pip install duckdb` in the environment of {python}?\n{said}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seconds = answer["seconds"].as_f64().expect("seconds");
    answer.as_object_mut().expect("an object").remove("seconds");
    (answer, seconds)
}

#[tokio::main]
async fn main() {
    let events: u64 = std::env::var("LETOPIS_BENCH_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let world = World::new();
    world.fill(events).await;
    let lines = world.dir.path().join("events.ndjson");
    write_ndjson(&world, &lines).await;
    println!(
        "{events} events\n| round | funnel and RFM from the log, events/s | DuckDB from NDJSON, events/s | ratio |\n|---|---|---|---|"
    );
    for round in 1..=3 {
        let path = world.dir.path().join("tables.db");
        let (answer, seconds) = ours(&world, &path).await;
        std::fs::remove_file(&path).expect("removed");
        let (due, duckdb_seconds) = duckdb(&lines);
        assert_eq!(answer, due, "both sides compute the same tables");
        let (rate, other) = (events as f64 / seconds, events as f64 / duckdb_seconds);
        println!("| {round} | {rate:.0} | {other:.0} | {:.2} |", rate / other);
    }
}
