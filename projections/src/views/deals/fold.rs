//! How a deal changes. Every order of facts has an answer, and what a rule forbids is marked as odd.

use letopis_core::code::Code;
use letopis_core::events::{DealEvent as D, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::EmployeeId;
use letopis_core::money::Money;
use letopis_core::time::Timestamp;

use super::rows::{Chance, Change, DealRow, Member, Status, Step};
use super::totals::{DealClose, DealFlow, DealReach, DealStock};
use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::row::{Json, Total, TotalTable};

/// Deals, one row each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deals;

impl Projection for Deals {
    const NAME: &'static str = "deals";
    const VERSION: u32 = 2;
    const AREAS: &'static [&'static str] = &["deal"];
    const TOTALS: &'static [TotalTable] = &[DealStock::TABLE, DealFlow::TABLE, DealClose::TABLE, DealReach::TABLE];
    type Row = DealRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Deal(event) = &fact.event
            && split(event).is_some()
        {
            keys.push(event.deal_id().0);
        }
    }

    fn fold(&self, row: &mut DealRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Deal(event) = &fact.event else { return };
        let (at, Some(change)) = (fact.occurred.at, split(event)) else { return };
        row.apply(at, &change);
        row.history.0.push(Step { at, change });
    }

    fn contribute(&self, row: &DealRow, cx: &Context<'_>, out: &mut Contributions) {
        super::totals::contribute(row, cx.zone, out);
    }
}

/// What an event changes in its deal; actions to win it stand in rows of their own.
fn split(event: &D) -> Option<Change> {
    Some(match event {
        D::Opened(e) => Change::Opened {
            stage: e.stage.clone(),
            date_known: e.date_known,
            model: e.model.clone(),
            product: e.product.clone(),
            amount: e.amount,
            agent: e.agent,
            source: e.source.clone(),
        },
        D::StageChanged(e) => Change::Stage(e.to.clone()),
        D::AmountChanged(e) => Change::Amount(e.amount),
        D::TeamChanged(e) => Change::Team { employee: e.employee, role: e.role.clone(), joined: e.joined },
        D::Won(e) => Change::Won(e.amount),
        D::Lost(e) => Change::Lost { reason: e.reason.clone(), competitor: e.competitor.clone() },
        D::ProbabilitySet(e) => Change::Chance(Chance {
            probability_bp: e.probability_bp,
            by: e.by,
            version: e.version.clone(),
            employee: e.employee,
            expected_close: e.expected_close,
        }),
        D::Reopened(e) => Change::Reopened(e.stage.clone()),
        D::PresalePlanned(_) | D::PresaleDone(_) => return None,
    })
}

impl DealRow {
    /// Takes one change; the history is the caller's.
    pub(super) fn apply(&mut self, at: Timestamp, change: &Change) {
        if self.opened_at.is_none() && !matches!(change, Change::Opened { .. }) {
            self.mark("deal.not_opened");
        }
        let closed = self.status != Status::Open;
        match change {
            // The first opening counts; a second one would throw the deal back to its beginning.
            Change::Opened { .. } if self.opened_at.is_some() => self.mark("deal.opened_twice"),
            Change::Opened { stage, date_known, model, product, amount, agent, source } => {
                self.opened_at = Some(at);
                self.date_known = *date_known;
                learn(&mut self.model, model);
                learn(&mut self.product, product);
                learn(&mut self.agent, agent);
                learn(&mut self.source, source);
                self.price(*amount);
                if !closed {
                    self.enter(stage, at, *date_known);
                }
            }
            Change::Stage(_) if closed => self.mark("deal.closed"),
            Change::Stage(to) => self.enter(to, at, true),
            // A closed deal that turns out to be worth something else is worth it from that day on.
            Change::Amount(amount) => {
                if closed {
                    self.mark("deal.closed");
                }
                self.price(Some(*amount));
            }
            Change::Team { employee, role, joined } => self.staff(*employee, role, *joined),
            Change::Chance(chance) => {
                if closed {
                    self.mark("deal.closed");
                }
                let before = self.chance.as_ref().and_then(|known| known.0.expected_close);
                let expected_close = chance.expected_close.or(before);
                self.chance = Some(Json(Chance { expected_close, ..chance.clone() }));
            }
            Change::Won(amount) => {
                self.price(*amount);
                self.close(Status::Won, at, None, None);
            }
            Change::Lost { reason, competitor } => {
                self.close(Status::Lost, at, reason.as_ref(), competitor.as_ref());
            }
            Change::Reopened(stage) => {
                if closed {
                    self.reopened = self.reopened.saturating_add(1);
                    self.status = Status::Open;
                    (self.closed_at, self.closer, self.lost_reason, self.competitor) = (None, None, None, None);
                    self.stage = None;
                } else {
                    self.mark("deal.not_closed");
                }
                self.enter(stage, at, true);
            }
        }
    }

    fn enter(&mut self, stage: &Code, at: Timestamp, dated: bool) {
        // To go where one is already is no move.
        if self.stage.as_ref() != Some(stage) {
            self.stage = Some(stage.clone());
            self.entered_at = Some(at);
            self.stage_dated = dated;
        }
    }

    fn close(&mut self, how: Status, at: Timestamp, reason: Option<&Code>, competitor: Option<&Code>) {
        if self.status != Status::Open {
            self.mark("deal.closed_twice");
        }
        self.status = how;
        self.closed_at = Some(at);
        self.closer = self.agent;
        self.lost_reason = reason.cloned();
        self.competitor = competitor.cloned();
        self.entered_at = None;
    }

    fn price(&mut self, amount: Option<Money>) {
        if let Some(amount) = amount {
            self.amount_minor = Some(amount.minor);
            self.currency = Some(amount.currency);
        }
    }

    fn staff(&mut self, employee: EmployeeId, role: &Code, joined: bool) {
        if role == "agent" {
            if joined {
                self.agent = Some(employee);
            } else if self.agent == Some(employee) {
                self.agent = None;
            }
        } else {
            let member = Member { employee, role: role.clone() };
            if joined {
                self.team.0.insert(member);
            } else {
                self.team.0.remove(&member);
            }
        }
    }

    fn mark(&mut self, rule: &str) {
        if !self.odd.0.contains(rule) {
            self.odd.0.insert(rule.to_owned());
        }
    }
}

fn learn<T: Clone>(known: &mut Option<T>, told: &Option<T>) {
    if told.is_some() {
        known.clone_from(told);
    }
}
