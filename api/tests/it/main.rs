//! The server as its callers see it, through the whole router and a real data folder.

mod clocks;
mod erasure;
mod explain;
mod feed;
mod functions;
mod keys;
mod pages;
mod posting;
mod proofs;
mod search;
mod support;
mod wrong_input;
