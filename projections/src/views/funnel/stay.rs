//! The time deals spend in stages, those still there included.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::time::SECOND_US;
use serde::Serialize;

use super::ladder::{Ladder, StageName};
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::each_deal;

/// How long deals stay in the stages of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeInStage {
    /// The stage model.
    pub model: Code,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<StageTime>,
}

/// How long deals stay in one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageTime {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// By visit: a deal that comes back makes another one.
    pub per_visit: Median,
    /// By deal: the sum of its visits.
    pub per_deal: Median,
    /// Visits since a stand-in date; they are in no other number here.
    pub undated_visits: i64,
}

/// The median of durations of which some are not over yet (E. L. Kaplan, P. Meier, 1958).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Median {
    /// How many durations there are.
    pub n: i64,
    /// How many of them are not over at the bound.
    pub open: i64,
    /// The time after which half are over, in seconds; null while fewer are.
    pub median_s: Option<i64>,
    /// Fewer than 30 durations.
    pub small: bool,
}

impl Median {
    /// Of durations, each with whether it is over.
    pub(crate) fn of(mut durations: Vec<(i64, bool)>) -> Self {
        // At equal times ends come before censorings.
        durations.sort_unstable_by_key(|(length, over)| (*length, !over));
        let n = durations.len() as i64;
        let open = durations.iter().filter(|(_, over)| !over).count() as i64;
        let (mut at_risk, mut survival, mut median) = (n, 1.0, None);
        for same in durations.chunk_by(|a, b| a.0 == b.0) {
            let over = same.iter().filter(|(_, over)| *over).count() as i64;
            survival *= (at_risk - over) as f64 / at_risk as f64;
            // The products that are a half on paper may be a hair above it in binary.
            if median.is_none() && survival <= 0.5 + 1e-12 {
                median = same.first().map(|(length, _)| length / SECOND_US);
            }
            at_risk -= same.len() as i64;
        }
        Self { n, open, median_s: median, small: n < 30 }
    }
}

#[derive(Default)]
struct Cell {
    visits: Vec<(i64, bool)>,
    deals: Vec<(i64, bool)>,
    undated: i64,
}

/// How long deals of a stage model stay in its stages, over all visits up to the bound; visits that go on are
/// counted as lasting at least until then.
///
/// # Errors
/// When the view file cannot be read.
pub fn time_in_stage(reader: &Reader<'_>, model: &Code) -> Result<TimeInStage, QueryError> {
    let ladder = Ladder::load(reader, model)?;
    let mut cells: BTreeMap<Code, Cell> = BTreeMap::new();
    each_deal(reader, "", &[], |deal| {
        if deal.model() != model.as_str() {
            return;
        }
        let mut stays: BTreeMap<Code, (i64, bool)> = BTreeMap::new();
        for visit in deal.visits() {
            let cell = cells.entry(visit.stage.clone()).or_default();
            if !visit.dated {
                cell.undated += 1;
                continue;
            }
            let end = visit.left.as_ref().map_or(reader.now, |(at, _)| *at);
            let length = (end.0 - visit.entered_at.0, visit.left.is_some());
            cell.visits.push(length);
            let stay = stays.entry(visit.stage).or_insert((0, true));
            *stay = (stay.0 + length.0, stay.1 && length.1);
        }
        for (stage, stay) in stays {
            cells.entry(stage).or_default().deals.push(stay);
        }
    })?;
    let names = ladder.names(cells.keys().cloned());
    let stages = names
        .into_iter()
        .map(|name| {
            let cell = cells.remove(&name.stage).unwrap_or_default();
            StageTime {
                name,
                per_visit: Median::of(cell.visits),
                per_deal: Median::of(cell.deals),
                undated_visits: cell.undated,
            }
        })
        .collect();
    Ok(TimeInStage { model: model.clone(), stages })
}
