//! What the tests of this and other crates share.

pub mod contract;
pub mod desk;
pub mod hold;
pub mod samples;
