//! The vault: `keys.db`, where the data keys of subjects lie, each wrapped by the key-encryption key.
//!
//! Keys are made and fsynced ahead, in batches; giving one to a subject is part of the log's commit, so
//! a new client costs no second fsync. Destroying a key is what erasure is. A key is never used again
//! under its number: the number in an envelope is the version of the key it was sealed under.

mod check;
mod destroy;
mod kek;
mod rewrap;

use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use foldhash::HashMap;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::Zeroizing;

pub use destroy::KeyMark;
pub use kek::{KeyEncryptionKey, LocalKek};

use crate::log::LogError;
use crate::random::Random;
use crate::trust::seal::DataKey;
use crate::wal;

/// How many keys are made at first. Each further time it is twice as many, so that an import does not wait for the
/// disk at every few hundred clients.
const BATCH: usize = 256;
/// Most keys that are made at once.
const MAX_BATCH: usize = 4_096;
/// How many opened keys are kept in memory.
const CACHE: usize = 100_000;

/// The keys of all subjects.
pub struct Vault {
    /// What wraps new keys.
    kek: Box<dyn KeyEncryptionKey>,
    /// What some keys are still wrapped by, while a rotation goes on.
    other: Option<Box<dyn KeyEncryptionKey>>,
    random: Random,
    state: Mutex<State>,
}

struct State {
    db: Connection,
    /// Made, fsynced, and nobody's yet.
    free: Vec<(u64, DataKey)>,
    /// How many are made when there are none.
    batch: usize,
    open: HashMap<u64, Option<DataKey>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS data_key (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kek     TEXT NOT NULL,
    nonce   BLOB NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;";

fn failed(error: rusqlite::Error) -> LogError {
    LogError::new("the key store", error)
}

impl Vault {
    /// Opens or creates the key store.
    ///
    /// # Errors
    /// When the file cannot be opened or is no key store.
    pub fn open(path: &Path, kek: Box<dyn KeyEncryptionKey>, random: Random) -> Result<Self, LogError> {
        let db = Connection::open(path).map_err(failed)?;
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")
            .map_err(failed)?;
        db.execute_batch(SCHEMA).map_err(failed)?;
        wal::carry_over(&db).map_err(failed)?;
        Ok(Self::with(db, kek, random))
    }

    /// Opens a key store to read what is sealed, and nothing else.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_read_only(path: &Path, kek: Box<dyn KeyEncryptionKey>) -> Result<Self, LogError> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        Ok(Self::with(db, kek, Random::system()))
    }

    fn with(db: Connection, kek: Box<dyn KeyEncryptionKey>, random: Random) -> Self {
        Self {
            kek,
            other: None,
            random,
            state: Mutex::new(State { db, free: Vec::new(), batch: BATCH, open: HashMap::default() }),
        }
    }

    /// Opens keys that are wrapped by another key-encryption key, too: a rotation was not finished.
    #[must_use]
    pub fn with_other(mut self, kek: Box<dyn KeyEncryptionKey>) -> Self {
        self.other = Some(kek);
        self
    }

    /// A key that is on disk and nobody's yet. It is used up even when it is not given to anybody.
    ///
    /// # Errors
    /// When new keys cannot be stored.
    pub fn take(&self) -> Result<(u64, DataKey), LogError> {
        let mut state = self.lock();
        if state.free.is_empty() {
            self.refill(&mut state)?;
        }
        let (id, key) = state.free.pop().ok_or_else(|| LogError::damage("the key store made no keys"))?;
        remember(&mut state.open, id, Some(key.clone()));
        Ok((id, key))
    }

    fn refill(&self, state: &mut State) -> Result<(), LogError> {
        let tx = state.db.transaction().map_err(failed)?;
        let next: u64 = tx
            .query_row("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'data_key'", [], |row| {
                row.get(0)
            })
            .map_err(failed)?;
        let mut made = Vec::with_capacity(state.batch);
        {
            let mut insert = tx
                .prepare_cached("INSERT INTO data_key (id, kek, nonce, wrapped) VALUES (?1, ?2, ?3, ?4)")
                .map_err(failed)?;
            for id in next..next + state.batch as u64 {
                let (key, nonce) = (Zeroizing::new(self.random.bytes::<32>()), self.random.bytes::<24>());
                let wrapped = self.kek.wrap(nonce, &id.to_be_bytes(), &key);
                insert.execute((id, self.kek.id(), nonce, wrapped)).map_err(failed)?;
                made.push((id, DataKey::new(*key)));
            }
        }
        tx.commit().map_err(failed)?;
        made.reverse();
        state.free = made;
        state.batch = (2 * state.batch).min(MAX_BATCH);
        Ok(())
    }

    /// The key of this number; `None` when it was destroyed.
    ///
    /// # Errors
    /// When the store cannot be read, or the key was wrapped by another key-encryption key.
    pub fn key(&self, id: u64) -> Result<Option<DataKey>, LogError> {
        let mut state = self.lock();
        if let Some(known) = state.open.get(&id) {
            return Ok(known.clone());
        }
        let row: Option<(String, [u8; 24], Vec<u8>)> = state
            .db
            .prepare_cached("SELECT kek, nonce, wrapped FROM data_key WHERE id = ?1")
            .map_err(failed)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .map_err(failed)?;
        let key = match row {
            None => None,
            Some((kek, nonce, wrapped)) => Some(self.unwrap(id, &kek, nonce, &wrapped)?),
        };
        remember(&mut state.open, id, key.clone());
        Ok(key)
    }

    fn unwrap(&self, id: u64, kek: &str, nonce: [u8; 24], wrapped: &[u8]) -> Result<DataKey, LogError> {
        let by = self.other.iter().find(|other| other.id() == kek).unwrap_or(&self.kek);
        let key = by.unwrap(nonce, &id.to_be_bytes(), wrapped).ok_or_else(|| {
            LogError::damage(format!(
                "data key {id} was wrapped by key-encryption key {kek}, and the one at hand, {}, does not open it",
                self.kek.id()
            ))
        })?;
        Ok(DataKey::new(*key))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while the lock was held left no half-made change: the transaction was rolled back.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn remember(open: &mut HashMap<u64, Option<DataKey>>, id: u64, key: Option<DataKey>) {
    if open.len() >= CACHE {
        open.clear();
    }
    open.insert(id, key);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, kek: u8) -> Vault {
        Vault::open(&dir.join("keys.db"), Box::new(LocalKek::new([kek; 32])), Random::seeded(1)).expect("opens")
    }

    #[test]
    fn keys_survive_a_restart_and_open_under_their_own_kek_only() {
        let dir = tempfile::tempdir().expect("tempdir");
        let (id, key) = open(dir.path(), 1).take().expect("a key");
        let again = open(dir.path(), 1).key(id).expect("readable").expect("there");
        assert_eq!(again.bytes(), key.bytes());
        let error = open(dir.path(), 2).key(id).expect_err("another kek");
        assert!(error.to_string().contains("key-encryption key"), "{error}");
    }

    #[test]
    fn no_key_is_given_out_twice() {
        let dir = tempfile::tempdir().expect("tempdir");
        let first = open(dir.path(), 1).take().expect("a key").0;
        let vault = open(dir.path(), 1);
        let mut ids: Vec<u64> = (0..600).map(|_| vault.take().expect("a key").0).collect();
        ids.push(first);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 601);
    }
}
