//! A sale in the making, from the first stage to won or lost.

use crate::code::Code;
use crate::definitions::DefinitionName;
use crate::ids::{DealId, EmployeeId, EventId};
use crate::money::Money;

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
            Self::Reopened(e) => e.deal,
        }
    }
}
