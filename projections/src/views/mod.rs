//! The read models, one folder each: rows, fold, totals, queries.

pub mod deals;
pub mod definitions;
pub mod funnel;
