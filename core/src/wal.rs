//! The write-ahead log of a database: carried over, cut off, and on disk so.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Each time that the log has grown by so many pages it is carried over, beside those who write.
const MANY: i32 = 5_000;
/// From so many on who writes carries over the little that came in behind the thread: only when all is carried over is
/// the log written from its beginning again.
const ENOUGH: i32 = 20_000;
/// From so many on who writes does it all himself: the disk is slow, or somebody reads for long.
const TOO_MANY: i32 = 40_000;
/// So few that who writes may be left with them. While more came in behind the thread it goes on, [`TURNS`] times at
/// most: each time there is less to carry, so less comes in behind it.
const FEW: i32 = 250;
const TURNS: usize = 8;

/// Carries over what an earlier process left in the write-ahead log of a database.
///
/// When the disk had failed it, the end of that log may be in memory only and look written: whatever were appended
/// behind it would be lost with it. Carried over, it is written again, to another file, and synced there.
pub(crate) fn carry_over(conn: &Connection) -> rusqlite::Result<()> {
    if cut_off(conn)? {
        return Ok(());
    }
    tracing::warn!(
        file = conn.path(),
        "somebody reads: what an earlier process left in the write-ahead log stays there"
    );
    Ok(())
}

/// Carries the write-ahead log over and cuts it off, on disk: pages as they were before still lie in it. False when
/// somebody reads what stands there, and nothing was cut off.
pub(crate) fn cut_off(conn: &Connection) -> rusqlite::Result<bool> {
    let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Ok(false);
    }
    if let Some(path) = conn.path().filter(|path| !path.is_empty()) {
        let failed = |error: io::Error| {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            rusqlite::Error::SqliteFailure(code, Some(format!("syncing the write-ahead log of {path}: {error}")))
        };
        sync(Path::new(path)).map_err(failed)?;
    }
    Ok(true)
}

/// Makes the length of a database's write-ahead log durable: SQLite cuts it off and does not wait for the disk.
///
/// # Errors
/// When the disk fails.
pub fn sync(database: &Path) -> io::Result<()> {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    match File::options().write(true).open(&path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A thread that carries the write-ahead log of a database over, so that who writes does not wait for that. Dropping it
/// waits for what it is at.
#[derive(Debug)]
pub struct Carrier {
    wake: Option<Arc<SyncSender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Carrier {
    /// Starts it for a connection that writes to a file.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn start(conn: &mut Connection, path: &Path) -> rusqlite::Result<Self> {
        let own = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (wake, woken) = sync_channel(1);
        let carried = Arc::new(AtomicBool::new(false));
        let (mut told, done) = (0, Arc::clone(&carried));
        let wake = Arc::new(wake);
        let waker = Arc::downgrade(&wake);
        conn.wal_hook(Some(move |wal: &mut Wal, pages| {
            let due = pages / MANY;
            let grown = std::mem::replace(&mut told, due) < due;
            if grown {
                carried.store(false, Ordering::Relaxed);
                // When its queue is full it knows already.
                let _ = waker.upgrade().map(|wake| wake.try_send(()));
            }
            if pages >= TOO_MANY || (pages >= ENOUGH && carried.swap(false, Ordering::Relaxed)) {
                return match wal.checkpoint() {
                    // The thread is at it.
                    Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
                    done => done,
                };
            }
            Ok(())
        }))?;
        let thread = crate::background::spawn("wal-carrier", move || {
            for () in woken {
                match carry(&own) {
                    Ok(()) => done.store(true, Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, file = own.path(), "the write-ahead log is not carried over"),
                }
            }
        });
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }
}

/// Carries over what stands in the log; when it is to be written from its beginning again, also most of what comes in
/// meanwhile.
fn carry(conn: &Connection) -> rusqlite::Result<()> {
    let mut before = 0;
    for _ in 0..TURNS {
        let pages: i32 = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
        if pages < ENOUGH || pages - before < FEW {
            break;
        }
        before = pages;
    }
    Ok(())
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the carrier of a write-ahead log panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const PAGE: u64 = 4_096 + 24;

    #[test]
    fn what_is_carried_over_beside_the_writer_is_written_over_before_he_has_to_do_it_himself() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("some.db");
        let mut conn = Connection::open(&path).expect("a file");
        conn.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE t (a); INSERT INTO t VALUES (0)",
        )
        .expect("made");
        let carrier = Carrier::start(&mut conn, &path).expect("started");
        let wal = dir.path().join("some.db-wal");
        // Each beginning gives the file other salts.
        let salts = || std::fs::read(&wal).map(|bytes| bytes[16..24].to_vec()).expect("a log");
        let first = salts();
        while std::fs::metadata(&wal).expect("a log").len() < (ENOUGH as u64 + 100) * PAGE {
            conn.execute("UPDATE t SET a = randomblob(4000000)", []).expect("written");
        }
        let until = Instant::now() + Duration::from_secs(60);
        while salts() == first {
            assert!(Instant::now() < until, "it is never written from its beginning");
            std::thread::sleep(Duration::from_millis(5));
            conn.execute("UPDATE t SET a = 0", []).expect("written");
        }
        assert!(std::fs::metadata(&wal).expect("a log").len() < TOO_MANY as u64 * PAGE);
        // Whichever of them goes first.
        drop(carrier);
        conn.execute("UPDATE t SET a = 1", []).expect("written");
        drop(conn);
        assert!(!wal.exists(), "nothing is left in it");
    }
}
