//! The log: the one place where facts are kept. It speaks bytes; what they mean is the vocabulary's.
//!
//! [`EventLog`] is the trait and its promises, [`memory::MemoryLog`] the reference, [`sqlite::SqliteLog`]
//! the one to use. Every implementation passes the contract suite in [`crate::testing::contract`].

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::ids::{ClientId, CommitId, EventId, Position, Version};
use crate::time::{Moment, Timestamp};
use crate::trust::leaf::{Hash, Meta};

mod accept;
pub mod memory;
mod sequence;
pub mod sqlite;

/// The name of a stream: `client/<id>`, `product/<code>` …
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// The text cannot name a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a stream name: expected `kind/key` in letters, digits and `.`, `_`, `/`, `+`, `-`, at most 160 bytes"
)]
pub struct InvalidStream(pub String);

impl StreamName {
    /// The stream of a client.
    pub fn client(id: ClientId) -> Self {
        Self(format!("client/{id}").into())
    }

    /// Any stream by name.
    ///
    /// # Errors
    /// When the text is not `kind/key`, `log` apart.
    pub fn parse(text: &str) -> Result<Self, InvalidStream> {
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+-".contains(&b));
        let valid = text == "log" || text.split_once('/').is_some_and(|(kind, key)| plain(kind) && plain(key));
        if valid && text.len() <= 160 {
            Ok(Self(text.into()))
        } else {
            Err(InvalidStream(text.chars().take(200).collect()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether something is defined in it: it is neither a client's nor the log's own.
    pub fn is_definition(&self) -> bool {
        !self.0.starts_with("client/") && &*self.0 != "log"
    }

    /// The client whose stream this is.
    pub fn client_id(&self) -> Option<ClientId> {
        self.0.strip_prefix("client/")?.parse().ok()
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an append expects of a stream before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// That it is empty.
    NoStream,
    /// That its last event has this version.
    Exactly(Version),
}

/// An event with everything that is fixed before the log gives it a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its id, the idempotency key.
    pub id: EventId,
    /// Its stream.
    pub stream: StreamName,
    /// The stable name of its type.
    pub event_type: Arc<str>,
    /// The version of its payload.
    pub schema: u16,
    /// When it happened.
    pub occurred: Moment,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// [`Meta::encode`]d.
    pub meta: Box<[u8]>,
    /// Random bytes before the facts in their hash.
    pub salt: [u8; 16],
    /// Canonical JSON.
    pub facts: Box<[u8]>,
    /// The sealed envelope of its personal part.
    pub sealed: Option<Box<[u8]>>,
    /// Leave it out, without a conflict, when its id is already recorded.
    pub if_new: bool,
}

/// A change of the look-up tables that lie beside the events and change in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexChange {
    /// This identity (a keyed hash) is this client's. Nothing happens when it already is.
    Claim {
        /// Keyed hash of scheme and value.
        identity: Hash,
        /// Whose it is.
        client: ClientId,
    },
    /// As [`IndexChange::Claim`], but silently left out when another client has it.
    ClaimIfFree {
        /// Keyed hash of scheme and value.
        identity: Hash,
        /// Whose it is.
        client: ClientId,
    },
    /// This identity is nobody's, when it was this client's.
    Release {
        /// Keyed hash of scheme and value.
        identity: Hash,
        /// Whose it was.
        client: ClientId,
    },
    /// A client is answered under another from now on.
    Merge {
        /// The record that disappears.
        absorbed: ClientId,
        /// The record that stays.
        into: ClientId,
    },
    /// A client stands on its own again.
    Unmerge {
        /// The record that had disappeared.
        absorbed: ClientId,
        /// The record that had stayed.
        from: ClientId,
    },
    /// The data key of a subject. Nothing happens when it already is.
    AssignKey {
        /// [`crate::personal::Subject::to_bytes`].
        subject: [u8; 17],
        /// The key's number in the vault.
        key: u64,
    },
}

/// Events that are appended together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The commit.
    pub id: CommitId,
    /// What each named stream must look like before it. A stream that is not named may look like anything.
    pub expected: Vec<(StreamName, Expected)>,
    /// Its events, in order, for one or several streams.
    pub events: Vec<NewEvent>,
    /// Changes of the look-up tables.
    pub index: Vec<IndexChange>,
}

/// Where an event was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream.
    pub version: Version,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// True when it had been recorded before this commit.
    pub existed: bool,
}

/// Why a commit was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream is not what the commit expects of it. Read it again and decide anew.
    #[error("stream {stream} is at version {actual}, not {expected:?}")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What was expected.
        expected: Expected,
        /// Its version.
        actual: Version,
    },
    /// Some events of the commit are recorded already and others are not. Nothing was stored.
    #[error("event {id} is recorded already at position {position}, but not the whole commit")]
    PartlyRecorded {
        /// The first that is recorded.
        id: EventId,
        /// Where.
        position: Position,
    },
    /// The identity is another client's.
    #[error("the identity belongs to client {owner}")]
    IdentityTaken {
        /// Whose it is.
        owner: ClientId,
    },
    /// The subject has another key already. Seal again with that one.
    #[error("the subject has key {key}")]
    KeyTaken {
        /// The key it has.
        key: u64,
    },
    /// The merge or un-merge does not fit the alias table.
    #[error("client {absorbed} cannot be merged or un-merged: {reason}")]
    Alias {
        /// The record that was to change.
        absorbed: ClientId,
        /// Why not.
        reason: &'static str,
    },
    /// The log takes no events now: the disk is nearly full, or the clock is far ahead. Reads go on.
    #[error("the log takes no events: {0}")]
    Refused(String),
    /// Whether the commit is stored is not known. Send it again with the same ids after a restart.
    #[error("the log stopped: {0}")]
    Unknown(#[from] LogError),
}

