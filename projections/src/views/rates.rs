//! Money in another currency: each day's sums at the rate of that day, exact until the answer is rounded.
//!
//! The rate of a day is the last one that was set before its end. In a closed month it is the last of those that
//! were recorded before the close: what is recorded later alters no report of the month. Where only the opposite
//! rate is set, its inverse counts, rounded to ten decimal places. Where there is none, nothing is converted:
//! the answer says what is missing, and no sum holds it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::finance::{ExchangeRateSet, PeriodClosed};
use letopis_core::ids::Position;
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Moment, Month, Zone};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use super::orders::answer::narrow;
use crate::engine::read::{QueryError, Reader};

/// Decimal places of a rate.
const RATE_PLACES: u32 = 10;

/// A converted sum, in units of 10⁻¹⁶ of a currency's major unit; in JSON a decimal as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fine(pub i128);

impl Fine {
    /// Decimal places kept: six of an exact amount and ten of a rate.
    pub const PLACES: u32 = 16;

    /// Rounded once to minor units, half away from zero.
    pub fn round(self, currency: Currency) -> Money {
        let unit = 10i128.pow(Self::PLACES - currency.exponent());
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let minor = if rest.abs() * 2 >= unit { whole + rest.signum() } else { whole };
        Money { minor: narrow(minor), currency }
    }

    /// Of an exact amount, in millionths.
    pub(crate) fn of_micro(micro: i128) -> Self {
        Self(micro.saturating_mul(10i128.pow(Self::PLACES - 6)))
    }

    pub(crate) fn plus(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Fine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Decimal::try_from_i128_with_scale(self.0, Self::PLACES) {
            Ok(decimal) => decimal.normalize().fmt(f),
            Err(_) => write!(f, "{}e-{}", self.0, Self::PLACES),
        }
    }
}

impl Serialize for Fine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A converted sum and what it is in money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// The exact sum.
    pub exact: Fine,
    /// Rounded once.
    pub rounded: Money,
}

impl Converted {
    pub(crate) fn new(sum: Fine, currency: Currency) -> Self {
        Self { exact: sum, rounded: sum.round(currency) }
    }
}

/// A rate that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RateUsed {
    /// `exchange-rate:USD-EUR@3`.
    pub name: String,
    /// What it says.
    #[serde(with = "rust_decimal::serde::str")]
    pub rate: Decimal,
    /// From when on it counts.
    pub from: Moment,
    /// Whether its inverse was used.
    pub inverted: bool,
}

/// What could not be converted, since no rate was set by then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NoRate {
    /// From this currency.
    pub currency: Currency,
    /// The first day without a rate.
    pub from: Day,
    /// The last one.
    pub to: Day,
}

/// Rates into one currency.
#[derive(Debug)]
pub struct Rates<'a> {
    /// The currency of the answer.
    pub to: Currency,
    zone: &'a Zone,
    definitions: Definitions,
    closed: BTreeMap<Month, Position>,
    known: HashMap<(Currency, Day), Option<i128>>,
    used: BTreeSet<RateUsed>,
    missing: BTreeMap<Currency, (Day, Day)>,
}

impl<'a> Rates<'a> {
    /// Those that are set by the reader's bound.
    ///
    /// # Errors
    /// When the definitions cannot be read.
    pub fn load(reader: &Reader<'a>, to: Currency) -> Result<Self, QueryError> {
        let definitions = reader.definitions(&[ExchangeRateSet::KIND, PeriodClosed::KIND])?;
        let closes = definitions.all::<PeriodClosed>();
        let closed = closes.iter().map(|last| {
            let all = definitions.versions::<PeriodClosed>(last.code);
            // Closed twice is closed at the first time.
            (last.value.month, all.iter().map(|close| close.position).min().unwrap_or(last.position))
        });
        let closed = closed.collect();
        Ok(Self {
            to,
            zone: reader.zone,
            definitions,
            closed,
            known: HashMap::new(),
            used: BTreeSet::new(),
            missing: BTreeMap::new(),
        })
    }

