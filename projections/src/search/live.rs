//! [`Search`]: the index of a data folder, kept current and asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use letopis_core::events::{self, Event, KnowledgeEvent};
use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::log::{EventLog, MAX_PAGE, Recorded, SealedPart, StreamName};
use letopis_core::reader::read_stream;
use letopis_core::time::Timestamp;
use letopis_core::trust::vault::Vault;
use rusqlite::Connection;
use tokio::sync::{Mutex, watch};

use super::index::Index;
use super::query::{self, Hit};
use super::stem::AREAS;
use crate::engine::EngineError;
use crate::engine::file::{Checkpoint, ViewFile, cut_off};
use crate::engine::follow::{Progress, follow};
use crate::engine::generations::Fresh;
use crate::engine::list::{Page, Window};
use crate::engine::pool::{ReadPool, remove_file};
use crate::engine::read::QueryError;
use crate::engine::view::StoreError;

/// The file of the index in the folder of the views.
pub const FILE: &str = "search.db";
/// Events within this time are taken in together: each transaction writes a segment of the full text, which has to be
/// merged with the others.
const PAUSE: Duration = Duration::from_millis(20);

/// The search index of a data folder: one file, kept current from the log.
pub struct Search {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    pool: Arc<ReadPool>,
    // Held from the reading of texts to their writing: what is forgotten meanwhile must not come back.
    writer: Mutex<Connection>,
    progress: Progress,
}

impl Search {
    /// Opens the index in a folder of view files; makes it anew when there is none, it is of another version
    /// or of another log.
    ///
    /// # Errors
    /// When the log cannot be read or the folder cannot be written.
    pub async fn open(dir: &Path, log: Arc<dyn EventLog>, vault: Arc<Vault>) -> Result<Arc<Self>, EngineError> {
        std::fs::create_dir_all(dir).map_err(|error| EngineError::Store(Box::new(error)))?;
        let path = dir.join(FILE);
        let (conn, at) = match usable(&path, &*log).await? {
            Some(usable) => usable,
            None => {
                remove_file(&path);
                let conn = connect(&path)?;
                let tx = conn.unchecked_transaction()?;
                Index(&tx).create()?;
                tx.commit()?;
                (conn, Checkpoint::default())
            }
        };
        Ok(Arc::new(Self {
            log,
            vault,
            pool: ReadPool::new(path),
            writer: Mutex::new(conn),
            progress: Progress::new(at.position),
        }))
    }

    /// Takes in the next page of the log. Returns how many events it held; 0 at the head.
    async fn step(&self) -> Result<usize, EngineError> {
        self.step_to(Position(u64::MAX)).await
    }

    /// As [`Search::step`], up to a position.
    pub(super) async fn step_to(&self, upto: Position) -> Result<usize, EngineError> {
        let writer = self.writer.lock().await;
        let left = upto.0.saturating_sub(self.position().0).min(MAX_PAGE as u64) as usize;
        let page = self.log.read_all(self.position(), left).await?;
        let (Some(last), count) = (page.last(), page.len()) else { return Ok(0) };
        let at = Checkpoint { position: last.position, leaf: last.leaf };
        let mut facts = Vec::new();
        for recorded in page.into_iter().filter(is_wanted) {
            facts.push(Fact::decode(recorded, Opener::Vault(&self.vault))?);
        }
        let mended = self.mended(&facts, at.position).await?;

        let tx = writer.unchecked_transaction()?;
        let index = Index(&tx);
        facts.iter().filter(|fact| !fact.is_knowledge()).try_for_each(|fact| index.add(fact, false))?;
        for (event, fact) in &mended {
            match fact {
                Some(fact) => index.write(fact, true)?,
                None => index.remove_event(*event)?,
            }
        }
        index.set_checkpoint(at)?;
        tx.commit()?;
        self.progress.reach(at.position);
        Ok(count)
    }

    /// What is left of the events that these facts correct, retract or erase, as of a position.
    async fn mended(&self, facts: &[Fact], upto: Position) -> Result<BTreeMap<EventId, Option<Fact>>, EngineError> {
        let mut targets: BTreeMap<ClientId, BTreeSet<EventId>> = BTreeMap::new();
        let mut erased = BTreeSet::new();
        for fact in facts {
            if let (Some(client), true) = (fact.client, is_erasure(fact.event.type_name())) {
                targets.entry(client).or_default();
                erased.insert(client);
            }
            if let (Some(client), Some(target)) = (fact.client, target(fact)) {
                targets.entry(client).or_default().insert(target);
            }
        }
        let mut mended = BTreeMap::new();
        for (client, mut targets) in targets {
            let mut facts = Vec::new();
            let stream = StreamName::client(client);
            read_stream(&*self.log, Opener::Vault(&self.vault), &stream, Version(0), &mut facts).await?;
            facts.retain(|fact| fact.position <= upto);
            if erased.contains(&client) {
                // Any document of his may hold what was erased.
                targets.extend(facts.iter().map(|fact| fact.id));
            }
            // What takes back a correction names the correction, so its own target is meant too.
            let meant: Vec<EventId> =
                facts.iter().filter(|fact| targets.contains(&fact.id)).filter_map(target).collect();
            targets.extend(meant);
            let (facts, _) = effective(facts);
            mended.extend(targets.iter().map(|target| (*target, None)));
            mended
                .extend(facts.into_iter().filter(|fact| targets.contains(&fact.id)).map(|fact| (fact.id, Some(fact))));
        }
        Ok(mended)
    }

