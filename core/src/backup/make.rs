//! Takes a copy.

use std::fs::{self, File};
use std::path::Path;

use super::manifest::{Entry, Manifest};
use super::walk::walk;
use super::{DATA, LOG, SECRETS};
use crate::log::LogError;
use crate::log::sqlite::audit::{Audit, copy_database};
use crate::secret::{failed, folder, make_private};
use crate::time::{Clock, Moment};
use crate::trust::hex::Hex;

/// A copy that was taken.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The copy of the data.
    pub data: Manifest,
    /// The copy of the secrets, where one was asked for.
    pub secrets: Option<Manifest>,
}

/// Copies a data folder, also while a server writes to it, into an empty folder; with `secrets` also the folder's
/// secrets into another empty one. `extra` are small files beside the log that belong to somebody else.
///
/// # Errors
/// When the folder cannot be read, a target is not empty or cannot be written, or what was copied is damaged.
pub async fn make(
    dir: &Path,
    to: &Path,
    secrets: Option<&Path>,
    extra: &[&str],
    clock: &dyn Clock,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Copied, LogError> {
    let log = Audit::open(&dir.join(LOG))?;
    let made_at = Moment::utc(clock.now());
    let inside = |inner: &Path, outer: &Path| inner.starts_with(outer);
    if let Some(secrets) = secrets
        && (inside(secrets, to) || inside(to, secrets))
    {
        return Err(LogError::damage("the secrets go to a folder of their own, apart from the data they open"));
    }
    for target in [Some(to), secrets].into_iter().flatten() {
        make_private(target).map_err(|error| failed(target, error))?;
        if fs::read_dir(target).map_err(|error| failed(target, error))?.next().is_some() {
            return Err(LogError::damage(format!("{} is not empty", target.display())));
        }
    }
    // The secrets first: the register of erasures may lack what is erased meanwhile, and never names what the log lacks.
    let secrets = secrets.map(|to| copy_secrets(dir, to, made_at)).transpose()?;
    let mut data = Manifest::new(made_at);
    for name in DATA.iter().chain(extra) {
        let (from, target) = (dir.join(name), to.join(name));
        match *name {
            LOG => log.copy_to(&target, progress)?,
            _ if !from.exists() => continue,
            name if name.ends_with(".db") => copy_database(&from, &target)?,
            _ => copy_file(&from, &target)?,
        }
        data.files.push(Entry::of(to, name)?);
    }
    let (position, leaf) = walk(to).await?;
    (data.position, data.leaf) = (Some(position), Some(Hex(leaf)));
    // Looking at the copy leaves nothing beside it.
    for left in ["log.db-wal", "log.db-shm", "trust.db-wal", "trust.db-shm"] {
        drop(fs::remove_file(to.join(left)));
    }
    data.write(to)?;
    Manifest::check(to)?;
    Ok(Copied { data, secrets })
}

fn copy_secrets(dir: &Path, to: &Path, made_at: Moment) -> Result<Manifest, LogError> {
    let mut copied = Manifest::new(made_at);
    for name in SECRETS {
        let from = folder(dir).join(name);
        if from.exists() {
            copy_file(&from, &to.join(name))?;
            copied.files.push(Entry::of(to, name)?);
        }
    }
    copied.write(to)?;
    Ok(copied)
}

/// Copies a small file; it is on disk when this returns.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), LogError> {
    let copy = || {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    };
    copy().map_err(|error| LogError::new(format!("copying {} to {}", from.display(), to.display()), error))
}
