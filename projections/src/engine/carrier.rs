//! [`Carrier`]: a thread that carries the write-ahead log of a file over, so that folding does not wait for the disk.

use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use super::view::StoreError;

/// Each time that the log has grown by so many pages it is carried over, beside those who write.
const MANY: i32 = 5_000;
/// From so many on who writes does it himself: the disk is slow, or somebody reads for long.
const TOO_MANY: i32 = 40_000;
/// Only when all is carried over is the log written from its beginning again. What comes in meanwhile is little, and
/// less each time.
const TRIES: u32 = 3;

/// The thread; it ends when the connection that writes is closed, which has to come first.
pub(super) struct Carrier(Option<JoinHandle<()>>);

impl Carrier {
    /// Starts it for a connection that writes to a file.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub(super) fn start(conn: &mut Connection, path: &Path) -> Result<Self, StoreError> {
        let own = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (wake, woken) = sync_channel(1);
        let mut told = 0;
        conn.wal_hook(Some(move |wal: &mut Wal, pages| {
            if pages >= TOO_MANY {
                return wal.checkpoint();
            }
            let due = pages / MANY;
            if due > told {
                // When its queue is full it knows already.
                let _ = wake.try_send(());
            }
            told = due;
            Ok(())
        }))?;
        let thread = std::thread::spawn(move || {
            letopis_core::background::give_way();
            for () in woken {
                if let Err(error) = carry_over(&own) {
                    tracing::warn!(%error, "the write-ahead log of the views is not carried over");
                }
            }
        });
        Ok(Self(Some(thread)))
    }
}

fn carry_over(conn: &Connection) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let (pages, carried): (i64, i64) =
            conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))?;
        if carried >= pages {
            break;
        }
    }
    Ok(())
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.0.take().map(JoinHandle::join) {
            tracing::error!("the carrier of a write-ahead log panicked");
        }
    }
}
