//! Puts a copy back.

use std::fs;
use std::path::{Path, PathBuf};

use super::LOG;
use super::make::copy_file;
use super::manifest::{Entry, Manifest};
use super::walk::walk;
use crate::ids::Position;
use crate::log::LogError;
use crate::secret::{failed, folder, make_private, sync_folder};
use crate::trust::signer::{self, Signed};

/// The register of erasures.
const REGISTER: &str = "erasures.log";
/// What a folder keeps of its own when a copy is put back into it.
const KEPT: &[&str] = &["settings.toml", "api-keys.json"];

/// What was put back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The copy.
    pub manifest: Manifest,
    /// The last event of the log.
    pub position: Position,
    /// What the folder signed last; none when it does not know.
    pub signed: Option<Signed>,
    /// Files that were there already and stay as they are.
    pub kept: Vec<PathBuf>,
}

impl Restored {
    /// Whether the folder has to put a loss on record before it can be served.
    pub fn needs_fork(&self) -> bool {
        self.signed.is_none_or(|signed| signed.size > self.position.0)
    }
}

/// Puts a copy into a folder that has no log, and its secrets, where they are given, into the folder's secrets.
///
/// # Errors
/// When the copy is not as it was made, the folder has a log or other secrets, or cannot be written.
pub async fn restore(from: &Path, secrets: Option<&Path>, dir: &Path) -> Result<Restored, LogError> {
    let manifest = Manifest::check(from)?;
    let secret_files = secrets.map(|secrets| Manifest::check(secrets).map(|found| (secrets, found))).transpose()?;
    if !manifest.files.iter().any(|entry| entry.name == LOG) {
        return Err(LogError::damage(format!("there is no log in the copy {}", from.display())));
    }
    for name in [LOG, "log.db-wal", "keys.db", "keys.db-wal"] {
        if dir.join(name).exists() {
            let place = dir.join(name);
            return Err(LogError::damage(format!("{} is there: move it aside first", place.display())));
        }
    }
    make_private(dir).map_err(|error| failed(dir, error))?;
    let mut kept = Vec::new();
    if let Some((secrets, files)) = secret_files {
        make_private(&folder(dir)).map_err(|error| failed(&folder(dir), error))?;
        for entry in &files.files {
            put_secret(&secrets.join(&entry.name), &folder(dir).join(&entry.name), &mut kept)?;
        }
        sync_folder(&folder(dir)).map_err(|error| failed(&folder(dir), error))?;
    }
    // All of these can be made again, and are of another state of the log.
    for name in ["trust.db", "trust.db-wal", "trust.db-shm", "log.db-shm", "keys.db-shm"] {
        remove(&dir.join(name))?;
    }
    match fs::remove_dir_all(dir.join("views")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&dir.join("views"), error)),
        _ => {}
    }
    // The log last and by a rename: a folder in which this was broken off has none, and it can be done again.
    let half = dir.join("log.db.half");
    remove(&half)?;
    for entry in &manifest.files {
        let place = dir.join(&entry.name);
        if entry.name == LOG {
            copy_file(&from.join(LOG), &half)?;
            continue;
        }
        if KEPT.contains(&&*entry.name) && place.exists() {
            kept.push(place);
            continue;
        }
        if entry.name == signer::PUBLIC
            && place.exists()
            && fs::read(&place).ok() != fs::read(from.join(&entry.name)).ok()
        {
            return Err(LogError::damage(format!("{} is the key of another log than the copy's", place.display())));
        }
        copy_file(&from.join(&entry.name), &place)?;
    }
    fs::rename(&half, dir.join(LOG)).and_then(|()| sync_folder(dir)).map_err(|error| failed(dir, error))?;
    for entry in manifest.files.iter().filter(|entry| !kept.contains(&dir.join(&entry.name))) {
        if Entry::of(dir, &entry.name)? != *entry {
            let place = dir.join(&entry.name);
            return Err(LogError::damage(format!("{} is not what was written: is the disk sound?", place.display())));
        }
    }
    let (position, _) = walk(dir).await?;
    Ok(Restored { manifest, position, signed: signer::last_signed(dir)?, kept })
}

/// Puts a secret in its place. One that is there stays, and has to be the same; of two registers of erasures the one
/// that goes on from the other.
fn put_secret(from: &Path, place: &Path, kept: &mut Vec<PathBuf>) -> Result<(), LogError> {
    if !place.exists() {
        return copy_file(from, place);
    }
    let read = |path: &Path| fs::read(path).map_err(|error| failed(path, error));
    let (new, old) = (read(from)?, read(place)?);
    let is_register = place.file_name().is_some_and(|name| name == REGISTER);
    if old == new || (is_register && old.starts_with(&new)) {
        kept.push(place.to_owned());
        return Ok(());
    }
    if is_register && new.starts_with(&old) {
        let half = place.with_extension("half");
        copy_file(from, &half)?;
        return fs::rename(&half, place).map_err(|error| failed(place, error));
    }
    Err(LogError::damage(format!(
        "{} and {} are different: decide which one is right",
        from.display(),
        place.display()
    )))
}

fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}
