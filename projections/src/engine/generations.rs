//! [`Views`]: the view files of a data folder, kept current, and every way to read them.
//!
//! A rebuild writes a new generation under a new name; a pointer file switches to it; the old one serves
//! until its last reader is gone, then it is deleted. Whole views at a past `known_at` are files of the same
//! kind, built once and kept for a while.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use letopis_core::error::chain;
use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{EventLog, StreamName, alias_group};
use letopis_core::time::{Timestamp, Zone};
use letopis_core::trust::vault::Vault;
use rusqlite::Connection;
use tokio::sync::watch;

use super::EngineError;
use super::file::{self, Checkpoint, ViewFile, ViewStatus};
use super::follow::{Stopped, follow, reached};
use super::group::{Aliases, Clocks};
use super::live::{self, Source};
use super::pool::{ReadPool, lock, remove_file};
use super::read::{QueryError, Reader};
use super::rebuild::{self, Options, Progress};
use super::scope;
use super::view::View;

/// The file that names the current generation.
const POINTER: &str = "current";
/// Events within this time are folded in together, see [`follow`].
const PAUSE: Duration = Duration::from_millis(15);
/// An answer as of a date may leave out what was recorded since so long ago; it says how many events those are.
const MAX_DATED_AGE: Duration = Duration::from_secs(30);
/// Whole views at past clocks that are kept.
const MAX_DATED: usize = 4;
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

/// Whole views at past clocks.
pub enum Dated {
    /// They are being built; ask again.
    Building,
    /// They are there.
    Ready,
}

/// Whole views at past clocks, as they are kept.
#[derive(Clone)]
struct Built {
    generation: Arc<ReadPool>,
    position: Position,
    /// Nothing that is recorded later can change them.
    is_final: bool,
    since: Instant,
    used: u64,
}

