//! Prepared statements of a connection.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Keeps so many of them, each as it was planned when it was prepared.
///
/// Otherwise SQLite plans a statement anew when something else is bound to its `LIMIT`, at nearly every use, and that
/// takes longer than reading a page of a stream.
///
/// # Errors
/// When the library does not know the setting.
pub fn keep(conn: &Connection, count: usize) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(count);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let planned_anew = |kept: bool| {
            let conn = Connection::open_in_memory().expect("a database");
            if kept {
                keep(&conn, 16).expect("known");
            }
            conn.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
                .expect("made");
            let mut select = conn.prepare("SELECT a FROM t WHERE a > ?1 ORDER BY a LIMIT ?2").expect("prepared");
            for limit in 1..4 {
                let found = select.query_map([0, limit], |row| row.get::<_, i64>(0)).expect("asked").count();
                assert_eq!(found as i64, limit);
            }
            select.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(planned_anew(true), 0);
        // Should this fail, the library does not do it any more, and the setting can go.
        assert!(planned_anew(false) > 0);
    }
}
