//! The writer thread: all waiting commits in one transaction, one fsync, then all acknowledgements.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot, watch};

use super::SqliteOptions;
use super::disk::Disk;
use super::group::{Answers, Group, Job, Message, QUEUE, jobs, receive};
use super::schema::open_writer;
use super::tables::WriterTables;
use super::tail::{Tail, recorded};
use crate::error::chain;
use crate::fault::{self, Fault};
use crate::ids::Position;
use crate::log::accept::accept;
use crate::log::sequence::{Hashes, Recorder};
use crate::log::{AppendError, Commit, LogError, Placed};
use crate::time::{Clock, Timestamp};
use crate::trust::leaf::Hash;
use crate::wal::{self, Carrier};

/// What others are told.
pub(super) struct Told {
    /// The last position that is stored.
    pub(super) head: Arc<watch::Sender<Position>>,
    /// The last events that are stored.
    pub(super) tail: Arc<Tail>,
    /// Why nothing is stored any more.
    pub(super) stopped: Arc<watch::Sender<Option<String>>>,
}

/// The handle of the writer thread. Dropping it stores what waits and joins the thread.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    // Held as long as the thread runs, given back by the system even when the process is killed.
    _lock: File,
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        clock: Arc<dyn Clock>,
        options: SqliteOptions,
        told: Told,
    ) -> Result<Self, LogError> {
        let lock = lock(path)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (started, ready) = std::sync::mpsc::sync_channel(1);
        let path = path.to_owned();
        let run = move || match open_writer(&path) {
            Err(error) => drop(started.send(Err(error))),
            Ok(mut conn) => {
                let carrier = Carrier::start(&mut conn, &path);
                let thread = carrier
                    .map_err(|error| LogError::new(format!("opening the log {}", path.display()), error))
                    .and_then(|carrier| Ok((Thread::new(&conn, &path, clock, options, told)?, carrier)));
                match thread {
                    Err(error) => drop(started.send(Err(error))),
                    Ok((thread, _carrier)) => {
                        drop(started.send(Ok(())));
                        thread.run(waiting);
                    }
                }
            }
        };
        let failed = |error| LogError::new("starting the writer of the log", error);
        let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn(run).map_err(failed)?;
        let writer = Self { queue: Some(queue), thread: Some(thread), _lock: lock };
        ready.recv().map_err(|error| LogError::new("starting the writer of the log", error))??;
        Ok(writer)
    }

    pub(super) async fn append(&self, commits: Vec<Commit>) -> Answers {
        let mut answers = Vec::with_capacity(commits.len());
        let mut waiting = Vec::new();
        for (job, reply) in jobs(commits) {
            let count = job.commits.len();
            // A job that the writer cannot take any more drops its reply: seen below.
            self.send(Message::Append(job)).await;
            waiting.push((count, reply));
        }
        for (count, reply) in waiting {
            match reply.await {
                Ok(part) => answers.extend(part),
                Err(_) => answers.extend((0..count).map(|_| Err(gone().into()))),
            }
        }
        answers
    }

    pub(super) async fn erase(&self, positions: Vec<Position>) -> Result<(), LogError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Erase(positions, reply)).await;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn send(&self, message: Message) {
        if let Some(queue) = &self.queue {
            drop(queue.send(message).await);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of the log panicked");
        }
    }
}

fn gone() -> LogError {
    LogError::damage("the writer of the log is gone; start the process again")
}

/// Keeps a second writer away by a lock on `log.lock` beside `log.db`.
fn lock(path: &Path) -> Result<File, LogError> {
    let beside = path.with_extension("lock");
    let failed = |error| LogError::new(format!("locking {}", beside.display()), error);
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(LogError::damage(format!("another process writes to {}", path.display())).transient())
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// What the thread owns.
struct Thread<'c> {
    conn: &'c Connection,
    tables: WriterTables<'c>,
    recorder: Recorder,
    disk: Disk,
    /// The last position of what is stored.
    last: Position,
    told: Told,
    /// Leaf hashes of what the transaction inserts, in order.
    leaves: Vec<Hash>,
    /// Why nothing is stored any more.
    stopped: Option<String>,
}

