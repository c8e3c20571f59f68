//! Holds a process at a step by a lock on the file that the next step writes, so that a test can kill it there.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Longer than anything takes in a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
///
/// # Panics
/// When it never does.
pub fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < PATIENCE, "{what} was never reached");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A connection that waits for whoever holds the file.
///
/// # Panics
/// When the file cannot be opened.
pub fn connect(file: &Path) -> Connection {
    let conn = Connection::open(file).expect("opens");
    conn.busy_timeout(PATIENCE).expect("set");
    conn
}

/// Keeps everybody else from writing, as long as it lives.
///
/// # Panics
/// When the file cannot be locked.
pub fn keep_from_writing(file: &Path) -> Connection {
    let conn = connect(file);
    conn.execute_batch("BEGIN IMMEDIATE").expect("locked");
    conn
}

/// Keeps the write-ahead log from being cut off, as long as it lives.
///
/// # Panics
/// When the file cannot be read.
pub fn keep_reading(file: &Path) -> Connection {
    let conn = connect(file);
    conn.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").expect("reads");
    conn
}

/// The one number that a query gives.
///
/// # Panics
/// When it gives none.
pub fn number(file: &Path, sql: &str) -> u64 {
    connect(file).query_row(sql, [], |row| row.get(0)).expect("a number")
}
