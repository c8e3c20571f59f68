//! The steps behind the bars of a template: `{price | decimal_comma | money RUB}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::Code;
use crate::money::{Currency, Money};
use crate::time::{Day, YEARS};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::row::{Row, Source};
use super::value::{Val, decimal, instant, short};

#[derive(Debug, Clone)]
pub(super) enum Transform {
    Trim,
    Lower,
    Upper,
    Slug,
    Code,
    /// A look-up; `keep` leaves a value that is not in the table as it is.
    Table {
        name: String,
        rows: Arc<BTreeMap<String, String>>,
        keep: bool,
    },
    Default(String),
    Optional,
    Time {
        format: String,
        zone: TimeZone,
    },
    Day(String),
    /// Days of another column added (1) or taken away (-1).
    Days {
        source: Source,
        sign: i32,
    },
    Times(Source),
    Money(Currency),
    Decimal,
    DecimalComma,
    Integer,
    Negate,
    Bool {
        yes: String,
        no: String,
    },
    Split(String),
    Part {
        separator: String,
        index: usize,
    },
    Pad(usize),
    RunningYear {
        start: i64,
        slot: usize,
    },
}

const EMPTY: &str = "is empty: declare `default …` or `optional`";

impl Transform {
    /// Whether it takes something else of the row than the value at hand.
    pub(super) fn needs_row(&self) -> bool {
        matches!(self, Self::Days { .. } | Self::Times(_) | Self::RunningYear { .. })
    }

    /// `Ok(None)` means: leave the whole value out.
    pub(super) fn apply(&self, val: Val, row: Option<&Row<'_>>) -> Result<Option<Val>, String> {
        let empty = val.is_empty();
        let out = match self {
            Self::Optional if empty => return Ok(None),
            Self::Optional => val,
            Self::Default(text) if empty => Val::Text(text.clone()),
            Self::Default(_) => val,
            Self::Trim => Val::Text(val.text().trim().to_owned()),
            Self::Lower => Val::Text(val.text().to_lowercase()),
            Self::Upper => Val::Text(val.text().to_uppercase()),
            Self::Table { name, rows, keep } => match rows.get(&*val.text()) {
                Some(found) => Val::Text(found.clone()),
                None if *keep => val,
                None => return Err(format!("{:?} is not in table {name:?}", short(&val.text()))),
            },
            _ if empty => return Err(EMPTY.to_owned()),
            Self::Slug => Val::Text(slug(&val.text())?),
            Self::Code => match val.text().parse::<Code>() {
                Ok(code) => Val::Text(code.as_str().to_owned()),
                Err(_) => Val::Text(slug(&val.text())?),
            },
            Self::Time { format, zone } => {
                let text = val.text();
                let local = strtime::parse(format, &*text)
                    .and_then(|parts| parts.to_datetime())
                    .map_err(|_| format!("{:?} is not a time of the form {format}", short(&text)))?;
                Val::Time(instant(local, zone)?)
            }
            Self::Day(format) => {
                let text = val.text();
                let date = strtime::parse(format, &*text)
                    .and_then(|parts| parts.to_date())
                    .map_err(|_| format!("{:?} is not a date of the form {format}", short(&text)))?;
                if !YEARS.contains(&date.year()) {
                    return Err(format!("the year of {date} is outside {} to {}", YEARS.start, YEARS.end - 1));
                }
                Val::Day(Day::from_date(date))
            }
            Self::Days { source, sign } => {
                let Val::Day(day) = val else { return Err("is not a day: put `day …` before it".to_owned()) };
                let days = other(row, source)?.integer()?;
                let days = i32::try_from(days).ok().and_then(|days| days.checked_mul(*sign));
                let moved = days.and_then(|days| day.0.checked_add(days)).map(Day);
                match moved {
                    Some(moved) if YEARS.contains(&moved.date().year()) => Val::Day(moved),
                    _ => return Err("the number of days leads out of the calendar".to_owned()),
                }
            }
            Self::Times(source) => {
                let product = val.decimal()?.checked_mul(other(row, source)?.decimal()?);
                Val::Decimal(product.ok_or("the product is too large")?)
            }
            Self::Money(currency) => Val::Money(money(val.decimal()?, *currency)?),
            Self::Decimal => Val::Decimal(val.decimal()?),
            Self::DecimalComma => {
                let text: String =
                    val.text().chars().filter(|c| !c.is_whitespace()).map(|c| if c == ',' { '.' } else { c }).collect();
                Val::Decimal(decimal(&text)?)
            }
            Self::Integer => Val::Int(val.integer()?),
            Self::Negate => match val {
                Val::Int(int) => Val::Int(int.checked_neg().ok_or("the number is too large")?),
                other => Val::Decimal((-other.decimal()?).normalize()),
            },
            Self::Bool { yes, no } => match &*val.text() {
                text if text == yes => Val::Bool(true),
                text if text == no => Val::Bool(false),
                text => return Err(format!("{:?} is neither {yes:?} nor {no:?}", short(text))),
            },
            Self::Split(separator) => {
                let parts = val.text().split(separator.as_str()).map(|part| part.trim().to_owned()).collect::<Vec<_>>();
                Val::List(parts.into_iter().filter(|part| !part.is_empty()).collect())
            }
            Self::Part { separator, index } => {
                Val::Text(val.text().split(separator.as_str()).nth(index - 1).unwrap_or("").trim().to_owned())
            }
            Self::Pad(width) => Val::Text(format!("{:0>width$}", val.text(), width = *width)),
            Self::RunningYear { start, slot } => {
                let month = val.integer()?;
                if !(1..=12).contains(&month) {
                    return Err(format!("{month} is not the number of a month"));
                }
                let state = row.and_then(|row| row.years.get(*slot)).ok_or("has no row to run over")?;
                let (year, last) = state.get();
                let year = if last == 0 { *start } else { year + i64::from(month < last) };
                state.set((year, month));
                Val::Int(year)
            }
        };
        Ok(Some(out))
    }

