//! [`ReadPool`]: connections that read one file, and the end of the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::file::ViewFile;
use super::read::QueryError;

/// Idle connections that are kept per file.
const MAX_IDLE: usize = 8;

/// One file that is read.
pub(crate) struct ReadPool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    doomed: AtomicBool,
}

impl ReadPool {
    pub(crate) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, idle: Mutex::default(), doomed: AtomicBool::new(false) })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at one state of the file.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, QueryError>) -> Result<T, QueryError> {
        let idle = lock(&self.idle).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => ViewFile::open_reader(&self.path)?,
        };
        let answer = (|| read(&*conn.unchecked_transaction()?))();
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push(conn);
        }
        answer
    }

    /// Closes the idle connections.
    pub(crate) fn clear(&self) {
        lock(&self.idle).clear();
    }

    /// Deletes the file when its last reader is gone.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.clear();
        if self.doomed.load(Ordering::SeqCst) {
            remove_file(&self.path);
        }
    }
}

/// A lock whose holder cannot leave things half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes a database with what lies beside it.
pub(crate) fn remove_file(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-parts", "-groups"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an old view file cannot be deleted");
        }
    }
}
