//! Sales seen from above: one cube of revenue and cost, products in use, plan and fact, forecasts and how right
//! they were, first contacts and what became of them, rivals and the market.
//!
//! Nothing here has rows of its own: everything is asked of the dated totals of orders and deals, of definitions
//! (plans, forecasts, observations of the market) and of the history.

mod calendar;
mod cell;
mod cube;
mod drill;
mod fact;
mod first_contact;
mod forecasts;
mod market;
mod models;
mod outlook;
mod plans;
mod products;
mod questions;
mod rivals;

pub use cube::{Cube, CubeCell};
pub use drill::CellEvent;
pub use first_contact::{ContactCohort, ContactCohorts, ContactWeek};
pub use forecasts::{ForecastErrors, ForecastItem, Forecasts};
pub use market::{MarketShare, Segment};
pub use models::{Candidate, Model};
pub use outlook::{Outlook, OutlookPoint};
pub use plans::PlanItem;
pub use products::{Holding, ProductsInUse};
pub use questions::QUESTIONS;
pub use rivals::{Observation, Position, RivalItem};
