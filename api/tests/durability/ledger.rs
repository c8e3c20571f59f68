//! Who was promised what: every event that was sent, with the answer, and the account of it after a crash.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use serde_json::Value;

use super::process::Agent;

/// What a caller knows of an event he sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// No answer came, or one that says that nobody knows.
    Unknown,
    /// It was acknowledged: its id and its place.
    Acked { id: String, position: u64 },
}

#[derive(Debug, Clone)]
struct Entry {
    event: Value,
    fate: Fate,
    /// Whether it is sent again while its fate is unknown.
    again: bool,
}

/// Everything that was sent to one data folder, by the id that the caller gave.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<HashMap<String, Entry>>,
    /// Words that were in the personal parts of clients whose erasure was certified.
    erased: Mutex<Vec<String>>,
}

/// How an account came out.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Account {
    /// Events that were acknowledged before the crash, all of them there.
    pub(crate) acked: u64,
    /// Events without an answer that turned out to be stored.
    pub(crate) stored: u64,
    /// Events without an answer that were not.
    pub(crate) not_stored: u64,
}

/// The mark of an event: a number that no other event has in its facts.
fn mark(event: &Value) -> Option<u64> {
    event["data"]["duration_s"].as_u64()
}

impl Ledger {
    /// An event is about to be sent.
    pub(crate) fn sending(&self, event: &Value, again: bool) {
        let id = event["id"].as_str().expect("an id").to_owned();
        let entry = Entry { event: event.clone(), fate: Fate::Unknown, again };
        self.entries.lock().expect("free").insert(id, entry);
    }

    /// What the server answered for an event.
    pub(crate) fn answered(&self, event: &Value, answer: &Value) {
        let stored = matches!(answer["status"].as_str(), Some("accepted" | "duplicate"));
        let mut entries = self.entries.lock().expect("free");
        let entry = entries.get_mut(event["id"].as_str().expect("an id")).expect("was sent");
        match (answer["id"].as_str(), answer["position"].as_u64()) {
            (Some(id), Some(position)) if stored => entry.fate = Fate::Acked { id: id.to_owned(), position },
            // A refusal of a rule or of a full queue: it is not stored, and may be sent again.
            _ => {}
        }
    }

    /// A client was forgotten, and that was certified.
    pub(crate) fn erased(&self, word: String) {
        self.erased.lock().expect("free").push(word);
    }

    pub(crate) fn erased_words(&self) -> Vec<String> {
        self.erased.lock().expect("free").clone()
    }

    /// Compares with what the server has after its restart, sends again what has no answer, and compares again.
    ///
    /// # Errors
    /// What was lost, doubled or moved.
    pub(crate) fn account(&self, agent: &Agent) -> Result<Account, String> {
        let before = Recorded::read(agent)?;
        let acked = self.check(&before)?;
        let waiting: Vec<Value> = {
            let entries = self.entries.lock().expect("free");
            entries
                .values()
                .filter(|entry| entry.fate == Fate::Unknown && entry.again)
                .map(|e| e.event.clone())
                .collect()
        };
        let mut account = Account { acked, ..Account::default() };
        for events in waiting.chunks(500) {
            let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
            let answers = agent.post_lines(&lines);
            if answers.len() != events.len() {
                return Err(format!("{} of {} lines were answered", answers.len(), events.len()));
            }
            for (event, answer) in events.iter().zip(&answers) {
                match answer["status"].as_str() {
                    Some("accepted") => account.not_stored += 1,
                    Some("duplicate") => account.stored += 1,
                    _ => return Err(format!("{event} was sent again and answered {answer}")),
                }
                self.answered(event, answer);
            }
        }
        self.check(&Recorded::read(agent)?)?;
        Ok(account)
    }

    fn check(&self, recorded: &Recorded) -> Result<u64, String> {
        let mut acked = 0;
        for (name, entry) in &*self.entries.lock().expect("free") {
            let Fate::Acked { id, position } = &entry.fate else { continue };
            acked += 1;
            match recorded.places.get(id) {
                Some(place) if place == position => {}
                Some(place) => return Err(format!("{name} was acknowledged at {position} and stands at {place}")),
                None => return Err(format!("LOST: {name} was acknowledged at {position} and is not in the log")),
            }
        }
        Ok(acked)
    }
}

/// What the log holds, as its feed tells.
struct Recorded {
    places: HashMap<String, u64>,
}

impl Recorded {
    fn read(agent: &Agent) -> Result<Self, String> {
        let (mut places, mut marks, mut versions) = (HashMap::new(), HashSet::new(), HashMap::new());
        let mut next = 0;
        loop {
            let (status, page) = agent.get(&format!("/v1/events?after={next}&limit=1000"))?;
            let rows = page["data"].as_array().filter(|_| status == 200).ok_or_else(|| format!("{status}: {page}"))?;
            if rows.is_empty() {
                return Ok(Self { places });
            }
            for row in rows {
                let position = row["position"].as_u64().ok_or("a row without a position")?;
                if position != next + 1 {
                    return Err(format!("position {} is missing", next + 1));
                }
                next = position;
                let (id, stream) = (row["id"].as_str().unwrap_or_default(), row["stream"].as_str().unwrap_or_default());
                let version: &mut u64 = versions.entry(stream.to_owned()).or_default();
                *version += 1;
                if row["version"] != *version {
                    return Err(format!("version {version} of {stream} is missing at position {position}"));
                }
                if places.insert(id.to_owned(), position).is_some() {
                    return Err(format!("DOUBLED: event {id} stands twice in the log"));
                }
                if row["type"] == "call.logged" && mark(row).is_some_and(|mark| !marks.insert(mark)) {
                    return Err(format!("DOUBLED: the call at position {position} is recorded twice"));
                }
            }
        }
    }
}
