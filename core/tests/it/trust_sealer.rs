//! The sealer: what is sealed, proved and refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::log::memory::MemoryLog;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{AppendError, Commit, EventLog, LogError, Placed, Recorded, StreamName};
use letopis_core::testing::samples::{START, commit, event, stream};
use letopis_core::time::SECOND_US;
use letopis_core::trust::check::{Policy, check};
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::note::DEFAULT_ORIGIN;
use letopis_core::trust::prove::{Personal, Proofs};
use letopis_core::trust::sealer::{SEAL_AFTER_US, SEAL_EVENTS, Sealer, SealerError, is_due};
use letopis_core::trust::tree::{check_consistency, check_inclusion};
use tokio::sync::watch;

use crate::trust_world::{ANNA, BORIS, World, open};

async fn size(world: &World) -> u64 {
    world.key().verify(&world.proofs().checkpoint().expect("reads").expect("one")).expect("verifies").size
}

#[test]
fn a_seal_is_due_after_ten_seconds_or_65536_events_when_something_is_new() {
    let table = [(0, i64::MAX, false), (1, SEAL_AFTER_US - 1, false), (1, SEAL_AFTER_US, true)];
    for (events, waited, due) in table.into_iter().chain([(SEAL_EVENTS, 0, true), (SEAL_EVENTS - 1, 0, false)]) {
        assert_eq!(is_due(events, waited), due, "{events} {waited}");
    }
    assert_eq!((SEAL_AFTER_US, SEAL_EVENTS), (10 * SECOND_US, 65_536));
}

#[tokio::test]
async fn every_checkpoint_ends_in_a_seal_and_proves_each_event_before_it() {
    let w = World::new();
    let sealer = w.sealer().await;
    assert_eq!(sealer.seal().await.expect("nothing is new"), None);
    let mut seen = Vec::new();
    for n in 0..600 {
        w.note(ClientId(n % 7), 1).await;
        if n % 97 == 0 {
            let note = sealer.seal().await.expect("seals").expect("one");
            seen.push(w.key().verify(&note).expect("verifies"));
        }
    }
    sealer.seal().await.expect("seals");
    assert_eq!(sealer.seal().await.expect("nothing is new"), w.proofs().checkpoint().expect("reads"));
    let last = w.key().verify(&w.proofs().checkpoint().expect("reads").expect("one")).expect("verifies");
    assert_eq!((last.size, *sealer.checkpoint_size().borrow()), (608, 608));
    let end = w.log.read_all(Position(607), 1).await.expect("reads");
    assert_eq!((&*end[0].event_type, end[0].stream.as_str()), ("log.sealed", "log"));
    for before in seen {
        let proof = w.proofs().consistency(before.size).expect("reads").expect("a proof");
        assert!(check_consistency(&proof, last.size, last.root, before.size, before.root));
    }
    let tile = w.proofs().tile(0, 2, 96).expect("reads").expect("96 of 96");
    for (event, hash) in w.log.read_all(Position(512), 96).await.expect("reads").iter().zip(tile.chunks(32)) {
        assert_eq!(event.leaf, hash);
        let text = w.proofs().proof(event.position, None).expect("reads").expect("a proof");
        let (head, note) = text.split_once("\n\n").expect("two parts");
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
        assert_eq!(lines.next(), Some(&*format!("index {}", event.position.0 - 1)));
        assert_eq!(Some(note.to_owned()), w.proofs().checkpoint().expect("reads"));
        let proof: Vec<Hash> = lines.map(|line| tlog_tiles::tlog::Hash::parse_hash(line).expect("a hash").0).collect();
        assert!(check_inclusion(&proof, last.size, last.root, event.position.0 - 1, event.leaf));
    }
    assert_eq!(w.proofs().tile(0, 2, 97).expect("reads"), None);
    assert_eq!(w.proofs().tile(1, 0, 2).expect("reads").map(|tile| tile.len()), Some(64));
    assert_eq!(w.proofs().proof(Position(609), None).expect("reads"), None);
    assert_eq!(w.proofs().proof(Position(0), None).expect("reads"), None);
}

