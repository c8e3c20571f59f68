//! API keys: 256 random bits each, kept as SHA-256 in `api-keys.json` of the data folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::Context as _;
use letopis_core::random::Random;
use letopis_core::time::{Clock, Moment};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file in the data folder.
pub const FILE: &str = "api-keys.json";
/// What every key begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "letopis_";

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Posting events.
    Write,
    /// Reading views.
    Read,
    /// Reading views and the log with its personal fields.
    Audit,
    /// Everything, and operating the server.
    Admin,
}

impl Role {
    /// Whether this role allows what that one does.
    pub fn includes(self, other: Self) -> bool {
        self == other || self == Self::Admin || (self == Self::Audit && other == Self::Read)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The opaque id under which his events are recorded.
    pub actor: String,
    /// What he may.
    pub roles: Vec<Role>,
}

impl Who {
    /// Somebody on this machine while there are no keys.
    pub fn local() -> Self {
        Self { actor: "local".into(), roles: vec![Role::Admin] }
    }

    /// Whether he may do this.
    pub fn may(&self, role: Role) -> bool {
        self.roles.iter().any(|own| own.includes(role))
    }
}

/// One key as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its name for people and for `key revoke`; no secret.
    pub id: String,
    /// Who uses it.
    pub actor: String,
    /// What it allows.
    pub roles: Vec<Role>,
    /// SHA-256 of the key, hexadecimal.
    pub sha256: String,
    /// When it was made.
    pub created_at: Moment,
    /// From when on it was no longer valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
}

/// All keys of a data folder, revoked ones included.
///
/// # Errors
/// When the file cannot be read.
pub fn list(dir: &Path) -> anyhow::Result<Vec<Entry>> {
    let path = dir.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Makes a key and returns it with its entry; it is shown once and kept nowhere.
///
/// # Errors
/// When the file cannot be read or written.
pub fn create(
    dir: &Path,
    roles: Vec<Role>,
    actor: Option<String>,
    random: &Random,
    clock: &dyn Clock,
) -> anyhow::Result<(String, Entry)> {
    let mut entries = list(dir)?;
    let key = format!("{PREFIX}{}", hex(&random.bytes::<32>()));
    let id = hex(&random.bytes::<4>());
    let entry = Entry {
        actor: actor.unwrap_or_else(|| format!("key-{id}")),
        id,
        roles,
        sha256: hex(&hash(&key)),
        created_at: Moment::utc(clock.now()),
        revoked_at: None,
    };
    entries.push(entry.clone());
    write(dir, &entries)?;
    Ok((key, entry))
}

/// Makes a key invalid. A running server notices at its next request.
///
/// # Errors
/// When there is no such key, or the file cannot be read or written.
pub fn revoke(dir: &Path, id: &str, clock: &dyn Clock) -> anyhow::Result<()> {
    let mut entries = list(dir)?;
    let entry = entries.iter_mut().find(|entry| entry.id == id).with_context(|| format!("there is no key {id:?}"))?;
    entry.revoked_at.get_or_insert(Moment::utc(clock.now()));
    write(dir, &entries)
}

fn write(dir: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    let new = dir.join("api-keys.new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new).with_context(|| format!("{} cannot be written", new.display()))?;
    file.write_all(&serde_json::to_vec_pretty(entries)?)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(FILE)).context("the new keys cannot be put in place")
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The keys of a running server; it reads the file again when it has changed.
#[derive(Debug)]
pub struct Keys {
    dir: PathBuf,
    /// Once keys are demanded they are until the server ends, whatever becomes of the file.
    demanded: AtomicBool,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    by_hash: HashMap<String, Who>,
}

impl Keys {
    /// The keys of a data folder. They are demanded when there are any, or `always`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(dir: &Path, always: bool) -> anyhow::Result<Self> {
        list(dir)?;
        let keys =
            Self { dir: dir.to_owned(), demanded: AtomicBool::new(always), known: RwLock::new(Known::default()) };
        keys.refresh();
        Ok(keys)
    }

    /// Whether every request needs a key.
    pub fn are_demanded(&self) -> bool {
        self.refresh();
        self.demanded.load(Ordering::SeqCst)
    }

    /// Whose key this is.
    pub fn who(&self, key: &str) -> Option<Who> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Looked up by the hash of 256 random bits: how long that takes tells nothing.
        known.by_hash.get(&hex(&hash(key))).cloned()
    }

    fn refresh(&self) {
        let stamp = fs::metadata(self.dir.join(FILE)).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        if self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).stamp == stamp {
            return;
        }
        let entries = list(&self.dir).unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "no key is valid");
            Vec::new()
        });
        if stamp.is_some() {
            self.demanded.store(true, Ordering::SeqCst);
        }
        let valid = entries.into_iter().filter(|entry| entry.revoked_at.is_none());
        let by_hash = valid.map(|entry| (entry.sha256, Who { actor: entry.actor, roles: entry.roles })).collect();
        *self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Known { stamp, by_hash };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use letopis_core::time::SystemClock;

    #[test]
    fn a_key_is_known_until_it_is_revoked_and_its_file_is_private() {
        let dir = tempfile::tempdir().expect("tempdir");
        let keys = Keys::open(dir.path(), false).expect("opens");
        assert!(!keys.are_demanded());
        let (key, entry) =
            create(dir.path(), vec![Role::Audit], Some("anna".into()), &Random::system(), &SystemClock).expect("made");
        assert!(keys.are_demanded());
        let who = keys.who(&key).expect("known");
        assert!(who.may(Role::Read) && who.may(Role::Audit) && !who.may(Role::Write));
        let kept = fs::read_to_string(dir.path().join(FILE)).expect("kept");
        assert!(!kept.contains(&key));
        #[cfg(unix)]
        {
            let meta = fs::metadata(dir.path().join(FILE)).expect("there");
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o600);
        }
        revoke(dir.path(), &entry.id, &SystemClock).expect("revoked");
        assert!(keys.are_demanded() && keys.who(&key).is_none());
        fs::remove_file(dir.path().join(FILE)).expect("removed");
        assert!(keys.are_demanded(), "a lost file does not open the door");
    }
}
