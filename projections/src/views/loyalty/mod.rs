//! Loyalty: who buys again, how often, for how much, and who is lost.
//!
//! Computed from the dated total [`PurchaseDay`](super::orders::totals::PurchaseDay) when asked, as of the
//! last day that the reader covers: nothing here has to change because a day went by.
//!
//! # Rules
//!
//! - Orders of one local day are one purchase. A day counts while at least one of its orders does, see
//!   [`Basis`]. A cancelled order stops counting on the day it is cancelled; returns take no day away.
//! - Only identified clients are counted. A merged client is one client.
//! - What counts days and orders goes over all currencies; what counts money takes one. A question for
//!   one currency that is not named is refused where a client could be asked about several.
//! - Money in a window counts on its own day (a return in May lowers May, not the month of the order);
//!   only the mean value of a purchase puts it on the day of the order.
//! - A share comes with numerator and denominator; nothing divided by nothing is null. Below 30 it
//!   carries its Wilson interval and is flagged as small.
//! - Ties are broken by ascending id.

pub mod abc;
pub mod cohorts;
mod days;
pub mod lost;
mod questions;
pub mod ratio;
pub mod rfm;
pub mod summary;
#[cfg(test)]
mod tests;

use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};

pub use questions::QUESTIONS;

/// Which orders count as purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Every order that is not cancelled and has a line of a quantity above zero, also a free one.
    #[default]
    Purchases,
    /// Those of them with a line of a quantity and a price above zero.
    Sales,
}

/// Days `from` to the one before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
}

impl Window {
    /// All days that can be recorded, see [`letopis_core::time::YEARS`].
    pub const ALL: Self = Self { from: Day(-62_091), to: Day(84_006) };

    pub(crate) fn holds(&self, day: Day) -> bool {
        self.from <= day && day < self.to
    }

    fn check(&self) -> Result<(), QueryError> {
        if self.from < self.to {
            return Ok(());
        }
        let reason = format!("{} is not after {}", self.to, self.from);
        Err(QueryError::Parameter { name: "to", reason })
    }
}

/// The currencies in which anybody known bought or returned anything up to the reader's day.
///
/// # Errors
/// When the view cannot be read.
pub fn currencies(reader: &Reader<'_>) -> Result<Vec<Currency>, QueryError> {
    let sql = "SELECT DISTINCT currency FROM order_count WHERE day <= ?1 AND identified = 1 ORDER BY 1";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let rows = statement.query_map([reader.day().put()], |row| cell(row, 0))?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// The currency of a question: the one that is named, or the only one; none when nothing was bought.
fn one_currency(reader: &Reader<'_>, named: Option<Currency>) -> Result<Option<Currency>, QueryError> {
    if named.is_some() {
        return Ok(named);
    }
    let known = currencies(reader)?;
    if known.len() > 1 {
        let names: Vec<String> = known.iter().map(Currency::to_string).collect();
        let reason = format!("name one of {}", names.join(", "));
        return Err(QueryError::Parameter { name: "currency", reason });
    }
    Ok(known.first().copied())
}
