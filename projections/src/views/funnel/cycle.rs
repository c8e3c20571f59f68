//! How long sales take, group by group.

use std::collections::{BTreeMap, HashMap};

use letopis_core::code::Code;
use serde::Serialize;

use super::group::{By, Groups, Key};
use super::ladder::{Ladder, StageName};
use super::number::{Period, Ratio};
use super::stay::Median;
use crate::engine::question::{Params, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::views::client::attribute_of_all;
use crate::views::deals::{DealRow, Status, each_deal};

/// What cycles are grouped by.
#[derive(Debug)]
pub(super) enum Grouping {
    By(By),
    /// The value of an attribute of the client.
    Segment(Code),
}

impl Grouping {
    pub(super) fn read(params: &mut Params) -> Result<Self, QueryError> {
        let (by, attribute) = (params.one::<String>("by")?, params.one("attribute")?);
        match (by.as_deref(), attribute) {
            (Some("segment"), Some(attribute)) => Ok(Self::Segment(attribute)),
            (Some("segment"), None) => Err(wrong("attribute", "by=segment needs the attribute that makes the segment")),
            (_, Some(_)) => Err(wrong("attribute", "only by=segment takes an attribute")),
            (Some("quarter"), None) => Err(wrong("by", "open deals have no quarter of close")),
            (Some(by), None) => by.parse().map(Self::By).map_err(|error| wrong("by", format!("{error}"))),
            (None, None) => Ok(Self::By(By::None)),
        }
    }
}

/// How long sales take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cycles {
    /// The stage model.
    pub model: Code,
    /// The version of it that gives the stages their order; null when it is not defined.
    pub definition: Option<String>,
    /// When the deals were opened.
    pub period: Period,
    /// The groups, by key; those without one come last.
    pub groups: Vec<Cycle>,
}

/// How long the sales of one group take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cycle {
    /// Id or code of the group; null for what belongs to none, and when nothing is grouped.
    pub key: Option<String>,
    /// What it is called.
    pub label: Option<String>,
    /// Deals opened in the period; those of a stand-in date are left out.
    pub deals: i64,
    /// Deals won.
    pub won: i64,
    /// Days from opening to final close of won deals, by their number.
    pub mean_days: Ratio,
    /// The median of the same.
    pub cycle: Median,
    /// Time from opening to winning with the open deals in it, as going on; lost ones go on until their close.
    pub to_win: Median,
    /// Stage by stage, in the order of the model.
    pub stages: Vec<CycleStage>,
}

/// How long the deals of a group stay in one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CycleStage {
    /// The stage.
    #[serde(flatten)]
    pub name: StageName,
    /// By visit: a deal that comes back makes another one.
    pub per_visit: Median,
    /// By deal: the sum of its visits.
    pub per_deal: Median,
}

/// Days, and whether they came to their end.
type Spans = Vec<(i64, bool)>;

#[derive(Default)]
struct Tally {
    deals: i64,
    won: Spans,
    all: Spans,
    days: i64,
    visits: BTreeMap<Code, (Spans, Spans)>,
}

impl Tally {
    fn add(&mut self, deal: &DealRow, reader: &Reader<'_>) {
        let Some(opened) = deal.opened_at else { return };
        self.deals += 1;
        let end = deal.closed_at.unwrap_or(reader.now);
        let length = (end.0 - opened.0).max(0);
        let won = deal.status == Status::Won;
        self.all.push((length, won));
        if won {
            self.won.push((length, true));
            self.days += i64::from(reader.zone.day(end).0 - reader.zone.day(opened).0).max(0);
        }
        let mut stays: BTreeMap<Code, (i64, bool)> = BTreeMap::new();
        for visit in deal.visits().into_iter().filter(|visit| visit.dated) {
            let end = visit.left.as_ref().map_or(reader.now, |(at, _)| *at);
            let stayed = (end.0 - visit.entered_at.0, visit.left.is_some());
            let stay = stays.entry(visit.stage.clone()).or_insert((0, true));
            *stay = (stay.0 + stayed.0, stay.1 && stayed.1);
            self.visits.entry(visit.stage).or_default().0.push(stayed);
        }
        for (stage, stay) in stays {
            self.visits.entry(stage).or_default().1.push(stay);
        }
    }

    fn cycle(mut self, key: &Key, label: Option<String>, names: &[StageName]) -> Cycle {
        let won = self.won.len() as i64;
        let stages = names.iter().map(|name| {
            let (visits, deals) = self.visits.remove(&name.stage).unwrap_or_default();
            CycleStage { name: name.clone(), per_visit: Median::of(visits), per_deal: Median::of(deals) }
        });
        Cycle {
            key: key.known(),
            label,
            deals: self.deals,
            won,
            mean_days: Ratio::of_sums(self.days, won, won),
            stages: stages.collect(),
            cycle: Median::of(self.won),
            to_win: Median::of(self.all),
        }
    }
}

/// How long the sales of a stage model take that were opened in a period.
pub(super) fn cycles(
    reader: &Reader<'_>,
    model: &Code,
    period: Period,
    grouping: &Grouping,
) -> Result<Cycles, QueryError> {
    let ladder = Ladder::load(reader, model)?;
    let (groups, segments) = match grouping {
        Grouping::By(by) => (Groups::load(reader, *by)?, HashMap::new()),
        Grouping::Segment(attribute) => (Groups::load(reader, By::None)?, attribute_of_all(reader, attribute)?),
    };
    let (from, to) = (reader.zone.start(period.from), reader.zone.start(period.to));
    let mut tallies: BTreeMap<Key, Tally> = BTreeMap::new();
    each_deal(reader, "WHERE opened_at >= ?1 AND opened_at < ?2", &[&from.0, &to.0], |deal| {
        if deal.model() != model.as_str() || !deal.date_known {
            return;
        }
        let key = match grouping {
            Grouping::By(_) => {
                let agent = deal.closer.or(deal.agent).map(|id| id.to_string()).unwrap_or_default();
                groups.key(&agent, deal.product.as_ref().map_or("", Code::as_str), None)
            }
            Grouping::Segment(_) => {
                segments.get(&deal.client.client()).map_or(Key::Unknown, |segment| Key::Known(segment.to_string()))
            }
        };
        tallies.entry(key).or_default().add(&deal, reader);
    })?;
    let names = ladder.names(tallies.values().flat_map(|tally| tally.visits.keys().cloned()));
    let groups = tallies.into_iter().map(|(key, tally)| {
        let label = groups.label(&key);
        tally.cycle(&key, label, &names)
    });
    Ok(Cycles { model: model.clone(), definition: ladder.name.clone(), period, groups: groups.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_names_its_attribute() {
        let read = |pairs: &[(&'static str, &str)]| {
            let mut params = Params::default();
            pairs.iter().for_each(|(name, value)| params.push(name, (*value).to_owned()));
            Grouping::read(&mut params).map_err(|error| error.to_string())
        };
        assert!(read(&[("by", "segment"), ("attribute", "sector")]).is_ok());
        assert!(read(&[("by", "segment")]).expect_err("no attribute").starts_with("parameter attribute"));
        assert!(read(&[("by", "quarter")]).expect_err("no quarter").starts_with("parameter by"));
    }
}
