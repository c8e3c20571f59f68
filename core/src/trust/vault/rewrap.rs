//! Another key-encryption key: every data key is wrapped anew, none is changed.

use rusqlite::OptionalExtension;
use zeroize::Zeroizing;

use super::destroy::cut_off;
use super::{KeyEncryptionKey, Vault, failed};
use crate::log::LogError;

/// Keys that are wrapped anew in one transaction.
const BATCH: usize = 10_000;

impl Vault {
    /// Wraps every data key by another key-encryption key, batch by batch; those that are already are passed
    /// over, so that it goes on where it was broken off. Returns how many were wrapped anew.
    ///
    /// `done` is told after every batch how many there were; an error from it breaks off.
    ///
    /// # Errors
    /// When a key does not open with the key-encryption key at hand, or the store fails.
    pub fn rewrap(
        &self,
        to: &dyn KeyEncryptionKey,
        done: &mut dyn FnMut(u64) -> Result<(), LogError>,
    ) -> Result<u64, LogError> {
        let mut count = 0;
        let mut after = 0;
        while let Some((last, batch)) = self.rewrap_batch(to, after)? {
            after = last;
            count += batch;
            done(count)?;
        }
        // What was wrapped before lies in the write-ahead log until it is cut off.
        cut_off(&self.lock().db)?;
        Ok(count)
    }

    /// How many data keys are not wrapped by this key-encryption key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn not_wrapped_by(&self, kek: &dyn KeyEncryptionKey) -> Result<u64, LogError> {
        let sql = "SELECT count(*) FROM data_key WHERE kek <> ?1";
        self.lock().db.query_row(sql, [kek.id()], |row| row.get(0)).map_err(failed)
    }

    fn rewrap_batch(&self, to: &dyn KeyEncryptionKey, after: u64) -> Result<Option<(u64, u64)>, LogError> {
        let mut state = self.lock();
        // Keys that were made ahead are wrapped in the file like all others, and stay good in memory.
        let tx = state.db.transaction().map_err(failed)?;
        let last: Option<u64> = tx
            .query_row(
                "SELECT max(id) FROM (SELECT id FROM data_key WHERE id > ?1 ORDER BY id LIMIT ?2)",
                (after, BATCH),
                |row| row.get(0),
            )
            .optional()
            .map_err(failed)?
            .flatten();
        let Some(last) = last else { return Ok(None) };
        let mut count = 0;
        {
            let mut select = tx
                .prepare_cached("SELECT id, kek, nonce, wrapped FROM data_key WHERE id > ?1 AND id <= ?2 AND kek <> ?3")
                .map_err(failed)?;
            let mut update = tx
                .prepare_cached("UPDATE data_key SET kek = ?2, nonce = ?3, wrapped = ?4 WHERE id = ?1")
                .map_err(failed)?;
            let rows = select
                .query_map((after, last, to.id()), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .map_err(failed)?;
            let rows: Vec<(u64, String, [u8; 24], Vec<u8>)> = rows.collect::<Result<_, _>>().map_err(failed)?;
            for (id, kek, nonce, wrapped) in rows {
                let key = self.unwrap(id, &kek, nonce, &wrapped)?;
                let key = Zeroizing::new(*key.bytes());
                let nonce = self.random.bytes::<24>();
                update.execute((id, to.id(), nonce, to.wrap(nonce, &id.to_be_bytes(), &key))).map_err(failed)?;
                count += 1;
            }
        }
        tx.commit().map_err(failed)?;
        Ok(Some((last, count)))
    }
}
