//! The one way facts enter, over both logs.

mod bad_input;
mod clients;
mod declared;
mod knowledge;
mod races;
mod repeats;
mod rules;
mod service;

use std::path::PathBuf;
use std::sync::Arc;

use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::identity::IdentityKey;
use letopis_core::ids::{ClientId, Position};
use letopis_core::intake::{Caller, Intake, Outcome, Receipt, Rejection};
use letopis_core::log::EventLog;
use letopis_core::log::memory::MemoryLog;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::random::Random;
use letopis_core::reader::{read_group, resolve_client};
use letopis_core::settings::Settings;
use letopis_core::time::{Clock, ManualClock, Moment};
use letopis_core::trust::vault::{LocalKek, Vault};
use serde_json::{Value, json};

/// A ULID by number.
pub(crate) fn ulid(n: u64) -> String {
    ClientId(u128::from(n) | 1 << 100).to_string()
}

/// An intake over a log that is gone with it.
pub(crate) struct Desk {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) intake: Arc<Intake>,
    dir: Arc<tempfile::TempDir>,
}

fn clock() -> Arc<dyn Clock> {
    let now: Moment = "2026-06-01T12:00:00Z".parse().expect("time");
    Arc::new(ManualClock::at(now.at))
}

fn key() -> IdentityKey {
    IdentityKey::new([7; 32])
}

impl Desk {
    pub(crate) fn memory() -> Self {
        Self::over(Arc::new(MemoryLog::new(clock())), Arc::new(tempfile::tempdir().expect("tempdir")))
    }

    pub(crate) fn sqlite() -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("tempdir"));
        Self::over(Arc::new(Self::open(&dir.path().join("log.db"))), dir)
    }

    fn open(path: &std::path::Path) -> SqliteLog {
        SqliteLog::open(path, clock(), SqliteOptions { min_free_bytes: 0 }).expect("opens")
    }

    fn over(log: Arc<dyn EventLog>, dir: Arc<tempfile::TempDir>) -> Self {
        let keys: PathBuf = dir.path().join("keys.db");
        let vault = Vault::open(&keys, Box::new(LocalKek::new([1; 32])), Random::system()).expect("opens");
        Self::with(log, Arc::new(vault), dir)
    }

    fn with(log: Arc<dyn EventLog>, vault: Arc<Vault>, dir: Arc<tempfile::TempDir>) -> Self {
        let settings = Settings { phone_region: Some("RU".into()), ..Settings::default() };
        let random = Arc::new(Random::system());
        let intake = Intake::new(log.clone(), vault.clone(), key(), clock(), random, settings);
        Self { log, vault, intake: Arc::new(intake), dir }
    }

    /// Another intake over the same log: nothing is remembered.
    pub(crate) fn second(&self) -> Self {
        Self::with(self.log.clone(), self.vault.clone(), self.dir.clone())
    }

    /// Closes everything and opens the files again.
    pub(crate) fn restart(self) -> Self {
        let dir = self.dir.clone();
        drop(self);
        Self::over(Arc::new(Self::open(&dir.path().join("log.db"))), dir)
    }

    pub(crate) async fn batch(&self, items: Vec<Value>, atomic: bool) -> Vec<Outcome> {
        self.intake.post(&caller(), items, atomic).await
    }

    pub(crate) async fn post(&self, item: Value) -> Outcome {
        self.batch(vec![item], false).await.remove(0)
    }

    pub(crate) async fn accept(&self, item: Value) -> Receipt {
        let shown = item.to_string();
        match self.post(item).await {
            Outcome::Accepted { receipt, .. } => receipt,
            other => panic!("{shown}: {other:?}"),
        }
    }

    pub(crate) async fn reject(&self, item: Value) -> Rejection {
        let shown = item.to_string();
        match self.post(item).await {
            Outcome::Rejected(rejection) => rejection,
            other => panic!("{shown}: {other:?}"),
        }
    }

    /// Names of the rules that flag an accepted item.
    pub(crate) async fn flags(&self, item: Value) -> Vec<&'static str> {
        match self.post(item).await {
            Outcome::Accepted { flags, .. } => flags.into_iter().map(|flag| flag.rule).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn head(&self) -> Position {
        self.log.head().await.expect("head")
    }

    pub(crate) async fn client(&self, name: &str) -> Option<ClientId> {
        resolve_client(&*self.log, &key(), Some("RU"), name).await.expect("reads")
    }

    /// All facts of the client's group as recorded.
    pub(crate) async fn recorded(&self, name: &str) -> Vec<Fact> {
        let client = self.client(name).await.expect("known");
        read_group(&*self.log, Opener::Vault(&self.vault), client).await.expect("reads")
    }

    /// What they come to.
    pub(crate) async fn facts(&self, name: &str) -> Vec<Fact> {
        let (facts, broken) = effective(self.recorded(name).await);
        assert_eq!(broken, []);
        facts
    }
}

pub(crate) fn caller() -> Caller {
    Caller { actor: "tester".into(), source: Some("test".into()), restores: false }
}

/// An item of a client at noon of a day of May 2026.
pub(crate) fn item(event_type: &str, client: &str, day: u8, data: Value) -> Value {
    let occurred = format!("2026-05-{day:02}T12:00:00+03:00");
    json!({ "type": event_type, "client": client, "occurred_at": occurred, "data": data })
}

pub(crate) fn definition(event_type: &str, data: Value) -> Value {
    json!({ "type": event_type, "occurred_at": "2026-05-01T12:00:00Z", "data": data })
}

pub(crate) fn call(client: &str, day: u8) -> Value {
    item("call.logged", client, day, json!({ "direction": "in", "summary": "about the roof" }))
}

pub(crate) fn with(mut item: Value, key: &str, value: impl Into<Value>) -> Value {
    item[key] = value.into();
    item
}
