//! The questions that can be asked: the queries of the views, each answering JSON.

use clap::{Args, Subcommand, ValueEnum};
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use letopis_projections::engine::list;
use letopis_projections::engine::read::{QueryError, Reader};
use letopis_projections::engine::row::Owner;
use letopis_projections::views::loyalty::{Basis, Window, abc, cohorts, lost, rfm, summary};
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
    /// How often a client bought: purchases, recency, age, values.
    Purchases {
        /// The client.
        client: String,
        /// Count only orders with a sale.
        #[arg(long)]
        sales: bool,
    },
    /// Who buys again.
    Loyalty(LoyaltyArgs),
    /// Any other question of the views by its name, see below.
    #[command(external_subcommand)]
    Named(Vec<String>),
}

/// Local days.
#[derive(Debug, Clone, Copy, Args)]
pub struct PeriodArgs {
    /// The first day.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,
    /// The day after the last.
    #[arg(long, value_name = "DAY")]
    pub to: Option<Day>,
}

impl PeriodArgs {
    fn window(self, reader: &Reader<'_>) -> Window {
        let (from, to) = reader.days((self.from, self.to));
        Window { from, to }
    }
}

/// Arguments of `loyalty`.
#[derive(Debug, Args)]
pub struct LoyaltyArgs {
    /// Which question.
    pub what: Loyalty,
    /// One currency.
    #[arg(long)]
    pub currency: Option<Currency>,
    /// Count only orders with a sale.
    #[arg(long)]
    pub sales: bool,
    /// The period.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// At most so many lines.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
}

/// Questions of loyalty.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Loyalty {
    /// Recency, frequency and value of each client.
    Rfm,
    /// Clients per cell of recency, frequency and value.
    RfmTable,
    /// Retention of the clients who first bought in a month.
    Cohorts,
    /// Retention, counting whoever bought in a month or later.
    CohortsRolling,
    /// How many bought on more than one day.
    Repeat,
    /// Clients by their share of revenue.
    AbcClients,
    /// Products by their share of revenue.
    AbcProducts,
    /// Who is lost or at risk.
    Lost,
    /// The share of loyal clients.
    Loyal,
}

type Answer = Result<Value, QueryError>;

fn json<T: Serialize>(answer: T) -> Answer {
    serde_json::to_value(answer).map_err(|error| QueryError::Storage(Box::new(error)))
}

fn basis(sales: bool) -> Basis {
    if sales { Basis::Sales } else { Basis::Purchases }
}

impl Question {
    /// The client it is about.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::Client { client } | Self::History { client, .. } | Self::Purchases { client, .. } => Some(client),
            _ => None,
        }
    }

    /// Whether its views keep everything by day, so that those of today answer for the end of any day.
    pub fn is_dated(&self) -> bool {
        match self {
            Self::Loyalty(_) => true,
            // The others tell of rows as they are now.
            _ => false,
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
            Self::Purchases { sales, .. } => json(summary::summary(reader, client, basis(*sales))?),
            Self::Named(words) => Err(QueryError::Storage(format!("{words:?} is asked by name").into())),
            Self::Loyalty(args) => args.ask(reader),
        }
    }
}

impl LoyaltyArgs {
    fn ask(&self, reader: &Reader<'_>) -> Answer {
        let (window, basis, currency) = (self.period.window(reader), basis(self.sales), self.currency);
        let paging = list::Window::first(self.limit);
        let abc = |of| abc::abc(reader, &abc::Question { of, window, currency }, &paging);
        match self.what {
            Loyalty::Rfm => json(rfm::rfm(reader, &rfm::Question { window, currency, basis, scores: None }, &paging)?),
            Loyalty::RfmTable => json(rfm::rfm_table(reader, window, currency, basis)?),
            Loyalty::Cohorts => json(cohorts::cohorts(reader, window, cohorts::Measure::InMonth, basis)?),
            Loyalty::CohortsRolling => json(cohorts::cohorts(reader, window, cohorts::Measure::InMonthOrLater, basis)?),
            Loyalty::Repeat => json(summary::repeat_rate(reader, window, basis)?),
            Loyalty::AbcClients => json(abc(abc::Of::Clients)?),
            Loyalty::AbcProducts => json(abc(abc::Of::Products)?),
            Loyalty::Lost => json(lost::lost(reader, None, basis, &paging)?),
            Loyalty::Loyal => json(lost::loyal_share(reader, basis)?),
        }
    }
}
