//! Deals won and lost, by date of close. The last close before the bound decides.

use std::collections::BTreeMap;

use letopis_core::money::{Currency, Money};
use letopis_core::time::Day;
use serde::Serialize;

use super::group::{By, Groups, Key};
use super::number::{Period, Purse, Ratio, storage};
use crate::engine::read::{QueryError, Reader};

/// Deals that were closed in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinRates {
    /// When they were closed.
    pub period: Period,
    /// What they are grouped by.
    pub by: By,
    /// All together.
    pub total: WinRate,
    /// The groups, by key; those without one come last. Empty when nothing is grouped.
    pub groups: Vec<WinRate>,
}

/// Deals of one group that were closed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinRate {
    /// Id or code of the group; null for what belongs to none.
    pub key: Option<String>,
    /// What it is called.
    pub label: Option<String>,
    /// Deals won.
    pub won: i64,
    /// Deals lost.
    pub lost: i64,
    /// Won, out of won and lost.
    pub rate: Ratio,
    /// Money, by currency.
    pub value: Vec<Winnings>,
    /// Deals won without an amount; they are in no rate by money.
    pub unpriced_won: i64,
    /// Deals lost without an amount; they are in no rate by money.
    pub unpriced_lost: i64,
    /// Days from opening to close of the won deals (numerator) by their number; deals opened on a stand-in date
    /// are left out.
    pub cycle_days: Ratio,
}

/// Money won and lost in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Winnings {
    /// The currency.
    pub currency: Currency,
    /// What the won deals came to.
    pub won: Money,
    /// What the lost deals might have come to.
    pub lost: Money,
    /// Won, out of won and lost; `n` counts deals with an amount in this currency.
    pub rate: Ratio,
}

/// Why deals were lost in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostReasons {
    /// When they were lost.
    pub period: Period,
    /// All lost deals.
    pub lost: i64,
    /// Reason by reason, the most frequent first.
    pub reasons: Vec<LostReason>,
}

/// Deals lost for one reason to one competitor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostReason {
    /// Why; null when it was not said.
    pub reason: Option<String>,
    /// To whom; null when it was not said.
    pub competitor: Option<String>,
    /// Deals, out of all lost.
    pub deals: Ratio,
    /// What they might have come to, by currency.
    pub value: Vec<Money>,
}

/// What the open deals bring in per day, were they to go on like those closed in a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Velocity {
    /// When the deals were closed that the rates come from.
    pub period: Period,
    /// Open deals at the bound, of all stage models.
    pub open: i64,
    /// Won, out of won and lost.
    pub rate: Ratio,
    /// Mean days from opening to close of won deals.
    pub cycle_days: Ratio,
    /// Currency by currency: what an open deal brings is the mean over all won deals with an amount.
    pub speeds: Vec<Speed>,
}

/// Money per day in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The currency.
    pub currency: Currency,
    /// What won deals came to in it, by the number of won deals with an amount in any currency.
    pub won_value: Ratio,
    /// `open × mean won amount × rate / mean cycle`, in minor units a day; null when one of them has no value.
    pub minor_per_day: Option<f64>,
}

/// One group of the outcomes that stand at the bound.
struct Close {
    outcome: String,
    closed_on: Day,
    agent: String,
    product: String,
    reason: String,
    competitor: String,
    currency: String,
    deals: i64,
    amount: i64,
    cycle_days: i64,
    cycles: i64,
}

impl Close {
    fn is_won(&self) -> bool {
        self.outcome == "won"
    }
}

fn closes(reader: &Reader<'_>, period: Period) -> Result<Vec<Close>, QueryError> {
    let mut statement = reader.conn.prepare_cached(
        "SELECT outcome, closed_on, agent, product, reason, competitor, currency,
                SUM(deals), SUM(amount), SUM(cycle_days), SUM(cycles)
         FROM deal_close WHERE closed_on >= ?1 AND closed_on < ?2 AND day <= ?3
         GROUP BY outcome, closed_on, agent, product, reason, competitor, currency
         HAVING SUM(deals) <> 0 OR SUM(amount) <> 0 OR SUM(cycle_days) <> 0 OR SUM(cycles) <> 0",
    )?;
    let bounds = [period.from, period.to, reader.day()].map(|day| day.to_string());
    let mut rows = statement.query((&bounds[0], &bounds[1], &bounds[2]))?;
    let mut closes = Vec::new();
    while let Some(row) = rows.next()? {
        closes.push(Close {
            outcome: row.get(0)?,
            closed_on: row.get::<_, String>(1)?.parse().map_err(storage)?,
            agent: row.get(2)?,
            product: row.get(3)?,
            reason: row.get(4)?,
            competitor: row.get(5)?,
            currency: row.get(6)?,
            deals: row.get(7)?,
            amount: row.get(8)?,
            cycle_days: row.get(9)?,
            cycles: row.get(10)?,
        });
    }
    Ok(closes)
}

#[derive(Default)]
struct Tally {
    won: i64,
    lost: i64,
    unpriced_won: i64,
    unpriced_lost: i64,
    value: BTreeMap<Currency, [i128; 3]>,
    cycle_days: i64,
    cycles: i64,
}

