//! The signing key of a data folder, and what it has signed.
//!
//! - `secrets/signer.key`: 32 secret bytes in hexadecimal, mode 0400
//! - `secrets/signer_state.json`: epoch, size and root of the last signed tree, fsynced before the note is
//!   given out. A log that is shorter, or has another root at that size, is an older one that was put back.
//! - `checkpoint.pub`: the line that verifies checkpoints

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::ids::Position;
use crate::log::LogError;
use crate::random::Random;
use crate::trust::hex::{self, Hex};
use crate::trust::leaf::Hash;
use crate::trust::note::{SigningKey, VerifierKey};

const KEY: &str = "secrets/signer.key";
const STATE: &str = "secrets/signer_state.json";
/// Name of the file with the public key.
pub const PUBLIC: &str = "checkpoint.pub";

/// The last tree that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Its root; zeros when nothing was signed in this epoch.
    pub root: Hex<32>,
    /// Its size; 0 when nothing was signed in this epoch.
    pub size: u64,
}

/// Signs checkpoints, never two that contradict each other.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    dir: PathBuf,
    signed: Option<Signed>,
}

impl Signer {
    /// Opens the key of a folder; makes one when the folder has none and never signed anything.
    ///
    /// # Errors
    /// When the files cannot be read or written, contradict each other, or belong to another origin.
    pub fn open(dir: &Path, origin: &str, random: &Random) -> Result<Self, LogError> {
        let public = read(&dir.join(PUBLIC))?;
        let signed = last_signed(dir)?;
        let seed = match read(&dir.join(KEY))? {
            Some(text) => hex::decode_array::<32>(text.trim())
                .map(Zeroizing::new)
                .ok_or_else(|| LogError::damage(format!("{KEY} does not hold 64 hexadecimal digits")))?,
            // A making that was cut short has signed nothing yet.
            None if public.is_none() && signed.is_none_or(|signed| signed.size == 0 && signed.epoch == 1) => {
                return Self::make(dir, origin, random, signed);
            }
            None => {
                return Err(LogError::damage(format!(
                    "this folder has signed checkpoints, but {KEY} is missing: put it back"
                )));
            }
        };
        let key = SigningKey::new(&seed, origin).map_err(|error| LogError::new(format!("origin {origin:?}"), error))?;
        match public {
            Some(line) if line.trim() != key.verifier_line() => {
                return Err(LogError::damage(format!(
                    "{PUBLIC} says {:?}, but {KEY} and the origin {origin:?} make another: set the origin right or put the files back",
                    line.trim()
                )));
            }
            Some(_) => {}
            None => write(&dir.join(PUBLIC), format!("{}\n", key.verifier_line()).as_bytes(), 0o644)?,
        }
        Ok(Self { key, dir: dir.to_owned(), signed })
    }

    fn make(dir: &Path, origin: &str, random: &Random, signed: Option<Signed>) -> Result<Self, LogError> {
        let seed = Zeroizing::new(random.bytes::<32>());
        let key = SigningKey::new(&seed, origin).map_err(|error| LogError::new(format!("origin {origin:?}"), error))?;
        fs::create_dir_all(dir.join("secrets")).map_err(|error| LogError::new("making the folder secrets", error))?;
        let mut signer = Self { key, dir: dir.to_owned(), signed };
        // First of all: where there is a key, it is known what was signed with it.
        if signer.signed.is_none() {
            signer.begin(1)?;
        }
        write(&dir.join(KEY), Zeroizing::new(format!("{}\n", hex::encode(&*seed))).as_bytes(), 0o400)?;
        write(&dir.join(PUBLIC), format!("{}\n", signer.key.verifier_line()).as_bytes(), 0o644)?;
        Ok(signer)
    }

    /// What was signed last; `None` when the file that tells is missing.
    pub fn signed(&self) -> Option<Signed> {
        self.signed
    }

    /// The line that verifies what is signed here.
    pub fn verifier_line(&self) -> String {
        self.key.verifier_line()
    }

    /// Begins an epoch.
    ///
    /// # Errors
    /// When it is not a later one, or cannot be stored.
    pub fn begin(&mut self, epoch: u64) -> Result<(), LogError> {
        if self.signed.is_some_and(|signed| signed.epoch >= epoch) {
            return Err(LogError::damage(format!("epoch {epoch} has begun already")));
        }
        self.store(Signed { epoch, root: Hex([0; 32]), size: 0 })
    }

