//! Why a mapping could not be read or run.

use std::path::PathBuf;

/// A fault of the mapping file or of a table as a whole; faults of single rows are
/// [`Rejected`](super::Rejected) items.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// A file could not be opened or read to its end.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The mapping is not TOML, or has a key that means nothing, or lacks one.
    #[error("in {file}: {reason}")]
    Toml {
        /// The mapping file.
        file: String,
        /// Line, key and what was expected there.
        reason: String,
    },
    /// A value of the mapping makes no sense.
    #[error("in {file}, {place}: {reason}")]
    Mapping {
        /// The mapping file.
        file: String,
        /// Where in it, such as `input "pipeline", event 2 (deal.won), data.amount`.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// No file for an input.
    #[error("input {input:?} needs {path}, which is not there (nor with .gz)")]
    Missing {
        /// The input.
        input: String,
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A table has no such column.
    #[error("{path} has no column {column:?}, which input {input:?} uses; it has {have}")]
    Column {
        /// The table.
        path: PathBuf,
        /// The input that reads it.
        input: String,
        /// The column.
        column: String,
        /// Those it has.
        have: String,
    },
    /// The taker of the events gave up.
    #[error(transparent)]
    Sink(SinkError),
}

/// Whatever went wrong with the taker of the events.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;
