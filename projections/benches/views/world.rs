//! A generated log: mixed events of many clients, personal parts sealed.

use std::sync::Arc;

use letopis_core::events::Event;
use letopis_core::ids::{CaseId, ClientId, CommitId, DealId, EventId, OrderId, Position};
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{Commit, EventLog, NewEvent, StreamName};
use letopis_core::random::Random;
use letopis_core::time::{Moment, SECOND_US, SystemClock, Timestamp};
use letopis_core::trust::leaf::Meta;
use letopis_core::trust::seal::{self, DataKey, Place};
use letopis_core::trust::vault::{LocalKek, Vault};
use letopis_projections::engine::live::Source;
use letopis_projections::engine::view::View;
use serde_json::{Value, json};

/// Events of one client in the generated log.
pub(crate) const PER_CLIENT: u64 = 10;
/// 2024-01-01T00:00Z.
pub(crate) const START: i64 = 1_704_067_200 * SECOND_US;

/// A log on the disk of the build.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) log: Arc<SqliteLog>,
    pub(crate) vault: Arc<Vault>,
    random: Random,
}

impl World {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
        let log = SqliteLog::open(&dir.path().join("log.db"), Arc::new(SystemClock), SqliteOptions::default());
        let kek = Box::new(LocalKek::new([7; 32]));
        let vault = Vault::open(&dir.path().join("keys.db"), kek, Random::system()).expect("keys");
        Self { dir, log: Arc::new(log.expect("a log")), vault: Arc::new(vault), random: Random::system() }
    }

    /// The n-th thing that happens to a client, as intake would put it.
    pub(crate) fn event(&self, client: u64, n: u64, key: &(u64, DataKey)) -> NewEvent {
        let (own, day) = (u128::from(client), (client * 31 + n * 3) % 700);
        let money = |minor: u64| json!({ "minor": minor, "currency": "EUR" });
        let line = json!([{ "product": format!("p{}", client % 40), "quantity": "2", "unit_price": "12.50" }]);
        let (name, data): (&str, Value) = match n % PER_CLIENT {
            0 => ("client.registered", json!({ "kind": "person", "name": format!("Client number {client}") })),
            1 | 4 | 8 => (
                "call.logged",
                json!({ "direction": "in", "duration_s": 60 + n, "topics": ["delivery", "price"],
                    "summary": "Asked where the parcel is; promised to call back before noon." }),
            ),
            2 => {
                ("order.placed", json!({ "order": OrderId(own), "currency": "EUR", "channel": "shop", "lines": line }))
            }
            3 => (
                "goods.shipped",
                json!({ "order": OrderId(own), "lines": [{ "product": format!("p{}", client % 40), "quantity": "2" }] }),
            ),
            5 => ("payment.received", json!({ "order": OrderId(own), "amount": money(2_500) })),
            6 => (
                "deal.opened",
                json!({ "deal": DealId(own), "stage": (["engaging", "offer", "contract"][(client % 3) as usize]),
                    "product": format!("p{}", client % 40), "amount": money(10_000 + client % 900) }),
            ),
            7 => ("deal.won", json!({ "deal": DealId(own), "amount": money(9_000 + client % 900) })),
            _ => ("case.raised", json!({ "case": CaseId(own), "kind": "complaint", "topic": "delivery" })),
        };
        let event = Event::from_input(name, data).expect("a valid event");
        let id = EventId(self.random.ulid(&SystemClock));
        let stream = StreamName::client(ClientId(own + 1));
        let place = Place { stream: &stream, id, event_type: name, schema: event.schema() };
        let personal = event.personal();
        let sealed = (!personal.is_empty()).then(|| seal::seal(key.0, &key.1, self.random.bytes(), place, &personal));
        NewEvent {
            id,
            event_type: name.into(),
            schema: event.schema(),
            occurred: Moment::utc(Timestamp(START + (day as i64 * 86_400 + n as i64) * SECOND_US)),
            order: 0,
            meta: Meta::default().encode().into(),
            salt: self.random.bytes(),
            facts: event.facts().into(),
            sealed,
            stream,
            if_new: false,
        }
    }

    /// Appends events in one commit.
    pub(crate) async fn append(&self, events: Vec<NewEvent>) -> Position {
        let id = CommitId(self.random.ulid(&SystemClock));
        let commit = Commit { id, expected: Vec::new(), events, index: Vec::new() };
        self.log.append(commit).await.expect("appended").last().map(|placed| placed.position).unwrap_or_default()
    }

    /// So many mixed events, all clients side by side.
    pub(crate) async fn fill(&self, events: u64) {
        let clients = events / PER_CLIENT;
        for part in 0..clients.div_ceil(1_000) {
            let clients: Vec<u64> = (part * 1_000..((part + 1) * 1_000).min(clients)).collect();
            let keys: Vec<_> = clients.iter().map(|_| self.vault.take().expect("a key")).collect();
            for n in 0..PER_CLIENT {
                let page = clients.iter().zip(&keys).map(|(client, key)| self.event(*client, n, key));
                self.append(page.collect()).await;
            }
        }
    }

    /// What views are folded from.
    pub(crate) fn source<'a>(&'a self, views: &'a [Box<dyn View>]) -> Source<'a> {
        Source { log: &*self.log, vault: Some(&self.vault), views }
    }
}