    /// The same for every part of a list.
    pub(super) fn apply_each(&self, val: Val, row: Option<&Row<'_>>) -> Result<Option<Val>, String> {
        let Val::List(list) = val else { return self.apply(val, row) };
        if list.is_empty() {
            return self.apply(Val::List(list), row);
        }
        let mut out = Vec::with_capacity(list.len());
        for part in list {
            if let Some(done) = self.apply(Val::Text(part), row)? {
                out.push(done.text().into_owned());
            }
        }
        Ok(Some(Val::List(out)))
    }
}

fn other(row: Option<&Row<'_>>, source: &Source) -> Result<Val, String> {
    row.map(|row| row.value(source)).ok_or_else(|| "has no row to take it from".to_owned())
}

fn slug(text: &str) -> Result<String, String> {
    Code::slug(text)
        .map(|code| code.as_str().to_owned())
        .ok_or_else(|| format!("no letter or digit of {:?} can stand in a code", short(text)))
}

/// Whole minor units; more decimal places than the currency has are an error and never rounded.
pub(super) fn money(value: Decimal, currency: Currency) -> Result<Money, String> {
    let value = value.normalize();
    let places = currency.exponent();
    if value.scale() > places {
        return Err(format!("{value} has more than the {places} decimal places of {currency}"));
    }
    let minor = value.mantissa().checked_mul(10i128.pow(places - value.scale())).and_then(|m| i64::try_from(m).ok());
    Ok(Money { minor: minor.ok_or_else(|| format!("{value} {currency} is too large"))?, currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_or_refused() {
        let money = |text: &str, currency: &str| money(decimal(text)?, currency.parse().expect("currency"));
        assert_eq!(money("1054", "USD").map(|m| m.minor), Ok(105_400));
        assert_eq!(money("-0.10", "USD").map(|m| m.minor), Ok(-10));
        assert_eq!(money("7.000", "JPY").map(|m| m.minor), Ok(7));
        assert_eq!(money("1.234", "KWD").map(|m| m.minor), Ok(1234));
        assert!(money("0.105", "USD").is_err_and(|e| e.contains("0.105") && e.contains("USD")));
        assert!(money("99999999999999999999", "USD").is_err());
    }

    #[test]
    fn a_time_is_read_in_its_zone() {
        let zone = TimeZone::get("Europe/Moscow").expect("bundled");
        let time = Transform::Time { format: "%d.%m.%Y %H:%M".into(), zone };
        let out = time.apply(Val::Text("01.03.2026 12:30".into()), None).expect("time").expect("value");
        assert_eq!(out.text(), "2026-03-01T12:30:00+03:00");
        for bad in ["31.02.2026 12:30", "2026-03-01", "01.03.0026 12:30", "01.03.9026 12:30"] {
            assert!(time.apply(Val::Text(bad.into()), None).is_err(), "{bad}");
        }
    }
}
