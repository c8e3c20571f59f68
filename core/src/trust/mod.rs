//! What makes the log prove itself and forget: leaves, sealed envelopes, keys.

pub mod leaf;
pub mod seal;
pub mod vault;
