//! What deals add to the totals of the funnel, day by day.
//!
//! Keys that are not known are empty texts, since two nulls are not one key.

use std::collections::BTreeSet;
use std::fmt::Display;

use letopis_core::code::Code;
use letopis_core::time::{Day, Zone};

use super::rows::{DealRow, Place, Status};
use crate::engine::projection::Contributions;
use crate::engine::row::Total;
use crate::total;

total! {
    /// Changes of the stock of open deals: the stock at the end of a day is the sum of all days up to it.
    pub struct DealStock in "deal_stock" by {
        /// The local day of the change.
        day: Day,
        /// The stage model.
        model: String,
        /// The stage.
        stage: String,
        /// What is to be sold.
        product: String,
        /// Who leads it.
        agent: String,
        /// The currency; empty for a deal without an amount.
        currency: String,
        /// 0 when the deal is in the stage since a stand-in date.
        dated: bool,
    } sums {
        /// Deals in the stage.
        deals,
        /// Their amounts in minor units.
        amount,
    }
}

total! {
    /// Moves of deals between stages and to their close.
    pub struct DealFlow in "deal_flow" by {
        /// The local day of the move.
        day: Day,
        /// The stage model.
        model: String,
        /// `entered` (a first stage), `moved`, `won`, `lost`, `reopened`, or `reclosed` (won to lost or back).
        kind: String,
        /// The stage it left; empty for the start; `won` or `lost` when it was closed.
        from_stage: String,
        /// The stage it went to; `won` or `lost` for a close.
        to_stage: String,
        /// What is to be sold.
        product: String,
        /// Who led it then.
        agent: String,
        /// The currency; empty for a deal without an amount.
        currency: String,
        /// 0 for an opening on a stand-in date.
        dated: bool,
    } sums {
        /// Moves.
        moves,
        /// Amounts of the deals then, in minor units.
        amount,
    }
}

total! {
    /// Changes of the outcomes that stand. A close adds on its day; a reopening, or another close, takes the
    /// earlier one away from its own day on. So closes of any period as known at the end of any day are the sum
    /// over `closed_on` in the period and `day` up to that day.
    pub struct DealClose in "deal_close" by {
        /// The local day of the change.
        day: Day,
        /// The local day of the close.
        closed_on: Day,
        /// The stage model.
        model: String,
        /// `won` or `lost`.
        outcome: String,
        /// What was to be sold.
        product: String,
        /// Who led it when it was closed.
        agent: String,
        /// Why it was lost.
        reason: String,
        /// To whom it was lost.
        competitor: String,
        /// The currency; empty for a deal without an amount.
        currency: String,
    } sums {
        /// Deals.
        deals,
        /// Their amounts in minor units.
        amount,
        /// Days from opening to close, of deals whose opening has a known date.
        cycle_days,
        /// How many deals have such a cycle.
        cycles,
    }
}

total! {
    /// Changes of the outcomes that stand, by the stages that closed deals were in: what the chances of winning
    /// from a stage are counted from.
    pub struct DealReach in "deal_reach" by {
        /// The local day of the change.
        day: Day,
        /// The stage model.
        model: String,
        /// `won` or `lost`.
        outcome: String,
        /// Every stage the deal was in up to its close, in the order of their codes, with blanks between.
        stages: String,
    } sums {
        /// Deals.
        deals,
    }
}

/// Adds what a deal contributes: for every step the difference it makes, on the day it happened.
pub(super) fn contribute(deal: &DealRow, zone: &Zone, out: &mut Contributions) {
    let (mut stock, mut close, mut reach) = (None, None, None);
    let mut visited = BTreeSet::new();
    deal.replay(|from, step, after| {
        let day = zone.day(step.at);
        let now = DealStock::of(after);
        if stock != now {
            difference(day, stock.take(), now.clone(), DealStock::on, out);
            stock = now;
        }
        let now = DealClose::of(after, zone);
        if close != now {
            difference(day, close.take(), now.clone(), DealClose::on, out);
            close = now;
        }
        if let Place::Stage(stage) = after.place() {
            visited.insert(stage);
        }
        let now = DealReach::of(after, &visited);
        if reach != now {
            difference(day, reach.take(), now.clone(), DealReach::on, out);
            reach = now;
        }
        if let Some(flow) = DealFlow::of(from, after, day) {
            out.add(&flow);
        }
    });
}

