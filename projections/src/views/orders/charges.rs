//! What an order asks for, day by day.

use std::collections::BTreeMap;

use letopis_core::money::{Currency, Exact};
use letopis_core::time::{Day, Zone};

use super::effect;
use super::number::minor;
use super::row::OrderRow;

/// What an order asks for on a day, in minor units of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The day.
    pub day: Day,
    /// The currency.
    pub currency: Currency,
    /// What goods and invoices ask for.
    pub charged: i64,
    /// What returns take off.
    pub credited: i64,
}

/// What an order asks for, day by day. In each currency the days add up to its account.
pub fn charges(row: &OrderRow, zone: &Zone) -> Vec<Charge> {
    let mut out = Vec::new();
    let since = row.placed_on.or_else(|| row.since.map(|at| zone.day(at))).unwrap_or_default();
    for currency in row.currencies() {
        let account = row.account(currency);
        let flows = |index: usize| {
            let mut days: BTreeMap<Day, i128> = BTreeMap::new();
            let all = effect::flows(row).into_iter().filter(|of| of.1.0.is_some() && of.1.2 == currency);
            all.for_each(|of| *days.entry(of.0).or_default() += i128::from(of.2[index]));
            days
        };
        let invoices: Vec<_> = row.invoices.0.iter().filter(|invoice| invoice.currency == currency).collect();
        let charged = if row.is_cancelled() || (invoices.is_empty() && !row.is_placed()) {
            BTreeMap::from([(since, account.charged_minor)])
        } else if invoices.is_empty() {
            in_minor(&flows(2), currency, account.charged_minor, since)
        } else {
            let mut days = BTreeMap::new();
            invoices.iter().for_each(|invoice| *days.entry(invoice.issued).or_default() += invoice.minor);
            days
        };
        let credited = match row.is_cancelled() {
            true => BTreeMap::new(),
            false => in_minor(&flows(3), currency, account.credited_minor, since),
        };
        out.extend(charged.into_iter().map(|(day, charged)| Charge { day, currency, charged, credited: 0 }));
        out.extend(credited.into_iter().map(|(day, credited)| Charge { day, currency, charged: 0, credited }));
    }
    out
}

/// Exact sums of days in minor units: the running sum is rounded, so that the parts add up to the rounded whole;
/// what the days do not know of stands on the first.
fn in_minor(days: &BTreeMap<Day, i128>, currency: Currency, whole: i64, since: Day) -> BTreeMap<Day, i64> {
    let (mut out, mut exact, mut told) = (BTreeMap::new(), 0i128, 0i64);
    for (day, micro) in days {
        exact += micro;
        let sum = minor(Exact(i64::try_from(exact).unwrap_or(i64::MAX)), currency);
        out.insert(*day, sum.saturating_sub(told));
        told = sum;
    }
    if told != whole {
        *out.entry(since).or_default() += whole.saturating_sub(told);
    }
    out
}
