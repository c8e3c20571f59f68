//! A disk that tells what is really on it: a recording of all writes and syncs of a process, and the images that a
//! power cut may leave.
//!
//! A write is on the disk when its file was synced after it; a name when its folder was. Until then it may be there or
//! not, in any combination, and the last one in part.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::chance::Chance;

/// What a power cut tears a write at.
const SECTOR: usize = 512;

/// The shim that records, compiled once; `None`, with a line that says so, where there is no C compiler.
pub(crate) fn shim() -> Option<PathBuf> {
    static BUILT: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    let build = || {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{}.so", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&target).arg(source).args(["-ldl", "-lpthread"]);
        compiler.status().is_ok_and(|status| status.success()).then_some(target)
    };
    let built = BUILT.get_or_init(|| if cfg!(target_os = "linux") { build() } else { None }).clone();
    if built.is_none() {
        println!("SKIPPED: the disk is watched on Linux with a C compiler (cc) only");
    }
    built
}

/// A call of the recorded process.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    kind: u8,
    file: u32,
    offset: u64,
    bytes: Vec<u8>,
}

impl Record {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).expect("paths are UTF-8")
    }

    /// Whether it is the call that was told to fail.
    pub(crate) fn is_failure(&self) -> bool {
        self.kind == b'X'
    }

    /// How many calls of the class that was to fail were made; the last record of a process tells.
    pub(crate) fn counted(&self) -> Option<u64> {
        (self.kind == b'N').then_some(self.offset)
    }

    /// Whether it makes something durable.
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.kind, b'S' | b'D')
    }
}

