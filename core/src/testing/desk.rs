//! [`Desk`]: calls as intake makes them, for benchmarks.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::samples::START;
use crate::ids::{ClientId, CommitId, EmployeeId, EventId};
use crate::log::{Commit, NewEvent, StreamName};
use crate::random::Random;
use crate::time::{Moment, SystemClock, Timestamp};
use crate::trust::leaf::Meta;
use crate::trust::seal::{self, DataKey, Place};
use crate::trust::vault::Vault;

/// The type of all its events.
pub const CALL: &str = "call.logged";
/// What each of them holds that is personal.
pub const SUMMARY: &str = "Asked where the parcel is; promised to call back before noon tomorrow.";

/// What a front office says about a call: 258 bytes in the clear.
pub fn facts(n: u64) -> String {
    let topics: Vec<String> = (0..12).map(|i| format!("\"topic-{:04}-{i:02}\"", n % 10_000)).collect();
    let (channel, duration, topics) = (n % 97, n % 900, topics.join(","));
    format!(r#"{{"channel":"line-{channel:04}","direction":"in","duration_s":{duration},"topics":[{topics}]}}"#)
}

/// The n-th call as a front office posts it, of one of so many clients: 380 bytes. Each happened after the one before:
/// what happened no later than what is known of a client has his rows folded anew, which is another thing to measure.
pub fn posted(n: u64, clients: u64) -> Value {
    json!({
        "type": CALL, "source": "pbx", "id": format!("call-{n}"), "client": format!("shop:C-{}", n * 7919 % clients),
        "occurred_at": Timestamp(START.0 + 1_000 * n as i64).to_string(),
        "data": {
            "direction": "in", "duration_s": n % 900, "channel": "phone", "employee": EmployeeId(n as u128 % 40).to_string(),
            "outcome": "resolved", "topics": [format!("topic-{:03}", n % 200), format!("product-{:03}", n * 31 % 500)],
            "number": format!("+4420{:08}", n % 100_000_000), "summary": SUMMARY,
        },
    })
}

/// Makes events that are identified, encoded and sealed, of clients that are numbered from 0.
#[derive(Debug)]
pub struct Desk {
    random: Random,
    keys: Vec<(u64, DataKey)>,
    next: AtomicU64,
}

impl Desk {
    /// With a key for each of so many clients.
    pub fn new(vault: &Vault, clients: usize) -> Self {
        let keys = (0..clients).map(|_| vault.take().expect("a key")).collect();
        Self { random: Random::system(), keys, next: AtomicU64::new(0) }
    }

    /// A call of a client.
    pub fn call(&self, client: usize) -> NewEvent {
        self.made(self.next.fetch_add(1, Ordering::Relaxed), client)
    }

    /// A commit of so many calls, of one client after the other.
    pub fn commit(&self, calls: usize) -> Commit {
        let next = || {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            self.made(n, n as usize % self.keys.len())
        };
        self.commit_of(std::iter::repeat_with(next).take(calls).collect())
    }

    /// A commit of these events.
    pub fn commit_of(&self, events: Vec<NewEvent>) -> Commit {
        Commit { id: CommitId(self.random.ulid(&SystemClock)), expected: Vec::new(), events, index: Vec::new() }
    }

    fn made(&self, n: u64, client: usize) -> NewEvent {
        let id = EventId(self.random.ulid(&SystemClock));
        let stream = StreamName::client(ClientId(client as u128));
        let sealed = self.sealed(client, &stream, id);
        let meta = Meta { actor: "key/7".to_owned(), source: "pbx".to_owned(), ..Meta::default() };
        NewEvent {
            id,
            stream,
            event_type: CALL.into(),
            schema: 1,
            occurred: Moment::utc(Timestamp(START.0 + n as i64)),
            order: 0,
            meta: meta.encode().into(),
            salt: self.random.bytes(),
            facts: facts(n).into_bytes().into(),
            sealed: Some(sealed),
            if_new: false,
        }
    }

    /// The personal part of a call, sealed for its place.
    pub fn sealed(&self, client: usize, stream: &StreamName, id: EventId) -> Box<[u8]> {
        let (number, key) = &self.keys[client];
        let place = Place { stream, id, event_type: CALL, schema: 1 };
        let fields = json!({ "summary": SUMMARY });
        seal::seal(*number, key, self.random.bytes(), place, fields.as_object().expect("fields"))
    }
}
