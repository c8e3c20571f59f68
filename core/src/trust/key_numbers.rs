//! The numbers of the data keys in a key store, for an audit: no key is opened.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::log::LogError;

/// The numbers of all keys that are there.
///
/// # Errors
/// When the file cannot be read or is no key store.
pub fn key_numbers(path: &Path) -> Result<HashSet<u64>, LogError> {
    let failed = |error| LogError::new(format!("reading the key store {}", path.display()), error);
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let mut select = conn.prepare("SELECT id FROM data_key").map_err(failed)?;
    let rows = select.query_map([], |row| row.get::<_, i64>(0)).map_err(failed)?;
    rows.map(|row| row.map(|number| number as u64).map_err(failed)).collect()
}
