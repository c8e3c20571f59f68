//! The promises of the log, asked of every implementation.

use std::path::Path;
use std::sync::Arc;

use letopis_core::ids::Position;
use letopis_core::log::EventLog;
use letopis_core::log::memory::MemoryLog;
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::testing::contract::Fixture;
use letopis_core::testing::samples::START;
use letopis_core::time::ManualClock;
use tempfile::TempDir;

mod memory {
    letopis_core::event_log_contract!(super::Memory::new());
}

mod sqlite {
    letopis_core::event_log_contract!(super::Sqlite::new());
}

struct Memory {
    clock: Arc<ManualClock>,
    log: Arc<MemoryLog>,
}

impl Memory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(START));
        Self { log: Arc::new(MemoryLog::new(clock.clone())), clock }
    }
}

impl Fixture for Memory {
    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    fn reopen(&mut self) {}

    fn crash_image(&mut self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    async fn erase(&self, positions: &[Position]) {
        self.log.erase_sealed(positions).await.expect("erased");
    }
}

/// A log in a folder of its own.
pub(crate) struct Sqlite {
    pub(crate) dir: TempDir,
    clock: Arc<ManualClock>,
    pub(crate) log: Option<Arc<SqliteLog>>,
    images: Vec<TempDir>,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let clock = Arc::new(ManualClock::at(START));
        let mut new = Self { dir, clock, log: None, images: Vec::new() };
        new.reopen();
        new
    }

    pub(crate) fn sqlite(&self) -> &SqliteLog {
        self.log.as_ref().expect("open")
    }
}

/// What lies in the folder now, in another one.
pub(crate) fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("folder");
    for name in ["log.db", "log.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.path().join(name)).expect("copied");
        }
    }
    to
}

impl Fixture for Sqlite {
    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone().expect("open")
    }

    fn reopen(&mut self) {
        if let Some(log) = self.log.take() {
            assert_eq!(Arc::strong_count(&log), 1, "somebody holds the log");
        }
        let path = self.dir.path().join("log.db");
        let log = SqliteLog::open(&path, self.clock.clone(), SqliteOptions::default()).expect("opened");
        self.log = Some(Arc::new(log));
    }

    fn crash_image(&mut self) -> Arc<dyn EventLog> {
        let copied = copy(self.dir.path());
        let path = copied.path().join("log.db");
        let log = SqliteLog::open(&path, self.clock.clone(), SqliteOptions::default()).expect("opened");
        self.images.push(copied);
        Arc::new(log)
    }

    async fn erase(&self, positions: &[Position]) {
        self.sqlite().erase_sealed(positions).await.expect("erased");
    }
}
