//! Which of the files of a folder is the current generation, and what the next one is called.

use std::path::{Path, PathBuf};

use crate::engine::EngineError;
use crate::engine::pool::remove_file;

/// The file that names the current generation.
const POINTER: &str = "current";

/// The current generation in a folder of view files, as its pointer says.
pub fn current(dir: &Path) -> Option<PathBuf> {
    read_pointer(dir).map(|name| dir.join(name))
}

/// The name under which a folder's next generation is written.
pub fn next(dir: &Path) -> PathBuf {
    dir.join(next_name(read_pointer(dir).as_deref()))
}

/// Makes a finished file in the folder its current generation. The caller makes sure that no server runs.
///
/// # Errors
/// When the folder cannot be written.
pub fn install(dir: &Path, path: &Path) -> Result<(), EngineError> {
    let old = current(dir);
    write_pointer(dir, path)?;
    if let Some(old) = old.filter(|old| old != path) {
        remove_file(&old);
    }
    Ok(())
}

pub(super) fn read_pointer(dir: &Path) -> Option<String> {
    let name = std::fs::read_to_string(dir.join(POINTER)).ok()?;
    let name = name.trim();
    (name.starts_with("views-") && name.ends_with(".db") && !name.contains(['/', '\\'])).then(|| name.to_owned())
}

pub(super) fn write_pointer(dir: &Path, path: &Path) -> Result<(), EngineError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let new = dir.join("current.new");
    std::fs::write(&new, name)
        .and_then(|()| std::fs::rename(&new, dir.join(POINTER)))
        .map_err(|error| EngineError::Store(Box::new(error)))
}

pub(super) fn next_name(old: Option<&str>) -> String {
    let number: u64 = old.and_then(|name| name.strip_prefix("views-")?.strip_suffix(".db")?.parse().ok()).unwrap_or(0);
    format!("views-{}.db", number + 1)
}

/// Deletes what an earlier process left: half-built generations, dated views.
pub(super) fn clear_leftovers(dir: &Path, current: Option<&str>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let ours = (name.starts_with("views-") || name.starts_with("dated-")) && name.ends_with(".db");
        if ours && Some(name) != current {
            remove_file(&entry.path());
        }
    }
}
