//! What is done to win a deal: demonstrations, visits, samples; planned and done, with cost.

mod effect;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::{DealEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{DealId, EmployeeId, EventId, PresaleActionId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Moment, Timestamp};
use serde::Serialize;

use crate::engine::projection::{Context, Projection};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::row;

pub use effect::{ActionEffect, PresaleEffect};
pub use questions::QUESTIONS;

row! {
    /// An action to win a deal.
    pub struct PresaleRow in "presale_action", index ["deal", "done_at"] {
        /// The action.
        key action: PresaleActionId,
        owner client,
        /// The deal.
        deal: Option<DealId>,
        /// What kind of action.
        kind: Option<Code>,
        /// When it was planned.
        planned_at: Option<Timestamp>,
        /// To be done by the end of this day.
        due: Option<Day>,
        /// By whom it was to be done.
        employee: Option<EmployeeId>,
        /// What it may cost, in minor units.
        budget_minor: Option<i64>,
        /// The currency of the budget.
        budget_currency: Option<Currency>,
        /// The event that planned it.
        planned_by: Option<EventId>,
        /// When it was done.
        done_at: Option<Timestamp>,
        /// By whom it was done.
        doer: Option<EmployeeId>,
        /// What it cost, in minor units.
        cost_minor: Option<i64>,
        /// The currency of the cost.
        cost_currency: Option<Currency>,
        /// How long it took.
        minutes: Option<u32>,
        /// What came of it.
        outcome: Option<Code>,
        /// The event that says it was done.
        done_by: Option<EventId>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presale;

impl Projection for Presale {
    const NAME: &'static str = "presale";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["deal"];
    type Row = PresaleRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        match &fact.event {
            Event::Deal(DealEvent::PresalePlanned(e)) => keys.push(e.action.0),
            Event::Deal(DealEvent::PresaleDone(e)) => keys.push(e.action.0),
            _ => {}
        }
    }

    fn fold(&self, row: &mut PresaleRow, fact: &Fact, _cx: &Context<'_>) {
        match &fact.event {
            // Planned again: what was said last counts.
            Event::Deal(DealEvent::PresalePlanned(e)) => {
                row.deal = Some(e.deal);
                row.kind = Some(e.kind.clone());
                row.planned_at.get_or_insert(fact.occurred.at);
                row.planned_by = Some(fact.id);
                (row.due, row.employee) = (e.due, e.employee);
                (row.budget_minor, row.budget_currency) = split(e.budget);
            }
            Event::Deal(DealEvent::PresaleDone(e)) => {
                row.deal = Some(e.deal);
                row.kind = e.kind.clone().or(row.kind.take());
                row.done_at = Some(fact.occurred.at);
                row.done_by = Some(fact.id);
                row.doer = e.employee.or(row.employee);
                (row.cost_minor, row.cost_currency) = split(e.cost);
                (row.minutes, row.outcome) = (e.minutes, e.outcome.clone());
            }
            _ => {}
        }
    }
}

fn split(amount: Option<Money>) -> (Option<i64>, Option<Currency>) {
    (amount.map(|amount| amount.minor), amount.map(|amount| amount.currency))
}

/// An action to win a deal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PresaleItem {
    /// The action.
    pub action: PresaleActionId,
    /// The deal.
    pub deal: Option<DealId>,
    /// What kind of action.
    pub kind: Option<Code>,
    /// When it was planned; none for what was done without a plan.
    pub planned_at: Option<Moment>,
    /// To be done by the end of this day.
    pub due: Option<Day>,
    /// By whom it was to be done.
    pub employee: Option<EmployeeId>,
    /// What it may cost.
    pub budget: Option<Money>,
    /// When it was done.
    pub done_at: Option<Moment>,
    /// By whom.
    pub doer: Option<EmployeeId>,
    /// What it cost.
    pub cost: Option<Money>,
    /// How long it took.
    pub minutes: Option<u32>,
    /// What came of it.
    pub outcome: Option<Code>,
    /// Its day has passed and nobody said it was done.
    pub overdue: bool,
    /// The events that say so.
    pub events: Vec<EventId>,
}

impl PresaleItem {
    fn new(row: PresaleRow, reader: &Reader<'_>) -> Self {
        let due = row.due.is_some_and(|due| reader.zone.end(due) <= reader.now);
        Self {
            overdue: due && row.done_at.is_none(),
            budget: row.budget(),
            cost: row.cost(),
            action: row.action,
            deal: row.deal,
            kind: row.kind,
            planned_at: row.planned_at.map(Moment::utc),
            due: row.due,
            employee: row.employee,
            done_at: row.done_at.map(Moment::utc),
            doer: row.doer,
            minutes: row.minutes,
            outcome: row.outcome,
            events: row.planned_by.into_iter().chain(row.done_by).collect(),
        }
    }
}

impl PresaleRow {
    /// What it may cost.
    pub fn budget(&self) -> Option<Money> {
        Some(Money { minor: self.budget_minor?, currency: self.budget_currency? })
    }

    /// What it cost.
    pub fn cost(&self) -> Option<Money> {
        Some(Money { minor: self.cost_minor?, currency: self.cost_currency? })
    }
}

/// The actions of a deal, in the order of their planning.
pub(crate) fn of_deal(reader: &Reader<'_>, client: Owner, deal: DealId) -> Result<Vec<PresaleItem>, QueryError> {
    let rest = "WHERE deal = ?1 AND client = ?2 ORDER BY coalesce(planned_at, done_at), action";
    let rows = reader.rows::<PresaleRow>(rest, &[&deal.put(), &client.put()])?;
    Ok(rows.into_iter().map(|row| PresaleItem::new(row, reader)).collect())
}
