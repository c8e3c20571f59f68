//! Durable appends and replay, against bare loops over the same rows in the same run.
//!
//! `cargo bench -p letopis-core --bench log` prints a table; every figure is a median of [`ROUNDS`] runs that
//! alternate with their peer. `-- "64 writers"` measures only the work whose name has these words in it. What is
//! measured is in `docs/performance.md`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::Position;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{EventLog, LogError};
use letopis_core::random::Random;
use letopis_core::replay::replay;
use letopis_core::testing::desk::{Desk, facts};
use letopis_core::time::SystemClock;
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::vault::{LocalKek, Vault};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

// As the server does, on both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
/// How long one measurement takes.
const RUN: Duration = Duration::from_millis(1_500);
/// Clients that the events are spread over.
const CLIENTS: usize = 10_000;
/// Events that are replayed.
const REPLAYED: u64 = 200_000;

/// A desk with a key for each client.
fn desk(dir: &Path) -> Desk {
    let kek = Box::new(LocalKek::new([7; 32]));
    let vault = Vault::open(&dir.join("keys.db"), kek, Random::system()).expect("keys");
    Desk::new(&vault, CLIENTS)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Events a second that `writers` get acknowledged, `batch` in a commit, with everything on.
fn ours(writers: usize, batch: usize) -> f64 {
    let dir = folder();
    let clock = Arc::new(SystemClock);
    let log: Arc<dyn EventLog> =
        Arc::new(SqliteLog::open(&dir.path().join("log.db"), clock.clone(), SqliteOptions::default()).expect("a log"));
    let desk = Arc::new(desk(dir.path()));
    let runtime = runtime();
    let opened = Sealer::open(dir.path(), Arc::clone(&log), clock, Arc::new(Random::system()), "bench.example/log");
    let sealer = Arc::new(runtime.block_on(opened).expect("a sealer"));
    let (stop, stopped) = watch::channel(false);
    let follower = sealer.follow(stopped);
    let rate = runtime.block_on(race(writers, async move || {
        let (log, desk) = (Arc::clone(&log), Arc::clone(&desk));
        move || {
            let (log, commit) = (Arc::clone(&log), desk.commit(batch));
            async move { log.append(commit).await.expect("acknowledged").len() as u64 }
        }
    }));
    stop.send_replace(true);
    follower.join().expect("sealed");
    rate
}

/// Lets writers append one after the other for a while. Returns events a second.
async fn race<W, A>(writers: usize, writer: impl AsyncFn() -> W) -> f64
where
    W: Fn() -> A + Send + 'static,
    A: Future<Output = u64> + Send,
{
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let append = writer().await;
        tasks.spawn(async move {
            let mut count = 0;
            while started.elapsed() < RUN {
                count += append().await;
            }
            count
        });
    }
    let count: u64 = tasks.join_all().await.into_iter().sum();
    count as f64 / started.elapsed().as_secs_f64()
}

/// The rows of one event, made by the caller.
struct Row {
    stream: i64,
    id: [u8; 16],
    occurred_at: i64,
    meta: Vec<u8>,
    facts: String,
    envelope: Vec<u8>,
}

type Waiting = (Vec<Row>, oneshot::Sender<()>);

