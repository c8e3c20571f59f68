//! Full-text search over what was said and written, by word forms of Russian and English.
//!
//! The index lies beside the views, is built after they are, and says itself how far it is
//! ([`SearchIndex::position`]). It holds stems, not texts: a hit names the event, and the words are read from
//! the log. What is removed is overwritten, in the index and in the documents.

mod index;
mod query;
mod stem;

pub use index::{Applied, SearchIndex};
pub use query::{Hit, find};
pub use stem::{match_expression, terms, texts_of};

#[cfg(test)]
mod tests;
