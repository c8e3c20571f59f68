//! Full-text search over what was said and written, by word forms of Russian and English.
//!
//! The index is a file of its own beside the views. It follows the log on its own, so that building it
//! never holds up a view and rebuilding the views never costs the index; it says itself how far it is
//! ([`Search::position`]). It holds stems, not texts: a hit names the event, and the words are read from the
//! log. What is removed is overwritten, in the index and in the documents.

mod compare;
mod index;
mod live;
mod query;
mod stem;

pub use compare::compare;
pub use live::{FILE, Search};
pub use query::Hit;

/// The name under which answers name the index.
pub const NAME: &str = "search";
/// The version of what is indexed and how; an index of another version is made anew.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
