//! Letopis itself, in its own process: the log with leaves, chain, tree, heads, seals, and personal parts sealed.

use std::sync::Arc;
use std::time::Instant;

use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::Position;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{EventLog, LogError, Recorded};
use letopis_core::random::Random;
use letopis_core::replay::replay;
use letopis_core::testing::desk::{self, CALL, Desk};
use letopis_core::time::SystemClock;
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::vault::{LocalKek, Vault};
use tokio::sync::watch;

#[path = "../../workload.rs"]
mod workload;
use workload::{CLIENTS, COMMIT, SUMMARY, WRITERS, facts, replayed, report, run_time};

// As the programs do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    assert_eq!((facts(7), SUMMARY), (desk::facts(7), desk::SUMMARY), "the others are given the same");
    for (work, writers, commit) in [("single", WRITERS, 1), ("batch", 1, COMMIT)] {
        let dir = tempfile::tempdir_in(".").expect("a folder");
        let clock = Arc::new(SystemClock);
        let log: Arc<dyn EventLog> = Arc::new(
            SqliteLog::open(&dir.path().join("log.db"), clock.clone(), SqliteOptions::default()).expect("a log"),
        );
        let kek = Box::new(LocalKek::new([7; 32]));
        let vault = Arc::new(Vault::open(&dir.path().join("keys.db"), kek, Random::system()).expect("keys"));
        let desk = Arc::new(Desk::new(&vault, CLIENTS as usize));
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
                    count += log.append(desk.commit(commit as usize)).await.expect("acknowledged").len() as u64;
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
        count += log.append(desk.commit(COMMIT as usize)).await.expect("acknowledged").len() as u64;
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
