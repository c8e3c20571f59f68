//! Tests of the views and the engine that keeps them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod areas;
mod equivalence;
mod history;
mod poison;
