//! How large the markets are that we sell in, and our share of them.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition};
use letopis_core::events::market::FactRecorded;
use letopis_core::events::plan::{Measure, Target};
use letopis_core::ids::EventId;
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::fact::{Scope, fact, figure, target};
use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::funnel::Ratio;

/// A market segment over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// The segment.
    pub segment: String,
    /// Who was used as a source, by how many figures.
    pub sources: BTreeMap<Code, i64>,
    /// Period by period and source by source; expectations among them.
    pub periods: Vec<MarketShare>,
}

/// The size of a segment in a period by one source, and our share of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarketShare {
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// Who says so.
    pub source: Code,
    /// Which record says so: `market:roofs@2`.
    pub name: String,
    /// Its event.
    pub event: EventId,
    /// When it was said.
    pub said_at: Moment,
    /// Whether it is an expectation.
    pub expected: bool,
    /// How much or how many are sold there by everybody.
    pub size: Target,
    /// What we sold there up to the bound: money for a size in money, sale lines for a count.
    pub ours: Target,
    /// Ours by size; null for a period that is not over.
    pub share: Option<Ratio>,
    /// Size less that of the period before by the same source, by the latter; null for the first.
    pub growth: Option<Ratio>,
    /// Share less that of the period before by the same source; null for the first.
    pub share_change: Option<f64>,
}

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let segment = params.one::<String>("segment")?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("market {segment:?}");
    let place = window.place(&shape, 1)?;
    let defined = reader.definitions(&[FactRecorded::KIND])?;
    let mut segments = defined.all::<FactRecorded>();
    segments.retain(|found| {
        segment.as_ref().is_none_or(|wanted| wanted == found.code)
            && place.as_ref().is_none_or(|place| vec![found.code.to_owned().put()] > *place)
    });
    segments.truncate(limit + 1);
    let page = Page::cut(segments, limit, &shape, |found| vec![found.code.to_owned().put()]);
    let items = page.items.iter().map(|found| {
        let periods = periods(reader, defined.versions::<FactRecorded>(found.code))?;
        let mut sources = BTreeMap::new();
        periods.iter().for_each(|period| *sources.entry(period.source.clone()).or_insert(0) += 1);
        Ok(Segment { segment: found.code.to_owned(), sources, periods })
    });
    json(Page { items: items.collect::<Result<Vec<_>, QueryError>>()?, next: page.next })
}

fn periods(reader: &Reader<'_>, said: Vec<Dated<'_, FactRecorded>>) -> Result<Vec<MarketShare>, QueryError> {
    // Of what one source says of one period the last counts; a fact takes the place of an expectation.
    let mut last: BTreeMap<(Day, Day, &Code), &Dated<'_, FactRecorded>> = BTreeMap::new();
    for dated in &said {
        let value = dated.value;
        let known = last.entry((value.from, value.to, &value.source)).or_insert(dated);
        if known.value.expected || !value.expected {
            *known = dated;
        }
    }
    let mut before: BTreeMap<&Code, (i64, Option<f64>)> = BTreeMap::new();
    let mut out = Vec::new();
    for ((from, to, source), dated) in last {
        let value = dated.value;
        let (currency, size) = figure(value.size);
        let scope = Scope {
            product: value.product.clone(),
            product_group: value.product_group.clone(),
            region: value.region.clone(),
            ..Scope::default()
        };
        let came = fact(reader, Measure::Revenue, currency, (from, to), &scope)?;
        let ours = if currency.is_some() { came.value } else { came.n };
        let over = to <= Day(reader.day().0.saturating_add(1));
        let share = over.then(|| Ratio::of_sums(ours, size, came.n));
        let value_of = share.and_then(|share| share.value);
        let earlier = before.insert(source, (size, value_of));
        out.push(MarketShare {
            from,
            to,
            source: source.clone(),
            name: dated.name(),
            event: dated.event,
            said_at: Moment::utc(dated.from),
            expected: value.expected,
            size: value.size,
            ours: target(currency, ours),
            share,
            growth: earlier.map(|(earlier, _)| Ratio::of_sums(size - earlier, earlier, 1)),
            share_change: earlier.and_then(|(_, earlier)| Some(value_of? - earlier?)),
        });
    }
    Ok(out)
}
