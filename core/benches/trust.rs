//! What proving and forgetting cost, against bare SHA-256 over the same bytes in the same run.
//!
//! `cargo bench -p letopis-core --bench trust` prints a table; every figure is a median of [`ROUNDS`] runs.
//! `LETOPIS_BENCH_EVENTS` and `LETOPIS_BENCH_KEYS` make it smaller or larger.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use letopis_core::ids::{ClientId, Position, Version};
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{EventLog, NewEvent};
use letopis_core::random::Random;
use letopis_core::testing::desk::{CALL, Desk, SUMMARY};
use letopis_core::time::{SystemClock, Timestamp};
use letopis_core::trust::check::{Policy, check};
use letopis_core::trust::leaf::{LEAF_LEN, Leaf, facts_hash, meta_hash, sealed_hash, stream_tag};
use letopis_core::trust::prove::{Personal, Proofs};
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::signer;
use letopis_core::trust::vault::{LocalKek, Vault};
use sha2::{Digest, Sha256};

const ROUNDS: usize = 5;
/// Events of the client who is proved.
const OF_ONE: u64 = 1_000;
/// Events in a commit.
const COMMIT: u64 = 1_000;
/// Clients that the other events are spread over.
const CLIENTS: usize = 10_000;

fn main() {
    let events = wanted("LETOPIS_BENCH_EVENTS", 100_000);
    let keys = wanted("LETOPIS_BENCH_KEYS", 100_000);
    println!("{events} events, {keys} keys; SHA-256 is a pass over the same bytes in memory, on one thread\n");
    println!("| work | ours | bare SHA-256 | ratio |\n|---|---|---|---|");
    single_event();
    whole_log(events);
    rotation(keys);
}

