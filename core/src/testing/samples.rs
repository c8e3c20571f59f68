//! Plain events, commits and reads for tests of logs.

use crate::ids::{ClientId, CommitId, EventId, Position};
use crate::log::{Commit, EventLog, Expected, NewEvent, Recorded, StreamName};
use crate::time::{Moment, Timestamp};
use crate::trust::chain::leaf_of;
use crate::trust::leaf::{Hash, Meta};

/// Where test clocks start: 2026-01-01.
pub const START: Timestamp = Timestamp(1_767_225_600_000_000);

/// A client stream.
pub fn stream(client: u128) -> StreamName {
    StreamName::client(ClientId(client))
}

/// An event with facts that tell its id.
pub fn event(id: u128, stream: StreamName) -> NewEvent {
    let meta = Meta { actor: "key/7".to_owned(), source: "test".to_owned(), ..Meta::default() };
    NewEvent {
        id: EventId(id),
        stream,
        event_type: "note.added".into(),
        schema: 1,
        occurred: Moment { at: Timestamp(START.0 + id as i64), offset_min: 180 },
        order: 0,
        meta: meta.encode().into(),
        salt: id.to_be_bytes(),
        facts: format!("{{\"id\":{id}}}").into_bytes().into(),
        sealed: None,
        if_new: false,
    }
}

/// A commit that expects nothing.
pub fn commit(events: Vec<NewEvent>) -> Commit {
    Commit {
        id: CommitId(events.first().map_or(0, |event| event.id.0)),
        expected: Vec::new(),
        events,
        index: Vec::new(),
    }
}

/// A commit of one event that expects something of its stream.
pub fn expecting(expected: Expected, event: NewEvent) -> Commit {
    Commit { expected: vec![(event.stream.clone(), expected)], ..commit(vec![event]) }
}

/// All events of a log, read in pages.
pub async fn everything(log: &dyn EventLog, page: usize) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position(0), |last| last.position);
        let more = log.read_all(after, page).await.expect("readable");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// The leaf hash of an event as the format says, from what was read and the stream's previous leaf hash.
pub fn leaf_hash(event: &Recorded, prev: Hash) -> Hash {
    leaf_of(event, prev).hash()
}
