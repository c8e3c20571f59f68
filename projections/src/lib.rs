//! Views of the log and the engine that keeps them.

pub mod engine;
pub mod views;
