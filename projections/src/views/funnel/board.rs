//! The snapshot: deals and money in each stage at the end of a day.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::money::Money;
use letopis_core::time::Day;
use serde::Serialize;

use super::group::{By, Groups, Key};
use super::ladder::{Ladder, Path, StageName};
use super::number::{Purse, Ratio, at_end_of, storage};
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::Status;

/// Open deals at the end of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Board {
    /// The stage model.
    pub model: Code,
    /// The day.
    pub day: Day,
    /// What it is grouped by.
    pub by: By,
    /// The groups, by key; those without one come last.
    pub groups: Vec<BoardGroup>,
}

/// Open deals of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardGroup {
    /// Id or code of the group; null for what belongs to none, and when nothing is grouped.
    pub key: Option<String>,
    /// What it is called.
    pub label: Option<String>,
    /// Deals in all stages.
    pub deals: i64,
    /// Their amounts, by currency.
    pub value: Vec<Money>,
    /// Their amounts weighted by the stage model's chances; stages without a chance add nothing.
    pub weighted: Vec<Money>,
    /// Their amounts weighted by the chances that closed deals show.
    pub weighted_empirical: Vec<Money>,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<BoardStage>,
}

/// Open deals in one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardStage {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// Deals in it.
    pub deals: i64,
    /// How many of them are there since a stand-in date.
    pub undated: i64,
    /// Their amounts, by currency.
    pub value: Vec<Money>,
    /// Chance of winning from here by the stage model, in basis points.
    pub probability_bp: Option<u16>,
    /// `value` weighted by it; null when the model gives no chance.
    pub weighted: Option<Vec<Money>>,
    /// Chance of winning that closed deals show which came here or beyond, over all groups:
    /// `(won + 1) / (won + lost + 2)`; `n` counts those deals.
    pub empirical: Ratio,
    /// `value` weighted by it.
    pub weighted_empirical: Vec<Money>,
}

#[derive(Default)]
struct Cell {
    deals: i64,
    undated: i64,
    value: Purse,
}

/// The open deals of a stage model at the end of `day`, which must be covered by the reader.
///
/// Grouping by quarter is refused: open deals have no close.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn board(reader: &Reader<'_>, model: &Code, by: By, day: Day) -> Result<Board, QueryError> {
    if by == By::Quarter {
        return Err(QueryError::Parameter { name: "by", reason: "open deals have no quarter of close".into() });
    }
    let reader = &at_end_of(reader, day)?;
    let (ladder, groups) = (Ladder::load(reader, model)?, Groups::load(reader, by)?);
    let cells = stock(reader, &ladder, &groups)?;
    let stages = ladder.names(cells.values().flat_map(|cells| cells.keys().cloned()));
    let chances = empirical(reader, &ladder, &stages)?;
    let groups = cells
        .iter()
        .map(|(key, cells)| {
            let mut group = BoardGroup {
                key: key.known(),
                label: groups.label(key),
                deals: 0,
                value: Vec::new(),
                weighted: Vec::new(),
                weighted_empirical: Vec::new(),
                stages: Vec::new(),
            };
            let (mut value, mut weighted, mut shown) = (Purse::default(), Purse::default(), Purse::default());
            for (name, chance) in stages.iter().zip(&chances) {
                let none = Cell::default();
                let cell = cells.get(&name.stage).unwrap_or(&none);
                let probability_bp = ladder.probability_bp(name.stage.as_str());
                let by_model = probability_bp.map(|bp| cell.value.times(bp.into(), 10_000));
                let by_closed = cell.value.times(chance.numerator, chance.denominator);
                value.merge(&cell.value);
                weighted.merge(by_model.as_ref().unwrap_or(&Purse::default()));
                shown.merge(&by_closed);
                group.deals += cell.deals;
                group.stages.push(BoardStage {
                    name: name.clone(),
                    deals: cell.deals,
                    undated: cell.undated,
                    value: cell.value.list()?,
                    probability_bp,
                    weighted: by_model.map(|purse| purse.list()).transpose()?,
                    empirical: *chance,
                    weighted_empirical: by_closed.list()?,
                });
            }
            (group.value, group.weighted, group.weighted_empirical) = (value.list()?, weighted.list()?, shown.list()?);
            Ok(group)
        })
        .collect::<Result<_, QueryError>>()?;
    Ok(Board { model: model.clone(), day, by, groups })
}

fn stock(
    reader: &Reader<'_>,
    ladder: &Ladder,
    groups: &Groups,
) -> Result<BTreeMap<Key, BTreeMap<Code, Cell>>, QueryError> {
    let mut statement = reader.conn.prepare_cached(
        "SELECT stage, product, agent, currency, dated, SUM(deals), SUM(amount) FROM deal_stock
         WHERE model = ?1 AND day <= ?2 GROUP BY stage, product, agent, currency, dated
         HAVING SUM(deals) <> 0 OR SUM(amount) <> 0",
    )?;
    let mut rows = statement.query((ladder.model.as_str(), reader.day().to_string()))?;
    let mut cells: BTreeMap<Key, BTreeMap<Code, Cell>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let text = |index: usize| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        let stage: Code = text(0)?.parse().map_err(storage)?;
        let key = groups.key(text(2)?, text(1)?, None);
        let cell = cells.entry(key).or_default().entry(stage).or_default();
        let (dated, deals): (bool, i64) = (row.get(4)?, row.get(5)?);
        cell.deals += deals;
        cell.undated += if dated { 0 } else { deals };
        cell.value.add(text(3)?, row.get(6)?)?;
    }
    Ok(cells)
}

/// For every stage, the share of wins among the closed deals that came there or beyond.
pub(super) fn empirical(reader: &Reader<'_>, ladder: &Ladder, stages: &[StageName]) -> Result<Vec<Ratio>, QueryError> {
    let mut statement = reader.conn.prepare_cached(
        "SELECT outcome, stages, SUM(deals) FROM deal_reach WHERE model = ?1 AND day <= ?2
         GROUP BY outcome, stages HAVING SUM(deals) <> 0",
    )?;
    let mut rows = statement.query((ladder.model.as_str(), reader.day().to_string()))?;
    let mut counts = vec![(0, 0); stages.len()];
    while let Some(row) = rows.next()? {
        let text = |index: usize| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        let status = if text(0)? == "won" { Status::Won } else { Status::Lost };
        let visited = text(1)?.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(storage)?;
        let (path, deals) = (Path::through(visited, status, ladder), row.get::<_, i64>(2)?);
        for (name, (won, lost)) in stages.iter().zip(&mut counts) {
            if path.reached(&name.stage, ladder) {
                *if status == Status::Won { won } else { lost } += deals;
            }
        }
    }
    Ok(counts.into_iter().map(|(won, lost)| Ratio::of_sums(won + 1, won + lost + 2, won + lost)).collect())
}
