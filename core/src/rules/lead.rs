//! A lead becomes a deal once, and not while it is put aside.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::LeadEvent;
use crate::ids::LeadId;

/// What is known of a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeadState {
    captured: bool,
    disqualified: bool,
    converted: bool,
}

type Leads = BTreeMap<LeadId, LeadState>;

pub(super) fn apply(leads: &mut Leads, event: &LeadEvent) {
    let lead = leads.entry(event.lead_id()).or_default();
    match event {
        LeadEvent::Captured(_) => lead.captured = true,
        LeadEvent::Qualified(_) => lead.disqualified = false,
        LeadEvent::Disqualified(_) => lead.disqualified = true,
        LeadEvent::Converted(_) => lead.converted = true,
        LeadEvent::Assigned(_) => {}
    }
}

pub(super) fn decide(leads: &Leads, event: &LeadEvent) -> Verdict {
    let id = event.lead_id();
    let lead = leads.get(&id).copied().unwrap_or_default();
    match event {
        LeadEvent::Captured(_) if lead.captured => {
            flag("lead.captured_twice", format!("lead {id} was captured already"))
        }
        LeadEvent::Captured(_) => Ok(Vec::new()),
        LeadEvent::Converted(_) if lead.converted => refuse("lead.converted", format!("lead {id} is a deal already")),
        LeadEvent::Converted(_) if lead.disqualified => {
            refuse("lead.disqualified", format!("lead {id} is disqualified; qualify it first"))
        }
        LeadEvent::Qualified(_) | LeadEvent::Disqualified(_) | LeadEvent::Assigned(_) if lead.converted => {
            refuse("lead.converted", format!("lead {id} is a deal already"))
        }
        _ if !lead.captured => flag("lead.not_captured", format!("lead {id} was never captured")),
        _ => Ok(Vec::new()),
    }
}