impl<'c> Thread<'c> {
    fn new(
        conn: &'c Connection,
        path: &Path,
        clock: Arc<dyn Clock>,
        options: SqliteOptions,
        told: Told,
    ) -> Result<Self, LogError> {
        let failed = |error| LogError::new(format!("reading the end of the log {}", path.display()), error);
        let end = conn
            .query_row("SELECT position, recorded_at FROM event ORDER BY position DESC LIMIT 1", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?))
            })
            .optional()
            .map_err(failed)?;
        let (last, recorded_at) = end.unwrap_or((0, i64::MIN));
        let last = Position(last as u64);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A new file is there after a crash only when its name is on disk, too.
        #[cfg(unix)]
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| LogError::new(format!("syncing {}", folder.display()), error))?;
        told.head.send_replace(last);
        Ok(Self {
            conn,
            tables: WriterTables::new(conn).map_err(failed)?,
            recorder: Recorder::new(clock, Timestamp(recorded_at)),
            disk: Disk::new(folder, options.min_free_bytes),
            last,
            told,
            leaves: Vec::new(),
            stopped: None,
        })
    }

    fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut next = None;
        let mut last = 0;
        while let Some(message) = next.take().or_else(|| receive(&mut queue)) {
            match message {
                Message::Append(first) => {
                    let mut group = Group::new(first, last);
                    last = self.append(|| group.next(&mut queue));
                    next = group.behind;
                }
                Message::Erase(positions, reply) => drop(reply.send(self.erase(&positions))),
            }
        }
    }

    /// Stores the jobs that `next` gives, in one transaction, and answers them. Returns how many they were.
    fn append(&mut self, mut next: impl FnMut() -> Option<Job>) -> usize {
        let mut group = Vec::new();
        let stored = self.go_on().and_then(|()| self.store(&mut next, &mut group));
        let count = group.len();
        match stored {
            Ok(answers) => {
                let mut leaves = self.leaves.drain(..);
                let (mut events, mut replies) = (Vec::with_capacity(leaves.len()), Vec::with_capacity(group.len()));
                for (job, answers) in group.into_iter().zip(answers) {
                    for ((commit, _), answer) in job.commits.into_iter().zip(&answers) {
                        let places = commit.events.into_iter().zip(answer.iter().flatten());
                        let new = places.filter(|(_, place)| !place.existed).zip(&mut leaves);
                        events.extend(new.map(|((event, place), leaf)| recorded(event, place, leaf)));
                    }
                    replies.push((job.reply, answers));
                }
                drop(leaves);
                let gone = self.told.tail.extend(events);
                self.told.head.send_if_modified(|head| std::mem::replace(head, self.last) != self.last);
                for (reply, answers) in replies {
                    drop(reply.send(answers));
                }
                drop(gone);
            }
            Err(error) => {
                self.stop(&error);
                for job in group.into_iter().chain(std::iter::from_fn(next)) {
                    let unknown = || self.go_on().err().unwrap_or_else(gone);
                    drop(job.reply.send(job.commits.iter().map(|_| Err(unknown().into())).collect()));
                }
            }
        }
        count
    }

    /// One transaction of all jobs that `next` gives; they are kept in `group`. On an error it may be stored or not, and
    /// nobody knows.
    fn store(
        &mut self,
        next: &mut impl FnMut() -> Option<Job>,
        group: &mut Vec<Job>,
    ) -> Result<Vec<Answers>, LogError> {
        let start = self.last;
        self.leaves.clear();
        let room = self.disk.check();
        self.transaction(|this| {
            let mut answers = Vec::new();
            while let Some(job) = next() {
                let at = room.clone().and_then(|()| this.recorder.now());
                let stored = job.commits.iter().map(|(commit, hashes)| match this.commit(commit, hashes, &at) {
                    Err(AppendError::Unknown(error)) => Err(error),
                    answer => Ok(answer),
                });
                let stored = stored.collect::<Result<_, _>>();
                group.push(job);
                answers.push(stored?);
            }
            Ok(answers)
        })
        .inspect_err(|_| self.last = start)
    }

    fn commit(
        &mut self,
        commit: &Commit,
        hashes: &[Hashes],
        at: &Result<Timestamp, String>,
    ) -> Result<Vec<Placed>, AppendError> {
        let accepted = accept(commit, &mut self.tables)?;
        if accepted.is_repeated() {
            return Ok(accepted.places.into_iter().flatten().collect());
        }
        let at = *at.as_ref().map_err(|reason| AppendError::Refused(reason.clone()))?;
        let mut places = Vec::with_capacity(commit.events.len());
        for ((event, hashes), place) in commit.events.iter().zip(hashes).zip(accepted.places) {
            places.push(match place {
                Some(place) => place,
                None => {
                    self.last.0 += 1;
                    let (place, leaf) = self.tables.insert(event, hashes, self.last, at)?;
                    self.leaves.push(leaf);
                    place
                }
            });
        }
        for write in &accepted.writes {
            self.tables.write(write)?;
        }
        self.recorder.used(at);
        Ok(places)
    }

    fn erase(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.go_on()?;
        let failed = |error| LogError::new("erasing sealed parts", error);
        let done = self.transaction(|this| {
            let mut mark = this.conn.prepare("INSERT OR IGNORE INTO erasing (position) VALUES (?1)").map_err(failed)?;
            for position in positions {
                mark.execute([position.0 as i64]).map_err(failed)?;
            }
            this.conn
                .execute_batch(
                    "DELETE FROM sealed WHERE position IN (SELECT position FROM erasing); DELETE FROM erasing;",
                )
                .map_err(failed)
        });
        done.inspect_err(|error| self.stop(error))?;
        self.told.tail.clear();
        // The pages as they were before still lie in the write-ahead log until it is cut off.
        if !wal::cut_off(self.conn).map_err(failed)? {
            return Err(LogError::damage("the sealed parts are deleted, but a long read kept their bytes in the write-ahead log: erase them again").transient());
        }
        Ok(())
    }

    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, LogError>) -> Result<T, LogError> {
        let failed = |error| LogError::new("writing to the log", error);
        let conn = self.conn;
        let say = |sql| conn.prepare_cached(sql).and_then(|mut said| said.execute([])).map(drop).map_err(failed);
        let early = fault::is_on(Fault::AckBeforeCommit);
        if early && !self.conn.is_autocommit() {
            say("COMMIT")?;
        }
        say("BEGIN IMMEDIATE")?;
        let done = work(self);
        let done = if early { done } else { done.and_then(|done| say("COMMIT").map(|()| done)) };
        if done.is_err() && !self.conn.is_autocommit() {
            // Nothing hangs on its outcome: the log stops here either way.
            drop(self.conn.execute_batch("ROLLBACK"));
        }
        done
    }

    /// After an error in the write path the state of the file is not known: nothing is stored any more.
    fn stop(&mut self, error: &LogError) {
        if self.stopped.is_some() {
            return;
        }
        let why = chain(error);
        tracing::error!(error = why, position = self.last.0, "the log takes no events until the next start");
        self.told.stopped.send_replace(Some(why.clone()));
        self.stopped = Some(why);
    }

    fn go_on(&self) -> Result<(), LogError> {
        match &self.stopped {
            None => Ok(()),
            Some(why) => Err(LogError::damage(format!("an earlier write failed, start the process again ({why})"))),
        }
    }
}
