//! Retention by month of the first purchase.

use std::collections::BTreeMap;

use letopis_core::time::Day;
use serde::Serialize;

use super::days::{Which, each, purchase_days};
use super::ratio::Ratio;
use super::{Basis, Window};
use crate::engine::read::{QueryError, Reader};

/// What a cell counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Clients with a purchase in month k.
    #[default]
    InMonth,
    /// Clients with a purchase in month k or later ("rolling"); a cell can grow as time goes on.
    InMonthOrLater,
}

/// Clients who bought for the first time in one month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cohort {
    /// The month, `2011-03`.
    pub month: String,
    /// How many clients.
    pub clients: i64,
    /// Months 0, 1, 2 … after the first purchase; null where the month has not begun.
    pub cells: Vec<Option<CohortCell>>,
}

/// Clients of a cohort who came back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CohortCell {
    /// Of the cohort's clients.
    pub retention: Ratio,
    /// Whether the month is over.
    pub complete: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cohorts {
    /// Which orders count.
    pub basis: Basis,
    /// What the cells count.
    pub measure: Measure,
    /// The last day that is covered.
    pub as_of: Day,
    /// By month; months in which nobody bought for the first time are left out.
    pub cohorts: Vec<Cohort>,
}

/// Retention of the cohorts whose first purchase lies in a window.
///
/// # Errors
/// When the window is empty or the view cannot be read.
pub fn cohorts(reader: &Reader<'_>, window: Window, measure: Measure, basis: Basis) -> Result<Cohorts, QueryError> {
    window.check()?;
    let as_of = reader.day();
    // Clients of a cohort by the months in which they bought; month 0 holds all of them.
    let mut found: BTreeMap<i32, BTreeMap<i32, i64>> = BTreeMap::new();
    let mut months = Months::default();
    each(reader, Which::default(), |_, entries| {
        let days = purchase_days(entries, basis, Window::ALL);
        let Some((first, _)) = days.first().filter(|(day, _)| window.holds(*day)) else { return };
        let (start, mut counted) = (months.of(*first), None);
        let cells = found.entry(start).or_default();
        match measure {
            Measure::InMonth => {
                for (day, _) in &days {
                    let k = months.of(*day) - start;
                    if counted.replace(k) != Some(k) {
                        *cells.entry(k).or_default() += 1;
                    }
                }
            }
            // Counted at the last month; summed from the end below.
            Measure::InMonthOrLater => {
                let last = days.last().map_or(start, |(day, _)| months.of(*day));
                *cells.entry(last - start).or_default() += 1;
            }
        }
    })?;
    let (now, over) = (as_of.month(), Day(as_of.0.saturating_add(1)).month());
    let width = found.keys().next().map_or(0, |first| (now - first + 1).max(0));
    let cohorts = found.into_iter().map(|(start, counts)| {
        let count = |k: i32| match measure {
            Measure::InMonth => counts.get(&k).copied().unwrap_or(0),
            Measure::InMonthOrLater => counts.range(k..).map(|(_, count)| count).sum(),
        };
        let cell = |k: i32| {
            (start + k <= now)
                .then(|| CohortCell { retention: Ratio::new(count(k), count(0)), complete: start + k < over })
        };
        Cohort {
            month: format!("{:04}-{:02}", start.div_euclid(12), start.rem_euclid(12) + 1),
            clients: count(0),
            cells: (0..width).map(cell).collect(),
        }
    });
    Ok(Cohorts { basis, measure, as_of, cohorts: cohorts.collect() })
}

/// Months of days, each computed once.
#[derive(Default)]
struct Months(std::collections::HashMap<i32, i32>);

impl Months {
    fn of(&mut self, day: Day) -> i32 {
        *self.0.entry(day.0).or_insert_with(|| day.month())
    }
}
