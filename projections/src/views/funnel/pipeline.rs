//! The pipeline: open deals that are expected to close in a period, weighted by their chances.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::deal::Estimator;
use letopis_core::money::Money;
use letopis_core::time::Day;
use serde::Serialize;

use super::ladder::{Ladder, StageName};
use super::number::{Purse, Ratio};
use crate::engine::question::wrong;
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::{DealRow, Status, each_deal};

/// Open deals at the bound, by when they are expected to close.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pipeline {
    /// The stage model.
    pub model: Code,
    /// The version of it that gives the chances of its stages; null when it is not defined.
    pub definition: Option<String>,
    /// The day as seen on the evening of which.
    pub seen_on: Day,
    /// The first day of expected closes; null for any.
    pub from: Option<Day>,
    /// The day after the last; null for any.
    pub to: Option<Day>,
    /// Deals expected to close in the period.
    pub expected: PipelinePart,
    /// Deals of which nobody said when they will close; they are in no other number here.
    pub without_date: PipelinePart,
}

/// Some open deals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelinePart {
    /// Deals.
    pub deals: i64,
    /// Their amounts, by currency.
    pub value: Vec<Money>,
    /// Wins that the chances come to, in ten-thousandths of a deal: the chance that was stated for a deal, else that
    /// of its stage; deals that have neither add nothing.
    pub expected_wins_bp: i64,
    /// Amounts weighted in the same way.
    pub weighted: Vec<Money>,
    /// Amounts weighted by the stage model alone.
    pub weighted_by_stage: Vec<Money>,
    /// Amounts weighted by what closed deals show, see `empirical` of the stages.
    pub weighted_empirical: Vec<Money>,
    /// Deals whose chance was stated by one of us.
    pub stated_by_human: i64,
    /// Deals whose chance was stated by a model, by its version.
    pub stated_by_model: BTreeMap<String, i64>,
    /// Deals with neither a stated chance nor one of their stage.
    pub without_chance: i64,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<PipelineStage>,
}

/// Open deals in one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineStage {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// Deals in it.
    pub deals: i64,
    /// Their amounts, by currency.
    pub value: Vec<Money>,
    /// Their amounts weighted by stated chances, else by the stage's.
    pub weighted: Vec<Money>,
    /// Chance of winning from here by the stage model, in basis points.
    pub probability_bp: Option<u16>,
    /// Chance of winning that closed deals show which came here or beyond: `(won + 1) / (won + lost + 2)`.
    pub empirical: Ratio,
}

/// The pipeline of a stage model at the bound.
pub(super) fn pipeline(
    reader: &Reader<'_>,
    model: &Code,
    from: Option<Day>,
    to: Option<Day>,
) -> Result<Pipeline, QueryError> {
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(wrong("to", format!("{to} is before {from}")));
    }
    let ladder = Ladder::load(reader, model)?;
    let (mut expected, mut without_date) = (Vec::new(), Vec::new());
    each_deal(reader, "", &[], |deal| {
        if deal.status != Status::Open || deal.model() != model.as_str() {
            return;
        }
        match deal.chance.as_ref().and_then(|chance| chance.0.expected_close) {
            None => without_date.push(deal),
            Some(day) if from.is_none_or(|from| from <= day) && to.is_none_or(|to| day < to) => expected.push(deal),
            Some(_) => {}
        }
    })?;
    let seen = expected.iter().chain(&without_date).filter_map(|deal| deal.stage.clone());
    let names = ladder.names(seen);
    let shown = super::board::empirical(reader, &ladder, &names)?;
    let part = |deals: &[DealRow]| part(deals, &ladder, &names, &shown);
    Ok(Pipeline {
        model: model.clone(),
        definition: ladder.name.clone(),
        seen_on: reader.day(),
        from,
        to,
        expected: part(&expected)?,
        without_date: part(&without_date)?,
    })
}

#[derive(Default)]
struct Sums {
    value: Purse,
    weighted: Purse,
    by_stage: Purse,
    empirical: Purse,
}

fn part(deals: &[DealRow], ladder: &Ladder, names: &[StageName], shown: &[Ratio]) -> Result<PipelinePart, QueryError> {
    let mut total = Sums::default();
    let (mut wins, mut humans, mut without) = (0, 0, 0);
    let mut models: BTreeMap<String, i64> = BTreeMap::new();
    let mut cells: BTreeMap<Code, (i64, Sums)> = BTreeMap::new();
    for deal in deals {
        let stage = deal.stage.as_ref();
        let of_stage = stage.and_then(|stage| ladder.probability_bp(stage.as_str()));
        let stated = deal.chance.as_ref().map(|chance| &chance.0);
        if let Some(chance) = stated {
            match chance.by {
                Estimator::Human => humans += 1,
                Estimator::Model => {
                    let version = chance.version.as_ref().map_or_else(String::new, ToString::to_string);
                    *models.entry(version).or_default() += 1;
                }
            }
        }
        let chance = stated.map(|chance| chance.probability_bp).or(of_stage);
        wins += chance.map_or(0, i64::from);
        without += i64::from(chance.is_none());
        let mut purse = Purse::default();
        if let Some(amount) = deal.amount() {
            purse.add(amount.currency.as_str(), amount.minor)?;
        }
        let index = names.iter().position(|name| Some(&name.stage) == stage);
        let by = |bp: Option<u16>| bp.map_or_else(Purse::default, |bp| purse.times(bp.into(), 10_000));
        let seen = index.and_then(|index| shown.get(index));
        let shown = seen.map_or_else(Purse::default, |ratio| purse.times(ratio.numerator, ratio.denominator));
        let (weighted, by_stage) = (by(chance), by(of_stage));
        let into = |sums: &mut Sums| {
            sums.value.merge(&purse);
            sums.weighted.merge(&weighted);
            sums.by_stage.merge(&by_stage);
            sums.empirical.merge(&shown);
        };
        into(&mut total);
        if let Some(stage) = stage {
            let (count, sums) = cells.entry(stage.clone()).or_default();
            *count += 1;
            into(sums);
        }
    }
    let mut stages = Vec::new();
    for (name, empirical) in names.iter().zip(shown) {
        let (count, sums) = cells.remove(&name.stage).unwrap_or_default();
        stages.push(PipelineStage {
            name: name.clone(),
            deals: count,
            value: sums.value.list()?,
            weighted: sums.weighted.list()?,
            probability_bp: ladder.probability_bp(name.stage.as_str()),
            empirical: *empirical,
        });
    }
    Ok(PipelinePart {
        deals: deals.len() as i64,
        value: total.value.list()?,
        expected_wins_bp: wins,
        weighted: total.weighted.list()?,
        weighted_by_stage: total.by_stage.list()?,
        weighted_empirical: total.empirical.list()?,
        stated_by_human: humans,
        stated_by_model: models,
        without_chance: without,
        stages,
    })
}
