//! The questions that can be asked: the queries of the views, each answering JSON.

use clap::Subcommand;
use letopis_core::ids::ClientId;
use letopis_projections::engine::list;
use letopis_projections::engine::read::{QueryError, Reader};
use letopis_projections::engine::row::Owner;
use letopis_projections::views::{client, history};
use serde::Serialize;
use serde_json::Value;

/// A question.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// The card of a client: a ULID or `system:id-in-that-system`.
    Client {
        /// The client.
        client: String,
    },
    /// What happened with a client, as the view tells it.
    History {
        /// The client.
        client: String,
        /// At most so many events.
        #[arg(long, default_value_t = 1_000)]
        limit: u32,
    },
    /// Any other question of the views by its name, see below.
    #[command(external_subcommand)]
    Named(Vec<String>),
}

type Answer = Result<Value, QueryError>;

fn json<T: Serialize>(answer: T) -> Answer {
    serde_json::to_value(answer).map_err(|error| QueryError::Storage(Box::new(error)))
}

impl Question {
    /// The client it is about.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::Client { client } | Self::History { client, .. } => Some(client),
            _ => None,
        }
    }

    /// Asks it; `client` is the head of the group of the client it is about.
    ///
    /// # Errors
    /// What the query says.
    pub fn ask(&self, reader: &Reader<'_>, client: ClientId) -> Answer {
        let owner = Owner::from(client);
        match self {
            Self::Client { .. } => json(client::card(reader, owner)?),
            Self::History { limit, .. } => {
                let window = list::Window::first(*limit);
                json(history::page(reader, owner, &history::HistoryQuery::default(), &window)?)
            }
            Self::Named(words) => Err(QueryError::Storage(format!("{words:?} is asked by name").into())),
        }
    }
}