/// The storage failed or is damaged. The cause is kept as the source.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct LogError {
    context: String,
    transient: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl LogError {
    /// An error with what was being done, and its cause.
    pub fn new(context: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { context: context.into(), transient: false, source: Some(source.into()) }
    }

    /// Damage: what is there is not what was written.
    pub fn damage(context: impl Into<String>) -> Self {
        Self { context: context.into(), transient: false, source: None }
    }

    /// Whether the same call may go through later.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// Marks the error as one that may pass.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }
}

/// The sealed part of a recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedPart {
    /// It has none.
    None,
    /// The envelope.
    Present(Box<[u8]>),
    /// Erased; what is left is the hash that stands in the leaf.
    Erased(Hash),
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in its stream.
    pub version: Version,
    /// Its id.
    pub id: EventId,
    /// The stable name of its type.
    pub event_type: Arc<str>,
    /// The version of its payload.
    pub schema: u16,
    /// When it happened.
    pub occurred: Moment,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// [`Meta::encode`]d.
    pub meta: Box<[u8]>,
    /// Random bytes before the facts in their hash.
    pub salt: [u8; 16],
    /// Canonical JSON.
    pub facts: Box<[u8]>,
    /// The sealed envelope of its personal part.
    pub sealed: SealedPart,
    /// Its leaf hash.
    pub leaf: Hash,
}

impl Recorded {
    /// Who recorded it, from where, in which commit.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn meta(&self) -> Result<Meta, LogError> {
        Meta::decode(&self.meta).map_err(|error| LogError::new(format!("event at position {}", self.position), error))
    }
}