#[tokio::test]
async fn a_lost_trust_db_is_made_again_with_the_same_roots() {
    let w = World::new();
    let sealer = w.sealer().await;
    for n in 0..300 {
        w.note(ClientId(n % 50), 1).await;
    }
    sealer.seal().await.expect("seals");
    drop(sealer);
    std::fs::remove_file(w.dir.path().join("trust.db")).expect("removed");
    let sealer = w.sealer().await;
    sealer.seal().await.expect("seals anew, since no checkpoint is stored");
    assert_eq!(size(&w).await, 302);
    let bundle = w.bundle(ClientId(3), false).await;
    assert_eq!(check(&bundle, &w.key(), &Policy::default()).expect("good").events, 6);
}

/// A log in which somebody else's event comes in just before each seal.
struct Racing(Arc<MemoryLog>, AtomicBool);

#[async_trait]
impl EventLog for Racing {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Vec<Placed>, AppendError>> {
        if self.1.load(Ordering::SeqCst) {
            let id = 900 + u128::from(self.0.head().await.expect("head").0);
            self.0.append(commit(vec![event(id, StreamName::client(ANNA))])).await.expect("stored");
        }
        self.0.append_batch(commits).await
    }
    async fn read_stream(&self, stream: &StreamName, after: Version, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.0.read_stream(stream, after, limit).await
    }
    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.0.read_all(after, limit).await
    }
    async fn find(&self, id: EventId) -> Result<Option<Recorded>, LogError> {
        self.0.find(id).await
    }
    async fn positions(&self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError> {
        self.0.positions(ids).await
    }
    async fn head(&self) -> Result<Position, LogError> {
        self.0.head().await
    }
    async fn version(&self, stream: &StreamName) -> Result<Version, LogError> {
        self.0.version(stream).await
    }
    async fn definition_streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.0.definition_streams().await
    }

    async fn wait_beyond(&self, position: Position) -> Result<Position, LogError> {
        self.0.wait_beyond(position).await
    }
    async fn identity_owner(&self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        self.0.identity_owner(identity).await
    }
    async fn merged_into(&self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        self.0.merged_into(client).await
    }
    async fn absorbed_by(&self, client: ClientId) -> Result<Vec<ClientId>, LogError> {
        self.0.absorbed_by(client).await
    }
    async fn subject_key(&self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.0.subject_key(subject).await
    }
}

#[tokio::test]
async fn an_event_that_comes_between_the_heads_and_their_seal_waits_for_the_next_seal() {
    let w = World::new();
    let racing = Arc::new(Racing(Arc::clone(&w.log), true.into()));
    let sealer = open(w.dir.path(), Arc::clone(&racing) as _, &w).await.expect("opens");
    w.note(ANNA, 1).await;
    w.note(BORIS, 2).await;
    for (events, covered, size) in [(1, 2, 4), (2, 4, 6), (3, 6, 8)] {
        sealer.seal().await.expect("seals");
        let report = check(&w.bundle(ANNA, false).await, &w.key(), &Policy::default()).expect("good");
        assert_eq!((report.events, report.covered, report.tree.0), (events, covered, size));
    }
    racing.1.store(false, Ordering::SeqCst);
    sealer.seal().await.expect("seals");
    let report = check(&w.bundle(ANNA, false).await, &w.key(), &Policy::default()).expect("good");
    assert_eq!((report.events, report.covered, report.tree.0), (4, 8, 9));
    assert_eq!(sealer.advance().await.expect("advances").1, 0);
}

/// A copy of the first events of a log, as an older backup has it.
async fn older(w: &World, events: usize, other: bool) -> Arc<MemoryLog> {
    use letopis_core::log::NewEvent;
    w.clock.set(START);
    let log = Arc::new(MemoryLog::new(Arc::clone(&w.clock) as _));
    for recorded in w.log.read_all(Position(0), events).await.expect("reads") {
        w.clock.set(recorded.recorded_at);
        let event = NewEvent {
            id: recorded.id,
            stream: recorded.stream,
            event_type: recorded.event_type,
            schema: recorded.schema,
            occurred: recorded.occurred,
            order: recorded.order,
            meta: recorded.meta,
            salt: if other { [1; 16] } else { recorded.salt },
            facts: recorded.facts,
            sealed: None,
            if_new: false,
        };
        log.append(commit(vec![event])).await.expect("stored");
    }
    log
}

