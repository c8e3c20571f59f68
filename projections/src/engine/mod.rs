//! The engine that keeps views: one definition, every use.
//!
//! A view is a [`projection::Projection`]; the engine folds it live ([`live`]), rebuilds it from the whole
//! log ([`rebuild`]), folds one client's facts in memory for strong and dated answers ([`scope`]), and keeps
//! generations of view files ([`generations`]). A [`question::Question`] is what can be asked of them.

pub mod assume;
pub mod built;
pub(crate) mod content;
pub mod file;
mod folded;
pub(crate) mod follow;
pub mod generations;
pub mod group;
pub mod list;
pub mod live;
mod parts;
pub(crate) mod pool;
pub mod projection;
pub mod question;
pub mod read;
pub mod rebuild;
mod record;
pub mod row;
mod schema;
pub mod scope;
pub mod stored;
pub mod text;
mod totals;
pub mod verify;
pub mod view;
pub mod writer;

use letopis_core::log::LogError;

/// Why views cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log cannot be read, or an event is damaged.
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    /// The view file failed.
    #[error("the view file failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// So many rows could not be folded that the views are not to be trusted.
    #[error("{0} rows cannot be folded; the views have stopped")]
    TooManyParked(usize),
    /// The view file was folded from another log.
    #[error("the views were folded from another log: at position {0} the log has another event")]
    OtherLog(letopis_core::ids::Position),
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(Box::new(error))
    }
}
