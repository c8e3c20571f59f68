//! Requests that wait for an item of the production or development plan.

mod questions;

use letopis_core::code::Code;
use letopis_core::events::{CaseEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EventId};
use letopis_core::time::Timestamp;

use crate::engine::projection::{Context, Projection};
use crate::row;

pub use questions::QUESTIONS;

row! {
    /// A case and an item that brings what the client wants.
    pub struct PlanLinkRow in "plan_link", index ["item, linked_at, link", "case_id"] {
        /// Derived from both.
        key link: EventId,
        owner client,
        /// The case.
        case_id: Option<CaseId>,
        /// The item.
        item: Option<Code>,
        /// When they were linked.
        linked_at: Option<Timestamp>,
        /// When that turned out to be wrong; none while it holds.
        unlinked_at: Option<Timestamp>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanLinks;

fn pair(event: &Event) -> Option<(CaseId, &Code)> {
    match event {
        Event::Case(CaseEvent::LinkedToPlanItem(e)) => Some((e.case, &e.item)),
        Event::Case(CaseEvent::UnlinkedFromPlanItem(e)) => Some((e.case, &e.item)),
        _ => None,
    }
}

impl Projection for PlanLinks {
    const NAME: &'static str = "plan_links";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["case"];
    type Row = PlanLinkRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Some((case, item)) = pair(&fact.event) {
            let mut hash = blake3::Hasher::new();
            hash.update(&case.to_bytes()).update(item.as_str().as_bytes());
            let mut key = [0; 16];
            key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
            keys.push(u128::from_be_bytes(key));
        }
    }

    fn fold(&self, row: &mut PlanLinkRow, fact: &Fact, _cx: &Context<'_>) {
        let Some((case, item)) = pair(&fact.event) else { return };
        (row.case_id, row.item) = (Some(case), Some(item.clone()));
        let at = Some(fact.occurred.at);
        match &fact.event {
            Event::Case(CaseEvent::LinkedToPlanItem(_)) if row.linked_at.is_none() || row.unlinked_at.is_some() => {
                (row.linked_at, row.unlinked_at) = (at, None);
            }
            Event::Case(CaseEvent::UnlinkedFromPlanItem(_)) => row.unlinked_at = at,
            _ => {}
        }
    }
}
