//! What the next periods may bring, by the series of what came: new clients, revenue, won deals.

use std::collections::BTreeMap;

use jiff::civil;
use letopis_core::events::plan::{Measure, Target};
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::calendar::monday;
use super::fact::{Fact, MEASURES, Scope, currency_for, each_day, target};
use super::models::{Candidate, trial};
use crate::engine::question::{Answer, Params, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::views::orders::answer::ExactSum;

/// Longest series and farthest look ahead.
const MAX_PERIODS: usize = 1_200;
const MAX_AHEAD: usize = 24;

/// What a series is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    #[default]
    Month,
    Week,
}

impl Unit {
    fn start(self, day: Day) -> Day {
        match self {
            Self::Week => monday(day),
            Self::Month => Day::from_date(day.date().first_of_month()),
        }
    }

    fn next(self, start: Day) -> Day {
        match self {
            Self::Week => Day(start.0 + 7),
            Self::Month => {
                let date = start.date();
                let (year, month) =
                    if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
                civil::Date::new(year, month, 1).map_or(Day(start.0 + 31), Day::from_date)
            }
        }
    }

    fn season(self) -> usize {
        match self {
            Self::Month => 12,
            Self::Week => 52,
        }
    }
}

/// What the next periods may bring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// Of what.
    pub measure: Measure,
    unit: Unit,
    /// The model that the forecast is made by, and its version; null when there is no forecast.
    pub model: Option<&'static str>,
    /// Why there is none.
    pub reason: Option<&'static str>,
    /// Cases that the series counts: sale lines, deals or clients.
    pub cases: i64,
    /// What came in complete periods up to the bound, oldest first; gaps are 0.
    pub series: Vec<OutlookPoint>,
    /// What may come, with an interval that held four of five values of the past.
    pub forecast: Vec<OutlookPoint>,
    /// Every model with its trial.
    pub candidates: Vec<Candidate>,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlookPoint {
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// The figure.
    pub value: Target,
    /// The lower end of the interval, never below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<Target>,
    /// The upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<Target>,
}

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let measure = params.word("measure", MEASURES)?.ok_or_else(|| wrong("measure", "measure is missing"))?;
    let unit = params.word("unit", &[("month", Unit::Month), ("week", Unit::Week)])?.unwrap_or_default();
    let currency = currency_for(measure, params.one("currency")?)?;
    let ahead = params.one::<usize>("ahead")?.unwrap_or(3);
    if !(1..=MAX_AHEAD).contains(&ahead) {
        return Err(wrong("ahead", format!("{ahead} is outside 1 to {MAX_AHEAD}")));
    }
    json(outlook(reader, measure, unit, currency, ahead)?)
}

fn outlook(
    reader: &Reader<'_>,
    measure: Measure,
    unit: Unit,
    currency: Option<Currency>,
    ahead: usize,
) -> Result<Outlook, QueryError> {
    let (points, cases) = series(reader, measure, unit, currency)?;
    let values: Vec<f64> = points.iter().map(|(_, value)| *value as f64).collect();
    let season = unit.season();
    let candidates = trial(&values, season);
    let better = candidates.iter().filter(|tried| tried.better_than_naive);
    let best = better.min_by(|a, b| a.mean_error.total_cmp(&b.mean_error));
    let reason = match best {
        Some(_) => None,
        None if candidates.is_empty() => Some("too few complete periods to try a model on"),
        None => Some("no model is better than to repeat the last value or season"),
    };
    let mut forecast = Vec::new();
    if let (Some(best), Some((last, _))) = (best, points.last()) {
        let mut from = unit.next(*last);
        for value in best.model.forecast(&values, season, ahead) {
            let to = unit.next(from);
            let figure = |value: f64| target(currency, value.max(0.0).round() as i64);
            forecast.push(OutlookPoint {
                from,
                to,
                value: figure(value),
                low: Some(figure(value - best.half_width)),
                high: Some(figure(value + best.half_width)),
            });
            from = to;
        }
    }
    let point = |(from, value): (Day, i64)| OutlookPoint {
        from,
        to: unit.next(from),
        value: target(currency, value),
        low: None,
        high: None,
    };
    Ok(Outlook {
        measure,
        unit,
        model: best.map(|best| best.version),
        reason,
        cases,
        series: points.into_iter().map(point).collect(),
        forecast,
        candidates,
    })
}

/// Complete periods, from the first with anything in it to the last that is over at the bound; and the cases in them.
fn series(
    reader: &Reader<'_>,
    measure: Measure,
    unit: Unit,
    currency: Option<Currency>,
) -> Result<(Vec<(Day, i64)>, i64), QueryError> {
    let end = unit.start(Day(reader.day().0.saturating_add(1)));
    let mut sums: BTreeMap<Day, Fact> = BTreeMap::new();
    let period = reader.days((None, Some(end)));
    each_day(reader, measure, currency, period, &Scope::default(), |day, fact| {
        let sum = sums.entry(unit.start(day)).or_default();
        (sum.value, sum.n) = (sum.value.saturating_add(fact.value), sum.n + fact.n);
    })?;
    let Some(first) = sums.keys().next().copied() else { return Ok((Vec::new(), 0)) };
    let cases = sums.values().map(|sum| sum.n).sum();
    let mut points = Vec::new();
    let mut from = first;
    while from < end {
        let value = sums.get(&from).map_or(0, |sum| sum.value);
        let value = match currency.filter(|_| measure == Measure::Revenue) {
            Some(currency) => ExactSum(value.into()).round(currency).minor,
            None => value,
        };
        points.push((from, value));
        from = unit.next(from);
    }
    let skip = points.len().saturating_sub(MAX_PERIODS);
    Ok((points.split_off(skip), cases))
}
