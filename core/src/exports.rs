//! The register of exports: which copies of what the log holds were handed out, when, by whom, with which digest.
//!
//! An erasure does not reach a copy that has left the folder, but it can name it. So each copy is an event of the log:
//! that of one client in his own stream, one of many clients in the stream [`WHOLE`]. Both are sealed and proved like
//! every event; nobody can post them.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::code::Code;
use crate::events::log::Exported;
use crate::events::{Event, LogEvent};
use crate::fact::{Fact, Opener};
use crate::ids::{ClientId, CommitId, EventId, Position, Version};
use crate::log::{AppendError, Commit, EventLog, LogError, NewEvent, StreamName};
use crate::random::Random;
use crate::reader::read_stream;
use crate::time::{Clock, Moment};
use crate::trust::hex;
use crate::trust::leaf::Meta;

/// The stream of copies that are not of one client alone.
pub const WHOLE: &str = "log/exports";

/// A copy that is out of reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// What was handed out: `client`, `bundle`, `events`, `view` or `raw`.
    pub what: Code,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub digest: Code,
    /// It may hold events up to this position.
    pub upto: Position,
    /// When.
    pub at: Moment,
    /// By whom, an opaque id.
    pub actor: String,
    /// Where the log records it.
    pub record: Position,
}

impl Copy {
    /// The copy that a fact records, if it is one.
    pub(crate) fn of(fact: &Fact) -> Result<Option<Self>, LogError> {
        let Event::Log(LogEvent::Exported(exported)) = &fact.event else { return Ok(None) };
        let meta = fact.meta().map_err(|error| LogError::new(format!("event {}", fact.id), error))?;
        Ok(Some(Self {
            what: exported.what.clone(),
            digest: exported.digest.clone(),
            upto: exported.upto,
            at: fact.occurred,
            actor: meta.actor,
            record: fact.position,
        }))
    }
}

/// Takes the digest of a copy while it is handed out.
#[derive(Debug, Clone, Default)]
pub struct Digesting(Sha256);

impl Digesting {
    /// Takes bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes a whole file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn take_file(&mut self, path: &Path) -> std::io::Result<()> {
        std::io::copy(&mut File::open(path)?, &mut self.0).map(drop)
    }

    /// The digest as it is recorded.
    ///
    /// # Errors
    /// Never: hexadecimal digits are a code.
    pub fn finish(self) -> Result<Code, LogError> {
        hex::encode(&self.0.finalize()).parse().map_err(|error| LogError::new("a digest", error))
    }
}

/// Records a copy: of a client in his stream, else in [`WHOLE`].
///
/// # Errors
/// When the log does not take it.
pub async fn record(
    log: &dyn EventLog,
    clock: &dyn Clock,
    random: &Random,
    client: Option<ClientId>,
    actor: &str,
    exported: Exported,
) -> Result<Position, AppendError> {
    let stream = match client {
        Some(client) => StreamName::client(client),
        None => whole()?,
    };
    let commit = CommitId(random.ulid(clock));
    let meta =
        Meta { actor: actor.to_owned(), source: "export".to_owned(), commit, index: 0, count: 1, ..Meta::default() };
    let event = Event::from(exported);
    let event = NewEvent {
        id: EventId(random.ulid(clock)),
        stream,
        event_type: event.type_name().into(),
        schema: event.schema(),
        occurred: Moment::utc(clock.now()),
        order: 0,
        meta: meta.encode().into(),
        salt: random.bytes(),
        facts: event.facts().into(),
        sealed: None,
        if_new: false,
    };
    let placed =
        log.append(Commit { id: commit, expected: Vec::new(), events: vec![event], index: Vec::new() }).await?;
    Ok(placed.first().map(|placed| placed.position).unwrap_or_default())
}

/// The copies that are not of one client alone.
///
/// # Errors
/// When the log cannot be read.
pub async fn of_many(log: &dyn EventLog) -> Result<Vec<Copy>, LogError> {
    let mut facts = Vec::new();
    read_stream(log, Opener::Closed, &whole()?, Version(0), &mut facts).await?;
    facts.iter().filter_map(|fact| Copy::of(fact).transpose()).collect()
}

fn whole() -> Result<StreamName, LogError> {
    StreamName::parse(WHOLE).map_err(|error| LogError::new("the stream of exports", error))
}
