//! Forecasts as they were made, against what came: error by horizon.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition};
use letopis_core::events::plan::{ForecastMade, Measure, Target};
use letopis_core::money::Currency;
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::fact::{MEASURES, Scope, any_period, fact, figure, target};
use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell};
use crate::views::funnel::Ratio;

/// Forecasts and how right they were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecasts {
    /// How right they were, by measure, currency, method and horizon, over all forecasts whose period is over.
    pub errors: Vec<ForecastErrors>,
    /// The forecasts, by their row and version.
    #[serde(flatten)]
    pub page: Page<ForecastItem>,
}

/// One forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastItem {
    /// Which one: `forecast:north@3`.
    pub forecast: String,
    /// Of what.
    pub measure: Measure,
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// When it was made.
    pub made_at: Moment,
    /// Who or what made it.
    pub method: Code,
    /// The version of the model.
    pub version: Option<Code>,
    /// The log position up to which the model had read.
    pub input_position: Option<u64>,
    /// Days from its making to the first day; 0 when the period had begun.
    pub horizon_days: i64,
    /// What was expected.
    pub value: Target,
    /// What came; null while the period goes on.
    pub fact: Option<Target>,
    /// Fact less forecast, in minor units or cases.
    pub error: Option<i64>,
    /// Size of the error by the fact.
    pub relative_error: Option<Ratio>,
}

/// Errors of the forecasts of one kind and horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastErrors {
    /// Of what.
    pub measure: Measure,
    /// The currency, for money.
    pub currency: Option<Currency>,
    /// Who or what made them.
    pub method: Code,
    /// From so many days ahead.
    pub from_days: i64,
    /// Up to, not including, so many; null without end.
    pub to_days: Option<i64>,
    /// Sum of `fact − forecast` by their number: above zero when too little was expected.
    pub bias: Ratio,
    /// Sum of the sizes of the errors by their number.
    pub mean_error: Ratio,
    /// Sum of the sizes of the errors by the sum of the facts.
    pub relative_error: Ratio,
}

/// Horizons are told apart at these numbers of days.
const HORIZONS: [i64; 4] = [0, 7, 31, 92];

type Group = (Measure, Option<Currency>, Code, usize);

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = any_period(params)?;
    let measure = params.word("measure", MEASURES)?;
    let method = params.one::<Code>("method")?;
    let code = params.one::<Code>("forecast")?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("forecasts {from} {to} {measure:?} {method:?} {code:?}");
    let place = window.place(&shape, 2)?;
    let defined = reader.definitions(&[ForecastMade::KIND])?;
    let wanted = |made: &Dated<'_, ForecastMade>| {
        let value = made.value;
        value.from < to
            && value.to > from
            && measure.is_none_or(|measure| measure == value.measure)
            && method.as_ref().is_none_or(|method| *method == value.method)
            && code.as_ref().is_none_or(|code| code.as_str() == made.code)
    };
    let rows = defined.all::<ForecastMade>();
    let made = rows.iter().flat_map(|row| defined.versions::<ForecastMade>(row.code));
    let mut sums: BTreeMap<Group, [i64; 4]> = BTreeMap::new();
    let mut items = Vec::new();
    for made in made.filter(wanted) {
        let item = ForecastItem::new(reader, &made)?;
        item.add(&mut sums);
        items.push((atoms(&made), item));
    }
    items.sort_by(|a, b| a.0.cmp(&b.0));
    items.retain(|(at, _)| place.as_ref().is_none_or(|place| at > place));
    let page = Page::cut(items, limit, &shape, |(at, _)| at.clone()).map(|(_, item)| item);
    json(Forecasts { errors: sums.into_iter().map(errors).collect(), page })
}

fn atoms(made: &Dated<'_, ForecastMade>) -> Vec<Atom> {
    vec![made.code.to_owned().put(), Atom::Int(i64::try_from(made.version.0).unwrap_or(i64::MAX))]
}

fn errors(((measure, currency, method, horizon), [n, error, size, facts]): (Group, [i64; 4])) -> ForecastErrors {
    ForecastErrors {
        measure,
        currency,
        method,
        from_days: HORIZONS[horizon],
        to_days: HORIZONS.get(horizon + 1).copied(),
        bias: Ratio::of_sums(error, n, n),
        mean_error: Ratio::of_sums(size, n, n),
        relative_error: Ratio::of_sums(size, facts, n),
    }
}

impl ForecastItem {
    fn new(reader: &Reader<'_>, made: &Dated<'_, ForecastMade>) -> Result<Self, QueryError> {
        let value = made.value;
        let (currency, expected) = figure(value.value);
        // A period that goes on has no fact yet.
        let over = value.to <= Day(reader.day().0.saturating_add(1));
        let came = match over {
            true => Some(fact(reader, value.measure, currency, (value.from, value.to), &Scope::default())?),
            false => None,
        };
        let error = came.map(|came| came.value - expected);
        Ok(Self {
            forecast: made.name(),
            measure: value.measure,
            from: value.from,
            to: value.to,
            made_at: Moment::utc(made.from),
            method: value.method.clone(),
            version: value.version.clone(),
            input_position: value.input_position,
            horizon_days: i64::from(value.from.0 - reader.zone.day(made.from).0).max(0),
            value: value.value,
            fact: came.map(|came| target(currency, came.value)),
            error,
            relative_error: came.map(|came| Ratio::of_sums((came.value - expected).abs(), came.value, came.n)),
        })
    }

    fn add(&self, sums: &mut BTreeMap<Group, [i64; 4]>) {
        let (Some(error), Some(fact)) = (self.error, self.fact) else { return };
        let horizon = HORIZONS.iter().rposition(|from| *from <= self.horizon_days).unwrap_or(0);
        let (currency, fact) = figure(fact);
        let sum = sums.entry((self.measure, currency, self.method.clone(), horizon)).or_default();
        for (sum, more) in sum.iter_mut().zip([1, error, error.abs(), fact]) {
            *sum = sum.saturating_add(more);
        }
    }
}
