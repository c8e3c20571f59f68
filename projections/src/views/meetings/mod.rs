//! Meetings: the calendar of employees and clients, and what came of what was planned.
//!
//! What a meeting is called and where it is are words about a client: they stand in the event that scheduled it,
//! which every item names.

mod list;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::{Event, InteractionEvent as I};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, DealId, EmployeeId, EventId, MeetingId};
use letopis_core::time::Timestamp;
use serde::Serialize;

use crate::engine::projection::{Context, Projection};
use crate::engine::row::Json;
use crate::row;

pub use list::{MeetingFilter, MeetingItem, calendar};
pub use questions::QUESTIONS;

/// What became of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeetingStatus {
    /// It is agreed.
    #[default]
    Planned,
    /// It took place.
    Held,
    /// Nobody came.
    Missed,
    /// It was called off.
    Cancelled,
}

row! {
    /// A meeting.
    pub struct MeetingRow in "meeting", index ["client, starts_at", "employee, starts_at", "starts_at, meeting"] {
        /// The meeting.
        key meeting: MeetingId,
        owner client,
        /// What became of it.
        status: MeetingStatus,
        /// When it is to begin; when it was held, where nobody had planned it.
        starts_at: Option<Timestamp>,
        /// When it was to begin at first.
        first_starts_at: Option<Timestamp>,
        /// When it is to end.
        ends_at: Option<Timestamp>,
        /// Whether it was planned.
        planned: bool,
        /// How often it was moved.
        moves: u32,
        /// Who of us.
        employee: Option<EmployeeId>,
        /// What it is about.
        topics: Json<Vec<Code>>,
        /// The case it belongs to.
        case_id: Option<CaseId>,
        /// The deal it belongs to.
        deal_id: Option<DealId>,
        /// The event that scheduled it, or else the one that told of it: its words stand there.
        event: Option<EventId>,
        /// When we learnt what became of it, by the clock of what happened.
        settled_at: Option<Timestamp>,
        /// Length in seconds.
        duration_s: Option<u32>,
        /// How it ended.
        outcome: Option<Code>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meetings;

fn meeting(event: &I) -> Option<MeetingId> {
    match event {
        I::MeetingScheduled(e) => Some(e.meeting),
        I::MeetingRescheduled(e) => Some(e.meeting),
        I::MeetingHeld(e) => Some(e.meeting),
        I::MeetingMissed(e) => Some(e.meeting),
        I::MeetingCancelled(e) => Some(e.meeting),
        I::CallLogged(_)
        | I::VisitLogged(_)
        | I::LetterLogged(_)
        | I::WebRequestLogged(_)
        | I::ChatLogged(_)
        | I::InteractionHandled(_)
        | I::DocumentAttached(_) => None,
    }
}

impl Projection for Meetings {
    const NAME: &'static str = "meeting";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["interaction"];
    type Row = MeetingRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Interaction(event) = &fact.event {
            keys.extend(meeting(event).map(|meeting| meeting.0));
        }
    }

    fn fold(&self, row: &mut MeetingRow, fact: &Fact, _cx: &Context<'_>) {
        let (Event::Interaction(event), at) = (&fact.event, fact.occurred.at) else { return };
        match event {
            I::MeetingScheduled(e) => {
                plan(row, e.starts_at.at, e.ends_at.map(|ends| ends.at));
                row.employee = e.employee.or(row.employee);
                row.topics = Json(e.topics.clone());
                (row.case_id, row.deal_id, row.event) = (e.case, e.deal, Some(fact.id));
            }
            I::MeetingRescheduled(e) => {
                plan(row, e.starts_at.at, e.ends_at.map(|ends| ends.at));
                row.moves += 1;
            }
            I::MeetingHeld(e) => {
                settle(row, MeetingStatus::Held, at);
                row.starts_at.get_or_insert(at);
                row.employee = e.employee.or(row.employee);
                if !e.topics.is_empty() {
                    row.topics = Json(e.topics.clone());
                }
                (row.duration_s, row.outcome) = (e.duration_s, e.outcome.clone());
            }
            I::MeetingMissed(_) => settle(row, MeetingStatus::Missed, at),
            I::MeetingCancelled(_) => settle(row, MeetingStatus::Cancelled, at),
            _ => {}
        }
        row.event.get_or_insert(fact.id);
    }
}

fn plan(row: &mut MeetingRow, starts_at: Timestamp, ends_at: Option<Timestamp>) {
    row.first_starts_at.get_or_insert(starts_at);
    (row.starts_at, row.ends_at, row.planned) = (Some(starts_at), ends_at, true);
    // Agreed anew after it was missed or called off.
    if row.status != MeetingStatus::Held {
        (row.status, row.settled_at) = (MeetingStatus::Planned, None);
    }
}

fn settle(row: &mut MeetingRow, status: MeetingStatus, at: Timestamp) {
    (row.status, row.settled_at) = (status, Some(at));
}
