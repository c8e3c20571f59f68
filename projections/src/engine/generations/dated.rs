//! Whole views at past clocks: files like that of the present, built once when they are asked for, and kept for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use letopis_core::error::chain;
use letopis_core::ids::Position;
use letopis_core::time::Timestamp;

use super::{Fresh, Views};
use crate::engine::EngineError;
use crate::engine::group::Clocks;
use crate::engine::pool::{ReadPool, lock};
use crate::engine::read::{QueryError, Reader};
use crate::engine::rebuild::{Options, rebuild};

/// An answer as of a date may leave out what was recorded since so long ago; it says how many events those are.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How many are kept.
const MAX_KEPT: usize = 4;

/// Whole views at past clocks.
pub enum Dated {
    /// They are being built; ask again.
    Building,
    /// They are there.
    Ready,
}

/// All that were asked for.
#[derive(Default)]
pub(super) struct DatedViews {
    jobs: Mutex<Jobs>,
    /// Rises when something was erased: what was being built meanwhile may still know it.
    forgotten: AtomicU64,
}

#[derive(Default)]
struct Jobs {
    /// How often any was asked for.
    asked: u64,
    by_clocks: HashMap<Clocks, Job>,
}

enum Job {
    Building,
    Ready(Built),
    Failed(String),
}

/// Whole views at past clocks, as they are kept.
#[derive(Clone)]
struct Built {
    file: Arc<ReadPool>,
    position: Position,
    /// Nothing that is recorded later can change them.
    is_final: bool,
    since: Instant,
    /// When they were last asked for, in questions.
    used: u64,
}

impl DatedViews {
    /// Drops all of them, and what is being built when it is.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        lock(&self.jobs).by_clocks.retain(|_, job| matches!(job, Job::Building));
    }
}

impl Jobs {
    /// Drops those that were not asked for the longest.
    fn drop_oldest(&mut self) {
        let ready = |(clocks, job): (&Clocks, &Job)| match job {
            Job::Ready(built) => Some((built.used, *clocks)),
            Job::Building | Job::Failed(_) => None,
        };
        let mut kept: Vec<_> = self.by_clocks.iter().filter_map(ready).collect();
        kept.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        for (_, clocks) in kept.iter().skip(MAX_KEPT) {
            self.by_clocks.remove(clocks);
        }
    }
}

impl Views {
    /// Whole views at past clocks: starts building them when nobody has, when they lack an event that the
    /// caller wants in them, or when they lack any and are old.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn dated(self: &Arc<Self>, clocks: Clocks, wanted: Position) -> Result<Dated, QueryError> {
        let mut jobs = lock(&self.dated.jobs);
        jobs.asked += 1;
        let now = jobs.asked;
        match jobs.by_clocks.get_mut(&clocks) {
            Some(Job::Building) => return Ok(Dated::Building),
            Some(Job::Ready(built)) => {
                let is_current = built.position >= self.position() || built.since.elapsed() < MAX_AGE;
                if built.is_final || (built.position >= wanted && is_current) {
                    built.used = now;
                    return Ok(Dated::Ready);
                }
            }
            Some(Job::Failed(reason)) => {
                let reason = std::mem::take(reason);
                jobs.by_clocks.remove(&clocks);
                return Err(QueryError::Storage(reason.into()));
            }
            None => {}
        }
        if jobs.by_clocks.values().any(|job| matches!(job, Job::Building)) {
            return Ok(Dated::Building);
        }
        jobs.by_clocks.insert(clocks, Job::Building);
        let (views, forgotten) = (Arc::clone(self), self.dated.forgotten.load(Ordering::SeqCst));
        letopis_core::background::spawn("dated-views", move || {
            let job = views.build_dated(clocks, now).map_or_else(|error| Job::Failed(chain(&error)), Job::Ready);
            let mut jobs = lock(&views.dated.jobs);
            if views.dated.forgotten.load(Ordering::SeqCst) != forgotten {
                jobs.by_clocks.remove(&clocks);
                return;
            }
            jobs.by_clocks.insert(clocks, job);
            jobs.drop_oldest();
        });
        Ok(Dated::Building)
    }

    fn build_dated(&self, clocks: Clocks, used: u64) -> Result<Built, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| EngineError::Store(Box::new(error)))?;
        let (path, since) = (self.dir.join(format!("dated-{used}.db")), Instant::now());
        let options = Options { clocks, memory: self.memory, ..Options::default() };
        let built = runtime.block_on(rebuild(self.source(), &path, &self.zone, options, &|_, _| {}));
        let file = ReadPool::new(path);
        file.doom();
        let position = built?.checkpoint()?.position;
        let last = Position(position.0.saturating_sub(1));
        let last = runtime.block_on(self.log.read_all(last, 1))?;
        let told = last.first().map_or(Timestamp(i64::MIN), |event| event.recorded_at);
        let is_final = clocks.known_at.is_some_and(|known_at| known_at <= told);
        Ok(Built { file, position, is_final, since, used })
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
        let built = match lock(&self.dated.jobs).by_clocks.get(&clocks) {
            Some(Job::Ready(built)) => built.clone(),
            _ => return Ok(None),
        };
        let (answer, _) = self.read_file(&built.file, now, query)?;
        let lag = if built.is_final { 0 } else { self.position().0.saturating_sub(built.position.0) };
        Ok(Some((answer, Fresh { position: built.position, lag })))
    }
}
