//! Tests of the core through its public face.

mod catalogue;
mod erasure;
mod folder;
mod golden;
mod intake;
mod leaf_vectors;
mod log_contract;
mod log_models;
mod log_sqlite;
mod rotation;
mod trust_bundle;
mod trust_forged;
mod trust_python;
mod trust_sealer;
mod trust_tree;
mod trust_witness;
mod trust_world;
