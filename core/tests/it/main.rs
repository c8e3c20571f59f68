//! Tests of the core through its public face.

mod catalogue;
mod log_contract;
mod log_models;
mod log_sqlite;