/// The same rows and indexes in a group-commit loop that does nothing else: no hashes, no chain, no checks.
fn bare(writers: usize, batch: usize) -> f64 {
    let dir = folder();
    let path = dir.path().join("log.db");
    drop(SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default()).expect("tables"));
    let conn = Connection::open(&path).expect("a file");
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=20000; PRAGMA cache_size=-65536;
         DROP TRIGGER event_insert; DROP TRIGGER sealed_insert;
         INSERT INTO event_type VALUES (1, 'call.logged', 1);",
    )
    .expect("set");
    let (queue, mut waiting) = mpsc::channel::<Waiting>(1_024);
    let thread = std::thread::spawn(move || {
        let mut versions: HashMap<i64, i64> = HashMap::new();
        let mut position = 0_i64;
        let mut event = conn
            .prepare("INSERT INTO event VALUES (?1, ?2, ?3, 1, ?4, ?5, 0, 0, ?6, ?7, ?8, ?9, ?10, ?11)")
            .expect("a statement");
        let mut sealed = conn.prepare("INSERT INTO sealed VALUES (?1, ?2)").expect("a statement");
        let mut stream = conn.prepare("INSERT INTO stream VALUES (?1, ?2)").expect("a statement");
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while group.len() < 8_192 {
                let Ok(next) = waiting.try_recv() else { break };
                group.push(next);
            }
            conn.execute_batch("BEGIN IMMEDIATE").expect("begun");
            for row in group.iter().flat_map(|(rows, _)| rows) {
                position += 1;
                let version = versions.entry(row.stream).or_default();
                *version += 1;
                if *version == 1 {
                    stream.execute((row.stream, format!("client/{:032}", row.stream))).expect("a stream");
                }
                let zeros = [0_u8; 32];
                event
                    .execute(rusqlite::params![
                        position,
                        row.stream,
                        *version,
                        row.id,
                        row.occurred_at,
                        row.occurred_at,
                        row.meta,
                        [0_u8; 16],
                        row.facts,
                        zeros,
                        zeros
                    ])
                    .expect("an event");
                sealed.execute((position, &row.envelope)).expect("an envelope");
            }
            conn.execute_batch("COMMIT").expect("committed");
            for (_, done) in group {
                done.send(()).expect("the writer waits");
            }
        }
    });
    let desk = Arc::new(desk(dir.path()));
    let sample = Arc::new(desk.call(0));
    let next = Arc::new(AtomicU64::new(1));
    let rate = runtime().block_on(race(writers, async move || {
        let (queue, sample, next) = (queue.clone(), Arc::clone(&sample), Arc::clone(&next));
        let random = Arc::new(Random::system());
        move || {
            let rows: Vec<Row> = (0..batch)
                .map(|_| {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    Row {
                        stream: 1 + (n % CLIENTS as u64) as i64,
                        id: random.ulid(&SystemClock).to_be_bytes(),
                        occurred_at: 1_767_225_600_000_000 + n as i64,
                        meta: sample.meta.to_vec(),
                        facts: facts(n),
                        envelope: sample.sealed.as_deref().expect("sealed").to_vec(),
                    }
                })
                .collect();
            let (queue, (done, acknowledged)) = (queue.clone(), oneshot::channel());
            async move {
                let count = rows.len() as u64;
                queue.send((rows, done)).await.expect("the loop runs");
                acknowledged.await.expect("acknowledged");
                count
            }
        }
    }));
    thread.join().expect("the loop ends");
    rate
}

/// Events a second read from position 0 and decoded: ours into facts, on all processors, the bare scan into JSON values.
fn replays() -> (Vec<f64>, Vec<f64>) {
    let dir = folder();
    let path = dir.path().join("log.db");
    let log = SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default()).expect("a log");
    let desk = desk(dir.path());
    let runtime = runtime();
    for _ in 0..REPLAYED / 1_000 {
        runtime.block_on(log.append(desk.commit(1_000))).expect("appended");
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let decode = |recorded| Fact::decode(recorded, Opener::Closed);
        let take = |page: Vec<Fact>| -> Result<(), LogError> {
            std::hint::black_box(page);
            Ok(())
        };
        replay(&log, Position(0), Position(REPLAYED), decode, take).expect("replayed");
        ours.push(REPLAYED as f64 / started.elapsed().as_secs_f64());
        let conn = Connection::open(&path).expect("a file");
        let started = Instant::now();
        let mut all =
            conn.prepare("SELECT position, stream, version, facts FROM event ORDER BY position").expect("sql");
        let mut rows = all.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let facts = row.get_ref(3).expect("facts").as_bytes().expect("bytes");
            std::hint::black_box(serde_json::from_slice::<serde_json::Value>(facts).expect("JSON"));
        }
        bare.push(REPLAYED as f64 / started.elapsed().as_secs_f64());
    }
    (ours, bare)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Medians of both sides, and of the ratios of the rounds: how fast a disk syncs changes from one minute to the next.
fn line(what: &str, ours: Vec<f64>, bare: Vec<f64>) {
    let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
    println!("| {what} | {:.0} | {:.0} | {ratio:.2} |", median(ours), median(bare));
}

fn main() {
    let words = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    println!("facts {} bytes; medians of {ROUNDS} rounds of {} s", facts(1).len(), RUN.as_secs_f32());
    println!("| work | ours, events/s | bare, events/s | ratio |\n|---|---|---|---|");
    for (writers, batch) in [(1, 1), (64, 1), (256, 1), (1, 1_000)] {
        let what = format!("durable append, {writers} writers, {batch} in a commit");
        if !what.contains(&words) {
            continue;
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            b.push(bare(writers, batch));
            a.push(ours(writers, batch));
        }
        line(&what, a, b);
    }
    let what = "replay with decode (bare: scan and parse the JSON, one thread)";
    if what.contains(&words) {
        let (ours, bare) = replays();
        line(what, ours, bare);
    }
}
