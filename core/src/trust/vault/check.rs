//! Whether every key of a store can be opened, for an audit.

use rusqlite::{Connection, OptionalExtension};

use super::{SCHEMA, Vault, failed};
use crate::log::LogError;

impl Vault {
    /// Opens every key. Tells what is wrong, one line each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(&self) -> Result<Vec<String>, LogError> {
        let state = self.lock();
        let mut wrong = Vec::new();
        let integrity: String =
            state.db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if integrity != "ok" {
            wrong.push(integrity);
        }
        let tables = |db: &Connection| -> rusqlite::Result<Vec<(String, Option<String>)>> {
            let mut select = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let fresh = Connection::open_in_memory().map_err(failed)?;
        fresh.execute_batch(SCHEMA).map_err(failed)?;
        if tables(&state.db).map_err(failed)? != tables(&fresh).map_err(failed)? {
            wrong.push("its tables are not as they were made".to_owned());
        }
        let mut select = state.db.prepare("SELECT id, kek, nonce, wrapped FROM data_key").map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        let mut last = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            let id: i64 = row.get(0).map_err(failed)?;
            last = last.max(id);
            let read =
                (|| Ok::<_, rusqlite::Error>((row.get::<_, String>(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?)))();
            match read {
                Err(error) => wrong.push(format!("data key {id} cannot be read: {error}")),
                Ok((kek, _, _)) if !self.has_kek(&kek) => {
                    wrong.push(format!("data key {id} is said to be wrapped by {kek:?}, which is not at hand"));
                }
                Ok((kek, nonce, wrapped)) => {
                    wrong.extend(self.unwrap(id as u64, &kek, nonce, &wrapped).err().map(|error| error.to_string()));
                }
            }
        }
        let given: Option<i64> = state
            .db
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'data_key'", [], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        if given.unwrap_or(0) < last {
            wrong.push(format!("key {last} is there, and the last number that was given is {given:?}"));
        }
        Ok(wrong)
    }

    fn has_kek(&self, id: &str) -> bool {
        self.kek.id() == id || self.other.as_ref().is_some_and(|other| other.id() == id)
    }
}
