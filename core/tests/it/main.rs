//! Tests of the core through its public face.

mod catalogue;
mod folder;
mod golden;
mod intake;
mod leaf_vectors;
mod log_contract;
mod log_models;
mod log_sqlite;
