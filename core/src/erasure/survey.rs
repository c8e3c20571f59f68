//! What stands in a stream: its sealed parts, the keys they were sealed under, whose they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::events::Event;
use crate::fact::{Fact, Opener};
use crate::ids::{EventId, Position, Version};
use crate::log::sqlite::SqliteLog;
use crate::log::{EventLog, LogError, MAX_PAGE, SealedPart, StreamName};
use crate::personal::Subject;
use crate::trust::seal;

/// A sealed part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) position: Position,
    /// The key it was sealed under; none when it was deleted.
    pub(super) key: Option<u64>,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) stream: StreamName,
    pub(super) parts: Vec<Part>,
    pub(super) subjects: BTreeSet<Subject>,
    /// How many events of each area it has.
    pub(super) areas: BTreeMap<&'static str, u64>,
    /// All of them, closed.
    pub(super) facts: Vec<Fact>,
}

/// Reads a stream, up to an event when it is there.
pub(super) async fn survey(log: &SqliteLog, stream: &StreamName, end: Option<EventId>) -> Result<Survey, LogError> {
    let client = stream.client_id();
    let mut out = Survey {
        stream: stream.clone(),
        parts: Vec::new(),
        subjects: client.map(Subject::Client).into_iter().collect(),
        areas: BTreeMap::new(),
        facts: Vec::new(),
    };
    let mut after = Version(0);
    loop {
        let page = log.read_stream(stream, after, MAX_PAGE).await?;
        let is_last = page.len() < MAX_PAGE;
        for recorded in page {
            after = recorded.version;
            let position = recorded.position;
            let key = match &recorded.sealed {
                SealedPart::None => None,
                SealedPart::Erased(_) => Some(Part { position, key: None }),
                SealedPart::Present(envelope) => {
                    let number = seal::key_id(envelope);
                    let failed = |error| LogError::new(format!("the sealed part at position {position}"), error);
                    Some(Part { position, key: Some(number.map_err(failed)?) })
                }
            };
            let fact = Fact::decode(recorded, Opener::Closed)?;
            if end == Some(fact.id) {
                out.facts.push(fact);
                return Ok(out);
            }
            if key.is_some() {
                out.subjects.insert(subject(&fact.event, &fact));
            }
            out.parts.extend(key);
            *out.areas.entry(fact.event.area()).or_default() += 1;
            out.facts.push(fact);
        }
        if is_last {
            return Ok(out);
        }
    }
}

fn subject(event: &Event, fact: &Fact) -> Subject {
    event.subject(fact.client.unwrap_or_default())
}

/// The streams that have parts sealed under one of these keys. It reads the whole log.
pub(super) async fn streams_under(log: &SqliteLog, keys: &BTreeSet<u64>) -> Result<BTreeSet<StreamName>, LogError> {
    let (mut found, mut after) = (BTreeSet::new(), Position(0));
    if keys.is_empty() {
        return Ok(found);
    }
    loop {
        let page = log.read_all(after, MAX_PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.position;
        for recorded in page {
            if let SealedPart::Present(envelope) = &recorded.sealed
                && seal::key_id(envelope).is_ok_and(|key| keys.contains(&key))
            {
                found.insert(recorded.stream);
            }
        }
    }
}
