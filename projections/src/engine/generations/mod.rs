//! [`Views`]: the view files of a data folder, kept current, and every way to read them.
//!
//! A rebuild writes a new generation under a new name; a pointer file switches to it; the old one serves
//! until its last reader is gone, then it is deleted.

mod dated;
mod pointer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{EventLog, StreamName, alias_group};
use letopis_core::time::{Timestamp, Zone};
use letopis_core::trust::vault::Vault;
use rusqlite::Connection;
use tokio::sync::watch;

use self::dated::DatedViews;
use self::pointer::{clear_leftovers, next_name, read_pointer, write_pointer};
use crate::engine::EngineError;
use crate::engine::file::{self, Checkpoint, ViewFile, ViewStatus};
use crate::engine::follow::{self, follow};
use crate::engine::group::{Aliases, Clocks};
use crate::engine::live::{self, Source};
use crate::engine::pool::{ReadPool, lock, remove_file};
use crate::engine::read::{QueryError, Reader};
use crate::engine::rebuild::{self, Options, Progress};
use crate::engine::scope;
use crate::engine::view::View;

pub use self::dated::Dated;
pub use self::pointer::{current, install, next};

/// Events within this time are folded in together, see [`follow`].
const PAUSE: Duration = Duration::from_millis(15);
/// Further behind than this, and behind half of the log, a rebuild is faster than catching up.
const REBUILD_BEYOND: u64 = 20_000;

/// An answer with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    /// The last event that is in the answer.
    pub position: Position,
    /// How many events of the log are not.
    pub lag: u64,
}

/// The views of a data folder.
pub struct Views {
    dir: PathBuf,
    log: Arc<dyn EventLog>,
    vault: Option<Arc<Vault>>,
    zone: Zone,
    list: Vec<Box<dyn View>>,
    memory: u64,
    current: RwLock<Arc<ReadPool>>,
    writer: Mutex<Writer>,
    progress: follow::Progress,
    scratch: scope::Scratch,
    dated: DatedViews,
}

struct Writer {
    file: ViewFile,
    aliases: Aliases,
}

