//! Leads: one row each, from the first sign of interest to the deal it became or the reason it did not.
//!
//! What is counted is counted at the bound of the question: a lead that is qualified, put aside or converted
//! after it is none of these there. A lead whose capture is not known counts under no source.

mod fold;
mod funnel;
mod list;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::Event;
use letopis_core::fact::Fact;
use letopis_core::ids::{DealId, EmployeeId, EventId, LeadId};
use letopis_core::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Projection};
use crate::engine::row::Json;
use crate::row;

pub use funnel::{LeadFunnel, LeadGroup};
pub use list::LeadItem;
pub(crate) use list::of_deal;
pub use questions::QUESTIONS;

/// How far a lead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    /// Nobody has judged it.
    #[default]
    New,
    /// It is a real one.
    Qualified,
    /// Nothing will come of it.
    Disqualified,
    /// It is a deal.
    Converted,
}

/// To whom a lead was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// When.
    pub at: Moment,
    /// To whom.
    pub employee: Option<EmployeeId>,
    /// To which branch or department.
    pub branch: Option<Code>,
    /// From which branch or department.
    pub from: Option<Code>,
    /// The event that says so.
    pub event: EventId,
}

row! {
    /// A lead.
    pub struct LeadRow in "lead", index ["first_at, lead", "deal", "client"] {
        /// The lead.
        key lead: LeadId,
        owner client,
        /// The first thing we know of it.
        first_at: Option<Timestamp>,
        /// When it was captured.
        captured_at: Option<Timestamp>,
        /// Where it came from.
        source: Option<Code>,
        /// Over which channel.
        channel: Option<Code>,
        /// The campaign that drew it.
        campaign: Option<Code>,
        /// What it is interested in.
        product: Option<Code>,
        /// Where it is.
        region: Option<Code>,
        /// How far it is.
        status: LeadStatus,
        /// When it was qualified first, whatever came after.
        qualified_at: Option<Timestamp>,
        /// How good it is.
        score: Option<u32>,
        /// When it was put aside, while it is.
        disqualified_at: Option<Timestamp>,
        /// Why it was put aside.
        reason: Option<Code>,
        /// Who has it.
        employee: Option<EmployeeId>,
        /// Which branch or department has it.
        branch: Option<Code>,
        /// Everybody it was handed over to, in order.
        handovers: Json<Vec<Handover>>,
        /// When it became a deal.
        converted_at: Option<Timestamp>,
        /// Who brought it so far.
        converted_by: Option<EmployeeId>,
        /// The deal.
        deal: Option<DealId>,
        /// Its events, in the order they happened.
        events: Json<Vec<EventId>>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leads;

impl Projection for Leads {
    const NAME: &'static str = "leads";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["lead"];
    type Row = LeadRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Lead(event) = &fact.event {
            keys.push(event.lead_id().0);
        }
    }

    fn fold(&self, row: &mut LeadRow, fact: &Fact, _cx: &Context<'_>) {
        if let Event::Lead(event) = &fact.event {
            fold::fold(row, event, fact);
        }
    }
}
