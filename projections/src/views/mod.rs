//! The read models, one folder each: rows, fold, totals, queries.

use crate::engine::view::View;

/// Every view there is.
pub fn all() -> Vec<Box<dyn View>> {
    vec![]
}
