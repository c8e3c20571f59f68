//! Opening connections: pragmas read back, numbered migrations, and the check that the file is a log.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::fault::{self, Fault};
use crate::log::LogError;
use crate::{statements, wal};

/// Earlier libraries can corrupt a database in WAL mode (the reset bug mended in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Bytes that a write-ahead log keeps after it was carried over.
const WAL_KEPT_BYTES: i64 = 256 << 20;
/// Page cache of each connection in KiB: the upper pages of the indexes. More made appends no faster.
const CACHE_KIB: i64 = 8 << 10;
/// How long a statement waits for a lock of another connection.
const BUSY: Duration = Duration::from_secs(5);
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 64;

mod migrations {
    refinery::embed_migrations!("src/log/sqlite/migrations");
}

/// The one connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection, LogError> {
    check_library(rusqlite::version_number())?;
    let failed = |error| LogError::new(format!("opening the log {}", path.display()), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(BUSY).map_err(failed)?;
    conn.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    conn.pragma_update(None, "synchronous", "full").map_err(failed)?;
    conn.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES).map_err(failed)?;
    conn.pragma_update(None, "mmap_size", 0).map_err(failed)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    // An erased envelope is to be overwritten, not only unlinked.
    conn.pragma_update(None, "secure_delete", true).map_err(failed)?;
    let journal: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(failed)?;
    let synchronous: i64 = conn.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failed)?;
    if (journal.as_str(), synchronous) != ("wal", 2) {
        return Err(LogError::damage(format!(
            "the log {} cannot be made durable: journal_mode is {journal}, synchronous is {synchronous}, expected wal and 2; is it on a network disk?",
            path.display()
        )));
    }
    // Grouped: a migration and the record of it in one transaction, or a crash in between would shut the log for ever.
    migrations::migrations::runner()
        .set_grouped(true)
        .run(&mut conn)
        .map_err(|error| LogError::new(format!("bringing the log {} up to date", path.display()), error))?;
    check_log(&conn, path)?;
    // The triggers guard the file against everybody else. This connection gives out positions and versions itself and
    // looks each id up before; where it was wrong, the unique indexes would still refuse it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(failed)?;
    wal::carry_over(&conn).map_err(failed)?;
    if fault::is_on(Fault::NoSync) {
        conn.pragma_update(None, "synchronous", "off").map_err(failed)?;
    }
    Ok(conn)
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, LogError> {
    check_library(rusqlite::version_number())?;
    let failed = |error| LogError::new(format!("opening the log {} for reading", path.display()), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |name: &Path, flags| -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(name, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        statements::keep(&conn, STATEMENTS)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(conn)
    };
    let conn = match open(path, flags) {
        // In a folder that cannot be written SQLite has no place for its shared memory. Without a write-ahead
        // log nobody is writing, and the file can be read as it lies.
        Err(error) if cannot_open(&error) && path.is_file() && !has_wal(path) => {
            open(Path::new(&immutable_uri(path)?), flags | OpenFlags::SQLITE_OPEN_URI).map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    check_log(&conn, path)?;
    Ok(conn)
}

/// Tables, indexes and triggers as this program makes them.
pub(super) fn written_schema() -> Result<HashMap<(String, String), String>, LogError> {
    let failed = |error| LogError::new("making an empty log in memory", error);
    let mut conn = Connection::open_in_memory().map_err(failed)?;
    migrations::migrations::runner()
        .run(&mut conn)
        .map_err(|error| LogError::new("making an empty log in memory", error))?;
    super::audit::schema(&conn).map_err(failed)
}

fn check_library(version: i32) -> Result<(), LogError> {
    if version >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(LogError::damage(format!("SQLite {version} is linked, expected at least {OLDEST_SQLITE} (3.51.3)")))
}

/// Whether the file is a log of a version that this program knows.
fn check_log(conn: &Connection, path: &Path) -> Result<(), LogError> {
    let failed = |error| LogError::new(format!("{} is not a log", path.display()), error);
    let newest = migrations::migrations::runner().get_migrations().iter().map(|one| i64::from(one.version())).max();
    let version: Option<i64> = conn
        .query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))
        .optional()
        .map_err(failed)?
        .flatten();
    let application: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if application != i64::from(u32::from_be_bytes(*b"LETP")) || version.is_none() {
        return Err(LogError::damage(format!("{} is not a log", path.display())));
    }
    if version != newest {
        return Err(LogError::damage(format!(
            "the log {} has format {version:?}, this program knows {newest:?}: open it once with the server of this version, or use the newer program",
            path.display()
        )));
    }
    Ok(())
}

fn cannot_open(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly))
}

fn has_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0)
}

fn immutable_uri(path: &Path) -> Result<String, LogError> {
    let text = path.to_str().ok_or_else(|| LogError::damage(format!("{} is not UTF-8", path.display())))?;
    let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{text}?immutable=1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_library_is_refused() {
        assert!(check_library(3_051_002).is_err());
        assert!(check_library(rusqlite::version_number()).is_ok());
    }

    #[test]
    fn a_file_that_lies_alone_is_read_as_it_is() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("a ?#% log.db");
        drop(open_writer(&path).expect("made"));
        let uri = immutable_uri(&path).expect("text");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let conn = Connection::open_with_flags(uri, flags).expect("open");
        check_log(&conn, &path).expect("a log");
    }
}
