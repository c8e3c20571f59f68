//! Tasks: what one of us is to do for a client, by when, and whether it was done.
//!
//! Whether a task is overdue depends on the instant of the question, and how much its client matters on his
//! attribute `class`: both are found out when it is asked for. What is done or cancelled stays.

mod list;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::{Event, TaskEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, DealId, EmployeeId, EventId, OrderId, TaskId};
use letopis_core::time::Timestamp;
use serde::Serialize;

use crate::engine::projection::{Context, Projection};
use crate::row;

pub use list::{OpenTask, TaskFilter, TaskItem, due_between, of_client};
pub use questions::QUESTIONS;

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It is to be done.
    #[default]
    Open,
    /// It was done.
    Done,
    /// It need not be done any more.
    Cancelled,
}

row! {
    /// A task.
    pub struct TaskRow in "task", index ["client", "status, due", "employee, status"] {
        /// The task.
        key task: TaskId,
        owner client,
        /// What is to be done.
        kind: Option<Code>,
        /// How far it is.
        status: TaskStatus,
        /// To be done before.
        due: Option<Timestamp>,
        /// How often that date was moved.
        moves: u32,
        /// By whom.
        employee: Option<EmployeeId>,
        /// By which department.
        department: Option<Code>,
        /// How much it matters.
        priority: Option<Code>,
        /// The case it belongs to.
        case_id: Option<CaseId>,
        /// The deal it belongs to.
        deal_id: Option<DealId>,
        /// The order it belongs to.
        order_id: Option<OrderId>,
        /// When it was planned; none while only later facts are known.
        planned_at: Option<Timestamp>,
        /// The event that planned it: its words stand there.
        planned_by: Option<EventId>,
        /// When it was done or cancelled.
        closed_at: Option<Timestamp>,
        /// What came of it, or why it was cancelled.
        outcome: Option<Code>,
        /// Who did it.
        done_by: Option<EmployeeId>,
        /// The event that it was made for by rule.
        caused_by: Option<EventId>,
        /// The rule that made it.
        rule: Option<String>,
        /// How often somebody was told that it was not done in time.
        escalations: u32,
        /// When somebody was told last.
        escalated_at: Option<Timestamp>,
        /// Who was told last.
        escalated_to: Option<EmployeeId>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tasks;

impl Projection for Tasks {
    const NAME: &'static str = "task";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["task"];
    type Row = TaskRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Task(event) = &fact.event {
            keys.push(event.task_id().0);
        }
    }

    fn fold(&self, row: &mut TaskRow, fact: &Fact, _cx: &Context<'_>) {
        let (Event::Task(event), at) = (&fact.event, fact.occurred.at) else { return };
        match event {
            TaskEvent::Planned(e) => {
                row.kind = Some(e.kind.clone());
                row.due = e.due.map(|due| due.at);
                (row.employee, row.department) = (e.employee, e.department.clone());
                row.priority.clone_from(&e.priority);
                (row.case_id, row.deal_id, row.order_id) = (e.case, e.deal, e.order);
                (row.planned_at, row.planned_by) = (Some(at), Some(fact.id));
                row.caused_by = e.caused_by;
                row.rule = e.rule.as_ref().map(ToString::to_string);
            }
            TaskEvent::Assigned(e) => (row.employee, row.department) = (e.employee, e.department.clone()),
            TaskEvent::DueMoved(e) => {
                row.due = Some(e.due.at);
                row.moves += 1;
            }
            TaskEvent::Done(e) => {
                (row.status, row.closed_at) = (TaskStatus::Done, Some(at));
                (row.outcome, row.done_by) = (e.outcome.clone(), e.employee);
            }
            TaskEvent::Cancelled(e) => {
                (row.status, row.closed_at) = (TaskStatus::Cancelled, Some(at));
                row.outcome.clone_from(&e.reason);
            }
            TaskEvent::Escalated(e) => {
                row.escalations += 1;
                (row.escalated_at, row.escalated_to) = (Some(at), e.employee);
            }
        }
    }
}