/// Most events of one page of a read.
pub const MAX_PAGE: usize = 1_000;
/// Most events of one commit.
pub const MAX_COMMIT: usize = 1_000;
/// Most bytes of metadata, facts and sealed part of one event together.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// The append-only log.
///
/// # Promises
///
/// Each is a test of the contract suite, under the same number.
///
/// 1. A commit is stored whole or not at all.
/// 2. Versions of a stream are dense, from 1.
/// 3. Positions are gapless, from 1, in commit order.
/// 4. A commit whose expectation does not hold is a conflict that tells the stream's version.
/// 5. An acknowledged commit is on disk: it is there after any crash.
/// 6. An event id is recorded once, for ever; the same commit again yields its first places.
/// 7. What is read is what was written, byte for byte.
/// 8. `recorded_at` never runs back, even when the clock does.
/// 9. Nothing is updated or deleted, but the sealed part of an event by an erasure.
/// 10. A reader that waits beyond a position wakes up when there is more.
/// 11. Commits submitted together are stored in the order they were submitted.
/// 12. The look-up tables change with the commit or not at all.
/// 13. Every event carries its leaf hash, chained to the stream's previous event.
/// 14. Every stream that is no client's and not the log's own is listed among the definition streams.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends commits in order, each on its own: one that fails does not hold up the others.
    ///
    /// The answers stand in the order of the commits; a commit's places stand in the order of its events
    /// (an event that was left out as not new answers where it stands). Returns when all are on disk.
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Vec<Placed>, AppendError>>;

    /// Appends one commit.
    async fn append(&self, commit: Commit) -> Result<Vec<Placed>, AppendError> {
        let mut answers = self.append_batch(vec![commit]).await;
        answers.pop().unwrap_or_else(|| Err(LogError::damage("no answer").into()))
    }

    /// The events of one stream after a version, at most `limit` of them.
    async fn read_stream(&self, stream: &StreamName, after: Version, limit: usize) -> Result<Vec<Recorded>, LogError>;

    /// The events of the log after a position, at most `limit` of them.
    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError>;

    /// As [`EventLog::read_all`], from where the events are stored even when they are in memory: for those who vouch
    /// for what is stored.
    async fn read_stored(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.read_all(after, limit).await
    }

    /// One event by id.
    async fn find(&self, id: EventId) -> Result<Option<Recorded>, LogError>;

    /// Which of these ids are recorded, and where; one answer for each id.
    async fn positions(&self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError>;

    /// The last position; 0 when the log is empty.
    async fn head(&self) -> Result<Position, LogError>;

    /// The last version of a stream; 0 when there is none.
    async fn version(&self, stream: &StreamName) -> Result<Version, LogError>;

    /// The streams of definitions: all but those of clients and of the log itself, in the order of their names.
    async fn definition_streams(&self) -> Result<Vec<StreamName>, LogError>;

    /// Waits until the head is beyond a position, and returns it.
    async fn wait_beyond(&self, position: Position) -> Result<Position, LogError>;

    /// The client whom this identity (a keyed hash) names, before any merge.
    async fn identity_owner(&self, identity: &Hash) -> Result<Option<ClientId>, LogError>;

    /// The record under which a client is answered directly; `None` when it stands on its own.
    async fn merged_into(&self, client: ClientId) -> Result<Option<ClientId>, LogError>;

    /// The records that are answered directly under this one, ascending.
    async fn absorbed_by(&self, client: ClientId) -> Result<Vec<ClientId>, LogError>;

    /// The number of a subject's data key.
    async fn subject_key(&self, subject: &[u8; 17]) -> Result<Option<u64>, LogError>;
}

/// The alias group of a client: the record that stays first, then all that were absorbed, ascending.
///
/// # Errors
/// When the log cannot be read, or its merges go round in a circle.
pub async fn alias_group(log: &dyn EventLog, client: ClientId) -> Result<Vec<ClientId>, LogError> {
    let mut root = client;
    let mut seen = HashSet::from([client]);
    while let Some(parent) = log.merged_into(root).await? {
        if !seen.insert(parent) {
            return Err(LogError::damage(format!("the merges of client {client} go round in a circle")));
        }
        root = parent;
    }
    let mut group = vec![root];
    let mut next = 0;
    while let Some(&member) = group.get(next) {
        group.extend(log.absorbed_by(member).await?);
        next += 1;
    }
    group[1..].sort_unstable();
    Ok(group)
}
