//! Keys that are destroyed for ever.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::{Vault, failed};
use crate::log::LogError;
use crate::trust::hex::Hex;
use crate::wal;

/// How often the write-ahead log is tried to be cut off while somebody reads.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Which key is meant: its number and a one-way hash of it, so that no other key that came to have the
/// number is destroyed in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyMark {
    /// Its number in the vault.
    pub number: u64,
    /// Its commitment, as it stands in the envelopes.
    pub commitment: Hex<32>,
}

impl Vault {
    /// The mark of a key; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be read, or the key was wrapped by another key-encryption key.
    pub fn mark(&self, number: u64) -> Result<Option<KeyMark>, LogError> {
        Ok(self.key(number)?.map(|key| KeyMark { number, commitment: Hex(key.commitment()) }))
    }

    /// Whether this very key is there. One that no key-encryption key at hand opens is taken to be: it was
    /// wrapped before a rotation, so the number had not been given to another one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, mark: &KeyMark) -> Result<bool, LogError> {
        let row: Option<(String, [u8; 24], Vec<u8>)> = self
            .lock()
            .db
            .prepare_cached("SELECT kek, nonce, wrapped FROM data_key WHERE id = ?1")
            .map_err(failed)?
            .query_row([mark.number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .map_err(failed)?;
        Ok(row.is_some_and(|(kek, nonce, wrapped)| {
            let key = self.unwrap(mark.number, &kek, nonce, &wrapped);
            key.map_or(true, |key| key.commitment() == mark.commitment.0)
        }))
    }

    /// Destroys keys: overwritten in the file, cut out of the write-ahead log, dropped from memory. Those that
    /// are not there are passed over.
    ///
    /// # Errors
    /// When the store cannot be written. A transient error means that a long read kept the old bytes from being
    /// overwritten: do it again.
    pub fn destroy(&self, marks: &[KeyMark]) -> Result<(), LogError> {
        let mut meant = Vec::with_capacity(marks.len());
        for mark in marks {
            if self.has(mark)? {
                meant.push(mark.number);
            }
        }
        let mut state = self.lock();
        let tx = state.db.transaction().map_err(failed)?;
        for number in &meant {
            tx.execute("DELETE FROM data_key WHERE id = ?1", [number]).map_err(failed)?;
        }
        tx.commit().map_err(failed)?;
        for number in meant {
            state.open.insert(number, None);
        }
        cut_off(&state.db)
    }

    /// Makes sure that no new key gets a number up to this one: an older store that was put back would give
    /// numbers out again that envelopes name.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn reserve(&self, upto: u64) -> Result<(), LogError> {
        let state = self.lock();
        let last: Option<u64> = state
            .db
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'data_key'", [], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        let sql = match last {
            Some(last) if last >= upto => return Ok(()),
            Some(_) => "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'data_key'",
            None if upto == 0 => return Ok(()),
            None => "INSERT INTO sqlite_sequence (name, seq) VALUES ('data_key', ?1)",
        };
        state.db.execute(sql, [upto]).map_err(failed).map(drop)
    }
}

/// Carries the write-ahead log over and cuts it off: the pages as they were before still lie in it.
pub(super) fn cut_off(db: &Connection) -> Result<(), LogError> {
    for _ in 0..TRIES {
        if wal::cut_off(db).map_err(failed)? {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(LogError::damage("keys are destroyed, but a long read kept their bytes in the write-ahead log: do it again")
        .transient())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::trust::vault::LocalKek;

    fn open(dir: &std::path::Path) -> Vault {
        Vault::open(&dir.join("keys.db"), Box::new(LocalKek::new([1; 32])), Random::system()).expect("opens")
    }

    /// Whether these bytes lie in any file of the folder.
    fn lies_there(dir: &std::path::Path, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(dir).expect("folder").map(|file| file.expect("file").path());
        files.into_iter().any(|path| {
            let found = std::fs::read(path).expect("readable");
            found.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    #[test]
    fn a_destroyed_key_is_in_no_file_and_its_number_is_never_given_again() {
        let dir = tempfile::tempdir().expect("tempdir");
        let vault = open(dir.path());
        let (number, _) = vault.take().expect("a key");
        let mark = vault.mark(number).expect("reads").expect("there");
        let wrapped: Vec<u8> = vault
            .lock()
            .db
            .query_row("SELECT wrapped FROM data_key WHERE id = ?1", [number], |row| row.get(0))
            .expect("row");
        assert!(lies_there(dir.path(), &wrapped), "the scan finds what is there");
        vault.destroy(&[mark]).expect("destroyed");
        assert!(!lies_there(dir.path(), &wrapped));
        assert!(vault.key(number).expect("reads").is_none());
        drop(vault);
        assert!(open(dir.path()).key(number).expect("reads").is_none());
        assert!(open(dir.path()).take().expect("a key").0 > number);
    }

    #[test]
    fn another_key_under_the_same_number_is_left_alone() {
        let dir = tempfile::tempdir().expect("tempdir");
        let vault = open(dir.path());
        let (number, _) = vault.take().expect("a key");
        vault.destroy(&[KeyMark { number, commitment: Hex([3; 32]) }]).expect("passed over");
        assert!(vault.key(number).expect("reads").is_some());
    }

    #[test]
    fn reserved_numbers_are_not_given() {
        let dir = tempfile::tempdir().expect("tempdir");
        open(dir.path()).reserve(5_000).expect("reserved");
        assert_eq!(open(dir.path()).take().expect("a key").0, 5_001);
    }
}
