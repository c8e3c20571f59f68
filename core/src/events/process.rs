//! How a case goes through the house: departments, hand-overs, parallel reviews, solutions that were tried.

use crate::code::Code;
use crate::ids::{CaseId, EmployeeId};
use crate::time::Moment;

area! {
    /// Steps of processes.
    ProcessEvent in Process "process";

    /// A case came into a department.
    event WorkEntered = "work_item.entered_department" @ 1 {
        /// The case.
        case: CaseId,
        /// The department.
        department: Code,
    } optional {
        /// The state of its workflow that begins with it.
        stage: Code,
        /// To be done there before.
        due: Moment,
        /// Who does it.
        employee: EmployeeId,
    }

    /// A case left a department.
    event WorkLeft = "work_item.left_department" @ 1 {
        /// The case.
        case: CaseId,
        /// The department.
        department: Code,
    } optional {
        /// Labour spent on it there, in seconds.
        labour_s: u32,
        /// Who did it.
        employee: EmployeeId,
    }

    /// A department gave a case to another one, with a check-list.
    event HandedOver = "work_item.handed_over" @ 1 {
        /// The case.
        case: CaseId,
        /// Who gave it.
        from: Code,
        /// Who gets it.
        to: Code,
        /// The check-list.
        list: Code,
        /// What of the list was there.
        checked: Vec<Code>,
    } optional {
        /// Who handed it over.
        employee: EmployeeId,
    }

    /// A review of an application was asked for.
    event ReviewRequested = "review.requested" @ 1 {
        /// The application.
        case: CaseId,
        /// Which: `legal`, `appraisal`, `security` …
        branch: Code,
    } optional {
        /// Who is to decide.
        employee: EmployeeId,
        /// To be decided before.
        due: Moment,
    }

    /// A review came to its decision.
    event ReviewDecided = "review.decided" @ 1 {
        /// The application.
        case: CaseId,
        /// Which review.
        branch: Code,
        /// What was decided.
        decision: Code,
    } optional {
        /// Who decided.
        employee: EmployeeId,
    } personal {
        /// Why.
        note: String,
    }

    /// An application was decided on.
    event ApplicationDecided = "application.decided" @ 1 {
        /// The application.
        case: CaseId,
        /// What was decided.
        decision: Code,
    } optional {
        /// Who decided.
        employee: EmployeeId,
    } personal {
        /// Why.
        note: String,
    }

    /// A known solution was tried on a case.
    event SolutionApplied = "solution.applied" @ 1 {
        /// The case.
        case: CaseId,
        /// The problem that the case has.
        problem: Code,
        /// What was tried.
        solution: Code,
        /// Whether it worked.
        worked: bool,
    } optional {
        /// Who tried it.
        employee: EmployeeId,
    }
}

impl ProcessEvent {
    /// The case that it is about.
    pub fn case_id(&self) -> CaseId {
        match self {
            Self::WorkEntered(e) => e.case,
            Self::WorkLeft(e) => e.case,
            Self::HandedOver(e) => e.case,
            Self::ReviewRequested(e) => e.case,
            Self::ReviewDecided(e) => e.case,
            Self::ApplicationDecided(e) => e.case,
            Self::SolutionApplied(e) => e.case,
        }
    }
}