fn difference<T: Total>(day: Day, old: Option<T>, new: Option<T>, on: fn(T, Day, i64) -> T, out: &mut Contributions) {
    if let Some(old) = old {
        out.add(&on(old, day, -1));
    }
    if let Some(new) = new {
        out.add(&on(new, day, 1));
    }
}

fn text<T: Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(String::new, ToString::to_string)
}

impl DealStock {
    /// Its share of the stock; the day is left open.
    fn of(deal: &DealRow) -> Option<Self> {
        let Place::Stage(stage) = deal.place() else { return None };
        Some(Self {
            day: Day::default(),
            model: deal.model().to_owned(),
            stage: stage.to_string(),
            product: text(&deal.product),
            agent: text(&deal.agent),
            currency: text(&deal.currency),
            dated: deal.stage_dated,
            deals: 1,
            amount: deal.amount_minor.unwrap_or(0),
        })
    }

    fn on(self, day: Day, sign: i64) -> Self {
        Self { day, deals: sign * self.deals, amount: self.amount.saturating_mul(sign), ..self }
    }
}

impl DealClose {
    /// Its outcome, if one stands; the day of the change is left open.
    fn of(deal: &DealRow, zone: &Zone) -> Option<Self> {
        if deal.status == Status::Open {
            return None;
        }
        let closed_on = zone.day(deal.closed_at?);
        // A close before its opening has no cycle.
        let cycle = deal.opened_at.filter(|_| deal.date_known).map(|at| closed_on.0 - zone.day(at).0);
        let cycle = cycle.filter(|days| *days >= 0);
        Some(Self {
            day: Day::default(),
            closed_on,
            model: deal.model().to_owned(),
            outcome: deal.status.as_str().to_owned(),
            product: text(&deal.product),
            agent: text(&deal.closer),
            reason: text(&deal.lost_reason),
            competitor: text(&deal.competitor),
            currency: text(&deal.currency),
            deals: 1,
            amount: deal.amount_minor.unwrap_or(0),
            cycle_days: cycle.map_or(0, i64::from),
            cycles: i64::from(cycle.is_some()),
        })
    }

    fn on(self, day: Day, sign: i64) -> Self {
        Self {
            day,
            deals: sign * self.deals,
            amount: self.amount.saturating_mul(sign),
            cycle_days: sign * self.cycle_days,
            cycles: sign * self.cycles,
            ..self
        }
    }
}

impl DealReach {
    /// Its way to the outcome that stands, if one does; the day of the change is left open.
    fn of(deal: &DealRow, visited: &BTreeSet<Code>) -> Option<Self> {
        if deal.status == Status::Open {
            return None;
        }
        let stages: Vec<&str> = visited.iter().map(Code::as_str).collect();
        Some(Self {
            day: Day::default(),
            model: deal.model().to_owned(),
            outcome: deal.status.as_str().to_owned(),
            stages: stages.join(" "),
            deals: 1,
        })
    }

    fn on(self, day: Day, sign: i64) -> Self {
        Self { day, deals: sign * self.deals, ..self }
    }
}

impl DealFlow {
    fn of(from: &Place, after: &DealRow, day: Day) -> Option<Self> {
        let to = after.place();
        let kind = match (from, &to) {
            (from, to) if from == to => return None,
            (_, Place::Start) => return None,
            (Place::Start, Place::Stage(_)) => "entered",
            (Place::Stage(_), Place::Stage(_)) => "moved",
            (Place::Start | Place::Stage(_), Place::Won) => "won",
            (Place::Start | Place::Stage(_), Place::Lost) => "lost",
            (Place::Won | Place::Lost, Place::Stage(_)) => "reopened",
            (Place::Won | Place::Lost, Place::Won | Place::Lost) => "reclosed",
        };
        Some(Self {
            day,
            model: after.model().to_owned(),
            kind: kind.to_owned(),
            from_stage: from.name().to_owned(),
            to_stage: to.name().to_owned(),
            product: text(&after.product),
            agent: text(&after.agent),
            currency: text(&after.currency),
            dated: !matches!(to, Place::Stage(_)) || after.stage_dated,
            moves: 1,
            amount: after.amount_minor.unwrap_or(0),
        })
    }
}

impl Place {
    fn name(&self) -> &str {
        match self {
            Self::Start => "",
            Self::Stage(stage) => stage.as_str(),
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}
