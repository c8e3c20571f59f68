//! What `replay-tool` is made of: the tool of analysts and auditors, for a copied or a live data folder.
//!
//! One file per command in [`commands`]; each takes its arguments and answers a [`console::Done`]: what to
//! print for people, the same for programs, and the exit code. [`verify`] recomputes a log from its raw
//! rows; [`mapping`] turns the tables of other systems into events as they are posted and knows no log.

pub mod commands;
pub mod console;
pub mod data;
pub use letopis_core::mapping;
pub mod table;
pub mod time;
pub mod verify;
