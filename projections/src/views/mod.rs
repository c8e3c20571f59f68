//! The read models, one folder each: rows, fold, totals, queries.

pub mod deals;
pub mod definitions;
pub mod funnel;

use crate::engine::view::{Folded, View};

/// Every view there is.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(Folded::new(deals::Deals)),
        Box::new(Folded::new(definitions::Employees)),
        Box::new(Folded::new(definitions::Products)),
        Box::new(Folded::new(definitions::StageModels)),
    ]
}
