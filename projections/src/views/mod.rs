//! The read models, one folder each: rows, fold, totals, queries.

pub mod cases;
pub mod client;
pub mod history;
pub mod list;
pub mod search;
mod words;

use crate::engine::view::{Folded, View};

/// Every view there is.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(Folded::new(cases::Cases)),
        Box::new(Folded::new(client::Client)),
        Box::new(Folded::new(history::Handling)),
        Box::new(Folded::new(history::History)),
    ]
}
