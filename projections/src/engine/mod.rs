//! The engine that keeps views: one definition, every use.

pub mod projection;
pub mod read;
pub mod row;
