//! Numbers of answers: ratios with what they are made of, money by currency, periods.

use std::collections::BTreeMap;

use letopis_core::money::{Currency, Money};
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};

/// Below this many cases a ratio is marked as small, and not to be ranked by.
const SMALL: i64 = 30;

/// Local days from `from` up to, not including, `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
}

impl Period {
    pub(crate) fn check(self) -> Result<Self, QueryError> {
        if self.from <= self.to {
            return Ok(self);
        }
        Err(QueryError::Parameter { name: "to", reason: format!("{} is before {}", self.to, self.from) })
    }
}

/// A share with the counts it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Part.
    pub numerator: i64,
    /// Whole.
    pub denominator: i64,
    /// How many cases it rests on.
    pub n: i64,
    /// Part by whole; null when the whole is 0.
    pub value: Option<f64>,
    /// Fewer than 30 cases: not to be ranked by.
    pub small: bool,
    /// 95 % interval (Wilson) of a share of cases; null for sums and when there is no case.
    pub interval: Option<[f64; 2]>,
}

impl Ratio {
    /// A share of cases.
    pub fn of_cases(part: i64, whole: i64) -> Self {
        Self { interval: wilson(part, whole), ..Self::of_sums(part, whole, whole) }
    }

    /// One sum by another, over `n` cases.
    pub fn of_sums(numerator: i64, denominator: i64, n: i64) -> Self {
        let value = (denominator != 0).then(|| numerator as f64 / denominator as f64);
        Self { numerator, denominator, n, value, small: n < SMALL, interval: None }
    }
}

/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
fn wilson(part: i64, whole: i64) -> Option<[f64; 2]> {
    if whole <= 0 || !(0..=whole).contains(&part) {
        return None;
    }
    let (z, n) = (1.96, whole as f64);
    let p = part as f64 / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some([((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)])
}

/// Sums of minor units, one per currency: different currencies are never added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Purse(BTreeMap<Currency, i128>);

impl Purse {
    /// Adds an amount in the currency of a total's key; the empty currency stands for no amount.
    pub(crate) fn add(&mut self, currency: &str, minor: i64) -> Result<(), QueryError> {
        if !currency.is_empty() {
            let currency: Currency = currency.parse().map_err(storage)?;
            *self.0.entry(currency).or_default() += i128::from(minor);
        }
        Ok(())
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (currency, minor) in &other.0 {
            *self.0.entry(*currency).or_default() += minor;
        }
    }

    /// The sum in one currency.
    pub(crate) fn get(&self, currency: Currency) -> Result<i64, QueryError> {
        i64::try_from(self.0.get(&currency).copied().unwrap_or(0)).map_err(storage)
    }

    /// The same by a factor, rounded once, half away from zero.
    pub(crate) fn times(&self, numerator: i64, denominator: i64) -> Self {
        let (part, whole) = (i128::from(numerator), i128::from(denominator.max(1)));
        let round = |minor: &i128| {
            let scaled = minor.saturating_mul(part);
            let (quotient, rest) = (scaled / whole, scaled % whole);
            if rest.abs() * 2 >= whole { quotient + rest.signum() } else { quotient }
        };
        Self(self.0.iter().map(|(currency, minor)| (*currency, round(minor))).collect())
    }

    /// As an answer lists it, by currency.
    pub(crate) fn list(&self) -> Result<Vec<Money>, QueryError> {
        self.0.keys().map(|currency| Ok(Money { minor: self.get(*currency)?, currency: *currency })).collect()
    }
}

/// What stands in the view cannot be answered with.
pub(super) fn storage(error: impl std::error::Error + Send + Sync + 'static) -> QueryError {
    QueryError::Storage(Box::new(error))
}

/// The same reader at the end of a day that it covers.
pub(super) fn at_end_of<'a>(reader: &Reader<'a>, day: Day) -> Result<Reader<'a>, QueryError> {
    let last = reader.day();
    if day > last {
        return Err(QueryError::Parameter { name: "day", reason: format!("{day} is after {last}, the last covered") });
    }
    Ok(if day == last { *reader } else { reader.at(reader.zone.end(day)) })
}