impl Views {
    /// Opens the current generation, or builds one when there is none, it was made by other folds, it was
    /// folded from another log, or it is far behind. A rebuild uses about `memory` bytes.
    ///
    /// # Errors
    /// When the log cannot be read or the folder cannot be written.
    pub async fn open(
        dir: &Path,
        log: Arc<dyn EventLog>,
        vault: Option<Arc<Vault>>,
        zone: Zone,
        list: Vec<Box<dyn View>>,
        memory: u64,
        progress: Progress<'_>,
    ) -> Result<Arc<Self>, EngineError> {
        std::fs::create_dir_all(dir).map_err(|error| EngineError::Store(Box::new(error)))?;
        let source = Source { log: &*log, vault: vault.as_deref(), views: &list };
        let pointed = read_pointer(dir);
        clear_leftovers(dir, pointed.as_deref());
        let found = match &pointed {
            Some(name) => usable(source, &dir.join(name), &zone).await?,
            None => None,
        };
        let (path, mut file) = match (pointed, found) {
            (Some(name), Some(file)) => (dir.join(name), file),
            (old, _) => {
                let path = dir.join(next_name(old.as_deref()));
                let options = Options { memory, ..Options::default() };
                let file = rebuild::rebuild(source, &path, &zone, options, progress).await?;
                write_pointer(dir, &path)?;
                if let Some(old) = old {
                    remove_file(&dir.join(old));
                }
                (path, file)
            }
        };
        file.carry_beside()?;
        let aliases = Aliases::from_changes(&file.alias_changes()?);
        let at = file.checkpoint()?.position;
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            log,
            vault,
            zone,
            list,
            memory,
            current: RwLock::new(ReadPool::new(path)),
            writer: Mutex::new(Writer { file, aliases }),
            progress: follow::Progress::new(at),
            scratch: scope::Scratch::default(),
            dated: DatedViews::default(),
        }))
    }

    /// What the views are folded from.
    pub fn source(&self) -> Source<'_> {
        Source { log: &*self.log, vault: self.vault.as_deref(), views: &self.list }
    }

    /// Where calendar days are cut.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The views that are kept.
    pub fn list(&self) -> &[Box<dyn View>] {
        &self.list
    }

    /// Folds the next page of the log. Returns how many events it held; 0 at the head.
    #[expect(clippy::await_holding_lock, reason = "one thread writes; nobody else waits for this lock but a rebuild")]
    async fn step(&self) -> Result<usize, EngineError> {
        let mut writer = lock(&self.writer);
        let Writer { file, aliases } = &mut *writer;
        let count = live::step(self.source(), file, aliases).await?;
        self.progress.reach(file.checkpoint()?.position);
        Ok(count)
    }

    /// Folds what is new, up to the head. For tools and tests; a server calls [`Views::follow`].
    ///
    /// # Errors
    /// When the log or the view file fails.
    pub async fn catch_up(&self) -> Result<Position, EngineError> {
        while self.step().await? > 0 {}
        Ok(self.position())
    }

    /// Follows the log on a thread of its own until `stop` changes or its sender is dropped.
    ///
    /// A failure stops the views, not the server: they go on being read, and say how far behind they are.
    pub fn follow(self: &Arc<Self>, stop: watch::Receiver<bool>) -> std::thread::JoinHandle<()> {
        let (views, log) = (Arc::clone(self), Arc::clone(&self.log));
        follow("views", log, stop, PAUSE, views, |views| &views.progress, Self::step)
    }

    /// Why the views have stopped, if they have.
    pub fn failure(&self) -> Option<String> {
        self.progress.failure()
    }

    /// Up to where the views are folded.
    pub fn position(&self) -> Position {
        self.progress.position()
    }

    /// Waits until an event is folded in, at most so long. Returns whether it is.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        self.progress.wait_for(position, at_most).await
    }

    /// Builds a new generation beside the current one and switches to it.
    ///
    /// # Errors
    /// When the log cannot be read or the folder cannot be written; the current generation stays then.
    #[expect(clippy::await_holding_lock, reason = "one thread writes; nobody else waits for this lock but a rebuild")]
    pub async fn rebuild(&self, progress: Progress<'_>) -> Result<(), EngineError> {
        let old = self.current();
        let name = old.path().file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
        let path = self.dir.join(next_name(name.as_deref()));
        let options = Options { memory: self.memory, ..Options::default() };
        let mut file = rebuild::rebuild(self.source(), &path, &self.zone, options, progress).await?;
        let mut aliases = Aliases::from_changes(&file.alias_changes()?);
        let mut writer = lock(&self.writer);
        while live::step(self.source(), &mut file, &mut aliases).await? > 0 {}
        file.cut_off()?;
        file.carry_beside()?;
        write_pointer(&self.dir, &path)?;
        let position = file.checkpoint()?.position;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = ReadPool::new(path);
        *writer = Writer { file, aliases };
        self.progress.reach(position);
        self.progress.set_failure(None);
        old.doom();
        Ok(())
    }

    /// Runs a query on the current views, at one checkpoint. `now` is the exclusive bound of the answer.
    ///
    /// # Errors
    /// What the query says, or that the file cannot be read.
    pub async fn read<T>(
        &self,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError>,
    ) -> Result<(T, Fresh), QueryError> {
        let generation = self.current();
        let (answer, position) = self.read_file(&generation, now, query)?;
        let head = self.log.head().await.map_err(|error| QueryError::Storage(Box::new(error)))?;
        Ok((answer, Fresh { position, lag: head.0.saturating_sub(position.0) }))
    }

    fn current(&self) -> Arc<ReadPool> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_file<T>(
        &self,
        generation: &ReadPool,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError>,
    ) -> Result<(T, Position), QueryError> {
        generation.read(|conn| {
            let Checkpoint { position, .. } = file::checkpoint(conn)?;
            let answer = query(&Reader::new(conn, &self.zone, now))?;
            Ok((answer, position))
        })
    }

    /// Runs a query about one client: on the current views when everything recorded of him is in them, else
    /// on his facts folded in memory. Never stale, never waits. The query gets the head of his group.
    ///
    /// # Errors
    /// What the query says, or that log or file cannot be read.
    pub async fn read_client<T>(
        &self,
        client: ClientId,
        clocks: Clocks,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>, ClientId) -> Result<T, QueryError>,
    ) -> Result<(T, Fresh), QueryError> {
        let storage = |error: Box<dyn std::error::Error + Send + Sync>| QueryError::Storage(error);
        let members = self.group(client, clocks).await?;
        let head = self.log.head().await.map_err(|error| storage(Box::new(error)))?;
        let fresh = Fresh { position: head, lag: 0 };
        let generation = self.current();
        if clocks.is_now() {
            let mut versions = Vec::with_capacity(members.len());
            for &member in &members {
                let version =
                    self.log.version(&StreamName::client(member)).await.map_err(|error| storage(Box::new(error)))?;
                versions.push((member, version));
            }
            let root = members[0];
            let mut query = Some(query);
            let (answer, _) = self.read_file(&generation, now, |reader| {
                for (member, version) in versions {
                    let folded = file::subject(reader.conn, member)?.unwrap_or_default();
                    if folded.version < version || file::root(reader.conn, member)? != Some(root) {
                        return Ok(None);
                    }
                }
                query.take().map(|query| query(reader, root)).transpose()
            })?;
            match (answer, query) {
                (Some(answer), _) => return Ok((answer, fresh)),
                (None, Some(query)) => {
                    return self.fold_and_read(members, clocks, now, query).await.map(|answer| (answer, fresh));
                }
                (None, None) => return Err(QueryError::Storage("the query was lost".into())),
            }
        }
        self.fold_and_read(members, clocks, now, query).await.map(|answer| (answer, fresh))
    }

    /// The alias group of a client as it was known then, the head first.
    ///
    /// # Errors
    /// When the log or the views cannot be read.
    pub async fn group(&self, client: ClientId, clocks: Clocks) -> Result<Vec<ClientId>, QueryError> {
        if clocks.known_at.is_none() {
            let group = alias_group(&*self.log, client).await;
            return group.map_err(|error| QueryError::Storage(Box::new(error)));
        }
        let generation = self.current();
        let changes = generation.read(|conn| Ok(file::alias_changes(conn)?))?;
        Ok(Aliases::known(&changes, clocks).group(client))
    }

    async fn fold_and_read<T>(
        &self,
        members: Vec<ClientId>,
        clocks: Clocks,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>, ClientId) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let storage = |error: EngineError| QueryError::Storage(Box::new(error));
        let root = members[0];
        let mut groups = vec![scope::group_of(self.source(), members, clocks).await.map_err(storage)?.0];
        if clocks.known_at.is_some() {
            groups.extend(scope::definitions(self.source(), clocks).await.map_err(storage)?);
            let ask = |conn: &Connection| query(&Reader::new(conn, &self.zone, now), root);
            return self.scratch.ask(&self.list, &self.zone, &groups, clocks, ask);
        }
        // Each definition is a row with its instant: those of the present views answer for any `as_of`.
        let generation = self.current();
        self.scratch.ask(&self.list, &self.zone, &groups, clocks, |conn| {
            let reader = Reader::new(conn, &self.zone, now);
            generation.read(|stated| query(&reader.with_definitions(stated), root))
        })
    }

    /// Forgets what was erased: everything recorded up to now is folded in (a `client.erased` folds its client
    /// anew), whole views at past clocks are dropped, and what pages held before is cut out of the file. Waits for
    /// readers, so it is called on a thread that may wait.
    ///
    /// # Errors
    /// When log or view file fail, or a long read keeps the old pages; then it is to be called again.
    pub async fn forget(&self) -> Result<(), EngineError> {
        self.catch_up().await?;
        self.dated.forget();
        lock(&self.writer).file.cut_off()?;
        Ok(())
    }

    /// All views: version, fingerprint, digest, parked keys.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn status(&self) -> Result<(Vec<ViewStatus>, Fresh), QueryError> {
        self.read(Timestamp(0), |reader| Ok(file::status(reader.conn)?)).await
    }
}

/// Whether a file can be gone on with.
async fn usable(source: Source<'_>, path: &Path, zone: &Zone) -> Result<Option<ViewFile>, EngineError> {
    let whole = |file: ViewFile| Ok((file.checkpoint()?, file.alias_changes()?, file));
    let (at, _, file) = match ViewFile::open(path, source.views, zone).and_then(|file| file.map(whole).transpose()) {
        Ok(Some(whole)) => whole,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::warn!(%error, "the view file cannot be read and is built anew");
            return Ok(None);
        }
    };
    let head = source.log.head().await?;
    if at.position > head || (head.0 - at.position.0 > REBUILD_BEYOND && at.position.0 < head.0 / 2) {
        return Ok(None);
    }
    if at.position > Position(0) {
        let recorded = source.log.read_all(Position(at.position.0 - 1), 1).await?;
        if recorded.first().map(|recorded| recorded.leaf) != Some(at.leaf) {
            tracing::warn!(position = at.position.0, "the views were folded from another log and are built anew");
            return Ok(None);
        }
    }
    Ok(Some(file))
}
