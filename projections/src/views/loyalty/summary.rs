//! The purchase summary of a client, and the repeat purchase rate.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::days::{Which, each, purchase_days};
use super::ratio::Ratio;
use super::{Basis, Window};
use crate::engine::read::{QueryError, Reader};
use crate::views::orders::answer::Amount;

/// The purchase summary of a client as of the end of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The client.
    pub client: ClientId,
    /// Which orders count.
    pub basis: Basis,
    /// The last day that is covered, E.
    pub as_of: Day,
    /// First purchase day.
    pub first_day: Day,
    /// Last purchase day.
    pub last_day: Day,
    /// Orders that count.
    pub orders: i64,
    /// `x`: purchase days without the first.
    pub x: i64,
    /// `t_x` in days: last less first purchase day.
    pub t_x_days: i32,
    /// `T` in days: E less first purchase day.
    pub age_days: i32,
    /// `t_x` in weeks.
    pub t_x_weeks: f64,
    /// `T` in weeks.
    pub age_weeks: f64,
    /// Money, currency by currency.
    pub values: Vec<Value>,
}

/// What purchases of a client are worth in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// The currency.
    pub currency: Currency,
    /// Net worth of everything.
    pub net: Amount,
    /// Net worth of what was ordered after the first purchase day; returns count on the day of their
    /// order, those without an order on their own.
    pub net_after_first: Amount,
    /// Purchase days in this currency after the first.
    pub days_after_first: i64,
    /// `zbar`: the quotient of the two, in major units; null without such a day.
    pub zbar: Option<f64>,
}

/// The purchase summary of a client (the head of an alias group), identified or not; none without a purchase.
///
/// # Errors
/// When the view cannot be read.
pub fn summary(reader: &Reader<'_>, client: ClientId, basis: Basis) -> Result<Option<Summary>, QueryError> {
    let (as_of, mut answer) = (reader.day(), None);
    each(reader, Which { client: Some(client), currency: None }, |_, entries| {
        let days = purchase_days(entries, basis, Window::ALL);
        let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) else { return };
        let counted: BTreeSet<Day> = days.iter().map(|(day, _)| *day).collect();
        let mut sums: BTreeMap<Currency, (i128, i128, BTreeMap<Day, i64>)> = BTreeMap::new();
        for entry in entries {
            let (net, after, own_days) = sums.entry(entry.currency).or_default();
            *net += entry.net();
            if entry.order_day > *first {
                *after += entry.net();
                *own_days.entry(entry.order_day).or_default() += entry.count(basis);
            }
        }
        let values = sums.into_iter().map(|(currency, (net, after, own_days))| {
            let days = own_days.iter().filter(|(day, count)| **count > 0 && counted.contains(day)).count() as i64;
            Value {
                currency,
                net: Amount::new(net, currency),
                net_after_first: Amount::new(after, currency),
                days_after_first: days,
                zbar: (days > 0).then(|| after as f64 / 1e6 / days as f64),
            }
        });
        let (t_x, age) = (last.0 - first.0, as_of.0 - first.0);
        answer = Some(Summary {
            client,
            basis,
            as_of,
            first_day: *first,
            last_day: *last,
            orders: days.iter().map(|(_, count)| count).sum(),
            x: days.len() as i64 - 1,
            t_x_days: t_x,
            age_days: age,
            t_x_weeks: f64::from(t_x) / 7.0,
            age_weeks: f64::from(age) / 7.0,
            values: values.collect(),
        });
    })?;
    Ok(answer)
}

/// How many buy again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repeat {
    /// Which orders count.
    pub basis: Basis,
    /// The last day that is covered.
    pub as_of: Day,
    /// Orders that count.
    pub orders: i64,
    /// Purchase days.
    pub purchase_days: i64,
    /// Clients with at least two purchase days, of those with at least one.
    pub rate: Ratio,
    /// What clients bought, currency by currency, less cancellations; returns apart.
    pub ordered: Vec<Amount>,
    /// What came back.
    pub returned: Vec<Amount>,
}

/// The repeat purchase rate of a window.
///
/// # Errors
/// When the window is empty or the view cannot be read.
pub fn repeat_rate(reader: &Reader<'_>, window: Window, basis: Basis) -> Result<Repeat, QueryError> {
    window.check()?;
    let (mut clients, mut again, mut orders, mut purchases) = (0, 0, 0, 0);
    let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    each(reader, Which::default(), |_, entries| {
        let days = purchase_days(entries, basis, window);
        clients += i64::from(!days.is_empty());
        again += i64::from(days.len() > 1);
        orders += days.iter().map(|(_, count)| count).sum::<i64>();
        purchases += days.len() as i64;
        for entry in entries.iter().filter(|entry| window.holds(entry.effect_day)) {
            let (ordered, returned) = sums.entry(entry.currency).or_default();
            *ordered += i128::from(entry.ordered);
            *returned += i128::from(entry.returned);
        }
    })?;
    Ok(Repeat {
        basis,
        as_of: reader.day(),
        orders,
        purchase_days: purchases,
        rate: Ratio::new(again, clients),
        ordered: sums.iter().map(|(currency, (sum, _))| Amount::new(*sum, *currency)).collect(),
        returned: sums.iter().map(|(currency, (_, sum))| Amount::new(*sum, *currency)).collect(),
    })
}
