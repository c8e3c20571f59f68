//! What the commands of `replay-tool` are made of.
//!
//! [`mapping`] turns the tables of other systems into events as they are posted; it knows the vocabulary and
//! no log.

pub mod mapping;
