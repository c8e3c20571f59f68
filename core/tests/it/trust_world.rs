//! A small log with everything that a bundle can hold, the same bytes in every run.

use std::path::Path;
use std::sync::Arc;

use letopis_core::events::Event;
use letopis_core::events::log::Erased;
use letopis_core::ids::{ClientId, CommitId, ErasureId, EventId, Position};
use letopis_core::log::memory::MemoryLog;
use letopis_core::log::{Commit, EventLog, IndexChange, NewEvent, StreamName};
use letopis_core::random::Random;
use letopis_core::testing::samples::START;
use letopis_core::time::{ManualClock, Moment, SECOND_US, Timestamp};
use letopis_core::trust::leaf::Meta;
use letopis_core::trust::missing::digest;
use letopis_core::trust::note::{DEFAULT_ORIGIN, VerifierKey};
use letopis_core::trust::prove::{Personal, Proofs};
use letopis_core::trust::seal::{self, DataKey, Place};
use letopis_core::trust::sealer::{Sealer, SealerError};
use letopis_core::trust::signer;
use letopis_core::trust::vault::{LocalKek, Vault};
use tempfile::TempDir;

/// Has events in the clear and sealed ones; `MERGED` was merged into him.
pub(crate) const ANNA: ClientId = ClientId(0x0190_0000_0000_0000_0000_0000_0000_000a);
pub(crate) const BORIS: ClientId = ClientId(0x0190_0000_0000_0000_0000_0000_0000_000b);
/// Was erased.
pub(crate) const ERASED: ClientId = ClientId(0x0190_0000_0000_0000_0000_0000_0000_000e);
pub(crate) const MERGED: ClientId = ClientId(0x0190_0000_0000_0000_0000_0000_0000_0001);
/// Nobody.
pub(crate) const NOBODY: ClientId = ClientId(0x0190_0000_0000_0000_0000_0000_0000_00ff);

pub(crate) struct World {
    pub dir: TempDir,
    pub clock: Arc<ManualClock>,
    pub random: Arc<Random>,
    pub log: Arc<MemoryLog>,
    pub vault: Vault,
    keys: std::sync::Mutex<std::collections::HashMap<ClientId, (u64, DataKey)>>,
    next: std::sync::atomic::AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("tempdir");
        let clock = Arc::new(ManualClock::at(START));
        let kek = Box::new(LocalKek::new([9; 32]));
        let vault = Vault::open(&dir.path().join("keys.db"), kek, Random::seeded(2)).expect("opens");
        let log = Arc::new(MemoryLog::new(Arc::clone(&clock) as _));
        let random = Arc::new(Random::seeded(1));
        Self { dir, clock, random, log, vault, keys: Default::default(), next: 1.into() }
    }

    /// An event; with a name it has a sealed part under the client's key.
    pub(crate) fn event(&self, client: ClientId, event_type: &str, facts: &str, name: Option<&str>) -> NewEvent {
        let id = EventId(u128::from(self.next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
        let stream = StreamName::client(client);
        let sealed = name.map(|name| {
            let mut keys = self.keys.lock().expect("lock");
            let (key_id, key) = keys.entry(client).or_insert_with(|| self.vault.take().expect("a key"));
            let place = Place { stream: &stream, id, event_type, schema: 1 };
            let fields = serde_json::json!({ "name": name });
            seal::seal(*key_id, key, self.random.bytes(), place, fields.as_object().expect("fields"))
        });
        let meta = Meta { actor: "key/7".to_owned(), source: "test".to_owned(), ..Meta::default() };
        NewEvent {
            id,
            stream,
            event_type: event_type.into(),
            schema: 1,
            occurred: Moment { at: Timestamp(START.0 - id.0 as i64), offset_min: 180 },
            order: 0,
            meta: meta.encode().into(),
            salt: self.random.bytes(),
            facts: facts.as_bytes().into(),
            sealed,
            if_new: false,
        }
    }

    /// Appends, a second later.
    pub(crate) async fn append(&self, events: Vec<NewEvent>, index: Vec<IndexChange>) -> Position {
        use letopis_core::time::Clock;
        self.clock.set(Timestamp(self.clock.now().0 + SECOND_US));
        let id = CommitId(events[0].id.0);
        let placed = self.log.append(Commit { id, expected: Vec::new(), events, index }).await.expect("stored");
        placed[0].position
    }

    pub(crate) async fn note(&self, client: ClientId, n: u32) -> Position {
        let event = self.event(client, "note.added", &format!("{{\"n\":{n}}}"), None);
        self.append(vec![event], Vec::new()).await
    }

    pub(crate) async fn sealer(&self) -> Sealer {
        self.open().await.expect("opens")
    }

    pub(crate) async fn open(&self) -> Result<Sealer, SealerError> {
        open(self.dir.path(), Arc::clone(&self.log) as _, self).await
    }

    pub(crate) fn key(&self) -> VerifierKey {
        signer::public_key(self.dir.path()).expect("a key")
    }

    pub(crate) fn proofs(&self) -> Proofs {
        Proofs::open(self.dir.path()).expect("opens")
    }

    pub(crate) async fn bundle(&self, client: ClientId, opened: bool) -> Vec<u8> {
        let personal = if opened { Personal::Opened(&self.vault) } else { Personal::Closed };
        self.proofs().bundle(&*self.log, personal, client).await.expect("a bundle")
    }
}

/// The facts of the event that records an erasure of these parts.
pub(crate) fn erasure(positions: &[Position]) -> String {
    let record = Erased {
        erasure: ErasureId(7),
        subject: "client".parse().expect("code"),
        basis: "gdpr-17".parse().expect("code"),
        sealed: positions.len() as u64,
        positions: digest(positions.iter().copied()).parse().expect("code"),
        keys: 1,
        identities: 0,
    };
    String::from_utf8(Event::from(record).facts()).expect("text")
}

pub(crate) async fn open(dir: &Path, log: Arc<dyn EventLog>, world: &World) -> Result<Sealer, SealerError> {
    Sealer::open(dir, log, Arc::clone(&world.clock) as _, Arc::clone(&world.random), DEFAULT_ORIGIN).await
}

/// A sealed log of four clients, with a few events after the seal.
pub(crate) async fn world() -> World {
    let w = World::new();
    let sealer = w.sealer().await;
    let registered = |client, name| w.event(client, "client.registered", "{\"client_kind\":\"person\"}", Some(name));
    w.append(vec![registered(ANNA, "Анна")], Vec::new()).await;
    w.append(vec![registered(BORIS, "Boris \"B\" \u{7f}\u{1}"), registered(MERGED, "A. K.")], Vec::new()).await;
    w.note(ANNA, 1).await;
    w.note(BORIS, 2).await;
    let erased = w.append(vec![registered(ERASED, "Secret")], Vec::new()).await;
    sealer.seal().await.expect("seals");
    w.note(ANNA, 3).await;
    let merge = w.event(ANNA, "client.merged", &format!("{{\"absorbed\":\"{MERGED}\"}}"), Some("same phone"));
    w.append(vec![merge], vec![IndexChange::Merge { absorbed: MERGED, into: ANNA }]).await;
    w.note(MERGED, 4).await;
    w.log.erase_sealed(&[erased]).await.expect("erased");
    w.append(vec![w.event(ERASED, "client.erased", &erasure(&[erased]), None)], Vec::new()).await;
    for n in 0..300 {
        w.note(ClientId(u128::from(n) << 80 | 0xcafe), n).await;
    }
    sealer.seal().await.expect("seals");
    w.note(ANNA, 5).await;
    sealer.advance().await.expect("advances");
    w
}
