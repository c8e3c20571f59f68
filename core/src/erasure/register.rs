//! The register of erasures: a file that only grows, beside the key-encryption key and outside both databases.
//!
//! Each line is JSON, a tab, and a keyed hash over the line and the one before, so that a line that was altered,
//! left out or moved is noticed. A last line that a crash cut short was never acted on and is taken away.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Certificate;
use crate::code::Code;
use crate::exports::Copy;
use crate::identity::IdentityKey;
use crate::ids::{ClientId, ErasureId, EventId};
use crate::log::{LogError, StreamName};
use crate::secret::{failed, folder, make_private, sync_folder};
use crate::time::Moment;
use crate::trust::vault::KeyMark;

/// The file in the folder of secrets.
const FILE: &str = "erasures.log";

/// An erasure that was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Its number.
    pub erasure: ErasureId,
    /// `client`, `contact` or `employee`.
    pub subject: Code,
    /// The id of whom was asked for.
    pub id: ClientId,
    /// The records of a client that were merged into one.
    pub clients: Vec<ClientId>,
    /// The streams that lose sealed parts, each with the id of the event that records it.
    pub streams: Vec<(String, EventId)>,
    /// The keys that are destroyed.
    pub keys: Vec<KeyMark>,
    /// Copies that are not reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copy>,
    /// On which legal basis.
    pub basis: Code,
    /// Who ordered it, an opaque id.
    pub actor: String,
    /// When.
    pub at: Moment,
}

impl Begun {
    /// The streams by name.
    ///
    /// # Errors
    /// When one is no name of a stream.
    pub(super) fn streams(&self) -> Result<Vec<(StreamName, EventId)>, LogError> {
        let parse = |(name, record): &(String, EventId)| Ok((StreamName::parse(name)?, *record));
        let parsed: Result<_, crate::log::InvalidStream> = self.streams.iter().map(parse).collect();
        parsed.map_err(|error| LogError::new("the register of erasures", error))
    }

    /// Whether it takes everything that is sealed in its streams, and not only what its keys open.
    pub(super) fn is_whole(&self) -> bool {
        self.subject == *"client"
    }
}

/// An erasure in the register.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What was decided.
    pub begun: Begun,
    /// What was done; none while it is not finished.
    pub done: Option<Certificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Line {
    Begun(Begun),
    Done(Certificate),
}

/// The register of one data folder.
pub struct Register {
    path: PathBuf,
    key: IdentityKey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    last: String,
    /// Bytes of the file up to the last line that was taken in.
    length: u64,
}

impl Register {
    /// Reads the register of a data folder; there is none before the first erasure.
    ///
    /// # Errors
    /// When it cannot be read, or a line was altered, left out or moved.
    pub fn open(dir: &Path, key: IdentityKey) -> Result<Self, LogError> {
        let path = folder(dir).join(FILE);
        let register = Self { path, key, state: Mutex::default() };
        let text = match fs::read_to_string(&register.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(register),
            Err(error) => return Err(failed(&register.path, error)),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            tracing::warn!("the last line of the register of erasures was cut short by a crash and is taken away");
        }
        let mut state = State::default();
        for (number, line) in text[..whole].lines().enumerate() {
            register.take_in(&mut state, line).map_err(|reason| {
                let place = format!("line {} of {}", number + 1, register.path.display());
                LogError::damage(format!("{place} {reason}: put the register back as it was"))
            })?;
        }
        // Where the disk had failed an earlier process, the end may be in memory only and look written: whatever came
        // behind it would be lost with it. Written again, the same bytes are on disk.
        let again = |mut file: File| {
            file.write_all(&text.as_bytes()[..whole])?;
            file.set_len(whole as u64)?;
            file.sync_all()?;
            sync_folder(&folder(dir))
        };
        let file = File::options().write(true).open(&register.path);
        file.and_then(again).map_err(|error| failed(&register.path, error))?;
        state.length = whole as u64;
        *register.lock() = state;
        Ok(register)
    }

    fn take_in(&self, state: &mut State, line: &str) -> Result<(), String> {
        let (json, tag) = line.split_once('\t').ok_or("has no hash")?;
        if self.tag(&state.last, json) != tag {
            return Err("was altered, or one before it is missing".to_owned());
        }
        let line: Line = serde_json::from_str(json).map_err(|error| format!("cannot be read: {error}"))?;
        state.last = tag.to_owned();
        match line {
            Line::Begun(begun) => state.entries.push(Entry { begun, done: None }),
            Line::Done(done) => {
                let entry = state.entries.iter_mut().find(|entry| entry.begun.erasure == done.erasure);
                entry.ok_or("ends what never began")?.done = Some(done);
            }
        }
        Ok(())
    }

