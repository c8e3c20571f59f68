//! Sealed parts that are missing from a stream, beside what the erasures of the stream say.
//!
//! Each `client.erased` names **all** sealed parts that are missing from its stream by then, those of earlier erasures
//! included, by their number and by SHA-256 over the positions of their events. So the last one of a stream accounts
//! for every gap, also when it took a part that lies before an earlier erasure.

use sha2::{Digest, Sha256};

use super::hex;
use crate::events::log::Erased;
use crate::ids::Position;

/// SHA-256 over positions, each as 8 bytes, big-endian; 64 hexadecimal digits.
pub fn digest(positions: impl IntoIterator<Item = Position>) -> String {
    let mut hasher = Sha256::new();
    positions.into_iter().for_each(|position| hasher.update(position.0.to_be_bytes()));
    hex::encode(&hasher.finalize())
}

/// Why gaps and erasures do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A sealed part is missing, and no erasure names it.
    #[error("the sealed part of the event at position {0} is missing, and no erasure is recorded that names it")]
    NotErased(Position),
    /// An erasure that cannot be read, or names parts that are here.
    #[error("the erasure recorded at position {0} cannot be read, or names sealed parts that are not missing")]
    Record(Position),
}

impl Misfit {
    /// The event whose part is missing, or the record.
    pub fn position(self) -> Position {
        match self {
            Self::NotErased(position) | Self::Record(position) => position,
        }
    }
}

/// The gaps of one stream, taken in the order of its events.
#[derive(Debug, Clone, Default)]
pub struct Missing {
    gaps: Sha256,
    count: u64,
    first: Option<Position>,
    /// The first gap behind the last erasure.
    unnamed: Option<Position>,
    last: Option<Said>,
}

/// What the last erasure says, and what was missing where it stands.
#[derive(Debug, Clone)]
struct Said {
    at: Position,
    named: u64,
    digest: String,
    missing: u64,
    gaps: Sha256,
}

impl Missing {
    /// The sealed part of the event at a position is missing.
    pub fn gap(&mut self, position: Position) {
        self.gaps.update(position.0.to_be_bytes());
        self.count += 1;
        self.first.get_or_insert(position);
        self.unnamed.get_or_insert(position);
    }

    /// An erasure is recorded at a position; none when its facts cannot be read.
    ///
    /// # Errors
    /// When it cannot be read, or names more parts than are missing.
    pub fn erasure(&mut self, at: Position, record: Option<&Erased>) -> Result<(), Misfit> {
        let record = record.filter(|record| record.sealed <= self.count).ok_or(Misfit::Record(at))?;
        let (named, digest) = (record.sealed, record.positions.to_string());
        self.last = Some(Said { at, named, digest, missing: self.count, gaps: self.gaps.clone() });
        self.unnamed = None;
        Ok(())
    }

    /// What is to be said when the whole stream was taken.
    ///
    /// # Errors
    /// When a part is missing that the last erasure does not name, or it names others than are missing.
    pub fn finish(self) -> Result<(), Misfit> {
        if let Some(position) = self.unnamed {
            return Err(Misfit::NotErased(position));
        }
        let Some(said) = self.last else { return Ok(()) };
        let is_named = said.named == said.missing && hex::encode(&said.gaps.finalize()) == said.digest;
        match self.first {
            _ if is_named => Ok(()),
            // As many or more are missing than it names: one of them is not among those.
            Some(position) => Err(Misfit::NotErased(position)),
            None => Err(Misfit::Record(said.at)),
        }
    }
}
