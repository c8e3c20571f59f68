//! What a table holds, in whatever order its rows stand.

use rusqlite::Connection;

use super::view::StoreError;

/// The number of rows, and the sum of their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Content(u64, u128);

/// The tables and indexes of a file as they were made.
pub(crate) const SCHEMA: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema";

/// What a query answers.
pub(crate) fn content(conn: &Connection, sql: &str) -> Result<Content, StoreError> {
    let mut select = conn.prepare(sql)?;
    let width = select.column_count();
    let mut rows = select.query([])?;
    let mut content = Content::default();
    while let Some(row) = rows.next()? {
        let mut hasher = blake3::Hasher::new();
        for column in 0..width {
            let cell = format!("{:?}", row.get_ref(column)?);
            hasher.update(&(cell.len() as u64).to_be_bytes()).update(cell.as_bytes());
        }
        let hash = hasher.finalize();
        let number = hash.as_bytes()[..16].iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        content.0 += 1;
        content.1 = content.1.wrapping_add(number);
    }
    Ok(content)
}

/// What SQLite finds wrong with a file: the first of it.
pub(crate) fn integrity(conn: &Connection) -> Result<Option<String>, StoreError> {
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}
