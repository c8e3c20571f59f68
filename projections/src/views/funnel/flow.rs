//! The flow: entries and exits of each stage within a period, each move counted.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::money::Money;
use serde::Serialize;

use super::ladder::{Direction, Ladder, StageName};
use super::number::{Period, Purse, Ratio, storage};
use crate::engine::read::{QueryError, Reader};

/// Moves of deals within a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// The stage model.
    pub model: Code,
    /// The period; days after the bound have no moves yet.
    pub period: Period,
    /// Entries into stages, of known date.
    pub entries: i64,
    /// Openings on a stand-in date within the period; they are in no other number here.
    pub undated: i64,
    /// Deals won, from any stage or none.
    pub won: i64,
    /// Their amounts, by currency.
    pub won_value: Vec<Money>,
    /// Deals lost, from any stage or none.
    pub lost: i64,
    /// Their amounts, by currency.
    pub lost_value: Vec<Money>,
    /// Closes that overturned an earlier close without a reopening between; they left no stage.
    pub reclosed: i64,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<FlowStage>,
}

/// Moves into and out of one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowStage {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// Moves into it.
    pub entries: Entries,
    /// Amounts of the deals that came in, by currency.
    pub entered_value: Vec<Money>,
    /// Moves out of it.
    pub exits: Exits,
    /// Exits forward or to won, out of all exits.
    pub conversion: Ratio,
}

/// Where deals came from; a deal that comes again is counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Entries {
    /// All.
    pub total: i64,
    /// Nowhere: their first stage.
    pub started: i64,
    /// An earlier stage.
    pub forward: i64,
    /// A later stage.
    pub back: i64,
    /// Won or lost.
    pub reopened: i64,
    /// A stage that has no order with this one.
    pub unordered: i64,
}

/// Where deals went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Exits {
    /// All.
    pub total: i64,
    /// A later stage.
    pub forward: i64,
    /// An earlier stage.
    pub back: i64,
    /// Won.
    pub won: i64,
    /// Lost.
    pub lost: i64,
    /// A stage that has no order with this one.
    pub unordered: i64,
}

#[derive(Default)]
struct Cell {
    entries: Entries,
    value: Purse,
    exits: Exits,
}

/// The moves of deals of a stage model within a period.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn flow(reader: &Reader<'_>, model: &Code, period: Period) -> Result<Flow, QueryError> {
    let period = period.check()?;
    let ladder = Ladder::load(reader, model)?;
    let mut cells: BTreeMap<Code, Cell> = BTreeMap::new();
    let (mut entries, mut undated, mut won, mut lost, mut reclosed) = (0, 0, 0, 0, 0);
    let (mut won_value, mut lost_value) = (Purse::default(), Purse::default());
    let mut statement = reader.conn.prepare_cached(
        "SELECT kind, from_stage, to_stage, currency, dated, SUM(moves), SUM(amount) FROM deal_flow
         WHERE model = ?1 AND day >= ?2 AND day < ?3 AND day <= ?4
         GROUP BY kind, from_stage, to_stage, currency, dated HAVING SUM(moves) <> 0",
    )?;
    let bounds = [period.from, period.to, reader.day()].map(|day| day.to_string());
    let mut rows = statement.query((ladder.model.as_str(), &bounds[0], &bounds[1], &bounds[2]))?;
    while let Some(row) = rows.next()? {
        let text = |index: usize| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        let (kind, from, to, currency) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let (dated, moves, amount): (bool, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let direction = ladder.direction(from, to);
        if !dated {
            undated += moves;
            continue;
        }
        if matches!(kind, "won" | "lost" | "moved") && !from.is_empty() {
            let exits = &mut cells.entry(from.parse().map_err(storage)?).or_default().exits;
            exits.total += moves;
            *match (kind, direction) {
                ("won", _) => &mut exits.won,
                ("lost", _) => &mut exits.lost,
                (_, Direction::Forward) => &mut exits.forward,
                (_, Direction::Back) => &mut exits.back,
                (_, Direction::Unordered) => &mut exits.unordered,
            } += moves;
        }
        match kind {
            "won" => {
                won += moves;
                won_value.add(currency, amount)?;
            }
            "lost" => {
                lost += moves;
                lost_value.add(currency, amount)?;
            }
            "reclosed" => reclosed += moves,
            _ => {
                entries += moves;
                let cell = cells.entry(to.parse().map_err(storage)?).or_default();
                cell.value.add(currency, amount)?;
                cell.entries.total += moves;
                *match (kind, direction) {
                    ("entered", _) => &mut cell.entries.started,
                    ("reopened", _) => &mut cell.entries.reopened,
                    (_, Direction::Forward) => &mut cell.entries.forward,
                    (_, Direction::Back) => &mut cell.entries.back,
                    (_, Direction::Unordered) => &mut cell.entries.unordered,
                } += moves;
            }
        }
    }
    let mut stages = Vec::new();
    for name in ladder.names(cells.keys().cloned()) {
        let cell = cells.remove(&name.stage).unwrap_or_default();
        stages.push(FlowStage {
            name,
            entries: cell.entries,
            entered_value: cell.value.list()?,
            exits: cell.exits,
            conversion: Ratio::of_cases(cell.exits.forward + cell.exits.won, cell.exits.total),
        });
    }
    Ok(Flow {
        model: model.clone(),
        period,
        entries,
        undated,
        won,
        won_value: won_value.list()?,
        lost,
        lost_value: lost_value.list()?,
        reclosed,
        stages,
    })
}
