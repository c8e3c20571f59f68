//! Orders: one row per order, revenue and purchase days as totals.
//!
//! # Rules
//!
//! - **Worth**: a line is `quantity × unit price`, exact; an order is the sum of its lines as written (a
//!   line with a negative price is a rebate). Totals are exact sums, rounded once in the answer.
//! - **Sale**: an order with a *sale line*, a line with a quantity and a price above zero.
//! - **Purchase**: an order with a line of a quantity above zero, priced or free, that is not cancelled.
//!   Free orders are purchases and no sales: both are counted, and questions say which they mean.
//! - **Return**: counts on its own day as returned value, never as negative ordered value. Pieces without
//!   a price are worth the prices of the lines, taken line by line. A return on a
//!   document of its own has no channel and region; it needs a price and a currency to be worth anything.
//! - **Cancellation**: on its own day it adds to *cancelled* what was ordered and did not come back; what
//!   comes back later moves from *cancelled* to *returned*. The net `ordered − returned − cancelled` of a
//!   cancelled order is nothing.
//! - **Change**: the difference counts on the day of the change.
//! - An order keeps the currency, channel and region of its first placement. A second placement in the
//!   same currency replaces the lines, in another it is flagged and left aside.
//! - Revenue counts what was ordered; what was shipped, invoiced and paid settles it, see [`account`].
//!
//! Folds never fail: amounts too large for their column stay at its bound, lines of more than six
//! decimal places are rounded and flagged.

pub mod account;
pub mod answer;
pub mod card;
pub mod charges;
pub mod convert;
mod effect;
mod fold;
pub mod kits;
pub mod margin;
pub(crate) mod number;
mod questions;
pub mod reconcile;
pub mod revenue;
pub mod row;
pub mod sets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod totals;

use letopis_core::events::Event;
use letopis_core::fact::Fact;

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::row::{Total, TotalTable};
pub(crate) use effect::{Move, flows};
pub use questions::QUESTIONS;
pub(crate) use questions::find;
pub use row::OrderRow;

/// The orders view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders;

impl Projection for Orders {
    const NAME: &'static str = "orders";
    const VERSION: u32 = 2;
    const AREAS: &'static [&'static str] = &["order"];
    const TOTALS: &'static [TotalTable] =
        &[totals::Revenue::TABLE, totals::OrderCount::TABLE, totals::PurchaseDay::TABLE];

    type Row = OrderRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Order(event) = &fact.event
            && let Some(order) = event.order_id()
        {
            keys.push(order.0);
        }
    }

    fn fold(&self, row: &mut OrderRow, fact: &Fact, cx: &Context<'_>) {
        if let Event::Order(event) = &fact.event {
            fold::fold(row, event, fact.occurred, cx.zone.day(fact.occurred.at));
        }
    }

    fn contribute(&self, row: &OrderRow, cx: &Context<'_>, out: &mut Contributions) {
        totals::contribute(row, cx.identified, out);
    }
}
