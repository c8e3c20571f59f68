//! What the tests of this and other crates share.

pub mod contract;
pub mod hold;
pub mod samples;
