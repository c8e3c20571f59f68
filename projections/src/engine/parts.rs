//! [`Parts`]: the events of a log cut into parts by their owners, in memory up to a bound, beyond it in a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pool::{lock, remove_file};
use super::row::Owner;

/// Events of a log by parts; many threads put events in at once.
pub(super) struct Parts {
    parts: Vec<Mutex<Part>>,
    /// Bytes that may be held in memory.
    limit: usize,
    held: AtomicUsize,
    spill: Mutex<Option<Spill>>,
    path: PathBuf,
}

#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    /// What lies in the file: places and lengths.
    spilled: Vec<(u64, usize)>,
}

struct Spill {
    file: File,
    end: u64,
}

impl Parts {
    /// So many empty parts. The file, should one be needed, is made at `path` and has no name any more while it
    /// is in use, where the system allows that.
    pub(super) fn new(count: usize, limit: usize, path: &Path) -> Self {
        Self {
            parts: (0..count).map(|_| Mutex::default()).collect(),
            limit,
            held: AtomicUsize::new(0),
            spill: Mutex::new(None),
            path: path.to_owned(),
        }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.parts.len()
    }

    /// Whether nothing was put in.
    pub(super) fn is_empty(&self) -> bool {
        self.held.load(Ordering::Relaxed) == 0 && lock(&self.spill).is_none()
    }

    /// Lets `put` write what belongs to an owner behind what its part holds.
    pub(super) fn put(&self, owner: Owner, put: impl FnOnce(&mut Vec<u8>)) -> std::io::Result<()> {
        // The low half of an id is as good as random.
        let part = (owner.0 as u64 % self.parts.len() as u64) as usize;
        let held = {
            let mut part = lock(&self.parts[part]);
            let before = part.bytes.capacity();
            put(&mut part.bytes);
            // Counted under the lock of the part: who spills it takes off what was counted.
            let grown = part.bytes.capacity() - before;
            if grown == 0 {
                return Ok(());
            }
            self.held.fetch_add(grown, Ordering::Relaxed) + grown
        };
        if held > self.limit { self.spill() } else { Ok(()) }
    }

    /// Writes everything that is held to the file.
    fn spill(&self) -> std::io::Result<()> {
        let mut spill = lock(&self.spill);
        // Another thread may have done it while this one waited.
        if self.held.load(Ordering::Relaxed) <= self.limit {
            return Ok(());
        }
        if spill.is_none() {
            *spill = Some(Spill { file: self.create()?, end: 0 });
        }
        let Some(Spill { file, end }) = &mut *spill else { return Ok(()) };
        file.seek(SeekFrom::Start(*end))?;
        for part in &self.parts {
            let mut part = lock(part);
            let bytes = std::mem::take(&mut part.bytes);
            self.held.fetch_sub(bytes.capacity(), Ordering::Relaxed);
            if !bytes.is_empty() {
                file.write_all(&bytes)?;
                part.spilled.push((*end, bytes.len()));
                *end += bytes.len() as u64;
            }
        }
        Ok(())
    }

    fn create(&self) -> std::io::Result<File> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&self.path)?;
        // Where an open file cannot lose its name, it is deleted when the parts are dropped.
        let _ = std::fs::remove_file(&self.path);
        Ok(file)
    }

    /// Takes everything of a part out.
    pub(super) fn take(&self, part: usize) -> std::io::Result<Vec<u8>> {
        let Part { bytes: rest, spilled } = std::mem::take(&mut *lock(&self.parts[part]));
        self.held.fetch_sub(rest.capacity(), Ordering::Relaxed);
        if spilled.is_empty() {
            return Ok(rest);
        }
        let mut bytes = vec![0; spilled.iter().map(|(_, length)| length).sum()];
        let mut free = bytes.as_mut_slice();
        let mut spill = lock(&self.spill);
        for (place, length) in spilled {
            let Some(Spill { file, .. }) = &mut *spill else { break };
            let (now, later) = free.split_at_mut(length);
            file.seek(SeekFrom::Start(place))?;
            file.read_exact(now)?;
            free = later;
        }
        bytes.extend_from_slice(&rest);
        Ok(bytes)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let file = lock(&self.spill).take();
        if file.is_some() {
            drop(file);
            remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_what_was_put_in_whether_or_not_it_fits_into_memory() {
        let dir = tempfile::tempdir().expect("a folder");
        for limit in [0, 500, 1 << 20] {
            let parts = Parts::new(3, limit, &dir.path().join("parts"));
            assert!(parts.is_empty());
            for n in 0..1_000_u128 {
                parts.put(Owner(n), |out| out.extend_from_slice(&(n as u16).to_be_bytes())).expect("put");
            }
            assert!(!parts.is_empty());
            for part in 0..3 {
                let bytes = parts.take(part).expect("taken");
                let numbers = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                assert!(numbers.eq((0..1_000).filter(|n| usize::from(*n) % 3 == part)), "{limit}");
            }
            drop(parts);
            assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
        }
    }
}
