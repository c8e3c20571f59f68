//! The vault: `keys.db`, where the data keys of subjects lie, each wrapped by the key-encryption key.
//!
//! Keys are made and fsynced ahead, in batches; giving one to a subject is part of the log's commit, so
//! a new client costs no second fsync. Destroying a key is what erasure is.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::log::LogError;
use crate::random::Random;
use crate::trust::seal::DataKey;

/// How many keys are made at once.
const BATCH: usize = 256;
/// How many opened keys are kept in memory.
const CACHE: usize = 100_000;

/// What wraps data keys: a file, an environment variable, or a key service.
pub trait KeyEncryptionKey: Send + Sync {
    /// A name that tells this key from the one before it.
    fn id(&self) -> &str;
    /// Wraps a data key; `aad` binds it to its number.
    fn wrap(&self, nonce: [u8; 24], aad: &[u8], key: &[u8; 32]) -> Vec<u8>;
    /// Unwraps a data key; `None` when it was wrapped otherwise or altered.
    fn unwrap(&self, nonce: [u8; 24], aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>>;
}

/// A key-encryption key held in memory: 32 bytes from a file or the environment.
#[derive(ZeroizeOnDrop)]
pub struct LocalKek {
    #[zeroize(skip)]
    id: String,
    key: [u8; 32],
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKek({})", self.id)
    }
}

impl LocalKek {
    /// From 32 secret bytes; its id is the start of a one-way hash of them.
    pub fn new(key: [u8; 32]) -> Self {
        let id = blake3::derive_key("letopis 2026 kek id v1", &key);
        Self { id: id[..8].iter().map(|b| format!("{b:02x}")).collect(), key }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.key).into())
    }
}

impl KeyEncryptionKey for LocalKek {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap(&self, nonce: [u8; 24], aad: &[u8], key: &[u8; 32]) -> Vec<u8> {
        self.cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: key, aad })
            .expect("32 bytes are far below the cipher's limit")
    }

    fn unwrap(&self, nonce: [u8; 24], aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let plain = Zeroizing::new(self.cipher().decrypt(&XNonce::from(nonce), Payload { msg: wrapped, aad }).ok()?);
        plain.as_slice().try_into().ok().map(Zeroizing::new)
    }
}

/// The keys of all subjects.
pub struct Vault {
    kek: Box<dyn KeyEncryptionKey>,
    random: Random,
    state: Mutex<State>,
}

struct State {
    db: Connection,
    /// Made, fsynced, and nobody's yet.
    free: Vec<(u64, DataKey)>,
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
        Self { kek, random, state: Mutex::new(State { db, free: Vec::new(), open: HashMap::new() }) }
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
        let mut made = Vec::with_capacity(BATCH);
        {
            let mut insert = tx
                .prepare_cached("INSERT INTO data_key (id, kek, nonce, wrapped) VALUES (?1, ?2, ?3, ?4)")
                .map_err(failed)?;
            for id in next..next + BATCH as u64 {
                let (key, nonce) = (Zeroizing::new(self.random.bytes::<32>()), self.random.bytes::<24>());
                let wrapped = self.kek.wrap(nonce, &id.to_be_bytes(), &key);
                insert.execute((id, self.kek.id(), nonce, wrapped)).map_err(failed)?;
                made.push((id, DataKey::new(*key)));
            }
        }
        tx.commit().map_err(failed)?;
        made.reverse();
        state.free = made;
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
            Some((kek, nonce, wrapped)) => match self.kek.unwrap(nonce, &id.to_be_bytes(), &wrapped) {
                Some(key) => Some(DataKey::new(*key)),
                None => {
                    return Err(LogError::damage(format!(
                        "data key {id} was wrapped by key-encryption key {kek}, and the one at hand, {}, does not open it",
                        self.kek.id()
                    )));
                }
            },
        };
        remember(&mut state.open, id, key.clone());
        Ok(key)
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
