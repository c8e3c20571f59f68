//! What actions cost, and how the deals went that had them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use letopis_core::code::Code;
use letopis_core::ids::DealId;
use letopis_core::money::Money;
use serde::Serialize;

use super::PresaleRow;
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::{Status, each_deal};
use crate::views::funnel::{Period, Purse, Ratio};

/// Actions by kind, with their cost and how their deals went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PresaleEffect {
    /// When the deals were closed.
    pub period: Period,
    /// How the numbers are to be read.
    pub reading: &'static str,
    /// Won, out of won and lost, of the deals closed in the period.
    pub all: Ratio,
    /// Kind by kind.
    pub kinds: Vec<ActionEffect>,
}

/// Actions of one kind, of the deals closed in the period and of those still open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionEffect {
    /// What kind; null where nobody said.
    pub kind: Option<Code>,
    /// Planned.
    pub planned: i64,
    /// Done.
    pub done: i64,
    /// Done that had been planned, out of planned.
    pub carried_out: Ratio,
    /// Not done although their day has passed.
    pub overdue: i64,
    /// What the planned ones may cost, by currency.
    pub budget: Vec<Money>,
    /// What the done ones cost, by currency.
    pub cost: Vec<Money>,
    /// Minutes that the done ones took.
    pub minutes: i64,
    /// Deals that had such an action before they were closed.
    pub deals: i64,
    /// Won of closed deals with such an action.
    pub with: Ratio,
    /// Won of closed deals without one.
    pub without: Ratio,
    /// `with − without`; null when one of them has no deal.
    pub difference: Option<f64>,
    /// What the deals won with such an action came to, by currency.
    pub won_value: Vec<Money>,
    /// Cost of the actions of won and lost deals by won deal with such an action, by currency, in minor units.
    pub cost_per_win: BTreeMap<String, Ratio>,
}

const READING: &str = "associated, not incremental: nobody assigned the actions at random";

#[derive(Default)]
struct Tally {
    planned: i64,
    done: i64,
    both: i64,
    overdue: i64,
    minutes: i64,
    budget: Purse,
    cost: Purse,
    closed_cost: Purse,
    deals: BTreeSet<DealId>,
}

struct Outcome {
    status: Status,
    closed_at: i64,
    amount: Option<Money>,
}

/// Actions by kind for the deals closed in a period, and for those that are open.
pub(super) fn effect(reader: &Reader<'_>, period: Period) -> Result<PresaleEffect, QueryError> {
    let (from, to) = (reader.zone.start(period.from), reader.zone.start(period.to));
    let mut outcomes: HashMap<DealId, Outcome> = HashMap::new();
    each_deal(reader, "", &[], |deal| {
        let (status, closed_at) = (deal.status, deal.closed_at.map_or(i64::MAX, |at| at.0));
        if status == Status::Open || (from.0..to.0).contains(&closed_at) {
            outcomes.insert(deal.deal, Outcome { status, closed_at, amount: deal.amount() });
        }
    })?;
    let mut kinds: BTreeMap<(bool, Option<Code>), Tally> = BTreeMap::new();
    for row in reader.rows::<PresaleRow>("ORDER BY action", &[])? {
        let Some((deal, outcome)) = row.deal.and_then(|deal| Some((deal, outcomes.get(&deal)?))) else { continue };
        let tally = kinds.entry((row.kind.is_none(), row.kind.clone())).or_default();
        tally.take(&row, deal, outcome, reader)?;
    }
    let closed = |test: &dyn Fn(&DealId) -> bool| {
        let of = outcomes.iter().filter(|(id, deal)| deal.status != Status::Open && test(id));
        let (mut won, mut all) = (0, 0);
        of.for_each(|(_, deal)| (won, all) = (won + i64::from(deal.status == Status::Won), all + 1));
        Ratio::of_cases(won, all)
    };
    let mut out = Vec::new();
    for ((_, kind), tally) in kinds {
        let (with, without) = (closed(&|id| tally.deals.contains(id)), closed(&|id| !tally.deals.contains(id)));
        let mut won_value = Purse::default();
        for id in &tally.deals {
            if let Some(Outcome { status: Status::Won, amount: Some(amount), .. }) = outcomes.get(id) {
                won_value.add(amount.currency.as_str(), amount.minor)?;
            }
        }
        let costs = tally.closed_cost.list()?.into_iter();
        out.push(ActionEffect {
            kind,
            planned: tally.planned,
            done: tally.done,
            carried_out: Ratio::of_cases(tally.both, tally.planned),
            overdue: tally.overdue,
            budget: tally.budget.list()?,
            cost: tally.cost.list()?,
            minutes: tally.minutes,
            deals: tally.deals.len() as i64,
            difference: with.value.zip(without.value).map(|(with, without)| with - without),
            won_value: won_value.list()?,
            cost_per_win: costs
                .map(|cost| (cost.currency.to_string(), Ratio::of_sums(cost.minor, with.numerator, with.numerator)))
                .collect(),
            with,
            without,
        });
    }
    Ok(PresaleEffect { period, reading: READING, all: closed(&|_| true), kinds: out })
}

impl Tally {
    fn take(&mut self, row: &PresaleRow, deal: DealId, of: &Outcome, reader: &Reader<'_>) -> Result<(), QueryError> {
        let late = row.due.is_some_and(|due| reader.zone.end(due) <= reader.now);
        self.planned += i64::from(row.planned_at.is_some());
        self.done += i64::from(row.done_at.is_some());
        self.both += i64::from(row.planned_at.is_some() && row.done_at.is_some());
        self.overdue += i64::from(late && row.done_at.is_none());
        self.minutes += row.minutes.map_or(0, i64::from);
        if let Some(budget) = row.budget() {
            self.budget.add(budget.currency.as_str(), budget.minor)?;
        }
        if let Some(cost) = row.cost() {
            self.cost.add(cost.currency.as_str(), cost.minor)?;
            if of.status != Status::Open {
                self.closed_cost.add(cost.currency.as_str(), cost.minor)?;
            }
        }
        // What was done after the close did not lead to it.
        if row.done_at.is_some_and(|at| at.0 <= of.closed_at) {
            self.deals.insert(deal);
        }
        Ok(())
    }
}
