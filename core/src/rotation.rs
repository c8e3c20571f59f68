//! Another key-encryption key: every data key is wrapped anew, no data key and no envelope changes.
//!
//! The next key lies beside the present one (`secrets/kek.next`) until all data keys are wrapped by it, then it
//! takes its place. A rotation that was broken off goes on at the next start; until then both keys are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::log::LogError;
use crate::log::sqlite::{SqliteLog, SqliteOptions};
use crate::random::Random;
use crate::secret::{KEK, Key, NEXT_KEK, failed, folder, sync_folder};
use crate::time::Clock;
use crate::trust::vault::{KeyEncryptionKey, LocalKek, Vault};

/// Where the next key-encryption key comes from: 64 hexadecimal digits, but for one that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextKey {
    /// It is made of 32 random bytes.
    Generated,
    /// It stands in this file.
    File(PathBuf),
    /// It stands in this environment variable.
    Variable(String),
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next key lies beside the present one.
    Stored,
    /// So many data keys were wrapped anew.
    Rewrapped(u64),
    /// All data keys are wrapped by it, and it has not taken the place of the present one yet.
    Complete,
}

/// Told after every step; an error breaks off, as the end of the process would.
pub type Watch<'a> = &'a mut dyn FnMut(Step) -> Result<(), LogError>;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// How many data keys were wrapped anew.
    pub keys: u64,
    /// Id of the key-encryption key before.
    pub from: String,
    /// Id of the one since.
    pub to: String,
    /// Whether the folder keeps it; else it has to be given to the next start as `LETOPIS_KEK`.
    pub kept: bool,
}

/// Changes the key-encryption key of a data folder that nobody else writes to.
///
/// # Errors
/// When another process writes to the folder, a key is missing or wrong, or files cannot be written.
pub fn rotate(
    dir: &Path,
    clock: Arc<dyn Clock>,
    random: &Random,
    next: &NextKey,
    watch: Watch<'_>,
) -> Result<Rotated, LogError> {
    // Its lock keeps a server away as long as the keys are on the move.
    let _log = SqliteLog::open(&dir.join("log.db"), clock, SqliteOptions::default())?;
    let missing = || LogError::damage(format!("there is no key-encryption key in {}", dir.display()));
    if let Some(unfinished) = NEXT_KEK.get(dir)? {
        finish(dir, &KEK.get(dir)?.ok_or_else(missing)?, &unfinished, Random::system(), &mut |_| Ok(()))?;
    }
    let kek = KEK.get(dir)?.ok_or_else(missing)?;
    let kept = KEK.path(dir).exists();
    let next = match next {
        NextKey::Generated if !kept => {
            return Err(LogError::damage(
                "the key-encryption key is given by the environment: give the next one by a file or a variable, too",
            ));
        }
        NextKey::Generated => Zeroizing::new(random.bytes::<32>()),
        NextKey::File(path) => NEXT_KEK.read(path)?,
        NextKey::Variable(name) => NEXT_KEK.variable(name)?,
    };
    let (from, to) = (LocalKek::new(*kek).id().to_owned(), LocalKek::new(*next).id().to_owned());
    if from == to {
        return Err(LogError::damage(format!("{to} is the key-encryption key in use, give another one")));
    }
    if kept {
        NEXT_KEK.write(dir, &next)?;
        watch(Step::Stored)?;
    }
    let (_, keys) = finish(dir, &kek, &next, Random::system(), watch)?;
    Ok(Rotated { keys, from, to, kept })
}

/// The key store of a folder; a rotation that was broken off is finished first.
pub(crate) fn open_vault(dir: &Path, kek: Key, random: Random) -> Result<Vault, LogError> {
    match NEXT_KEK.get(dir)? {
        Some(next) => finish(dir, &kek, &next, random, &mut |_| Ok(())).map(|(vault, _)| vault),
        None => Vault::open(&dir.join("keys.db"), Box::new(LocalKek::new(*kek)), random),
    }
}

fn finish(dir: &Path, kek: &Key, next: &Key, random: Random, watch: Watch<'_>) -> Result<(Vault, u64), LogError> {
    let to = LocalKek::new(**next);
    let vault = Vault::open(&dir.join("keys.db"), Box::new(LocalKek::new(**next)), random)?;
    let vault = vault.with_other(Box::new(LocalKek::new(**kek)));
    let keys = vault.rewrap(&to, &mut |count| watch(Step::Rewrapped(count)))?;
    watch(Step::Complete)?;
    let path = NEXT_KEK.path(dir);
    if path.exists() {
        let place = KEK.path(dir);
        fs::rename(&path, &place).and_then(|()| sync_folder(&folder(dir))).map_err(|error| failed(&place, error))?;
    }
    Ok((vault, keys))
}
