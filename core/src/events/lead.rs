//! A lead: a sign of interest from some source, until it becomes a deal or is put aside.
//!
//! It stands in a client's stream like everything else; nobody need know yet who the client is.

use crate::code::Code;
use crate::ids::{DealId, EmployeeId, LeadId};

area! {
    /// Leads.
    LeadEvent in Lead "lead";

    /// Somebody showed interest.
    event Captured = "lead.captured" @ 1 {
        /// The lead.
        lead: LeadId,
        /// Where it came from: `fair`, `web-form`, `purchased-list` …
        source: Code,
    } optional {
        /// Over which channel.
        channel: Code,
        /// The campaign that drew it.
        campaign: Code,
        /// What it is interested in.
        product: Code,
        /// Where it is.
        region: Code,
        /// Who of us took it down.
        employee: EmployeeId,
    } personal {
        /// In its words.
        note: String,
    }

    /// The interest was found to be a real one.
    event Qualified = "lead.qualified" @ 1 {
        /// The lead.
        lead: LeadId,
    } optional {
        /// How good it is, by whatever scale the front office keeps.
        score: u32,
        /// Who found so.
        employee: EmployeeId,
    } personal {
        /// Why.
        reason: String,
    }

    /// Nothing will come of it.
    event Disqualified = "lead.disqualified" @ 1 {
        /// The lead.
        lead: LeadId,
        /// Why: `no-budget`, `duplicate`, `unreachable` …
        reason: Code,
    } optional {
        /// Who found so.
        employee: EmployeeId,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// It was handed over to somebody who sells: from the call centre to a branch, from one to another.
    event Assigned = "lead.assigned" @ 1 {
        /// The lead.
        lead: LeadId,
    } optional {
        /// To whom.
        employee: EmployeeId,
        /// To which branch or department.
        branch: Code,
        /// From which branch or department.
        from: Code,
    } personal {
        /// What was said along.
        note: String,
    }

    /// It became a deal of the client in whose stream this stands.
    event Converted = "lead.converted" @ 1 {
        /// The lead.
        lead: LeadId,
        /// The deal.
        deal: DealId,
    } optional {
        /// Who brought it so far.
        employee: EmployeeId,
    }
}

impl LeadEvent {
    /// The lead that it is about.
    pub fn lead_id(&self) -> LeadId {
        match self {
            Self::Captured(e) => e.lead,
            Self::Qualified(e) => e.lead,
            Self::Disqualified(e) => e.lead,
            Self::Assigned(e) => e.lead,
            Self::Converted(e) => e.lead,
        }
    }
}