/// Reads a recording.
pub(crate) fn records(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).expect("a recording");
    let (mut records, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((head, tail)) = rest.split_at_checked(17) {
        let number = |from: usize, to: usize| {
            head[from..to].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let Some((body, tail)) = tail.split_at_checked(number(13, 17) as usize) else { break };
        records.push(Record { kind: head[0], file: number(1, 5) as u32, offset: number(5, 13), bytes: body.to_vec() });
        rest = tail;
    }
    records
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, keep: usize) {
        match self {
            Self::Write(at, data) => {
                let data = &data[..keep.min(data.len())];
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
            Self::Cut(length) => bytes.resize(*length, 0),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Naming {
    Link(String, usize),
    Folder(String),
    Unlink(String),
    Rename(String, String),
}

impl Naming {
    fn folder(&self) -> &str {
        let (Self::Link(path, _) | Self::Folder(path) | Self::Unlink(path) | Self::Rename(_, path)) = self;
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Names, with what they name; a folder names nothing.
type Names = BTreeMap<String, Option<usize>>;

fn apply(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Link(path, file) => drop(names.insert(path.clone(), Some(*file))),
        Naming::Folder(path) => drop(names.insert(path.clone(), None)),
        Naming::Unlink(path) => drop(names.remove(path)),
        Naming::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

/// How a power cut treats what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it is lost.
    Strict,
    /// All of it is there, as after a kill.
    Kept,
    /// Some of it is there, in any combination, some writes in part.
    Torn,
}

/// A disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    /// As the running process sees them.
    names: Names,
    synced: Names,
    since: Vec<Naming>,
    /// Files of the running process, by its numbers.
    open: BTreeMap<u32, usize>,
}

/// What a power cut left: files by path, and folders.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Image {
    files: BTreeMap<String, Vec<u8>>,
    folders: Vec<String>,
}

impl Disk {
    /// Another process begins.
    pub(crate) fn next_process(&mut self) {
        self.open.clear();
    }

    fn name(&mut self, naming: Naming) {
        apply(&mut self.names, &naming);
        self.since.push(naming);
    }

    /// Takes a call in.
    pub(crate) fn take(&mut self, record: &Record) {
        let file = self.open.get(&record.file).copied();
        let change = |disk: &mut Self, change| disk.files[file.expect("opened before")].since.push(change);
        match record.kind {
            b'C' => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.open.insert(record.file, file);
                self.name(Naming::Link(record.text(), file));
            }
            b'O' => {
                let named = self.names.get(&record.text()).copied().flatten();
                self.open.insert(record.file, named.expect("a file that was there is known"));
            }
            b'Z' => change(self, Change::Cut(0)),
            b'W' => change(self, Change::Write(record.offset as usize, record.bytes.clone())),
            b'T' => change(self, Change::Cut(record.offset as usize)),
            b'S' => {
                let file = &mut self.files[file.expect("opened before")];
                for change in file.since.drain(..) {
                    change.apply(&mut file.synced, usize::MAX);
                }
            }
            // The system forgets what it could not write, and calls it clean: no later sync brings it to the disk.
            b'X' if record.bytes == b"sync" => {
                if let Some(file) = file {
                    self.files[file].since.clear();
                }
            }
            b'D' => {
                let folder = record.text();
                for naming in self.since.extract_if(.., |naming| naming.folder() == folder) {
                    apply(&mut self.synced, &naming);
                }
            }
            b'M' => self.name(Naming::Folder(record.text())),
            b'U' => self.name(Naming::Unlink(record.text())),
            b'R' => {
                let both = record.text();
                let (from, to) = both.split_once('\0').expect("two paths");
                self.name(Naming::Rename(from.to_owned(), to.to_owned()));
            }
            _ => {}
        }
    }

    /// What stands in a file as the running process sees it.
    pub(crate) fn told(&self, path: &str) -> String {
        let Some(Some(file)) = self.names.get(path) else { return String::new() };
        let mut bytes = self.files[*file].synced.clone();
        self.files[*file].since.iter().for_each(|change| change.apply(&mut bytes, usize::MAX));
        String::from_utf8(bytes).expect("text")
    }

    /// What a power cut at this moment leaves.
    pub(crate) fn image(&self, cut: Cut, chance: &mut Chance) -> Image {
        let mut names = self.synced.clone();
        // A folder's names reach the disk in their order.
        let mut kept: BTreeMap<&str, bool> = BTreeMap::new();
        for naming in &self.since {
            let keep = kept.entry(naming.folder()).or_insert(true);
            *keep &= match cut {
                Cut::Strict => false,
                Cut::Kept => true,
                Cut::Torn => chance.below(4) > 0,
            };
            if *keep {
                apply(&mut names, naming);
            }
        }
        let is_there = |path: &str| {
            let mut folder = path;
            while let Some((above, _)) = folder.rsplit_once('/') {
                if names.get(above) != Some(&None) {
                    return false;
                }
                folder = above;
            }
            true
        };
        let mut image = Image { files: BTreeMap::new(), folders: Vec::new() };
        for (path, file) in names.iter().filter(|(path, _)| is_there(path)) {
            match file {
                None => image.folders.push(path.clone()),
                Some(file) => drop(image.files.insert(path.clone(), self.files[*file].left(cut, chance))),
            }
        }
        image
    }
}

impl File {
    fn left(&self, cut: Cut, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        // Each file in its own way: nothing, everything, a beginning, or any combination.
        let (way, upto) = (chance.below(4), chance.below(self.since.len() as u64 + 1) as usize);
        for (index, change) in self.since.iter().enumerate() {
            let whole = match (cut, way) {
                (Cut::Strict, _) | (Cut::Torn, 0) => continue,
                (Cut::Kept, _) | (Cut::Torn, 1) => true,
                (Cut::Torn, 2) if index > upto => continue,
                (Cut::Torn, 2) => index < upto,
                _ => match chance.below(4) {
                    0 | 1 => continue,
                    2 => true,
                    _ => false,
                },
            };
            let length = if let Change::Write(_, data) = change { data.len() } else { 0 };
            let part = chance.below((length / SECTOR) as u64 + 1) as usize * SECTOR;
            change.apply(&mut bytes, if whole { usize::MAX } else { part });
        }
        bytes
    }
}

impl Image {
    /// Equal images have equal numbers.
    pub(crate) fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Writes one of its folders to a real disk.
    pub(crate) fn write(&self, below: &str, to: &Path) {
        for folder in self.folders.iter().filter_map(|folder| folder.strip_prefix(below)) {
            std::fs::create_dir_all(to.join(folder.trim_start_matches('/'))).expect("made");
        }
        for (path, bytes) in &self.files {
            if let Some(path) = path.strip_prefix(below) {
                std::fs::write(to.join(path.trim_start_matches('/')), bytes).expect("written");
            }
        }
    }
}
