//! The HTTP server of Letopis.
//!
//! Facts go in at `POST /v1/events`, everything else is an answer of a view. The crate is thin: a handler
//! extracts, asks, shapes. [`state::App`] is what handlers reach, [`extract::Asked`] how queries are read,
//! [`answer`] how views are asked (two clocks, waiting, envelopes), [`error::Problem`] the only table of status
//! codes, and each resource is one file with its own `routes()`; what views answer by name has its route from its
//! declaration ([`questions`]). [`server::serve`] puts them together and ends
//! gracefully; [`folder::open`] makes an [`state::App`] of a data folder.
//!
//! ```no_run
//! # async fn run() -> anyhow::Result<()> {
//! let app = letopis_api::folder::open(std::path::Path::new("data"), false).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7979").await?;
//! letopis_api::server::serve(app, Vec::new(), listener, std::future::pending()).await
//! # }
//! ```

pub mod answer;
pub mod auth;
pub mod automation;
pub mod backup;
pub mod clients;
pub mod demo;
pub mod erasure;
pub mod error;
pub mod events;
pub mod explain;
pub mod export;
pub mod extract;
pub mod folder;
pub mod health;
pub mod history;
pub mod keys;
pub mod locale;
pub mod log;
pub mod middleware;
pub mod openapi;
pub mod questions;
pub mod search;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod views;
pub mod witness;
