//! What makes the log prove itself and forget: leaves, sealed envelopes, keys.

pub mod key_numbers;
pub mod leaf;
pub mod seal;
pub mod vault;
