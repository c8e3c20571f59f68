//! Cases: complaints, questions, error reports, wishes and incidents, from raising to settling.
//!
//! How time is counted here: a first answer takes from the raising to the first answer by a person, a resolution
//! from the raising to the last resolution; both in elapsed seconds, nights, holidays and pauses included. A
//! reopened case goes on from its first raising, and its earlier resolution counts no more from the day of the
//! reopening. Against a service level, time is counted by [`clock`]: in business time and without pauses.

mod buckets;
pub mod clock;
mod fold;
pub mod levels;
mod list;
mod overview;
mod promises;
mod questions;
mod totals;
mod track;
pub mod workflow;

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::events::{Event, LogEvent, ProcessEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::row::{Json, Total, TotalTable};
use crate::row;

pub use buckets::{bucket, value};
pub(crate) use list::row;
pub use list::{CaseFilter, CaseItem, case, cases};
pub use overview::{CaseOverview, CasesBy, Duration, Responses, overview, responses};
pub use promises::{Promise, PromiseQuery, PromiseState, promises};
pub use questions::QUESTIONS;
pub(crate) use questions::{find, kind, start};
pub use totals::{CaseDuration, CaseFlow, CaseResponse, CaseStock};
pub use track::Point;

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has answered since it was raised or reopened.
    #[default]
    Open,
    /// It was answered, and is not settled.
    Answered,
    /// It is settled.
    Resolved,
    /// Nothing more will be done.
    Closed,
}

impl Status {
    /// Whether somebody is still to see to it.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Open | Self::Answered)
    }
}

/// What happened to cases, as their flow is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was raised.
    Raised,
    /// It was put under another kind, topic or product.
    Classified,
    /// A date was promised.
    DueSet,
    /// A promised date was moved.
    DueMoved,
    /// A person answered for the first time.
    FirstAnswered,
    /// A person answered again.
    Answered,
    /// It was resolved.
    Resolved,
    /// It was reopened.
    Reopened,
    /// It was closed.
    Closed,
    /// It was handed to somebody outside.
    Forwarded,
    /// Whoever it was handed to answered too late.
    Untimely,
    /// It was settled by the date promised last.
    Kept,
    /// It was settled after the date promised last.
    Broken,
}

/// A date that was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// To be settled before.
    pub due: Moment,
    /// When it was promised.
    pub set_at: Moment,
    /// Why it was moved; none for the first promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// The event that says so.
    pub event: EventId,
}

/// A time in which we waited for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// From then
    pub from: Timestamp,
    /// until then; none while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A move to another state of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// To which state.
    pub to: Code,
    /// Who moved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// The event that says so.
    pub event: EventId,
}

/// A move that the workflow forbade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Moment,
    /// The rule that forbade it.
    pub rule: Code,
    /// The state that it met.
    pub met: Code,
    /// The state that was wanted.
    pub wanted: Code,
    /// The workflow that was asked, `kind:code@version`.
    pub workflow: String,
    /// The event that recorded it.
    pub event: EventId,
}

row! {
    /// A case.
    pub struct CaseRow in "client_case", index ["client", "first_at, case_id", "status, due", "due, case_id"] {
        /// The case.
        key case_id: CaseId,
        owner client,
        /// What it is.
        kind: Option<CaseKind>,
        /// What it is about.
        topic: Option<Code>,
        /// About which product.
        product: Option<Code>,
        /// How it reached us.
        channel: Option<Code>,
        /// How much it matters.
        priority: Option<Code>,
        /// Where the client is.
        region: Option<Code>,
        /// The order it is about.
        order_id: Option<OrderId>,
        /// The first thing we know of it.
        first_at: Option<Timestamp>,
        /// When it was raised; none while only later facts are known.
        raised_at: Option<Timestamp>,
        /// How far it is.
        status: Status,
        /// Who sees to it.
        employee: Option<EmployeeId>,
        /// Which department sees to it.
        department: Option<Code>,
        /// The date that was promised last.
        due: Option<Timestamp>,
        /// All dates that were promised, in the order of promising.
        dues: Json<Vec<Due>>,
        /// How often a promised date was moved.
        moves: u32,
        /// When a person first answered.
        first_answer_at: Option<Timestamp>,
        /// How often a person answered.
        answers: u32,
        /// When it was resolved last; none while that does not hold.
        resolved_at: Option<Timestamp>,
        /// How it was resolved.
        resolution: Option<Code>,
        /// Who resolved it.
        resolved_by: Option<EmployeeId>,
        /// How often it was reopened.
        reopened: u32,
        /// When it was closed; none while that does not hold.
        closed_at: Option<Timestamp>,
        /// How it ended.
        outcome: Option<Code>,
        /// When it was settled, that is resolved or closed; none while that does not hold.
        settled_at: Option<Timestamp>,
        /// The kind under which it was raised, which decides about its workflow.
        raised_as: Option<CaseKind>,
        /// The state of its workflow; none while it never moved.
        state: Option<Code>,
        /// Moves from state to state, in fold order.
        steps: Json<Vec<Step>>,
        /// Moves that the workflow forbade.
        attempts: Json<Vec<Attempt>>,
        /// Times in which we waited for the client, in fold order.
        pauses: Json<Vec<Pause>>,
        /// To whom it was handed last.
        forwarded_to: Option<Code>,
        /// What they answered.
        response: Option<Code>,
        /// Whether they answered in time.
        timely: Option<bool>,
        /// Rules it breaks: `case.not_raised`, `case.raised_twice`.
        flags: Json<Vec<String>>,
        /// What changed its effect on the totals, in fold order.
        track: Json<Vec<Point>>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cases;

impl Projection for Cases {
    const NAME: &'static str = "client_case";
    const VERSION: u32 = 2;
    const AREAS: &'static [&'static str] = &["case", "log", "process"];
    const TOTALS: &'static [TotalTable] =
        &[CaseFlow::TABLE, CaseStock::TABLE, CaseResponse::TABLE, CaseDuration::TABLE];
    type Row = CaseRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        match &fact.event {
            Event::Case(event) => keys.push(event.case_id().0),
            Event::Process(ProcessEvent::WorkEntered(event)) if event.stage.is_some() => keys.push(event.case.0),
            Event::Log(LogEvent::Refused(event)) => keys.push(event.case.0),
            _ => {}
        }
    }

    fn fold(&self, row: &mut CaseRow, fact: &Fact, _cx: &Context<'_>) {
        match &fact.event {
            Event::Case(event) => fold::fold(row, event, fact),
            Event::Process(ProcessEvent::WorkEntered(event)) => fold::entered(row, event, fact),
            Event::Log(LogEvent::Refused(event)) => fold::refused(row, event, fact),
            _ => {}
        }
    }

    fn contribute(&self, row: &CaseRow, cx: &Context<'_>, out: &mut Contributions) {
        totals::contribute(row, cx, out);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod traps;
