//! Letopis itself, in its own process: the log with leaves, chain, tree, heads, seals, and personal parts sealed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::{ClientId, CommitId, EventId, Position};
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{Commit, EventLog, LogError, NewEvent, Recorded, StreamName};
use letopis_core::random::Random;
use letopis_core::replay::replay;
use letopis_core::time::{Moment, SystemClock, Timestamp};
use letopis_core::trust::leaf::Meta;
use letopis_core::trust::seal::{self, DataKey, Place};
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::vault::{LocalKek, Vault};
use tokio::sync::watch;

#[path = "../../workload.rs"]
mod workload;
use workload::{CLIENTS, COMMIT, SUMMARY, WRITERS, facts, replayed, report, run_time};

// As the programs do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALL: &str = "call.logged";

/// Makes events as intake does: identified, encoded, sealed.
struct Desk {
    random: Random,
    keys: HashMap<u64, (u64, DataKey)>,
    next: AtomicU64,
}

impl Desk {
    fn event(&self) -> NewEvent {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let client = 1 + n % CLIENTS;
        let id = EventId(self.random.ulid(&SystemClock));
        let stream = StreamName::client(ClientId(client.into()));
        let (key_id, key) = &self.keys[&client];
        let place = Place { stream: &stream, id, event_type: CALL, schema: 1 };
        let fields = serde_json::json!({ "summary": SUMMARY });
        let sealed = seal::seal(*key_id, key, self.random.bytes(), place, fields.as_object().expect("fields"));
        let meta = Meta { actor: "key/7".to_owned(), source: "pbx".to_owned(), ..Meta::default() };
        NewEvent {
            id,
            stream,
            event_type: CALL.into(),
            schema: 1,
            occurred: Moment::utc(Timestamp(1_767_225_600_000_000 + n as i64)),
            order: 0,
            meta: meta.encode().into(),
            salt: self.random.bytes(),
            facts: facts(n).into_bytes().into(),
            sealed: Some(sealed),
            if_new: false,
        }
    }

    fn commit(&self, events: u64) -> Commit {
        let id = CommitId(self.random.ulid(&SystemClock));
        Commit { id, expected: Vec::new(), events: (0..events).map(|_| self.event()).collect(), index: Vec::new() }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for (work, writers, commit) in [("single", WRITERS, 1), ("batch", 1, COMMIT)] {
        let dir = tempfile::tempdir_in(".").expect("a folder");
        let clock = Arc::new(SystemClock);
        let log: Arc<dyn EventLog> = Arc::new(
            SqliteLog::open(&dir.path().join("log.db"), clock.clone(), SqliteOptions::default()).expect("a log"),
        );
        let kek = Box::new(LocalKek::new([7; 32]));
        let vault = Arc::new(Vault::open(&dir.path().join("keys.db"), kek, Random::system()).expect("keys"));
        let keys = (1..=CLIENTS).map(|client| (client, vault.take().expect("a key"))).collect();
        let desk = Arc::new(Desk { random: Random::system(), keys, next: AtomicU64::new(1) });
        let opened = Sealer::open(dir.path(), Arc::clone(&log), clock, Arc::new(Random::system()), "peers.example/log");
        let sealer = Arc::new(opened.await.expect("a sealer"));
        let (stop, stopped) = watch::channel(false);
        let follower = sealer.follow(stopped);
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..writers {
            let (log, desk) = (Arc::clone(&log), Arc::clone(&desk));
            tasks.spawn(async move {
                let mut count = 0;
                while started.elapsed() < run_time() {
                    count += log.append(desk.commit(commit)).await.expect("acknowledged").len() as u64;
                }
                count
            });
        }
        let count: u64 = tasks.join_all().await.into_iter().sum();
        report("Letopis", work, count, started.elapsed());
        if work == "batch" {
            replays(&*log, &vault, &desk, count).await;
        }
        stop.send_replace(true);
        follower.join().expect("sealed");
    }
}

/// Reads everything back, every event decoded into its type and its personal part opened.
async fn replays(log: &dyn EventLog, vault: &Vault, desk: &Desk, mut count: u64) {
    while count < replayed() {
        count += log.append(desk.commit(COMMIT)).await.expect("acknowledged").len() as u64;
    }
    for (work, opener) in [("replay", Opener::Closed), ("replay, opened", Opener::Vault(vault))] {
        let (started, mut read) = (Instant::now(), 0);
        let head = log.head().await.expect("a head");
        // Seals of the log are events that the others do not have.
        let decode = |event: Recorded| (&*event.event_type == CALL).then(|| Fact::decode(event, opener)).transpose();
        let take = |page: Vec<Option<Fact>>| -> Result<(), LogError> {
            read += std::hint::black_box(page).into_iter().flatten().count() as u64;
            Ok(())
        };
        replay(log, Position(0), head, decode, take).expect("replays");
        report("Letopis", work, read, started.elapsed());
    }
}
