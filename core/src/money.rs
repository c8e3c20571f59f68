//! Amounts: [`Money`] in minor units, [`Exact`] for sums before rounding.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 currency; in the order of codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// The text names no ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ISO 4217 currency code such as EUR")]
pub struct InvalidCurrency(pub String);

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit: 2 for RUB, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;
    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        use iso_currency::Currency as Iso;
        let found = match text {
            // The usual ones first: a search through the whole table costs more than the rest of a decode.
            "EUR" => Some(Iso::EUR),
            "USD" => Some(Iso::USD),
            "GBP" => Some(Iso::GBP),
            "RUB" => Some(Iso::RUB),
            _ => Iso::from_code(text),
        };
        found.map(Self).ok_or_else(|| InvalidCurrency(text.chars().take(16).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in whole minor units of one currency, such as cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// The same amount as an exact sum.
    ///
    /// Returns `None` when it is too large.
    pub fn exact(self) -> Option<Exact> {
        let scale = 10i64.pow(Exact::PLACES.saturating_sub(self.currency.exponent()));
        self.minor.checked_mul(scale).map(Exact)
    }
}

/// An amount in millionths of a currency's major unit: what line sums are added in.
///
/// The rule of rounding: a line is `quantity × unit price`, exact; an order is the exact sum of its
/// lines; totals are exact sums of orders. Rounding to minor units happens once, in the answer, half
/// away from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exact(pub i64);

impl Exact {
    /// Decimal places kept.
    pub const PLACES: u32 = 6;

    /// `quantity × unit_price`.
    ///
    /// Returns `None` when the product needs more than six decimal places or is too large.
    pub fn line(quantity: Decimal, unit_price: Decimal) -> Option<Self> {
        Self::from_decimal(quantity.checked_mul(unit_price)?)
    }

    /// From a decimal of at most six places.
    pub fn from_decimal(value: Decimal) -> Option<Self> {
        let value = value.normalize();
        if value.scale() > Self::PLACES {
            return None;
        }
        let scaled = value.mantissa().checked_mul(10i128.pow(Self::PLACES - value.scale()))?;
        i64::try_from(scaled).ok().map(Self)
    }

    /// Rounded once to minor units, half away from zero.
    pub fn round(self, currency: Currency) -> Money {
        let unit = 10i64.pow(Self::PLACES.saturating_sub(currency.exponent()));
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let minor = if rest.abs() * 2 >= unit { whole + rest.signum() } else { whole };
        Money { minor, currency }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.0, Self::PLACES).normalize().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("ISO 4217")
    }

    #[test]
    fn a_currency_knows_its_decimal_places() {
        assert_eq!((currency("RUB").exponent(), currency("JPY").exponent(), currency("KWD").exponent()), (2, 0, 3));
        assert!("rub".parse::<Currency>().is_err() && "EURO".parse::<Currency>().is_err());
    }

    #[test]
    fn currencies_stand_in_the_order_of_their_codes() {
        let mut sorted = ["ZWL", "XCG", "EUR", "ZWG", "AOA"].map(currency);
        sorted.sort_unstable();
        assert_eq!(sorted.map(|currency| currency.as_str()), ["AOA", "EUR", "XCG", "ZWG", "ZWL"]);
    }

    #[test]
    fn a_half_is_rounded_away_from_zero() {
        let gbp = currency("GBP");
        assert_eq!(Exact(1_005_000).round(gbp).minor, 101);
        assert_eq!(Exact(-1_005_000).round(gbp).minor, -101);
        assert_eq!(Exact(1_004_999).round(gbp).minor, 100);
    }

    #[test]
    fn a_line_that_cannot_be_exact_is_refused() {
        let tiny: Decimal = "0.0001".parse().expect("decimal");
        assert_eq!(Exact::line(tiny, tiny), None);
        assert_eq!(Exact::line(Decimal::from(6), "2.55".parse().expect("decimal")), Some(Exact(15_300_000)));
    }

    proptest! {
        #[test]
        fn minor_units_survive_the_way_through_exact(minor in -1_000_000_000_000i64..1_000_000_000_000, code in prop::sample::select(vec!["RUB", "JPY", "KWD"])) {
            let money = Money { minor, currency: currency(code) };
            prop_assert_eq!(money.exact().map(|e| e.round(money.currency)), Some(money));
        }
    }
}
