//! The write-ahead log of a database: carried over, cut off, and on disk so.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::Connection;

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
