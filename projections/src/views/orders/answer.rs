//! Shapes that answers about money share.

use std::fmt;

use letopis_core::money::{Currency, Exact, Money};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

pub use crate::engine::list::Page;

/// A sum of exact amounts, in millionths of a major unit; in JSON a decimal as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ExactSum(pub i128);

impl ExactSum {
    /// Rounded once to minor units, half away from zero; the same rule as [`Exact::round`].
    pub fn round(self, currency: Currency) -> Money {
        let unit = 10i128.pow(Exact::PLACES.saturating_sub(currency.exponent()));
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let minor = if rest.abs() * 2 >= unit { whole + rest.signum() } else { whole };
        let bound = if minor < 0 { i64::MIN } else { i64::MAX };
        Money { minor: i64::try_from(minor).unwrap_or(bound), currency }
    }

    pub(crate) fn saturated(self) -> Exact {
        Exact(i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl fmt::Display for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Decimal::try_from_i128_with_scale(self.0, Exact::PLACES) {
            Ok(decimal) => decimal.normalize().fmt(f),
            Err(_) => write!(f, "{}e-{}", self.0, Exact::PLACES),
        }
    }
}

impl Serialize for ExactSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An exact sum and what it is in money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The exact sum.
    pub exact: ExactSum,
    /// Rounded once.
    pub rounded: Money,
}

impl Amount {
    /// Of millionths.
    pub(crate) fn new(micro: i128, currency: Currency) -> Self {
        Self { exact: ExactSum(micro), rounded: ExactSum(micro).round(currency) }
    }
}

/// SQL for a sum that cannot overflow: whole millions and the rest apart.
pub(crate) fn wide_sum(column: &str) -> String {
    format!("COALESCE(SUM({column} / 1000000), 0), COALESCE(SUM({column} % 1000000), 0)")
}

/// Reads the two columns of [`wide_sum`].
pub(crate) fn read_wide(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<i128> {
    Ok(i128::from(row.get::<_, i64>(index)?) * 1_000_000 + i128::from(row.get::<_, i64>(index + 1)?))
}

pub(crate) fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}
