//! A log in memory: the reference implementation, for tests and what-if questions.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use foldhash::HashMap;
use tokio::sync::watch;

use super::accept::{Tables, Write, accept};
use super::sequence::{Hashes, Recorder};
use super::{AppendError, Commit, EventLog, LogError, MAX_PAGE, Placed, Recorded, SealedPart, StreamName};
use crate::ids::{ClientId, EventId, Position, Version};
use crate::time::{Clock, Timestamp};
use crate::trust::leaf::Hash;

/// A log that is gone when it is dropped.
pub struct MemoryLog {
    state: Mutex<State>,
    head: watch::Sender<Position>,
}

struct State {
    recorder: Recorder,
    events: Vec<Recorded>,
    streams: HashMap<StreamName, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    owners: HashMap<Hash, ClientId>,
    parents: HashMap<ClientId, ClientId>,
    children: HashMap<ClientId, BTreeSet<ClientId>>,
    keys: HashMap<[u8; 17], u64>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            recorder: Recorder::new(clock, Timestamp(i64::MIN)),
            events: Vec::new(),
            streams: HashMap::default(),
            ids: HashMap::default(),
            owners: HashMap::default(),
            parents: HashMap::default(),
            children: HashMap::default(),
            keys: HashMap::default(),
        };
        Self { state: Mutex::new(state), head: watch::Sender::new(Position(0)) }
    }

    /// Deletes the sealed parts of these events; what is left is their hashes.
    ///
    /// # Errors
    /// Never; as the other logs.
    pub async fn erase_sealed(&self, positions: &[Position]) -> Result<(), LogError> {
        let mut state = self.state();
        for position in positions {
            let at = (position.0 as usize).wrapping_sub(1);
            if let Some(event) = state.events.get_mut(at)
                && let SealedPart::Present(envelope) = &event.sealed
            {
                event.sealed = SealedPart::Erased(crate::trust::leaf::sealed_hash(Some(envelope)));
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Commits are decided before anything changes, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Tables for State {
    fn placed(&mut self, id: EventId) -> Result<Option<Placed>, LogError> {
        Ok(self.ids.get(&id).map(|&at| {
            let event = &self.events[at];
            Placed { position: event.position, version: event.version, recorded_at: event.recorded_at, existed: true }
        }))
    }

    fn version(&mut self, stream: &StreamName) -> Result<Version, LogError> {
        Ok(Version(self.streams.get(stream).map_or(0, |events| events.len() as u64)))
    }

    fn owner(&mut self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        Ok(self.owners.get(identity).copied())
    }

    fn parent(&mut self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        Ok(self.parents.get(&client).copied())
    }

    fn key(&mut self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        Ok(self.keys.get(subject).copied())
    }
}

impl State {
    fn append(&mut self, commit: Commit) -> Result<Vec<Placed>, AppendError> {
        let accepted = accept(&commit, self)?;
        if accepted.is_repeated() {
            return Ok(accepted.places.into_iter().flatten().collect());
        }
        let recorded_at = self.recorder.now().map_err(AppendError::Refused)?;
        self.recorder.used(recorded_at);
        for write in accepted.writes {
            self.write(write);
        }
        let places = commit.events.into_iter().zip(accepted.places);
        Ok(places.map(|(event, place)| place.unwrap_or_else(|| self.record(event, recorded_at))).collect())
    }

    fn record(&mut self, event: super::NewEvent, recorded_at: Timestamp) -> Placed {
        let at = self.events.len();
        let stream = self.streams.entry(event.stream.clone()).or_default();
        let prev = stream.last().map_or([0; 32], |&last| self.events[last].leaf);
        stream.push(at);
        self.ids.insert(event.id, at);
        let (position, version) = (Position(at as u64 + 1), Version(stream.len() as u64));
        let leaf = Hashes::of(&event).leaf(&event, position, version, prev, recorded_at);
        self.events.push(Recorded {
            position,
            stream: event.stream,
            version,
            id: event.id,
            event_type: event.event_type,
            schema: event.schema,
            occurred: event.occurred,
            order: event.order,
            recorded_at,
            meta: event.meta,
            salt: event.salt,
            facts: event.facts,
            sealed: event.sealed.map_or(SealedPart::None, SealedPart::Present),
            leaf,
        });
        Placed { position, version, recorded_at, existed: false }
    }

    fn write(&mut self, write: Write) {
        match write {
            Write::Owner(identity, Some(client)) => drop(self.owners.insert(identity, client)),
            Write::Owner(identity, None) => drop(self.owners.remove(&identity)),
            Write::Parent(member, parent) => {
                if let Some(old) = self.parents.remove(&member) {
                    self.children.entry(old).or_default().remove(&member);
                }
                if let Some(parent) = parent {
                    self.parents.insert(member, parent);
                    self.children.entry(parent).or_default().insert(member);
                }
            }
            Write::Key(subject, key) => drop(self.keys.insert(subject, key)),
        }
    }
}

/// The part of a list after its first `after` places, at most a page of it.
fn page<T>(all: &[T], after: u64, limit: usize) -> &[T] {
    let rest = all.get(usize::try_from(after).unwrap_or(usize::MAX)..).unwrap_or_default();
    &rest[..rest.len().min(limit).min(MAX_PAGE)]
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Vec<Placed>, AppendError>> {
        let mut state = self.state();
        let answers = commits.into_iter().map(|commit| state.append(commit)).collect();
        self.head.send_replace(Position(state.events.len() as u64));
        answers
    }

    async fn read_stream(&self, stream: &StreamName, after: Version, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let state = self.state();
        let events = state.streams.get(stream).map_or(&[][..], Vec::as_slice);
        Ok(page(events, after.0, limit).iter().map(|&at| state.events[at].clone()).collect())
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        Ok(page(&self.state().events, after.0, limit).to_vec())
    }

    async fn find(&self, id: EventId) -> Result<Option<Recorded>, LogError> {
        let state = self.state();
        Ok(state.ids.get(&id).map(|&at| state.events[at].clone()))
    }

    async fn positions(&self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.ids.get(id).map(|&at| Position(at as u64 + 1))).collect())
    }

    async fn head(&self) -> Result<Position, LogError> {
        Ok(*self.head.borrow())
    }

    async fn version(&self, stream: &StreamName) -> Result<Version, LogError> {
        Tables::version(&mut *self.state(), stream)
    }

    async fn definition_streams(&self) -> Result<Vec<StreamName>, LogError> {
        let state = self.state();
        let mut found: Vec<StreamName> =
            state.streams.keys().filter(|stream| stream.is_definition()).cloned().collect();
        found.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(found)
    }

    async fn wait_beyond(&self, position: Position) -> Result<Position, LogError> {
        let mut head = self.head.subscribe();
        let head = head.wait_for(|head| *head > position).await;
        head.map(|head| *head).map_err(|error| LogError::new("waiting for more events", error))
    }

    async fn identity_owner(&self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        self.state().owner(identity)
    }

    async fn merged_into(&self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        self.state().parent(client)
    }

    async fn absorbed_by(&self, client: ClientId) -> Result<Vec<ClientId>, LogError> {
        Ok(self.state().children.get(&client).map(|all| all.iter().copied().collect()).unwrap_or_default())
    }

    async fn subject_key(&self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.state().key(subject)
    }
}