    /// Signs a tree, after storing that it was signed.
    ///
    /// # Errors
    /// When it is smaller than the last one or another of the same size, or cannot be stored.
    pub fn sign(&mut self, size: u64, root: Hash) -> Result<String, LogError> {
        let last = self.signed.ok_or_else(|| LogError::damage(format!("{STATE} is missing")))?;
        if size < last.size || (size == last.size && root != last.root.0) {
            return Err(LogError::damage(format!(
                "a tree of {} leaves is signed already, another of {size} would contradict it",
                last.size
            )));
        }
        if size > last.size {
            self.store(Signed { epoch: last.epoch, root: Hex(root), size })?;
        }
        self.key.sign(size, root).map_err(|error| LogError::new("signing a checkpoint", error))
    }

    fn store(&mut self, signed: Signed) -> Result<(), LogError> {
        write(&self.dir.join(STATE), &crate::events::canonical(&signed), 0o600)?;
        self.signed = Some(signed);
        Ok(())
    }
}

/// The public key of a data folder.
///
/// # Errors
/// When there is none.
pub fn public_key(dir: &Path) -> Result<VerifierKey, LogError> {
    let line =
        public_line(dir)?.ok_or_else(|| LogError::damage(format!("{PUBLIC} is missing in {}", dir.display())))?;
    VerifierKey::parse(&line).map_err(|error| LogError::new(format!("{PUBLIC} in {}", dir.display()), error))
}

/// The line of the public key; `None` in a folder that never signed anything.
///
/// # Errors
/// When the file cannot be read.
pub fn public_line(dir: &Path) -> Result<Option<String>, LogError> {
    Ok(read(&dir.join(PUBLIC))?.map(|line| line.trim().to_owned()))
}

/// What a folder signed last, by the file beside its key; `None` when there is no such file.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn last_signed(dir: &Path) -> Result<Option<Signed>, LogError> {
    let parse =
        |text: String| serde_json::from_str(&text).map_err(|error| LogError::new(format!("{STATE} is damaged"), error));
    read(&dir.join(STATE))?.map(parse).transpose()
}

/// Refuses a log that ends before what was signed: the quick half of what opening a sealer checks, for those who
/// append without sealing.
///
/// # Errors
/// When the log is too short, or the file that tells cannot be read.
pub fn refuse_older(dir: &Path, head: Position) -> Result<(), LogError> {
    match last_signed(dir)? {
        Some(signed) if head.0 < signed.size => Err(LogError::damage(format!(
            "the log ends at position {head}, but a tree of {} events was signed: put the newer data back, or record \
             the loss by `replay-tool fork --reason`",
            signed.size
        ))),
        _ => Ok(()),
    }
}

pub(super) fn read(path: &Path) -> Result<Option<String>, LogError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::new(format!("reading {}", path.display()), error)),
    }
}

/// Writes a file whole or not at all, and on disk when it returns.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), LogError> {
    let failed = |error| LogError::new(format!("writing {}", path.display()), error);
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&new).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::note::DEFAULT_ORIGIN;

    fn open(dir: &Path) -> Result<Signer, LogError> {
        Signer::open(dir, DEFAULT_ORIGIN, &Random::seeded(1))
    }

    #[test]
    fn a_key_is_made_once_and_signs_no_two_trees_of_one_size() {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut signer = open(dir.path()).expect("made");
        let note = signer.sign(5, [1; 32]).expect("signs");
        let mut signer = open(dir.path()).expect("opens");
        assert_eq!(signer.sign(5, [1; 32]).expect("the same again"), note);
        signer.sign(5, [2; 32]).expect_err("another tree of that size");
        signer.sign(4, [1; 32]).expect_err("a smaller tree");
        let size = public_key(dir.path()).expect("a line").verify(&note).map(|read| read.size);
        assert_eq!(size, Ok(5));
        signer.begin(1).expect_err("begun already");
        signer.begin(2).expect("a new epoch");
        signer.sign(4, [7; 32]).expect("which starts anew");
    }

    #[test]
    fn a_lost_key_is_not_replaced_and_another_origin_is_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        open(dir.path()).expect("made");
        let error = Signer::open(dir.path(), "elsewhere/log", &Random::seeded(1)).expect_err("refused");
        assert!(error.to_string().contains("elsewhere/log"), "{error}");
        fs::remove_file(dir.path().join(KEY)).expect("removed");
        let error = open(dir.path()).expect_err("refused");
        assert!(error.to_string().contains("signer.key is missing"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("tempdir");
        open(dir.path()).expect("made");
        let mode = fs::metadata(dir.path().join(KEY)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
    }
}
