//! What the client wants from us until it is settled: complaints, questions, errors, wishes, incidents.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::definitions::DefinitionName;
use crate::ids::{CaseId, EmployeeId, EventId, OrderId};
use crate::time::Moment;

/// What a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// The client is not content.
    Complaint,
    /// The client wants to know.
    Question,
    /// Something of ours is broken.
    ErrorReport,
    /// The client would like something.
    Wish,
    /// Something happened.
    Incident,
    /// Something is applied for, and is decided: a loan, an account, a permit.
    Application,
}

impl std::fmt::Display for CaseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Complaint => "complaint",
            Self::Question => "question",
            Self::ErrorReport => "error_report",
            Self::Wish => "wish",
            Self::Incident => "incident",
            Self::Application => "application",
        })
    }
}

area! {
    /// Cases.
    CaseEvent in Case "case";

    /// A case was opened.
    event Raised = "case.raised" @ 1 {
        /// The case.
        case: CaseId,
        /// What it is.
        kind: CaseKind,
    } optional {
        /// What it is about.
        topic: Code,
        /// About which product.
        product: Code,
        /// How it reached us: `phone`, `web`, `post` …
        channel: Code,
        /// How much it matters.
        priority: Code,
        /// Where the client is, as a code.
        region: Code,
        /// The order it is about.
        order: OrderId,
    } personal {
        /// Subject line.
        subject: String,
        /// In the client's words.
        text: String,
    }

    /// A case was put under another kind, topic or priority.
    event Classified = "case.classified" @ 1 {
        /// The case.
        case: CaseId,
    } optional {
        /// What it is.
        kind: CaseKind,
        /// What it is about.
        topic: Code,
        /// About which product.
        product: Code,
        /// How much it matters.
        priority: Code,
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    } personal {
        /// Why.
        reason: String,
    }

    /// Somebody is to see to it.
    event Assigned = "case.assigned" @ 1 {
        /// The case.
        case: CaseId,
    } optional {
        /// Who.
        employee: EmployeeId,
        /// Which department.
        department: Code,
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    }

    /// A case was handed to somebody outside: a partner, a bureau, the company it is about.
    event Forwarded = "case.forwarded" @ 1 {
        /// The case.
        case: CaseId,
        /// To whom.
        to: Code,
    } optional {
        /// What they answered.
        response: Code,
        /// Whether they answered in time.
        timely: bool,
    }

    /// A date was promised.
    event DueSet = "case.due_set" @ 1 {
        /// The case.
        case: CaseId,
        /// To be settled before.
        due: Moment,
    }

    /// A promised date was moved.
    event DueMoved = "case.due_moved" @ 1 {
        /// The case.
        case: CaseId,
        /// To be settled before.
        due: Moment,
        /// Why, as a code.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// The client got an answer from a person.
    event Answered = "case.answered" @ 1 {
        /// The case.
        case: CaseId,
    } optional {
        /// Who answered.
        employee: EmployeeId,
        /// How.
        channel: Code,
    } personal {
        /// The answer.
        text: String,
    }

    /// The matter is settled.
    event Resolved = "case.resolved" @ 1 {
        /// The case.
        case: CaseId,
        /// How.
        resolution: Code,
    } optional {
        /// By whom.
        employee: EmployeeId,
    } personal {
        /// How, in words.
        note: String,
    }

    /// It was not settled after all.
    event Reopened = "case.reopened" @ 1 {
        /// The case.
        case: CaseId,
    } personal {
        /// Why.
        reason: String,
    }

    /// Nothing more will be done.
    event Closed = "case.closed" @ 1 {
        /// The case.
        case: CaseId,
    } optional {
        /// How it ended.
        outcome: Code,
    }

    /// We wait for the client: clocks of the service level stand still.
    event Paused = "case.paused" @ 1 {
        /// The case.
        case: CaseId,
    } optional {
        /// What we wait for.
        reason: Code,
    } personal {
        /// What we wait for, in words.
        reason_text: String,
    }

    /// The client did his part: clocks go on.
    event Resumed = "case.resumed" @ 1 {
        /// The case.
        case: CaseId,
    }

    /// A case moved to another state of its workflow.
    event StateChanged = "case.state_changed" @ 1 {
        /// The case.
        case: CaseId,
        /// The state it is in from now on.
        to: Code,
    } optional {
        /// The state it was in, as whoever moves it sees it.
        from: Code,
        /// Who moves it.
        employee: EmployeeId,
    } personal {
        /// Why.
        reason: String,
    }

    /// What the client wants comes with an item of a plan.
    event LinkedToPlanItem = "case.linked_to_plan_item" @ 1 {
        /// The case.
        case: CaseId,
        /// The item.
        item: Code,
    }

    /// It does not come with that item after all.
    event UnlinkedFromPlanItem = "case.unlinked_from_plan_item" @ 1 {
        /// The case.
        case: CaseId,
        /// The item.
        item: Code,
    }
}

impl CaseEvent {
    /// The case that it is about.
    pub fn case_id(&self) -> CaseId {
        match self {
            Self::Raised(e) => e.case,
            Self::Classified(e) => e.case,
            Self::Assigned(e) => e.case,
            Self::Forwarded(e) => e.case,
            Self::DueSet(e) => e.case,
            Self::DueMoved(e) => e.case,
            Self::Answered(e) => e.case,
            Self::Resolved(e) => e.case,
            Self::Reopened(e) => e.case,
            Self::Closed(e) => e.case,
            Self::Paused(e) => e.case,
            Self::Resumed(e) => e.case,
            Self::StateChanged(e) => e.case,
            Self::LinkedToPlanItem(e) => e.case,
            Self::UnlinkedFromPlanItem(e) => e.case,
        }
    }
}
