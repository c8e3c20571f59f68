//! A witness: another machine that signs what it saw of a log, C2SP `tlog-witness` (`add-checkpoint`).
//!
//! It keeps the last checkpoint of each log and signs the next one only when a proof shows that the one it knows
//! is its beginning. So no log can show two histories to those who ask for its signature.
//!
//! ```text
//! witness.key            32 secret bytes in hexadecimal, mode 0400
//! witness.pub            the line that verifies its cosignatures
//! checkpoints/<hash>     the last checkpoint of a log, cosigned; the hash is SHA-256 of the log's origin
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use signed_note::{Note, Verifier};
use tlog_tiles::{checkpoint::Checkpoint, tlog};
use zeroize::Zeroizing;

use crate::log::LogError;
use crate::random::Random;
use crate::time::Timestamp;
use crate::trust::cosign::{Cosigner, WitnessKey};
use crate::trust::hex;
use crate::trust::leaf::Hash;
use crate::trust::note::{self, NoteError, VerifierKey};
use crate::trust::signer::{read, write};
use crate::trust::tree;

/// Most hashes of a proof.
pub const MAX_PROOF: usize = 63;
const KEY: &str = "witness.key";
const PUBLIC: &str = "witness.pub";

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request is not one.
    #[error("not a request to cosign: {0}")]
    Malformed(&'static str),
    /// A log that this witness was not told of.
    #[error("this witness knows no log of that name")]
    UnknownLog,
    /// No key of that log signed it, or the signature is not good.
    #[error("the checkpoint is not signed by a key of its log")]
    Untrusted,
    /// The proof begins at another size than the one that was cosigned last.
    #[error("the last checkpoint that was cosigned has {size} leaves")]
    OtherSize {
        /// That size.
        size: u64,
    },
    /// The tree is no continuation of the one that was cosigned last.
    #[error("{0}")]
    Inconsistent(&'static str),
    /// The state of the witness cannot be read or written.
    #[error(transparent)]
    Failed(#[from] LogError),
}

/// A witness and what it remembers.
#[derive(Debug)]
pub struct Witness {
    dir: PathBuf,
    cosigner: Cosigner,
    logs: Vec<VerifierKey>,
    /// Held from the look at what is remembered until the next is on disk. The file keeps other processes away.
    turn: Mutex<File>,
}

/// What `add-checkpoint` is asked.
struct Request<'a> {
    old: u64,
    proof: Vec<Hash>,
    note: &'a str,
}

impl Witness {
    /// Opens the folder of a witness for these logs; makes it, with a key of its own, when there is none. The name
    /// is kept; a new witness without one makes one up.
    ///
    /// # Errors
    /// When another process has the folder, or it cannot be read or written or belongs to another name.
    pub fn open(dir: &Path, name: Option<&str>, logs: Vec<VerifierKey>, random: &Random) -> Result<Self, LogError> {
        let failed = |error| LogError::new(format!("the folder of the witness, {}", dir.display()), error);
        fs::create_dir_all(dir.join("checkpoints")).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| LogError::new(format!("another witness has {}", dir.display()), error))?;
        let cosigner = Self::key(dir, name, random)?;
        Ok(Self { dir: dir.to_owned(), cosigner, logs, turn: Mutex::new(lock) })
    }

    fn key(dir: &Path, name: Option<&str>, random: &Random) -> Result<Cosigner, LogError> {
        let public = read(&dir.join(PUBLIC))?;
        let parsed = public.as_deref().map(str::parse::<WitnessKey>).transpose();
        let kept = parsed.map_err(|error| LogError::new(PUBLIC, error))?;
        let name = match (name, &kept) {
            (Some(name), Some(kept)) if name != kept.name() => {
                return Err(LogError::damage(format!("this witness is called {}, not {name}", kept.name())));
            }
            (_, Some(kept)) => kept.name().to_owned(),
            (Some(name), None) => name.to_owned(),
            (None, None) => format!("letopis.local/witness/{}", hex::encode(&random.bytes::<8>())),
        };
        let named = |seed: &[u8; 32]| {
            Cosigner::new(seed, &name).map_err(|error| LogError::new(format!("the name {name:?}"), error))
        };
        let cosigner = match (read(&dir.join(KEY))?, &kept) {
            (Some(text), _) => {
                let seed = hex::decode_array::<32>(text.trim()).map(Zeroizing::new);
                named(&*seed.ok_or_else(|| LogError::damage(format!("{KEY} does not hold 64 hexadecimal digits")))?)?
            }
            (None, Some(_)) => return Err(LogError::damage(format!("{KEY} is missing beside {PUBLIC}: put it back"))),
            (None, None) => {
                let seed = Zeroizing::new(random.bytes::<32>());
                let cosigner = named(&seed)?;
                let text = Zeroizing::new(format!("{}\n", hex::encode(&*seed)));
                write(&dir.join(KEY), text.as_bytes(), 0o400)?;
                cosigner
            }
        };
        match kept {
            Some(kept) if &kept != cosigner.public() => {
                Err(LogError::damage(format!("{KEY} and {PUBLIC} do not belong together: put the right ones back")))
            }
            Some(_) => Ok(cosigner),
            None => {
                write(&dir.join(PUBLIC), format!("{}\n", cosigner.public()).as_bytes(), 0o644)?;
                Ok(cosigner)
            }
        }
    }

    /// The key that verifies its cosignatures.
    pub fn public(&self) -> &WitnessKey {
        self.cosigner.public()
    }

    /// Answers `add-checkpoint`: the signature line, once what was signed is on disk.
    ///
    /// # Errors
    /// Why it is not signed.
    pub fn add_checkpoint(&self, body: &str, now: Timestamp) -> Result<String, Refusal> {
        let request = parse(body)?;
        let note = Note::from_bytes(request.note.as_bytes()).map_err(|_| Refusal::Malformed("no signed note"))?;
        let next = Checkpoint::from_bytes(note.text()).map_err(|_| Refusal::Malformed("no checkpoint"))?;
        let log_lines = self.log_lines(&note, next.origin())?;
        if request.old > next.size() {
            return Err(Refusal::Malformed("the old size is larger than the checkpoint"));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(next.origin());
        let (size, root) = self.last(&path)?.unwrap_or((0, empty_root()));
        if request.old != size {
            return Err(Refusal::OtherSize { size });
        }
        continues((size, root), (next.size(), next.hash().0), &request.proof)?;
        let text = std::str::from_utf8(note.text()).map_err(|_| Refusal::Malformed("no text"))?;
        let line = self.cosigner.sign(text, now).map_err(|error| LogError::new("cosigning", error))?;
        write(&path, format!("{text}\n{log_lines}{line}").as_bytes(), 0o644)?;
        Ok(line)
    }

    /// The last checkpoint of a log with this witness's cosignature, by SHA-256 of its origin in hexadecimal.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn checkpoint(&self, origin_hash: &str) -> Result<Option<String>, LogError> {
        match hex::decode_array::<32>(origin_hash) {
            Some(_) => read(&self.dir.join("checkpoints").join(origin_hash)),
            None => Ok(None),
        }
    }

    fn path(&self, origin: &str) -> PathBuf {
        self.dir.join("checkpoints").join(hex::encode(&Sha256::digest(origin)))
    }

    /// The signatures by keys of the log, one at least, all of them good; others are none of our business.
    fn log_lines(&self, note: &Note, origin: &str) -> Result<String, Refusal> {
        let keys = self.logs.iter().filter(|key| key.origin() == origin);
        let known: Vec<Box<dyn Verifier>> = keys.map(|key| Box::new(key.standard()) as _).collect();
        if known.is_empty() {
            return Err(Refusal::UnknownLog);
        }
        let (signed, _) = note::verify(note, known).map_err(|_| Refusal::Untrusted)?;
        Ok(signed.iter().map(|line| String::from_utf8_lossy(&line.to_bytes()).into_owned()).collect())
    }

    /// Size and root of what was cosigned last, by our own signature.
    fn last(&self, path: &Path) -> Result<Option<(u64, Hash)>, LogError> {
        let Some(text) = read(path)? else { return Ok(None) };
        let damaged = |error: NoteError| LogError::new(format!("{} is damaged", path.display()), error);
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| damaged(NoteError::Malformed))?;
        note::verify(&note, vec![Box::new(self.public().clone())]).map_err(damaged)?;
        let kept = Checkpoint::from_bytes(note.text()).map_err(|_| damaged(NoteError::Malformed))?;
        Ok(Some((kept.size(), kept.hash().0)))
    }
}