enum Job {
    Building,
    Ready(Built),
    Failed(String),
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
    position: watch::Sender<Position>,
    failed: Stopped,
    scratch: scope::Scratch,
    jobs: Mutex<(u64, HashMap<Clocks, Job>)>,
    /// Rises when something was erased: dated views that were being built meanwhile may still know it.
    forgotten: AtomicU64,
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
        let position = watch::Sender::new(file.checkpoint()?.position);
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            log,
            vault,
            zone,
            list,
            memory,
            current: RwLock::new(ReadPool::new(path)),
            writer: Mutex::new(Writer { file, aliases }),
            position,
            failed: Mutex::new(None),
            scratch: scope::Scratch::default(),
            jobs: Mutex::new((0, HashMap::new())),
            forgotten: AtomicU64::new(0),
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
        self.position.send_replace(file.checkpoint()?.position);
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
        let step = async |views: &Self| Ok((views.step().await?, views.position()));
        follow(log, stop, PAUSE, views, |views| &views.failed, step)
    }

    /// Why the views have stopped, if they have.
    pub fn failure(&self) -> Option<String> {
        lock(&self.failed).clone()
    }

    /// Up to where the views are folded.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until an event is folded in, at most so long. Returns whether it is.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        reached(&self.position, position, at_most).await
    }

    /// Builds a new generation beside the current one and switches to it.
    ///
    /// # Errors
    /// When the log cannot be read or the folder cannot be written; the current generation stays then.
    #[expect(clippy::await_holding_lock, reason = "one thread writes; nobody else waits for this lock but a rebuild")]
    pub async fn rebuild(&self, progress: Progress<'_>) -> Result<(), EngineError> {
        let old = Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner));
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
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = ReadPool::new(path);
        *writer = Writer { file, aliases };
        self.position.send_replace(position);
        *lock(&self.failed) = None;
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
        let generation = Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let (answer, position) = self.read_file(&generation, now, query)?;
        let head = self.log.head().await.map_err(|error| QueryError::Storage(Box::new(error)))?;
        Ok((answer, Fresh { position, lag: head.0.saturating_sub(position.0) }))
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
        let generation = Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner));
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
                    if folded.version < version || root_of(reader.conn, member)? != Some(root) {
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
        let generation = Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner));
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
        let generation = Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.scratch.ask(&self.list, &self.zone, &groups, clocks, |conn| {
            let reader = Reader::new(conn, &self.zone, now);
            generation.read(|stated| query(&reader.with_definitions(stated), root))
        })
    }

    /// Whole views at past clocks: starts building them when nobody has, when they lack an event that the
    /// caller wants in them, or when they lack any and are old.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn dated(self: &Arc<Self>, clocks: Clocks, wanted: Position) -> Result<Dated, QueryError> {
        let mut jobs = lock(&self.jobs);
        jobs.0 += 1;
        let now = jobs.0;
        match jobs.1.get_mut(&clocks) {
            Some(Job::Building) => return Ok(Dated::Building),
            Some(Job::Ready(built)) => {
                let is_current = built.position >= self.position() || built.since.elapsed() < MAX_DATED_AGE;
                if built.is_final || (built.position >= wanted && is_current) {
                    built.used = now;
                    return Ok(Dated::Ready);
                }
            }
            Some(Job::Failed(reason)) => {
                let reason = std::mem::take(reason);
                jobs.1.remove(&clocks);
                return Err(QueryError::Storage(reason.into()));
            }
            None => {}
        }
        if jobs.1.values().any(|job| matches!(job, Job::Building)) {
            return Ok(Dated::Building);
        }
        jobs.1.insert(clocks, Job::Building);
        let (views, forgotten) = (Arc::clone(self), self.forgotten.load(Ordering::SeqCst));
        std::thread::spawn(move || {
            let job = views.build_dated(clocks, now).unwrap_or_else(|error| Job::Failed(chain(&error)));
            let mut jobs = lock(&views.jobs);
            if views.forgotten.load(Ordering::SeqCst) != forgotten {
                jobs.1.remove(&clocks);
                return;
            }
            jobs.1.insert(clocks, job);
            let ready = |job: &Job| if let Job::Ready(built) = job { Some(built.used) } else { None };
            while jobs.1.values().filter_map(ready).count() > MAX_DATED {
                let oldest = jobs
                    .1
                    .iter()
                    .filter_map(|(clocks, job)| Some((ready(job)?, *clocks)))
                    .min_by_key(|(used, _)| *used);
                let Some((_, clocks)) = oldest else { break };
                jobs.1.remove(&clocks);
            }
        });
        Ok(Dated::Building)
    }

    fn build_dated(&self, clocks: Clocks, used: u64) -> Result<Job, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| EngineError::Store(Box::new(error)))?;
        let (path, since) = (self.dir.join(format!("dated-{used}.db")), Instant::now());
        let file = runtime.block_on(rebuild::rebuild(
            self.source(),
            &path,
            &self.zone,
            Options { clocks, memory: self.memory, ..Options::default() },
            &|_, _| {},
        ));
        let generation = ReadPool::new(path);
        generation.doom();
        let position = file?.checkpoint()?.position;
        let last = Position(position.0.saturating_sub(1));
        let last = runtime.block_on(self.log.read_all(last, 1)).map_err(EngineError::Log)?;
        let told = last.first().map_or(Timestamp(i64::MIN), |event| event.recorded_at);
        let is_final = clocks.known_at.is_some_and(|known_at| known_at <= told);
        Ok(Job::Ready(Built { generation, position, is_final, since, used }))
    }

    /// Runs a query on whole views at past clocks; `None` while they are being built.
    ///
    /// # Errors
    /// What the query says, or that they cannot be built.
    pub fn read_dated<T>(
        self: &Arc<Self>,
        clocks: Clocks,
        wanted: Position,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError>,
    ) -> Result<Option<(T, Fresh)>, QueryError> {
        if let Dated::Building = self.dated(clocks, wanted)? {
            return Ok(None);
        }
        let built = match lock(&self.jobs).1.get(&clocks) {
            Some(Job::Ready(built)) => built.clone(),
            _ => return Ok(None),
        };
        let (answer, _) = self.read_file(&built.generation, now, query)?;
        let lag = if built.is_final { 0 } else { self.position().0.saturating_sub(built.position.0) };
        Ok(Some((answer, Fresh { position: built.position, lag })))
    }

    /// Forgets what was erased: everything recorded up to now is folded in (a `client.erased` folds its client
    /// anew), whole views at past clocks are dropped, and what pages held before is cut out of the file. Waits for
    /// readers, so it is called on a thread that may wait.
    ///
    /// # Errors
    /// When log or view file fail, or a long read keeps the old pages; then it is to be called again.
    pub async fn forget(&self) -> Result<(), EngineError> {
        self.catch_up().await?;
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        lock(&self.jobs).1.retain(|_, job| matches!(job, Job::Building));
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

pub(super) fn root_of(conn: &Connection, client: ClientId) -> Result<Option<ClientId>, rusqlite::Error> {
    use super::row::Cell;
    use rusqlite::OptionalExtension;
    conn.prepare_cached("SELECT root FROM subject WHERE client = ?1")?
        .query_row([client.put()], |row| super::row::cell(row, 0))
        .optional()
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
    let head = source.log.head().await.map_err(EngineError::Log)?;
    if at.position > head || (head.0 - at.position.0 > REBUILD_BEYOND && at.position.0 < head.0 / 2) {
        return Ok(None);
    }
    if at.position > Position(0) {
        let recorded = source.log.read_all(Position(at.position.0 - 1), 1).await.map_err(EngineError::Log)?;
        if recorded.first().map(|recorded| recorded.leaf) != Some(at.leaf) {
            tracing::warn!(position = at.position.0, "the views were folded from another log and are built anew");
            return Ok(None);
        }
    }
    Ok(Some(file))
}

/// The current generation in a folder of view files, as its pointer says.
pub fn current(dir: &Path) -> Option<PathBuf> {
    read_pointer(dir).map(|name| dir.join(name))
}

/// The name under which a folder's next generation is written.
pub fn next(dir: &Path) -> PathBuf {
    dir.join(next_name(read_pointer(dir).as_deref()))
}

/// Makes a finished file in the folder its current generation. The caller makes sure that no server runs.
///
/// # Errors
/// When the folder cannot be written.
pub fn install(dir: &Path, path: &Path) -> Result<(), EngineError> {
    let old = current(dir);
    write_pointer(dir, path)?;
    if let Some(old) = old.filter(|old| old != path) {
        remove_file(&old);
    }
    Ok(())
}

fn read_pointer(dir: &Path) -> Option<String> {
    let name = std::fs::read_to_string(dir.join(POINTER)).ok()?;
    let name = name.trim();
    (name.starts_with("views-") && name.ends_with(".db") && !name.contains(['/', '\\'])).then(|| name.to_owned())
}

fn write_pointer(dir: &Path, path: &Path) -> Result<(), EngineError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let new = dir.join("current.new");
    std::fs::write(&new, name)
        .and_then(|()| std::fs::rename(&new, dir.join(POINTER)))
        .map_err(|error| EngineError::Store(Box::new(error)))
}

fn next_name(old: Option<&str>) -> String {
    let number: u64 = old.and_then(|name| name.strip_prefix("views-")?.strip_suffix(".db")?.parse().ok()).unwrap_or(0);
    format!("views-{}.db", number + 1)
}

/// Deletes what an earlier process left: half-built generations, dated views.
fn clear_leftovers(dir: &Path, current: Option<&str>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let ours = (name.starts_with("views-") || name.starts_with("dated-")) && name.ends_with(".db");
        if ours && Some(name) != current {
            remove_file(&entry.path());
        }
    }
}