fn wanted(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The median time of [`ROUNDS`] runs.
fn median(mut run: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| run().as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

fn bare_hash(bytes: &[u8]) {
    black_box(Sha256::digest(bytes));
}

fn line(work: &str, ours: f64, bare: f64, show: impl Fn(f64) -> String) {
    println!("| {work} | {} | {} | {:.2} |", show(ours), show(bare), bare / ours);
}

fn micros(seconds: f64) -> String {
    format!("{:.2} µs", seconds * 1e6)
}

fn millis(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

/// What integrity and sealing take of one event, without the log.
fn single_event() {
    const EVENTS: usize = 20_000;
    let dir = tempfile::tempdir().expect("a folder");
    let vault = Vault::open(&dir.path().join("keys.db"), Box::new(LocalKek::new([7; 32])), Random::system());
    let desk = Desk::new(&vault.expect("keys"), CLIENTS);
    let events = desk.commit(EVENTS).events;
    let each = |run: &dyn Fn(&NewEvent)| median(|| timed(|| events.iter().for_each(run))) / EVENTS as f64;
    let hashed = each(&|event| {
        let leaf = Leaf {
            position: Position(7),
            stream_tag: stream_tag(event.stream.as_str()),
            version: Version(7),
            prev: [7; 32],
            id: event.id,
            recorded_at: Timestamp(7),
            meta: meta_hash(CALL, 1, event.occurred, 0, &event.meta),
            facts: facts_hash(&event.salt, &event.facts),
            sealed: sealed_hash(event.sealed.as_deref()),
        };
        black_box(leaf.hash());
    });
    let bytes: Vec<[Vec<u8>; 4]> = events
        .iter()
        .map(|event| {
            let sealed = event.sealed.as_deref().unwrap_or_default().to_vec();
            [event.meta.to_vec(), [&event.salt[..], &event.facts].concat(), sealed, vec![7; LEAF_LEN + 1]]
        })
        .collect();
    let pass = || bytes.iter().flatten().for_each(|part| bare_hash(part));
    let bare = median(|| timed(pass)) / EVENTS as f64;
    line("hashes and leaf of one event", hashed, bare, micros);
    let sealing = each(&|event| {
        let client = event.stream.client_id().expect("a client").0 as usize;
        black_box(desk.sealed(client, &event.stream, event.id));
    });
    let sealed = median(|| timed(|| bytes.iter().for_each(|parts| bare_hash(&parts[2]))));
    line("sealing of its personal part", sealing, sealed / EVENTS as f64, micros);
}

/// A log on disk: what the tree adds to an append and to a byte, and what a proof takes.
fn whole_log(events: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let clock = Arc::new(SystemClock);
    let path = dir.path().join("log.db");
    let log: Arc<dyn EventLog> =
        Arc::new(SqliteLog::open(&path, clock.clone(), SqliteOptions::default()).expect("a log"));
    let kek = Box::new(LocalKek::new([7; 32]));
    let vault = Vault::open(&dir.path().join("keys.db"), kek, Random::system()).expect("keys");
    let desk = Desk::new(&vault, 1 + CLIENTS);
    let random = Arc::new(Random::system());
    let opened = Sealer::open(dir.path(), Arc::clone(&log), clock, random, "bench.example/log");
    let sealer = runtime.block_on(opened).expect("a sealer");
    let (mut appending, mut content, mut envelopes, mut of_one) = (Duration::ZERO, 0, 0, 0);
    for commit in 0..events.div_ceil(COMMIT) {
        let made: Vec<NewEvent> = (0..COMMIT)
            .map(|n| {
                // Client 0 is the one who is proved: his events lie all over the log.
                let is_his = of_one < OF_ONE && n % (COMMIT * OF_ONE / events.max(OF_ONE)).max(1) == 0;
                of_one += u64::from(is_his);
                desk.call(if is_his { 0 } else { 1 + (commit * COMMIT + n) as usize % CLIENTS })
            })
            .collect();
        content += made.iter().map(|event| event.meta.len() + event.facts.len() + SUMMARY.len()).sum::<usize>();
        envelopes += made.iter().filter_map(|event| event.sealed.as_ref()).map(|sealed| sealed.len()).sum::<usize>();
        appending += timed(|| runtime.block_on(log.append(desk.commit_of(made))).expect("acknowledged"));
    }
    let count = events.div_ceil(COMMIT) * COMMIT;
    let following = timed(|| runtime.block_on(sealer.advance()).expect("follows"));
    let sealing = timed(|| runtime.block_on(sealer.seal()).expect("seals"));
    let leaves = vec![[7_u8; LEAF_LEN + 1]; count as usize];
    let tree = median(|| timed(|| leaves.iter().for_each(|leaf| bare_hash(leaf))));
    let per_event = |time: f64| time / count as f64;
    line("tree and heads, per event", per_event(following.as_secs_f64()), per_event(tree), micros);
    proof(dir.path(), &runtime, &*log, &vault);

    println!("\n| what | figure |\n|---|---|");
    let append = per_event(appending.as_secs_f64());
    println!("| durable append in commits of {COMMIT}, without the tree, per event | {} |", micros(append));
    println!("| a seal over all of it | {} |", millis(sealing.as_secs_f64()));
    let size = |name: &str| std::fs::metadata(dir.path().join(name)).map_or(0, |file| file.len()) as f64 / count as f64;
    let content = content as f64 / count as f64;
    println!("| content of an event (facts, personal part, metadata), bytes | {content:.0} |");
    // salt and leaf hash, hash of the sealed part, and what an envelope is larger than what it holds
    let envelope = envelopes as f64 / count as f64 - SUMMARY.len() as f64;
    println!("| integrity: salt and two hashes, bytes; per byte of content | 80; {:.2} |", 80.0 / content);
    println!(
        "| sealing: envelope and padding, bytes; per byte of content | {envelope:.0}; {:.2} |",
        envelope / content
    );
    let (log, trust) = (size("log.db"), size("trust.db"));
    println!("| log.db, trust.db, bytes per event | {log:.0}, {trust:.0} |");
}

/// The proof of a client with a thousand events.
fn proof(dir: &Path, runtime: &tokio::runtime::Runtime, log: &dyn EventLog, vault: &Vault) {
    let proofs = Proofs::open(dir).expect("proofs");
    let key = signer::public_key(dir).expect("a key");
    for (name, personal) in [("closed", Personal::Closed), ("opened", Personal::Opened(vault))] {
        let make = || runtime.block_on(proofs.bundle(log, personal, ClientId(0))).expect("a bundle");
        let bundle = make();
        let bare = median(|| timed(|| bare_hash(&bundle)));
        let said = check(&bundle, &key, &Policy::default()).expect("good");
        let what = format!("of a client with {} events, {name}, {} KiB", said.events, bundle.len() / 1_024);
        line(&format!("making the proof {what}"), median(|| timed(make)), bare, millis);
        let checking = median(|| timed(|| check(&bundle, &key, &Policy::default()).expect("good")));
        line(&format!("checking the proof {what}"), checking, bare, millis);
    }
}

/// Another key-encryption key.
fn rotation(keys: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
    let path = dir.path().join("keys.db");
    let vault = Vault::open(&path, Box::new(LocalKek::new([1; 32])), Random::system()).expect("a key store");
    for _ in 0..keys {
        vault.take().expect("a key");
    }
    let mut count = 0;
    let time = timed(|| count = vault.rewrap(&LocalKek::new([2; 32]), &mut |_| Ok(())).expect("wrapped")).as_secs_f64();
    // A nonce, a key and its tag: what lies in a row.
    let wrapped = vec![[7_u8; 24 + 32 + 16]; count as usize];
    let bare = median(|| timed(|| wrapped.iter().for_each(|key| bare_hash(key))));
    println!();
    println!("| rotation of the key-encryption key | ours | bare SHA-256 | ratio |\n|---|---|---|---|");
    line(&format!("{count} data keys wrapped anew, durably"), time, bare, millis);
    println!("\n{:.0} keys/s", count as f64 / time);
}