/// The root of a tree without leaves.
fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Whether a tree is the same as the last one, or goes on from it.
fn continues(last: (u64, Hash), next: (u64, Hash), proof: &[Hash]) -> Result<(), Refusal> {
    let ((old, old_root), (size, root)) = (last, next);
    if size == 0 && root != empty_root() {
        return Err(Refusal::Inconsistent("a tree without leaves has another root"));
    }
    if old == size && root != old_root {
        return Err(Refusal::Inconsistent("a tree of that size with another root was cosigned: two histories"));
    }
    match old {
        0 if proof.is_empty() => Ok(()),
        0 => Err(Refusal::Inconsistent("a first checkpoint needs no proof")),
        _ if tree::check_consistency(proof, size, root, old, old_root) => Ok(()),
        _ => Err(Refusal::Inconsistent("the proof does not show that the tree goes on from the one cosigned last")),
    }
}

fn parse(body: &str) -> Result<Request<'_>, Refusal> {
    let wrong = Refusal::Malformed;
    let (head, note) = body.split_once("\n\n").ok_or(wrong("no blank line before the checkpoint"))?;
    let mut lines = head.split('\n');
    let old = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or(wrong("no old size"))?;
    let number: u64 = old.parse().map_err(|_| wrong("the old size is no number"))?;
    if number.to_string() != old {
        return Err(wrong("the old size is not in decimal digits"));
    }
    let mut proof = Vec::new();
    for line in lines {
        let hash = tlog::Hash::parse_hash(line).ok().filter(|hash| hash.to_string() == line);
        proof.push(hash.ok_or(wrong("a hash of the proof cannot be read"))?.0);
    }
    if proof.len() > MAX_PROOF {
        return Err(wrong("the proof has more than 63 hashes"));
    }
    Ok(Request { old: number, proof, note })
}

/// The body of a request to cosign a checkpoint.
pub fn request(old: u64, proof: &[Hash], note: &str) -> String {
    let hashes: String = proof.iter().map(|hash| format!("{}\n", tlog::Hash(*hash))).collect();
    format!("old {old}\n{hashes}\n{note}")
}
