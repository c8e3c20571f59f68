//! The read models, one folder each: rows, fold, totals, queries.

pub mod deals;
pub mod definitions;
pub mod funnel;

use crate::engine::view::View;

/// Every view there is.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(deals::Deals),
        Box::new(definitions::Employees),
        Box::new(definitions::Products),
        Box::new(definitions::StageModels),
    ]
}
