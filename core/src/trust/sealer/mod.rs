//! Follows the log, keeps its tree and heads, seals it and signs checkpoints.
//!
//! A seal is an ordinary event; a checkpoint is the signed tree that ends in it. The seal covers what was in
//! the log when its heads were counted: completeness is claimed up to there, while other events may have come
//! in between.

mod epoch;
mod standing;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Mutex, watch};

use crate::code::Code;
use crate::events::Event;
use crate::events::log::Sealed;
use crate::ids::{CommitId, EventId, Position};
use crate::log::{AppendError, Commit, EventLog, Expected, LogError, MAX_PAGE, NewEvent, Recorded, StreamName};
use crate::random::Random;
use crate::time::{Clock, Moment, SECOND_US};
use crate::trust::heads::NodeId;
use crate::trust::hex;
use crate::trust::leaf::{Hash, Meta};
use crate::trust::signer::Signer;
use crate::trust::store::{self, Progress, StoredCheckpoint, StoredTiles};
use crate::trust::tree::Tree;

pub use self::standing::Behind;

/// Something new is sealed after so long, in microseconds.
pub const SEAL_AFTER_US: i64 = 10 * SECOND_US;
/// So many new events are sealed at once.
pub const SEAL_EVENTS: u64 = 65_536;
/// Appends within this time are taken in together.
const PAUSE: Duration = Duration::from_millis(100);
/// About so many events are taken in with one transaction: the more, the more of them share a page of the file.
const STRIDE: usize = 8 * MAX_PAGE;

/// Whether a seal is due, after so many events of other streams and so long since the first of them.
pub fn is_due(events: u64, waited_us: i64) -> bool {
    events >= SEAL_EVENTS || (events > 0 && waited_us >= SEAL_AFTER_US)
}

/// The log cannot be followed or sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealerError {
    /// Later states of this log were signed than the one that is here: an older folder was put back. Going on
    /// needs a new epoch.
    #[error("{0}: put the newer data back, or record the loss by `replay-tool fork --reason` and go on in a new epoch")]
    OlderThanSigned(String),
    /// A new epoch is asked for, and nothing is lost.
    #[error("the log is the one that was signed last, there is nothing to fork")]
    NothingLost,
    /// The seal was not appended.
    #[error("the seal was not appended")]
    Append(#[from] AppendError),
    /// The log or the files of the tree cannot be read or written, or are damaged.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Follows one log and seals it.
pub struct Sealer {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    random: Arc<Random>,
    dir: PathBuf,
    state: Mutex<State>,
    size: watch::Sender<u64>,
    failed: SyncMutex<Option<String>>,
}

struct State {
    db: Connection,
    signer: Signer,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.dir.display())
    }
}

impl Sealer {
    /// Opens the tree and the signing key of a data folder, makes them when there are none, and follows the
    /// log to its end.
    ///
    /// # Errors
    /// When the log is an older one than was signed, or is damaged, or files cannot be read or written.
    pub async fn open(
        dir: &Path,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        random: Arc<Random>,
        origin: &str,
    ) -> Result<Self, SealerError> {
        let sealer = Self::follow_up(dir, log, clock, random, origin).await?;
        let state = sealer.state.lock().await;
        epoch::guard(&state)?;
        drop(state);
        Ok(sealer)
    }

    async fn follow_up(
        dir: &Path,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        random: Arc<Random>,
        origin: &str,
    ) -> Result<Self, SealerError> {
        let signer = Signer::open(dir, origin, &random)?;
        let db = store::open(&dir.join(store::FILE))?;
        let at = store::progress(&db)?;
        if let Some(before) = at.tail.position.0.checked_sub(1) {
            let last = log.read_all(Position(before), 1).await?;
            if last.first().is_none_or(|event| event.leaf != at.leaf) {
                tracing::warn!(position = before + 1, "trust.db is of another log, it is made again");
                store::clear(&db)?;
            }
        }
        let size = store::last_checkpoint(&db)?.map_or(0, |last| last.size);
        let state = Mutex::new(State { db, signer });
        let (size, failed) = (watch::Sender::new(size), SyncMutex::new(None));
        let sealer = Self { log, clock, random, dir: dir.to_owned(), state, size, failed };
        let mut state = sealer.state.lock().await;
        sealer.catch_up(&mut state).await?;
        drop(state);
        Ok(sealer)
    }

    /// Takes in what is new. Returns the last position, and how many events are not sealed yet.
    ///
    /// # Errors
    /// When the log cannot be read or is damaged.
    pub async fn advance(&self) -> Result<(Position, u64), SealerError> {
        let mut state = self.state.lock().await;
        let at = self.catch_up(&mut state).await?;
        Ok((at.tail.position, at.fresh))
    }

    async fn catch_up(&self, state: &mut State) -> Result<Progress, LogError> {
        loop {
            let at = store::progress(&state.db)?;
            let mut events: Vec<Recorded> = Vec::new();
            while events.len() < STRIDE {
                let last = events.last().map_or(at.tail.position, |event| event.position);
                let page = self.log.read_stored(last, MAX_PAGE).await?;
                let is_end = page.len() < MAX_PAGE;
                events.extend(page);
                if is_end {
                    break;
                }
            }
            if events.is_empty() {
                return Ok(at);
            }
            let tx = state.db.transaction().map_err(store::failed)?;
            store::apply(&tx, &events)?;
            tx.commit().map_err(store::failed)?;
        }
    }

