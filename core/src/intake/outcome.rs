//! What became of each posted item.

use serde::{Serialize, Serializer};

use super::refusals::Refused;
use crate::code::Code;
use crate::error::chain;
use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::LogError;
use crate::rules::Flag;
use crate::time::Timestamp;

/// Where an event stands, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The event.
    pub id: EventId,
    /// The client in whose stream it stands; none for definitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream.
    pub version: Version,
    /// When it was recorded.
    #[serde(serialize_with = "as_text")]
    pub recorded_at: Timestamp,
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Why an item was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// A stable code: of a check such as `unknown_field`, or of a business rule such as `deal.closed`.
    pub rule: &'static str,
    /// Dotted path of the field, such as `data.lines[0].quantity`; empty for the item as a whole.
    pub field: String,
    /// What is wrong, with the value that is.
    pub message: String,
}

impl Rejection {
    pub(super) fn new(rule: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, field: field.into(), message: message.into() }
    }
}

/// What became of one posted item.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// Recorded now, and on disk.
    Accepted {
        /// Where.
        #[serde(flatten)]
        receipt: Receipt,
        /// What is odd about it.
        flags: Vec<Flag>,
        /// Systems of the ids by which the client was recognised: `phone`, `email`, `shop` …
        #[serde(skip_serializing_if = "Vec::is_empty")]
        matched_by: Vec<Code>,
    },
    /// Recorded before with the same content; the first receipt.
    Duplicate {
        /// Where.
        #[serde(flatten)]
        receipt: Receipt,
    },
    /// The id is recorded with other content, or the stream is not what the caller expects.
    Conflict {
        /// The event.
        id: EventId,
        /// What is in the way.
        reason: String,
    },
    /// Not taken; posting it again unchanged changes nothing.
    Rejected(Rejection),
    /// Whether it is stored is not known; post it again with the same id later.
    Unknown {
        /// What happened.
        message: String,
    },
    /// Not stored: the log takes no events now; post it again later.
    Refused {
        /// Why.
        message: String,
    },
}

/// Why the work on an item ended before it reached the log.
#[derive(Debug)]
pub(super) enum Stop {
    Rejected(Rejection),
    /// A workflow forbids it, which goes on record.
    Forbidden(Rejection, Box<Refused>),
    Conflict(String),
    Failed(LogError),
    /// The items before it must be stored first.
    Flush,
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl Stop {
    pub(super) fn outcome(self, id: EventId) -> Outcome {
        match self {
            Self::Rejected(rejection) | Self::Forbidden(rejection, _) => Outcome::Rejected(rejection),
            Self::Conflict(reason) => Outcome::Conflict { id, reason },
            // Nothing was handed to the log yet, so nothing is stored.
            Self::Failed(error) => Outcome::Refused { message: chain(&error) },
            Self::Flush => Outcome::Refused { message: "the items before it are not stored yet; post it again".into() },
        }
    }
}
