//! What flows through a template: a typed value.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::money::Money;
use crate::time::{Day, Moment, Timestamp, YEARS};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Val {
    Text(String),
    Int(i64),
    Decimal(Decimal),
    Bool(bool),
    Day(Day),
    Time(Moment),
    Money(Money),
    List(Vec<String>),
}

impl Val {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            _ => false,
        }
    }

    /// As it stands inside a longer text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Int(int) => Cow::Owned(int.to_string()),
            Self::Decimal(decimal) => Cow::Owned(decimal.normalize().to_string()),
            Self::Bool(bool) => Cow::Borrowed(if *bool { "true" } else { "false" }),
            Self::Day(day) => Cow::Owned(day.to_string()),
            Self::Time(time) => Cow::Owned(time.to_string()),
            Self::Money(money) => Cow::Owned(format!("{} {}", money.minor, money.currency)),
            Self::List(list) => Cow::Owned(list.join(",")),
        }
    }

    /// As it stands alone in a field.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Int(int) => Value::from(*int),
            Self::Bool(bool) => Value::from(*bool),
            Self::Money(money) => serde_json::json!({"minor": money.minor, "currency": money.currency.as_str()}),
            Self::List(list) => Value::from(list.clone()),
            Self::Text(_) | Self::Decimal(_) | Self::Day(_) | Self::Time(_) => Value::from(self.text().into_owned()),
        }
    }

    /// An exact number, from a number or a text that is one.
    pub(super) fn decimal(&self) -> Result<Decimal, String> {
        match self {
            Self::Decimal(decimal) => Ok(*decimal),
            Self::Int(int) => Ok(Decimal::from(*int)),
            other => decimal(&other.text()),
        }
    }

    pub(super) fn integer(&self) -> Result<i64, String> {
        match self {
            Self::Int(int) => Ok(*int),
            other => other.text().parse().map_err(|_| format!("{:?} is not a whole number", short(&other.text()))),
        }
    }

    /// Numbers and times by size, everything else as text.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            (Self::Day(a), Self::Day(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (a, b) => a.text().cmp(&b.text()),
        }
    }
}

/// Digits with at most one point and a sign; no exponent, no separators of thousands.
pub(super) fn decimal(text: &str) -> Result<Decimal, String> {
    let plain = text.bytes().enumerate().all(|(i, b)| b.is_ascii_digit() || b == b'.' || (i == 0 && b == b'-'));
    if plain && let Ok(decimal) = Decimal::from_str_exact(text) {
        return Ok(decimal.normalize());
    }
    Err(format!("{:?} is not a decimal number such as -12.50", short(text)))
}

/// The instant of a local time in a zone; of two equal local times the first, in a gap the time after it.
pub(super) fn instant(local: DateTime, zone: &TimeZone) -> Result<Moment, String> {
    if !YEARS.contains(&local.year()) {
        return Err(format!("the year of {local} is outside {} to {}", YEARS.start, YEARS.end - 1));
    }
    let zoned = zone.to_zoned(local).map_err(|error| error.to_string())?;
    Ok(Moment { at: Timestamp(zoned.timestamp().as_microsecond()), offset_min: (zoned.offset().seconds() / 60) as i16 })
}

/// The beginning of a value, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact_and_loses_its_trailing_zeros() {
        for (text, want) in [("2.5500", "2.55"), ("0.00", "0"), ("-0.0", "0"), ("120", "120"), (".5", "0.5")] {
            assert_eq!(decimal(text).map(|d| d.to_string()), Ok(want.to_owned()), "{text}");
        }
        for bad in ["", "1e3", "1_000", "1,5", "NaN", "--1", "1.2.3", "£1"] {
            assert!(decimal(bad).is_err(), "{bad}");
        }
    }
}