#[tokio::test]
async fn an_older_log_put_back_is_refused_until_a_new_epoch_records_what_was_lost() {
    let w = World::new();
    let sealer = w.sealer().await;
    for n in 0..4 {
        w.note(ANNA, n).await;
    }
    sealer.seal().await.expect("seals");
    let lost = size(&w).await;
    let reason = || "backup".parse().expect("a code");
    drop(sealer);
    for (events, other, text) in [(3, false, "ends at position 3"), (5, true, "not those that were signed")] {
        let log = older(&w, events, other).await as Arc<dyn EventLog>;
        let error = open(w.dir.path(), log, &w).await.expect_err("refused");
        assert!(matches!(error, SealerError::OlderThanSigned(_)) && error.to_string().contains(text), "{error}");
        assert!(error.to_string().contains("replay-tool fork --reason"), "{error}");
    }
    let log = older(&w, 3, false).await;
    let fork = |log: &Arc<MemoryLog>| {
        let (log, clock, random) = (Arc::clone(log) as _, Arc::clone(&w.clock) as _, Arc::clone(&w.random));
        Sealer::fork(w.dir.path(), log, clock, random, DEFAULT_ORIGIN, reason())
    };
    drop(fork(&log).await.expect("forks"));
    let record = &log.read_all(Position(3), 1).await.expect("reads")[0];
    let facts: serde_json::Value = serde_json::from_slice(&record.facts).expect("JSON");
    assert_eq!((&*record.event_type, &facts["epoch"], &facts["last_size"]), ("log.forked", &2.into(), &lost.into()));
    assert!(matches!(fork(&log).await, Err(SealerError::NothingLost)));
    let sealer = open(w.dir.path(), Arc::clone(&log) as _, &w).await.expect("goes on");
    sealer.seal().await.expect("seals");
    let bundle = w.proofs().bundle(&*log, Personal::Closed, ANNA).await.expect("a bundle");
    let report = check(&bundle, &w.key(), &Policy::default()).expect("good");
    assert_eq!((report.epoch, report.events), (2, 3));
}

#[tokio::test]
async fn damage_in_the_log_is_never_sealed() {
    let w = World::new();
    let path = w.dir.path().join("log.db");
    let sqlite = || SqliteLog::open(&path, Arc::clone(&w.clock) as _, SqliteOptions::default()).expect("opens");
    let log = Arc::new(sqlite());
    let sealer = open(w.dir.path(), Arc::clone(&log) as _, &w).await.expect("opens");
    log.append(commit(vec![event(1, stream(1)), event(2, stream(2))])).await.expect("stored");
    sealer.seal().await.expect("seals");
    log.append(commit(vec![event(3, stream(1))])).await.expect("stored");
    spoil(&path);
    let error = sealer.seal().await.expect_err("refused");
    assert!(error.to_string().contains("position 4 of stream client/"), "{error}");
    assert_eq!(size(&w).await, 3, "the last checkpoint stands");
}

fn spoil(path: &Path) {
    let raw = rusqlite::Connection::open(path).expect("opens");
    raw.execute_batch("DROP TRIGGER event_update; UPDATE event SET facts = '{}' WHERE position = 4;").expect("spoilt");
}

#[tokio::test]
async fn a_stopping_server_seals_what_is_new() {
    let w = World::new();
    let sealer = Arc::new(w.sealer().await);
    let (stop, stopped) = watch::channel(false);
    let running = sealer.follow(stopped);
    w.note(ANNA, 1).await;
    stop.send_replace(true);
    running.join().expect("no panic");
    assert_eq!((size(&w).await, sealer.failure()), (2, None));
}

#[tokio::test]
async fn a_folder_that_was_never_followed_has_no_proofs() {
    let dir = tempfile::tempdir().expect("tempdir");
    Proofs::open(dir.path()).expect_err("nothing there");
    let w = World::new();
    w.note(ANNA, 1).await;
    drop(w.sealer().await);
    let error = w.proofs().bundle(&*w.log, Personal::Closed, ANNA).await.expect_err("no checkpoint");
    assert!(error.to_string().contains("seal the log first"), "{error}");
}
