//! The read models, one folder each: rows, fold, totals, queries.

pub mod loyalty;
pub mod orders;
pub mod settlement;
