//! The read models, one folder each: rows, fold, totals, queries.

pub mod definitions;
