//! cqrs-es with its SQLite store, in this process: as it comes (`synchronous=NORMAL`: an acknowledged commit may be
//! lost when the machine fails), and with `synchronous=FULL`, which fsyncs as the others do.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};
use sqlite_es::{SqliteEventRepository, default_sqlite_pool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite};

#[path = "../../workload.rs"]
mod workload;
use workload::{CLIENTS, COMMIT, WRITERS, facts, replayed, report, run_time};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The table of its README.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence integer CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL, payload text NOT NULL, metadata text NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CallLogged {
    channel: String,
    direction: String,
    duration_s: u64,
    topics: Vec<String>,
}

impl DomainEvent for CallLogged {
    fn event_type(&self) -> String {
        "call.logged".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// A client of whom nothing is kept but his events.
#[derive(Default, Serialize, Deserialize)]
struct Client;

impl Aggregate for Client {
    const TYPE: &'static str = "client";
    type Command = ();
    type Event = CallLogged;
    type Error = std::io::Error;
    type Services = ();

    async fn handle(&mut self, _: (), _: &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, _: CallLogged) {}
}

/// Events of one client, as its event store hands them to the repository.
fn events(count: u64) -> Vec<SerializedEvent> {
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    (first..first + count)
        .map(|n| SerializedEvent {
            aggregate_id: format!("client-{}", 1 + n % CLIENTS),
            sequence: (n / CLIENTS + 1) as usize,
            aggregate_type: Client::TYPE.to_owned(),
            event_type: "call.logged".to_owned(),
            event_version: "1".to_owned(),
            payload: serde_json::from_str(&facts(n)).expect("JSON"),
            metadata: serde_json::json!({}),
        })
        .collect()
}

async fn full_pool(path: &str) -> Pool<Sqlite> {
    let options = SqliteConnectOptions::from_str(path).expect("a path");
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let options = options.synchronous(SqliteSynchronous::Full).foreign_keys(true);
    SqlitePoolOptions::new().max_connections(10).connect_with(options).await.expect("opens")
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for (peer, full) in [("cqrs-es + sqlite-es", false), ("cqrs-es + sqlite-es, synchronous=FULL", true)] {
        for (work, writers, commit) in [("single", WRITERS, 1), ("batch", 1, COMMIT)] {
            let dir = tempfile::tempdir_in(".").expect("a folder");
            let path = format!("sqlite://{}/events.db", dir.path().display());
            let pool = if full { full_pool(&path).await } else { default_sqlite_pool(&path).await };
            sqlx::query(TABLE).execute(&pool).await.expect("a table");
            let store = Arc::new(SqliteEventRepository::new(pool));
            let started = Instant::now();
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..writers {
                let store = Arc::clone(&store);
                tasks.spawn(async move {
                    let (mut count, mut refused) = (0, 0_u64);
                    while started.elapsed() < run_time() {
                        match store.persist::<Client>(&events(commit), None).await {
                            Ok(()) => count += commit,
                            Err(_) => refused += 1,
                        }
                    }
                    (count, refused)
                });
            }
            let done = tasks.join_all().await;
            let mut count: u64 = done.iter().map(|(count, _)| count).sum();
            report(peer, work, count, started.elapsed());
            let refused: u64 = done.iter().map(|(_, refused)| refused).sum();
            if refused > 0 {
                eprintln!("{peer}, {work}: {refused} appends were refused (database is locked)");
            }
            if work == "batch" && !full {
                while count < replayed() {
                    store.persist::<Client>(&events(COMMIT), None).await.expect("acknowledged");
                    count += COMMIT;
                }
                let (started, mut read) = (Instant::now(), 0);
                let mut all = store.stream_all_events::<Client>().await.expect("reads");
                while let Some(event) = all.next::<Client>(&[]).await {
                    std::hint::black_box(event.expect("decodes").payload);
                    read += 1;
                }
                report(peer, "replay", read, started.elapsed());
            }
        }
    }
}