    /// Takes in what is new, up to the head. For tools and tests; a server calls [`Search::follow`].
    ///
    /// # Errors
    /// When the log or the file fails.
    pub async fn catch_up(&self) -> Result<Position, EngineError> {
        while self.step().await? > 0 {}
        Ok(self.position())
    }

    /// Follows the log on a thread of its own until `stop` changes or its sender is dropped.
    ///
    /// A failure stops the index, not the server: it goes on being asked, and says how far behind it is.
    pub fn follow(self: &Arc<Self>, stop: watch::Receiver<bool>) -> JoinHandle<()> {
        let (search, log) = (Arc::clone(self), Arc::clone(&self.log));
        follow("search", log, stop, PAUSE, search, |search| &search.progress, Self::step)
    }

    /// Why the index has stopped, if it has.
    pub fn failure(&self) -> Option<String> {
        self.progress.failure()
    }

    /// Up to where the log is taken in.
    pub fn position(&self) -> Position {
        self.progress.position()
    }

    /// Waits until an event is taken in, at most so long. Returns whether it is.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        self.progress.wait_for(position, at_most).await
    }

    /// Events in whose texts every word of `text` occurs in any form, before `now`; of some clients, or of
    /// all when `None`; the best first, of equals the newest.
    ///
    /// # Errors
    /// When the text has no word, the limit is out of range, the cursor is another query's, or the file cannot
    /// be read.
    pub async fn find(
        &self,
        text: &str,
        of: Option<&[ClientId]>,
        now: Timestamp,
        window: &Window,
    ) -> Result<(Page<Hit>, Fresh), QueryError> {
        let (page, at) = self.pool.read(|conn| {
            let at = Index(conn).checkpoint()?.unwrap_or_default();
            Ok((query::find(conn, text, of, now, window)?, at))
        })?;
        let head = self.log.head().await.map_err(|error| QueryError::Storage(Box::new(error)))?;
        Ok((page, Fresh { position: at.position, lag: head.0.saturating_sub(at.position.0) }))
    }

    /// Forgets what was erased: everything recorded up to now is taken in (a `client.erased` writes the documents of
    /// its client anew), and what pages held before is cut out of the file. Waits for readers, so it is called on
    /// a thread that may wait.
    ///
    /// # Errors
    /// When log or file fail, or a long read keeps the old pages; then it is to be called again.
    pub async fn forget(&self) -> Result<(), EngineError> {
        self.catch_up().await?;
        let writer = self.writer.lock().await;
        let tx = writer.unchecked_transaction()?;
        Index(&tx).sweep()?;
        tx.commit()?;
        self.pool.clear();
        Ok(cut_off(&writer)?)
    }
}

/// Whether an event has texts to search, mends one, or erases some.
fn is_wanted(recorded: &Recorded) -> bool {
    let area = events::find(&recorded.event_type).map_or("", |info| info.area);
    area == "knowledge"
        || is_erasure(&recorded.event_type)
        || (AREAS.contains(&area) && matches!(recorded.sealed, SealedPart::Present(_)))
}

fn is_erasure(event_type: &str) -> bool {
    event_type == "client.erased"
}

/// The event that a fact corrects or retracts.
fn target(fact: &Fact) -> Option<EventId> {
    match &fact.event {
        Event::Knowledge(KnowledgeEvent::Corrected(event)) => Some(event.target),
        Event::Knowledge(KnowledgeEvent::Retracted(event)) => Some(event.target),
        _ => None,
    }
}

fn connect(path: &PathBuf) -> Result<Connection, StoreError> {
    let mut conn = Connection::open(path)?;
    ViewFile::prepare(&mut conn)?;
    Ok(conn)
}

/// Opens a file that can be gone on with.
async fn usable(path: &PathBuf, log: &dyn EventLog) -> Result<Option<(Connection, Checkpoint)>, EngineError> {
    let Ok(conn) = connect(path) else { return Ok(None) };
    let Ok(Some(at)) = Index(&conn).checkpoint() else { return Ok(None) };
    let Some(before) = at.position.0.checked_sub(1) else { return Ok(Some((conn, at))) };
    let recorded = log.read_all(Position(before), 1).await?;
    Ok((recorded.first().map(|recorded| recorded.leaf) == Some(at.leaf)).then_some((conn, at)))
}
