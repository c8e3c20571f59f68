//! Appends are refused before the disk is full.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a look at the free space of the disk holds.
const DISK_LOOK: Duration = Duration::from_millis(100);

/// The free space of the disk, looked at now and then.
pub(super) struct Disk {
    folder: PathBuf,
    min_free: u64,
    looked: Option<Instant>,
    free: u64,
}

impl Disk {
    /// The disk of a folder.
    pub(super) fn new(folder: &Path, min_free: u64) -> Self {
        Self { folder: folder.to_owned(), min_free, looked: None, free: u64::MAX }
    }

    /// Whether there is room for more events; if not, why.
    pub(super) fn check(&mut self) -> Result<(), String> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= DISK_LOOK) {
            // A disk that does not tell is taken as empty: a write that finds it full stops the log.
            self.free = fs4::available_space(&self.folder).unwrap_or(u64::MAX);
            self.looked = Some(Instant::now());
        }
        if self.free < self.min_free {
            return Err(format!(
                "{} bytes are free in {}, at least {} are needed",
                self.free,
                self.folder.display(),
                self.min_free
            ));
        }
        Ok(())
    }
}
