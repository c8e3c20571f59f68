//! What must not go as usual: exceptional situations, each of a class.

use crate::code::Code;
use crate::definitions::DefinitionName;
use crate::ids::{CaseId, DealId, EmployeeId, EventId, OrderId};

area! {
    /// Exceptional situations.
    ExceptionEvent in Exception "exception";

    /// Something exceptional happened; another event may tell what.
    event Flagged = "exception.flagged" @ 1 {
        /// Of which class: `lost-document`, `threat-of-court`, `data-loss` …
        class: Code,
    } optional {
        /// The event that is exceptional.
        target: EventId,
        /// Whose doing or whose to see to it.
        employee: EmployeeId,
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
        /// What is exceptional about it.
        note: String,
    }
}