    /// Seals the log when something is new. Returns the last checkpoint, `None` when the log is empty.
    ///
    /// # Errors
    /// When the log takes no events, cannot be read or is damaged.
    pub async fn seal(&self) -> Result<Option<String>, SealerError> {
        let mut state = self.state.lock().await;
        let at = self.catch_up(&mut state).await?;
        if at.fresh > 0 {
            self.seal_now(&mut state, at).await?;
        }
        Ok(store::last_checkpoint(&state.db)?.map(|last| last.note))
    }

    async fn seal_now(&self, state: &mut State, at: Progress) -> Result<(), SealerError> {
        let covered = at.tail.position.0;
        let nodes = store::pending_nodes(&state.db)?;
        let top = NodeId(1);
        let root = match nodes.get(&top) {
            Some(root) => *root,
            None => store::node(&state.db, top)?.unwrap_or_else(|| top.empty()),
        };
        let event = Sealed { epoch: at.epoch, heads_root: code(&root), size: covered, previous: at.seal };
        let seal = self.append(&at, event.into()).await?;
        let between = self.read_up_to(at.tail.position, seal).await?;

        let State { db, signer } = state;
        let tx = db.transaction().map_err(store::failed)?;
        store::settle(&tx, &nodes)?;
        store::set_progress(&tx, &Progress { fresh: 0, ..at })?;
        store::apply(&tx, &between)?;
        let root = Tree::new(&StoredTiles(&tx), seal.0).root()?;
        let note = signer.sign(seal.0, root)?;
        store::put_checkpoint(&tx, &StoredCheckpoint { size: seal.0, covered, note })?;
        tx.commit().map_err(store::failed)?;
        self.size.send_replace(seal.0);
        self.fail(None);
        Ok(())
    }

    async fn read_up_to(&self, after: Position, last: Position) -> Result<Vec<Recorded>, LogError> {
        let mut events: Vec<Recorded> = Vec::new();
        loop {
            let from = events.last().map_or(after, |event| event.position);
            let due = usize::try_from(last.0.saturating_sub(from.0)).unwrap_or(MAX_PAGE).min(MAX_PAGE);
            if due == 0 {
                return Ok(events);
            }
            let page = self.log.read_stored(from, due).await?;
            if page.is_empty() {
                return Err(LogError::damage(format!("the log ends at position {from}, before its seal at {last}")));
            }
            events.extend(page);
        }
    }

    /// Appends an event to the stream `log`.
    async fn append(&self, at: &Progress, event: Event) -> Result<Position, SealerError> {
        let log = StreamName::parse(store::LOG).map_err(|error| LogError::new("the stream of the log", error))?;
        let commit = CommitId(self.random.ulid(&*self.clock));
        let meta = Meta { actor: "letopis".to_owned(), source: "log".to_owned(), commit, count: 1, ..Meta::default() };
        let new = NewEvent {
            id: EventId(self.random.ulid(&*self.clock)),
            stream: log.clone(),
            event_type: event.type_name().into(),
            schema: event.schema(),
            occurred: Moment::utc(self.clock.now()),
            order: 0,
            meta: meta.encode().into(),
            salt: self.random.bytes(),
            facts: event.facts().into(),
            sealed: None,
            if_new: false,
        };
        let expected = vec![(log, Expected::Exactly(at.log.version))];
        let placed = self.log.append(Commit { id: commit, expected, events: vec![new], index: Vec::new() }).await?;
        let placed = placed.first().ok_or_else(|| LogError::damage("the seal has no place"))?;
        Ok(placed.position)
    }

    /// The size of the last checkpoint, 0 before the first; changes with every new one.
    pub fn checkpoint_size(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }

    /// Follows and seals the log until `stop` changes or its sender is dropped; then seals once more.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), SealerError> {
        let mut since = None;
        while !*stop.borrow() {
            let (at, fresh) = self.advance().await?;
            let now = self.clock.steady();
            let waited = if fresh == 0 { 0 } else { now.0.saturating_sub(since.get_or_insert(now).0) };
            if is_due(fresh, waited) {
                self.seal().await?;
                since = None;
                continue;
            }
            let rest = Duration::from_micros(SEAL_AFTER_US.saturating_sub(waited).max(1_000).unsigned_abs());
            tokio::select! {
                more = self.log.wait_beyond(at) => {
                    more?;
                    tokio::select! { () = tokio::time::sleep(PAUSE) => {} _ = stop.changed() => break }
                }
                () = tokio::time::sleep(rest), if fresh > 0 => {}
                _ = stop.changed() => break,
            }
        }
        self.seal().await.map(drop)
    }
}

/// A hash as a code.
fn code(hash: &Hash) -> Code {
    hex::encode(hash).parse().expect("hexadecimal digits are a code")
}
