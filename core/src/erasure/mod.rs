//! What makes the log forget: plan, run and certificate of an erasure, and the register that does it again.
//!
//! An erasure is a row of steps, each of which may be done again: it is entered in the [`Register`] (a file
//! beside the key-encryption key, outside both databases), the data keys are destroyed, the sealed parts are
//! deleted, and a `client.erased` is appended to every stream that lost some, in one commit with the release of the
//! client's identities. That event makes every view fold the client anew, here and on any copy of the log. When
//! the views have forgotten, the certificate closes the entry.
//!
//! A process that ends in between goes on at its next start, before anything is read. So does a folder into which
//! an older `log.db` or `keys.db` was put back.

mod holds;
mod plan;
mod register;
mod run;
mod survey;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::exports::Copy;
use crate::ids::{ClientId, ContactId, EmployeeId, ErasureId, Position};
use crate::log::sqlite::SqliteLog;
use crate::log::{AppendError, LogError};
use crate::random::Random;
use crate::time::{Clock, Moment, Zone};
use crate::trust::vault::{KeyMark, Vault};

pub use holds::{Hold, holds};
pub use plan::{KeyPlan, Plan, Stays, StreamPlan};
pub use register::{Begun, Register};
pub use run::{Outcome, Step, Watch};

/// Who is to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A client with all records merged into one with him.
    Client(ClientId),
    /// A contact person, wherever he speaks for somebody.
    Contact(ContactId),
    /// An employee.
    Employee(EmployeeId),
}

impl Target {
    /// `client`, `contact` or `employee`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Contact(_) => "contact",
            Self::Employee(_) => "employee",
        }
    }

    /// His id.
    pub fn id(self) -> u128 {
        match self {
            Self::Client(id) => id.0,
            Self::Contact(id) => id.0,
            Self::Employee(id) => id.0,
        }
    }
}

/// What was done, for whom it may concern: no identity, nothing that describes anybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Its number.
    pub erasure: ErasureId,
    /// `client`, `contact` or `employee`.
    pub subject: Code,
    /// The id of whom was asked for.
    pub id: ClientId,
    /// The records of a client that were merged into one.
    pub clients: Vec<ClientId>,
    /// On which legal basis.
    pub basis: Code,
    /// Who ordered it, an opaque id.
    pub actor: String,
    /// When it began.
    pub begun_at: Moment,
    /// When everything had been forgotten.
    pub done_at: Moment,
    /// What was deleted, stream by stream.
    pub streams: Vec<Forgotten>,
    /// Numbers of the data keys that were destroyed.
    pub keys: Vec<u64>,
    /// How many identities nobody has any more.
    pub identities: u64,
    /// Copies that were handed out before and may hold him: they are not reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copy>,
}

/// What a stream lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// The stream.
    pub stream: String,
    /// How many sealed parts are missing from it by now, those of earlier erasures included.
    pub sealed: u64,
    /// SHA-256 over the positions of their events, ascending, 8 bytes each, big-endian.
    pub positions: Code,
    /// Where the log records it.
    pub record: Position,
}

/// Why nothing was erased, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Somebody has to keep what is known.
    #[error("{} forbid it: {}", if .0.len() == 1 { "a legal hold" } else { "legal holds" }, list(.0))]
    Held(Vec<Hold>),
    /// Nobody has this id.
    #[error("nothing is recorded of {kind} {id}")]
    Unknown {
        /// `client`, `contact` or `employee`.
        kind: &'static str,
        /// The id.
        id: ClientId,
    },
    /// The keys are destroyed and the rest is not done: it goes on at the next start.
    #[error("the erasure is entered in the register and not finished; it goes on at the next start")]
    Append(#[from] AppendError),
    /// A file cannot be read or written. What was begun goes on at the next start.
    #[error(transparent)]
    Log(#[from] LogError),
}

fn list(holds: &[Hold]) -> String {
    let names = holds.iter().map(|hold| format!("{} on client {} ({})", hold.hold, hold.client, hold.basis));
    names.collect::<Vec<_>>().join(", ")
}

/// Makes one data folder forget.
pub struct Eraser {
    dir: PathBuf,
    log: Arc<SqliteLog>,
    vault: Arc<Vault>,
    register: Register,
    clock: Arc<dyn Clock>,
    random: Random,
    zone: Zone,
    /// One erasure at a time.
    turn: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Eraser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Eraser({})", self.dir.display())
    }
}

impl Eraser {
    /// Over the parts of a data folder.
    pub fn new(
        dir: &Path,
        log: Arc<SqliteLog>,
        vault: Arc<Vault>,
        register: Register,
        clock: Arc<dyn Clock>,
        zone: Zone,
    ) -> Self {
        let turn = tokio::sync::Mutex::default();
        Self { dir: dir.to_owned(), log, vault, register, clock, random: Random::system(), zone, turn }
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The certificates of all finished erasures, the oldest first.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.register.entries().into_iter().filter_map(|entry| entry.done).collect()
    }

    /// The last event that records an erasure: views that are behind it have not forgotten yet.
    pub fn last_record(&self) -> Position {
        let records = self.certificates().into_iter().flat_map(|done| done.streams).map(|stream| stream.record);
        records.max().unwrap_or_default()
    }

    fn marks(&self, numbers: impl IntoIterator<Item = u64>) -> Result<Vec<KeyMark>, LogError> {
        let marks = numbers.into_iter().map(|number| self.vault.mark(number));
        marks.filter_map(Result::transpose).collect()
    }
}
