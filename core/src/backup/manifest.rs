//! What a copy says of itself.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::Position;
use crate::log::LogError;
use crate::secret::{failed, sync_folder};
use crate::time::Moment;
use crate::trust::hex::Hex;

/// The file beside the copied ones. A folder without it is no finished copy.
pub const FILE: &str = "backup.json";
const FORMAT: u32 = 1;
/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 20;

/// What a copy says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// When the copy was begun.
    pub made_at: Moment,
    /// The last event of the log; none in a copy of secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Its leaf hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Hex<32>>,
    /// The files.
    pub files: Vec<Entry>,
}

/// A file of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 over its bytes.
    pub sha256: Hex<32>,
}

impl Entry {
    pub(super) fn of(dir: &Path, name: &str) -> Result<Self, LogError> {
        let path = dir.join(name);
        let (bytes, sha256) = digest(&path).map_err(|error| failed(&path, error))?;
        Ok(Self { name: name.to_owned(), bytes, sha256: Hex(sha256) })
    }
}

fn digest(path: &Path) -> std::io::Result<(u64, [u8; 32])> {
    let (mut file, mut hasher, mut block, mut bytes) = (File::open(path)?, Sha256::new(), vec![0; BLOCK], 0);
    loop {
        match file.read(&mut block)? {
            0 => return Ok((bytes, hasher.finalize().into())),
            count => {
                hasher.update(&block[..count]);
                bytes += count as u64;
            }
        }
    }
}

impl Manifest {
    pub(super) fn new(made_at: Moment) -> Self {
        Self { format: FORMAT, made_at, position: None, leaf: None, files: Vec::new() }
    }

    /// Reads the manifest of a copy and compares every file with it.
    ///
    /// # Errors
    /// When there is none, or a file is missing or not as it was copied.
    pub fn check(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(FILE);
        let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| LogError::new(format!("{} is damaged", path.display()), error))?;
        if manifest.format != FORMAT {
            let format = manifest.format;
            return Err(LogError::damage(format!("the copy has format {format}, this program knows {FORMAT}")));
        }
        for entry in &manifest.files {
            if entry.name.contains(['/', '\\']) || entry.name.starts_with('.') {
                return Err(LogError::damage(format!("{:?} is no name of a copied file", entry.name)));
            }
            if Entry::of(dir, &entry.name)? != *entry {
                let path = dir.join(&entry.name);
                return Err(LogError::damage(format!("{} is not as it was copied: use another copy", path.display())));
            }
        }
        Ok(manifest)
    }

    /// Writes it beside its files; the copy is on disk when this returns.
    pub(super) fn write(&self, dir: &Path) -> Result<(), LogError> {
        let path = dir.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(&path, error))?;
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            sync_folder(dir)
        };
        write().map_err(|error| failed(&path, error))
    }
}
