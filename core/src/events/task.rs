//! What one of us is to do for a client, from planning to done.

use crate::code::Code;
use crate::definitions::DefinitionName;
use crate::ids::{CaseId, DealId, EmployeeId, EventId, OrderId, TaskId};
use crate::time::Moment;

area! {
    /// Tasks.
    TaskEvent in Task "task";

    /// Something is to be done.
    event Planned = "task.planned" @ 1 {
        /// The task.
        task: TaskId,
        /// What is to be done: `call-back`, `send-offer`, `visit` …
        kind: Code,
    } optional {
        /// To be done before.
        due: Moment,
        /// By whom.
        employee: EmployeeId,
        /// By which department.
        department: Code,
        /// How much it matters.
        priority: Code,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    } personal {
        /// What it is called.
        title: String,
        /// What is to be done, in words.
        note: String,
    }

    /// Somebody else is to do it.
    event Assigned = "task.assigned" @ 1 {
        /// The task.
        task: TaskId,
    } optional {
        /// Who.
        employee: EmployeeId,
        /// Which department.
        department: Code,
    }

    /// It is to be done at another time.
    event DueMoved = "task.due_moved" @ 1 {
        /// The task.
        task: TaskId,
        /// To be done before.
        due: Moment,
    } optional {
        /// Why, as a code.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// It was done.
    event Done = "task.done" @ 1 {
        /// The task.
        task: TaskId,
    } optional {
        /// What came of it.
        outcome: Code,
        /// Who did it.
        employee: EmployeeId,
    } personal {
        /// What was done.
        note: String,
    }

    /// It need not be done any more.
    event Cancelled = "task.cancelled" @ 1 {
        /// The task.
        task: TaskId,
    } optional {
        /// Why, as a code.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// It was not done in time, and somebody else is told.
    event Escalated = "task.escalated" @ 1 {
        /// The task.
        task: TaskId,
        /// The date that passed.
        due: Moment,
    } optional {
        /// Who is told.
        employee: EmployeeId,
        /// Which department is told.
        department: Code,
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    }
}

impl TaskEvent {
    /// The task that it is about.
    pub fn task_id(&self) -> TaskId {
        match self {
            Self::Planned(e) => e.task,
            Self::Assigned(e) => e.task,
            Self::DueMoved(e) => e.task,
            Self::Done(e) => e.task,
            Self::Cancelled(e) => e.task,
            Self::Escalated(e) => e.task,
        }
    }
}
