//! The cohort: how far the deals came that were opened in a period.

use letopis_core::code::Code;
use serde::Serialize;

use super::ladder::{Ladder, Path, StageName};
use super::number::{Period, Ratio};
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::{Status, each_deal};

/// Deals that were opened in a period, as they stand at the bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cohort {
    /// The stage model.
    pub model: Code,
    /// When they were opened.
    pub period: Period,
    /// How many there are; deals opened on a stand-in date are not among them.
    pub deals: i64,
    /// Deals whose stand-in date of opening lies in the period.
    pub undated: i64,
    /// Deals that are still open.
    pub open: i64,
    /// Deals that are won, out of all.
    pub won: Ratio,
    /// Deals that are lost, out of all.
    pub lost: Ratio,
    /// Whether the numbers will stay, but for late facts and reopenings: the period is over and no deal is open.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<CohortStage>,
}

/// How many deals of a cohort came to a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CohortStage {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// Deals that came here or beyond, out of all; who skipped the stage counts, and who won is beyond all.
    pub reached: Ratio,
    /// Deals that really were in the stage.
    pub entered: i64,
    /// Deals still open that came here and not beyond.
    pub open: i64,
    /// Deals that came to the next stage or beyond, out of those that came here; after the last stage those
    /// that won. Null for a stage that is not in the model.
    pub conversion: Option<Ratio>,
}

/// The deals of a stage model that were opened in a period.
///
/// # Errors
/// When a parameter is wrong or the view file cannot be read.
pub fn cohort(reader: &Reader<'_>, model: &Code, period: Period) -> Result<Cohort, QueryError> {
    let period = period.check()?;
    let ladder = Ladder::load(reader, model)?;
    let (from, to) = (reader.zone.start(period.from), reader.zone.start(period.to));
    let (mut undated, mut paths) = (0, Vec::new());
    each_deal(reader, "WHERE opened_at >= ?1 AND opened_at < ?2", &[&from.0, &to.0], |deal| {
        if deal.opened_at.is_none() || deal.model() != model.as_str() {
            return;
        }
        if deal.date_known {
            paths.push((deal.status, Path::of(&deal, &ladder)));
        } else {
            undated += 1;
        }
    })?;
    let deals = paths.len() as i64;
    let count = |wanted: Status| paths.iter().filter(|(status, _)| *status == wanted).count() as i64;
    let (open, won, lost) = (count(Status::Open), count(Status::Won), count(Status::Lost));
    let names = ladder.names(paths.iter().flat_map(|(_, path)| path.visited.iter().cloned()));
    let reached: Vec<i64> = names
        .iter()
        .map(|name| paths.iter().filter(|(_, path)| path.reached(&name.stage, &ladder)).count() as i64)
        .collect();
    let stages = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let next = match names.get(index + 1) {
                Some(next) if next.in_model => reached.get(index + 1).copied().unwrap_or(0),
                _ => won,
            };
            let entered = paths.iter().filter(|(_, path)| path.visited.contains(&name.stage)).count();
            let waiting =
                |(status, path): &&(Status, Path)| *status == Status::Open && path.ends_at(&name.stage, &ladder);
            CohortStage {
                name: name.clone(),
                reached: Ratio::of_cases(reached[index], deals),
                entered: entered as i64,
                open: paths.iter().filter(waiting).count() as i64,
                conversion: name.in_model.then(|| Ratio::of_cases(next, reached[index])),
            }
        })
        .collect();
    Ok(Cohort {
        model: model.clone(),
        period,
        deals,
        undated,
        open,
        won: Ratio::of_cases(won, deals),
        lost: Ratio::of_cases(lost, deals),
        is_final: open == 0 && to <= reader.now,
        stages,
    })
}