    /// An exact amount (millionths) of a day.
    pub(crate) fn convert(&mut self, micro: i128, from: Currency, day: Day) -> Option<Fine> {
        let rate = self.rate(from, day, micro != 0);
        rate.map(|rate| Fine(micro.saturating_mul(rate)))
    }

    /// The product of two exact numbers of a day: pieces and a price.
    pub(crate) fn convert_product(&mut self, pieces: i128, micro: i128, from: Currency, day: Day) -> Option<Fine> {
        let rate = self.rate(from, day, micro != 0)?;
        let exact = pieces.saturating_mul(micro).saturating_mul(rate);
        // Three factors have six places too many: rounded half away from zero.
        let unit = 10i128.pow(Fine::PLACES - RATE_PLACES);
        let (whole, rest) = (exact / unit, exact % unit);
        Some(Fine(if rest.abs() * 2 >= unit { whole + rest.signum() } else { whole }))
    }

    /// The rate of a day; a missing one is noted where something would have been converted.
    fn rate(&mut self, from: Currency, day: Day, matters: bool) -> Option<i128> {
        if from == self.to {
            return Some(10i128.pow(RATE_PLACES));
        }
        let rate = match self.known.get(&(from, day)) {
            Some(known) => *known,
            None => {
                let found = self.find(from, day);
                self.known.insert((from, day), found);
                found
            }
        };
        if rate.is_none() && matters {
            let (first, last) = self.missing.entry(from).or_insert((day, day));
            (*first, *last) = ((*first).min(day), (*last).max(day));
        }
        rate
    }

    /// The rate of a day, in units of 10⁻¹⁰.
    fn find(&mut self, from: Currency, day: Day) -> Option<i128> {
        let (bound, closed) = (self.zone.end(day), self.closed.get(&Month::of(day)).copied());
        let counts = |dated: &Dated<'_, ExchangeRateSet>| {
            dated.from < bound && closed.is_none_or(|close| dated.position < close)
        };
        let last = |pair: String| self.definitions.versions::<ExchangeRateSet>(&pair).into_iter().rev().find(counts);
        let (dated, inverted) = match last(format!("{from}-{}", self.to)) {
            Some(direct) => (direct, false),
            None => (last(format!("{}-{from}", self.to))?, true),
        };
        let rate = if inverted { Decimal::ONE.checked_div(dated.value.rate)? } else { dated.value.rate };
        let mut rate = rate.round_dp_with_strategy(RATE_PLACES, RoundingStrategy::MidpointAwayFromZero);
        rate.rescale(RATE_PLACES);
        let used = RateUsed { name: dated.name(), rate: dated.value.rate, from: Moment::utc(dated.from), inverted };
        self.used.insert(used);
        (rate.scale() == RATE_PLACES).then(|| rate.mantissa())
    }

    /// Whether reports of a day's month are frozen.
    pub fn is_closed(&self, day: Day) -> bool {
        self.closed.contains_key(&Month::of(day))
    }

    /// What the answer rests on, and what is missing.
    pub fn done(self) -> (Vec<RateUsed>, Vec<NoRate>) {
        let missing = self.missing.into_iter().map(|(currency, (from, to))| NoRate { currency, from, to });
        (self.used.into_iter().collect(), missing.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("ISO 4217")
    }

    #[test]
    fn a_converted_sum_is_rounded_once_to_the_places_of_its_currency() {
        let half = Fine(5 * 10i128.pow(15));
        assert_eq!(half.round(currency("JPY")).minor, 1);
        assert_eq!(half.round(currency("EUR")).minor, 50);
        assert_eq!(half.round(currency("KWD")).minor, 500);
        assert_eq!(Fine(-half.0).round(currency("JPY")).minor, -1);
        assert_eq!(half.to_string(), "0.5");
    }
}
