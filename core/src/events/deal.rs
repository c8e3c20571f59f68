//! A sale in the making, from the first stage to won or lost.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::definitions::DefinitionName;
use crate::ids::{DealId, EmployeeId, EventId, PresaleActionId};
use crate::money::Money;
use crate::time::Day;

/// Who says how likely something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// One of us.
    Human,
    /// A model; it names its version.
    Model,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

area! {
    /// Deals.
    DealEvent in Deal "deal";

    /// A deal was opened.
    event Opened = "deal.opened" @ 1 {
        /// The deal.
        deal: DealId,
        /// The stage it begins in.
        stage: Code,
        /// False when the source does not say when; `occurred_at` is then a stand-in.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        date_known: bool,
    } optional {
        /// The stage model; `default` when not given.
        model: Code,
        /// What is to be sold.
        product: Code,
        /// What it may be worth.
        amount: Money,
        /// Who leads it.
        agent: EmployeeId,
        /// Where it came from.
        source: Code,
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    } personal {
        /// What it is called.
        title: String,
    }

    /// A deal went to another stage, forward or back.
    event StageChanged = "deal.stage_changed" @ 1 {
        /// The deal.
        deal: DealId,
        /// The stage it is in now.
        to: Code,
    } optional {
        /// The stage it was in, as the editor saw it.
        from: Code,
    } personal {
        /// Why.
        reason: String,
    }

    /// A deal is thought to be worth something else.
    event AmountChanged = "deal.amount_changed" @ 1 {
        /// The deal.
        deal: DealId,
        /// What it may be worth.
        amount: Money,
    } personal {
        /// Why.
        reason: String,
    }

    /// Somebody joined or left those who work on it.
    event TeamChanged = "deal.team_changed" @ 1 {
        /// The deal.
        deal: DealId,
        /// Who.
        employee: EmployeeId,
        /// As what: `agent` leads the deal.
        role: Code,
        /// False when he left.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        joined: bool,
    }

    /// The client said yes.
    event Won = "deal.won" @ 1 {
        /// The deal.
        deal: DealId,
    } optional {
        /// What it came to; the last known amount when not given.
        amount: Money,
    } personal {
        /// Why.
        reason: String,
    }

    /// The client said no.
    event Lost = "deal.lost" @ 1 {
        /// The deal.
        deal: DealId,
    } optional {
        /// Why.
        reason: Code,
        /// To whom.
        competitor: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// It was judged how likely the deal is to be won, and perhaps when.
    event ProbabilitySet = "probability.set" @ 1 {
        /// The deal.
        deal: DealId,
        /// Chance of winning in basis points (10,000 is certain).
        probability_bp: u16,
        /// Who says so.
        by: Estimator,
    } optional {
        /// Which version of the model says so.
        version: Code,
        /// Which one of us says so.
        employee: EmployeeId,
        /// The day on which the deal is expected to close.
        expected_close: Day,
    }

    /// Something is to be done to win the deal: a demonstration, a visit, a sample.
    event PresalePlanned = "presale_action.planned" @ 1 {
        /// The action.
        action: PresaleActionId,
        /// The deal.
        deal: DealId,
        /// What kind of action.
        kind: Code,
    } optional {
        /// To be done by the end of this day.
        due: Day,
        /// By whom.
        employee: EmployeeId,
        /// What it may cost.
        budget: Money,
    } personal {
        /// What exactly.
        note: String,
    }

    /// It was done.
    event PresaleDone = "presale_action.done" @ 1 {
        /// The action.
        action: PresaleActionId,
        /// The deal.
        deal: DealId,
    } optional {
        /// What kind of action, where it was not planned.
        kind: Code,
        /// By whom.
        employee: EmployeeId,
        /// What it cost.
        cost: Money,
        /// How long it took, in minutes.
        minutes: u32,
        /// What came of it.
        outcome: Code,
    } personal {
        /// What was said and done.
        note: String,
    }

    /// A closed deal is open again.
    event Reopened = "deal.reopened" @ 1 {
        /// The deal.
        deal: DealId,
        /// The stage it goes on from.
        stage: Code,
    } personal {
        /// Why.
        reason: String,
    }
}

impl DealEvent {
    /// The deal that it is about.
    pub fn deal_id(&self) -> DealId {
        match self {
            Self::Opened(e) => e.deal,
            Self::StageChanged(e) => e.deal,
            Self::AmountChanged(e) => e.deal,
            Self::TeamChanged(e) => e.deal,
            Self::Won(e) => e.deal,
            Self::Lost(e) => e.deal,
            Self::ProbabilitySet(e) => e.deal,
            Self::PresalePlanned(e) => e.deal,
            Self::PresaleDone(e) => e.deal,
            Self::Reopened(e) => e.deal,
        }
    }
}
