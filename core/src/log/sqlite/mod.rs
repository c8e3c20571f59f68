//! The log in one SQLite file: one writer thread with group commit, read-only connections for readers.
//!
//! `log.db` is in WAL mode with `synchronous=FULL`; `log.lock` beside it keeps a second writer away. What was appended
//! last is kept in memory, too: everything that follows the log reads it there.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use self::reader::Readers;
use self::tail::Tail;
use self::writer::{Told, Writer};
use super::{AppendError, Commit, EventLog, LogError, MAX_PAGE, Placed, Recorded, StreamName};
use crate::ids::{ClientId, EventId, Position, Version};
use crate::time::Clock;
use crate::trust::leaf::Hash;

pub mod audit;
mod disk;
mod group;
mod reader;
mod recent;
mod schema;
mod tables;
mod tail;
mod writer;

/// How often a read-only log looks whether another process has written.
const POLL: Duration = Duration::from_millis(100);

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Appends are refused while the disk has fewer free bytes than this.
    pub min_free_bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { min_free_bytes: 64 << 20 }
    }
}

/// The log in one SQLite file.
///
/// Look-ups run on the calling thread: they take microseconds. Dropping it stores what was submitted and
/// waits for that.
pub struct SqliteLog {
    // Before the writer: its connection is to be the last, which leaves one file behind and no `-wal`.
    readers: Readers,
    writer: Option<Writer>,
    head: Arc<watch::Sender<Position>>,
    tail: Arc<Tail>,
    stopped: Arc<watch::Sender<Option<String>>>,
}

impl SqliteLog {
    /// Opens the log for reading and writing; makes the file when there is none.
    ///
    /// # Errors
    /// When another process writes to it, when it is no log or one of a later version, or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, options: SqliteOptions) -> Result<Self, LogError> {
        let head = Arc::new(watch::Sender::new(Position(0)));
        let tail = Arc::new(Tail::default());
        let stopped = Arc::new(watch::Sender::new(None));
        let told = Told { head: Arc::clone(&head), tail: Arc::clone(&tail), stopped: Arc::clone(&stopped) };
        let writer = Writer::start(path, clock, options, told)?;
        let readers = Readers::open(path)?;
        Ok(Self { readers, writer: Some(writer), head, tail, stopped })
    }

    /// Opens the log for reading, also while another process writes to it; appends are refused.
    ///
    /// # Errors
    /// When there is none, or it is no log or one of a later version.
    pub fn open_read_only(path: &Path) -> Result<Self, LogError> {
        let readers = Readers::open(path)?;
        let head = Arc::new(watch::Sender::new(readers.with(|reader| reader.head())?));
        Ok(Self { readers, writer: None, head, tail: Arc::default(), stopped: Arc::default() })
    }

    /// Why the log takes no events until the next start, as soon as that is so: a write failed, and what is on disk
    /// is not known.
    pub fn stopped(&self) -> watch::Receiver<Option<String>> {
        self.stopped.subscribe()
    }

    /// The identities of these clients: keyed hashes. It looks through all identities.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn identities_of(&self, clients: &HashSet<ClientId>) -> Result<Vec<(Hash, ClientId)>, LogError> {
        self.readers.with(|reader| reader.identities_of(clients))
    }

    /// The greatest number of a data key that any subject has.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn last_key(&self) -> Result<Option<u64>, LogError> {
        self.readers.with(|reader| reader.last_key())
    }

    /// Deletes the sealed parts of these events, also from the write-ahead log; what is left is their hashes.
    /// Doing it again does nothing.
    ///
    /// # Errors
    /// When the log is read-only or stopped. A transient error means that a long read kept the old bytes from
    /// being overwritten: do it again.
    pub async fn erase_sealed(&self, positions: &[Position]) -> Result<(), LogError> {
        match &self.writer {
            Some(writer) => writer.erase(positions.to_vec()).await,
            None => Err(LogError::damage("the log is open for reading only, nothing can be erased")),
        }
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Vec<Placed>, AppendError>> {
        let Some(writer) = &self.writer else {
            let refused = || Err(AppendError::Refused("it is open for reading only".to_owned()));
            return commits.iter().map(|_| refused()).collect();
        };
        writer.append(commits).await
    }

    async fn read_stream(&self, stream: &StreamName, after: Version, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.readers.with(|reader| reader.stream(stream, after, limit))
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        match self.tail.after(after, limit.min(MAX_PAGE)) {
            Some(events) => Ok(events),
            None => self.read_stored(after, limit).await,
        }
    }

    async fn read_stored(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.readers.with(|reader| reader.all(after, limit))
    }

    async fn find(&self, id: EventId) -> Result<Option<Recorded>, LogError> {
        self.readers.with(|reader| reader.find(id))
    }

    async fn positions(&self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError> {
        self.readers.with(|reader| reader.positions(ids))
    }

    async fn head(&self) -> Result<Position, LogError> {
        match self.writer {
            Some(_) => Ok(*self.head.borrow()),
            None => self.readers.with(|reader| reader.head()),
        }
    }

    async fn version(&self, stream: &StreamName) -> Result<Version, LogError> {
        self.readers.with(|reader| reader.version(stream))
    }

    async fn definition_streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.readers.with(|reader| reader.definition_streams())
    }

    async fn wait_beyond(&self, position: Position) -> Result<Position, LogError> {
        if self.writer.is_some() {
            let mut head = self.head.subscribe();
            let head = head.wait_for(|head| *head > position).await;
            return head.map(|head| *head).map_err(|error| LogError::new("waiting for more events", error));
        }
        loop {
            let head = self.head().await?;
            if head > position {
                return Ok(head);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn identity_owner(&self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        self.readers.with(|reader| reader.owner(identity))
    }

    async fn merged_into(&self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        self.readers.with(|reader| reader.parent(client))
    }

    async fn absorbed_by(&self, client: ClientId) -> Result<Vec<ClientId>, LogError> {
        self.readers.with(|reader| reader.children(client))
    }

    async fn subject_key(&self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.readers.with(|reader| reader.key(subject))
    }
}
