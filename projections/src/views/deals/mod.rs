//! Deals: one row each, and what they add to the sales funnel.
//!
//! The view is [`Deals`]. A row keeps the deal as it stands and its [`history`](DealRow::history), so
//! that [`DealRow::as_of`] gives it as it stood. The totals [`DealStock`], [`DealFlow`],
//! [`DealClose`] and [`DealReach`] are dated: a number as of a day is the sum up to that day. Questions to all of them
//! are asked in [`funnel`](super::funnel).

mod card;
mod fold;
mod queries;
mod questions;
mod rows;
mod team;
mod totals;

pub use card::{DealCard, DealVisit};
pub use fold::Deals;
pub(crate) use queries::each_deal;
pub use questions::QUESTIONS;
pub(crate) use questions::find_deal;
pub use rows::{Chance, Change, DealRow, Member, Place, Status, Step, Visit};
pub use team::{DealTeam, Deed, TeamMember, TeamRole};
pub use totals::{DealClose, DealFlow, DealReach, DealStock};

/// The stage model of deals that name none.
pub const DEFAULT_MODEL: &str = "default";