    fn tag(&self, before: &str, json: &str) -> String {
        format!("{:032x}", self.key.derive("register of erasures", &[before, json]))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state follows the file: a panic in between leaves it behind, never ahead.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything in it, the oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    pub(super) fn begin(&self, begun: Begun) -> Result<(), LogError> {
        self.append(&Line::Begun(begun))
    }

    pub(super) fn end(&self, done: Certificate) -> Result<(), LogError> {
        self.append(&Line::Done(done))
    }

    /// Adds a line; it is on disk when this returns.
    fn append(&self, line: &Line) -> Result<(), LogError> {
        let failed = |error| failed(&self.path, error);
        let json = serde_json::to_string(line).map_err(|error| LogError::new("the register of erasures", error))?;
        let mut state = self.lock();
        let is_new = !self.path.exists();
        let dir = self.path.parent().unwrap_or(Path::new("."));
        make_private(dir).map_err(failed)?;
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > state.length {
            // A line that could not be written to its end, or not be synced: nobody was told that it is there.
            file.set_len(state.length).map_err(failed)?;
        }
        let whole = format!("{json}\t{}", self.tag(&state.last, &json));
        file.write_all(format!("{whole}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        state.length += whole.len() as u64 + 1;
        if is_new {
            sync_folder(dir).map_err(failed)?;
        }
        self.take_in(&mut state, &whole).map_err(LogError::damage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Result<Register, LogError> {
        Register::open(dir, IdentityKey::new([5; 32]))
    }

    fn begun(n: u128) -> Begun {
        Begun {
            erasure: ErasureId(n),
            subject: "client".parse().expect("code"),
            id: ClientId(n),
            clients: vec![ClientId(n)],
            streams: vec![(StreamName::client(ClientId(n)).to_string(), EventId(n))],
            keys: Vec::new(),
            copies: Vec::new(),
            basis: "gdpr-17".parse().expect("code"),
            actor: "key/1".into(),
            at: Moment::default(),
        }
    }

    #[test]
    fn lines_survive_and_one_that_was_cut_short_is_taken_away() {
        let dir = tempfile::tempdir().expect("tempdir");
        let register = open(dir.path()).expect("opens");
        register.begin(begun(1)).expect("written");
        register.begin(begun(2)).expect("written");
        assert_eq!(open(dir.path()).expect("opens").entries(), register.entries());
        let path = folder(dir.path()).join(FILE);
        let text = fs::read_to_string(&path).expect("there");
        fs::write(&path, &text[..text.len() - 3]).expect("cut");
        let again = open(dir.path()).expect("opens");
        assert_eq!(again.entries().len(), 1);
        again.begin(begun(3)).expect("written");
        assert_eq!(open(dir.path()).expect("opens").entries().len(), 2);
    }

    #[test]
    fn a_line_that_nobody_was_told_of_is_taken_away_before_the_next() {
        let dir = tempfile::tempdir().expect("tempdir");
        let register = open(dir.path()).expect("opens");
        register.begin(begun(1)).expect("written");
        // A write that failed half way, or a sync that failed, leaves bytes behind.
        let path = folder(dir.path()).join(FILE);
        let mut file = File::options().append(true).open(&path).expect("there");
        file.write_all(b"{\"state\":\"begun\",\"era").expect("written");
        register.begin(begun(2)).expect("written");
        register.begin(begun(3)).expect("written");
        assert_eq!(open(dir.path()).expect("opens").entries(), register.entries());
    }

    #[test]
    fn an_altered_missing_or_moved_line_is_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        let register = open(dir.path()).expect("opens");
        (1..4).for_each(|n| register.begin(begun(n)).expect("written"));
        let path = folder(dir.path()).join(FILE);
        let text = fs::read_to_string(&path).expect("there");
        let lines: Vec<&str> = text.lines().collect();
        let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let altered = text.replacen("gdpr-17", "gdpr-18", 1);
        for bad in [altered, join(&lines[1..]), join(&[lines[1], lines[0], lines[2]]), "\n".into()] {
            fs::write(&path, bad).expect("written");
            assert!(open(dir.path()).is_err());
        }
        fs::write(&path, &text).expect("put back");
        assert_eq!(open(dir.path()).expect("opens").entries().len(), 3);
    }
}