impl Tally {
    fn add(&mut self, close: &Close) -> Result<(), QueryError> {
        *if close.is_won() { &mut self.won } else { &mut self.lost } += close.deals;
        if close.is_won() {
            self.cycle_days += close.cycle_days;
            self.cycles += close.cycles;
        }
        if close.currency.is_empty() {
            *if close.is_won() { &mut self.unpriced_won } else { &mut self.unpriced_lost } += close.deals;
        } else {
            let [won, lost, deals] = self.value.entry(close.currency.parse().map_err(storage)?).or_default();
            *if close.is_won() { won } else { lost } += i128::from(close.amount);
            *deals += i128::from(close.deals);
        }
        Ok(())
    }

    fn rate(&self) -> Ratio {
        Ratio::of_cases(self.won, self.won + self.lost)
    }

    fn cycle(&self) -> Ratio {
        Ratio::of_sums(self.cycle_days, self.cycles, self.cycles)
    }

    fn answer(&self, key: Option<String>, label: Option<String>) -> Result<WinRate, QueryError> {
        let whole = |sum: i128| i64::try_from(sum).map_err(storage);
        let value = self.value.iter().map(|(currency, [won, lost, deals])| {
            let rate = Ratio::of_sums(whole(*won)?, whole(won + lost)?, whole(*deals)?);
            let money = |minor: i128| Ok::<_, QueryError>(Money { minor: whole(minor)?, currency: *currency });
            Ok(Winnings { currency: *currency, won: money(*won)?, lost: money(*lost)?, rate })
        });
        Ok(WinRate {
            key,
            label,
            won: self.won,
            lost: self.lost,
            rate: self.rate(),
            value: value.collect::<Result<_, QueryError>>()?,
            unpriced_won: self.unpriced_won,
            unpriced_lost: self.unpriced_lost,
            cycle_days: self.cycle(),
        })
    }
}

/// Deals won and lost in a period, of all stage models; open deals are in neither part.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn win_rate(reader: &Reader<'_>, period: Period, by: By) -> Result<WinRates, QueryError> {
    let period = period.check()?;
    let groups = Groups::load(reader, by)?;
    let mut total = Tally::default();
    let mut tallies: BTreeMap<Key, Tally> = BTreeMap::new();
    for close in closes(reader, period)? {
        total.add(&close)?;
        if by != By::None {
            let key = groups.key(&close.agent, &close.product, Some(close.closed_on));
            tallies.entry(key).or_default().add(&close)?;
        }
    }
    let answers = tallies.iter().map(|(key, tally)| tally.answer(key.known(), groups.label(key)));
    Ok(WinRates { period, by, total: total.answer(None, None)?, groups: answers.collect::<Result<_, _>>()? })
}

/// Why deals of all stage models were lost in a period, and to whom.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn lost_reasons(reader: &Reader<'_>, period: Period) -> Result<LostReasons, QueryError> {
    let period = period.check()?;
    let mut lost = 0;
    let mut found: BTreeMap<(String, String), (i64, Purse)> = BTreeMap::new();
    for close in closes(reader, period)?.into_iter().filter(|close| !close.is_won()) {
        let (deals, value) = found.entry((close.reason, close.competitor)).or_default();
        lost += close.deals;
        *deals += close.deals;
        value.add(&close.currency, close.amount)?;
    }
    let said = |text: String| (!text.is_empty()).then_some(text);
    let mut reasons = found
        .into_iter()
        .map(|((reason, competitor), (deals, value))| {
            Ok(LostReason {
                reason: said(reason),
                competitor: said(competitor),
                deals: Ratio::of_cases(deals, lost),
                value: value.list()?,
            })
        })
        .collect::<Result<Vec<_>, QueryError>>()?;
    // The sort is stable: equal counts stay in the order of their codes.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.deals.numerator));
    Ok(LostReasons { period, lost, reasons })
}

/// The speed of sales at the bound, by the deals of all stage models closed in a period.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn velocity(reader: &Reader<'_>, period: Period) -> Result<Velocity, QueryError> {
    let period = period.check()?;
    let mut tally = Tally::default();
    for close in closes(reader, period)? {
        tally.add(&close)?;
    }
    let sql = "SELECT coalesce(SUM(deals), 0) FROM deal_stock WHERE day <= ?1";
    let open: i64 = reader.conn.prepare_cached(sql)?.query_row([reader.day().to_string()], |row| row.get(0))?;
    let (rate, cycle_days, priced) = (tally.rate(), tally.cycle(), tally.won - tally.unpriced_won);
    let speeds = tally.value.iter().filter(|(_, sums)| sums[0] != 0).map(|(currency, [won, ..])| {
        let won_value = Ratio::of_sums(i64::try_from(*won).map_err(storage)?, priced, priced);
        let minor_per_day = match (won_value.value, rate.value, cycle_days.value) {
            (Some(value), Some(rate), Some(days)) if days > 0.0 => Some(open as f64 * value * rate / days),
            _ => None,
        };
        Ok(Speed { currency: *currency, won_value, minor_per_day })
    });
    Ok(Velocity { period, open, rate, cycle_days, speeds: speeds.collect::<Result<_, QueryError>>()? })
}
