//! The read models, one folder each: rows, fold, totals, queries.
