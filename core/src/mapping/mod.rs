//! Tables of other systems as events, by a declarative mapping file.
//!
//! A [`Mapping`] is read from TOML ([`Mapping::load`]) and run over the files of a folder ([`Mapping::run`]). It
//! gives out [`Item`]s: events as they are posted, and rows that are refused with the reason. It is pure: the same
//! rows give the same events with the same ids, in whatever order the rows stand. The language is described in
//! `docs/mapping.md`.
//!
//! ```
//! use letopis_core::mapping::{Files, Item, Mapping};
//!
//! let mapping = Mapping::read("visits.toml", r#"
//!     source = "desk"
//!     [[input]]
//!     name = "visits"
//!     files = ["visits.csv"]
//!     [[input.event]]
//!     type = "visit.logged"
//!     id = "{#hash}/{#n}"
//!     client = "desk:{card}"
//!     occurred_at = "{when | time %Y-%m-%d %H:%M}"
//!     data = { direction = "in", place = "{room | slug | optional}" }
//! "#)?;
//! let dir = std::env::temp_dir().join(format!("letopis-mapping-{}", std::process::id()));
//! std::fs::create_dir_all(&dir)?;
//! std::fs::write(dir.join("visits.csv"), "card,when,room\n17,2026-03-01 12:30,Show Room\n")?;
//! let mut events = Vec::new();
//! mapping.run(&Files::in_dir(&dir), &mut |item| {
//!     if let Item::Event(mapped) = item {
//!         events.push(mapped.event);
//!     }
//!     Ok(())
//! }, &mut |_| {})?;
//! assert_eq!(events[0]["data"]["place"], "show-room");
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod condition;
mod error;
mod event;
mod group;
mod node;
mod raw;
mod read;
mod row;
mod run;
mod scope;
mod syntax;
mod template;
mod transform;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use condition::Condition;
use event::EventRule;
use template::Template;

pub use error::{MappingError, SinkError};

/// How tables become events.
#[derive(Debug)]
pub struct Mapping {
    source: String,
    once: Vec<EventRule>,
    inputs: Vec<Input>,
}

/// One table of a mapping, perhaps in several files with the same columns.
#[derive(Debug)]
pub struct Input {
    name: Arc<str>,
    files: Vec<String>,
    delimiter: u8,
    columns: Vec<String>,
    uses_hash: bool,
    years: usize,
    fields: Vec<Template>,
    rejects: Vec<(Vec<Condition>, String)>,
    events: Vec<EventRule>,
}

impl Input {
    /// Its name in the mapping.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its files, relative to the folder of a run; `.gz` may follow.
    pub fn files(&self) -> &[String] {
        &self.files
    }
}

/// Where the files of a run lie.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The folder of the files that the mapping names.
    pub dir: PathBuf,
    /// Other files for an input, by its name.
    pub named: BTreeMap<String, Vec<PathBuf>>,
}

impl Files {
    /// The files that the mapping names, in a folder.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), named: BTreeMap::new() }
    }
}

/// What a run gives out, in turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An event to be posted.
    Event(Mapped),
    /// A row that became no event.
    Rejected(Rejected),
}

/// An event and the rows it was made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The input; none for an event that the mapping itself states.
    pub input: Option<Arc<str>>,
    /// The numbers of its rows in the input, from 1, rising; empty where there is no input.
    pub rows: Vec<u64>,
    /// The event as it is posted.
    pub event: serde_json::Value,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Why.
    pub reason: String,
    /// The row.
    pub record: Record,
}

/// A row as it stands in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The input.
    pub input: Arc<str>,
    /// The number of the row in the input, from 1.
    pub row: u64,
    /// The names of the columns.
    pub header: Arc<[String]>,
    /// The fields; where they are not UTF-8, with replacement characters.
    pub fields: Vec<String>,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read, of all inputs.
    pub rows: u64,
    /// Bytes of the files read, packed where they are packed.
    pub bytes: u64,
    /// Bytes of all files.
    pub total: u64,
}

/// What a run has given out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events.
    pub events: u64,
    /// Events by type.
    pub by_type: BTreeMap<String, u64>,
    /// Rows of each input.
    pub inputs: Vec<InputSummary>,
}

/// What became of the rows of one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputSummary {
    /// The input.
    pub input: String,
    /// Rows read.
    pub rows: u64,
    /// Rows refused; the others are all in some event.
    pub rejected: u64,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// When the file cannot be read, has a key that means nothing, or a value that makes no sense; the error names
    /// the place.
    pub fn load(path: &Path) -> Result<Self, MappingError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| MappingError::Read { path: path.to_owned(), source })?;
        Self::read(&path.display().to_string(), &text)
    }

    /// Reads a mapping from text; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Mapping::load`].
    pub fn read(file: &str, text: &str) -> Result<Self, MappingError> {
        compile::mapping(file, text)
    }

    /// The `source` of its events.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its inputs, in the order in which they are read.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Reads all inputs and gives every event and every refused row to `sink`, and now and then how far it is to
    /// `report`. Events of single rows come as they are read; those of groups at the end of their input,
    /// definitions first, then by first row. One grouped table is held in memory, as little of it as its events need.
    ///
    /// # Errors
    /// When a file is missing, unreadable or lacks a column, or when `sink` gives up. What was given out before
    /// stays given out: run it again, the ids are the same.
    pub fn run(
        &self,
        files: &Files,
        sink: &mut dyn FnMut(Item) -> Result<(), SinkError>,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<Summary, MappingError> {
        run::run(self, files, sink, report)
    }

    /// Reads rows of an input again, by number, for a report of what the log refused.
    ///
    /// # Errors
    /// As [`Mapping::run`]. An input that the mapping does not have gives no rows.
    pub fn records(
        &self,
        files: &Files,
        input: &str,
        rows: &BTreeSet<u64>,
        take: &mut dyn FnMut(Record) -> Result<(), SinkError>,
    ) -> Result<(), MappingError> {
        match self.inputs.iter().find(|other| *other.name == *input) {
            Some(input) => run::records(input, files, rows, &mut |record| take(record).map_err(MappingError::Sink)),
            None => Ok(()),
        }
    }
}
