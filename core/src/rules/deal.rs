//! A closed deal does not move until it is reopened.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::DealEvent;
use crate::ids::DealId;

/// What is known of a deal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DealState {
    opened: bool,
    closed: Option<&'static str>,
}

type Deals = BTreeMap<DealId, DealState>;

pub(super) fn apply(deals: &mut Deals, event: &DealEvent) {
    let deal = deals.entry(event.deal_id()).or_default();
    match event {
        DealEvent::Opened(_) => deal.opened = true,
        DealEvent::Won(_) => deal.closed = Some("won"),
        DealEvent::Lost(_) => deal.closed = Some("lost"),
        DealEvent::Reopened(_) => deal.closed = None,
        DealEvent::StageChanged(_)
        | DealEvent::AmountChanged(_)
        | DealEvent::TeamChanged(_)
        | DealEvent::ProbabilitySet(_)
        | DealEvent::PresalePlanned(_)
        | DealEvent::PresaleDone(_) => {}
    }
}

pub(super) fn decide(deals: &Deals, event: &DealEvent) -> Verdict {
    let id = event.deal_id();
    let deal = deals.get(&id).copied().unwrap_or_default();
    match (event, deal.closed) {
        (DealEvent::Opened(_), _) if deal.opened => refuse("deal.opened_twice", format!("deal {id} is open already")),
        (
            DealEvent::StageChanged(_)
            | DealEvent::AmountChanged(_)
            | DealEvent::ProbabilitySet(_)
            | DealEvent::PresalePlanned(_),
            Some(how),
        ) => refuse("deal.closed", format!("deal {id} is {how}; reopen it first")),
        (DealEvent::Won(_) | DealEvent::Lost(_), Some(how)) => {
            flag("deal.closed_twice", format!("deal {id} was {how} already"))
        }
        (DealEvent::Reopened(_), None) if deal.opened => refuse("deal.not_closed", format!("deal {id} is not closed")),
        (DealEvent::Opened(_), _) => Ok(Vec::new()),
        _ if !deal.opened => flag("deal.not_opened", format!("deal {id} was never opened")),
        _ => Ok(Vec::new()),
    }
}
