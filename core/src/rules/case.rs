//! A closed case is not worked on until it is reopened.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::CaseEvent;
use crate::ids::CaseId;

/// What is known of a case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CaseState {
    raised: bool,
    due_set: bool,
    resolved: bool,
    closed: bool,
}

type Cases = BTreeMap<CaseId, CaseState>;

pub(super) fn apply(cases: &mut Cases, event: &CaseEvent) {
    let case = cases.entry(event.case_id()).or_default();
    match event {
        CaseEvent::Raised(_) => case.raised = true,
        CaseEvent::DueSet(_) => case.due_set = true,
        CaseEvent::Resolved(_) => case.resolved = true,
        CaseEvent::Reopened(_) => (case.resolved, case.closed) = (false, false),
        CaseEvent::Closed(_) => case.closed = true,
        CaseEvent::Classified(_)
        | CaseEvent::Assigned(_)
        | CaseEvent::Forwarded(_)
        | CaseEvent::DueMoved(_)
        | CaseEvent::Answered(_) => {}
    }
}

pub(super) fn decide(cases: &Cases, event: &CaseEvent) -> Verdict {
    let id = event.case_id();
    let case = cases.get(&id).copied().unwrap_or_default();
    match event {
        CaseEvent::Raised(_) if case.raised => refuse("case.raised_twice", format!("case {id} was raised already")),
        CaseEvent::Raised(_) => Ok(Vec::new()),
        CaseEvent::Classified(_)
        | CaseEvent::Assigned(_)
        | CaseEvent::DueSet(_)
        | CaseEvent::DueMoved(_)
        | CaseEvent::Resolved(_)
        | CaseEvent::Closed(_)
            if case.closed =>
        {
            refuse("case.closed", format!("case {id} is closed; reopen it first"))
        }
        CaseEvent::DueMoved(_) if case.raised && !case.due_set => {
            refuse("case.no_due_date", format!("no date was promised for case {id}; set one first"))
        }
        CaseEvent::Reopened(_) if case.raised && !case.closed && !case.resolved => {
            refuse("case.not_closed", format!("case {id} is neither resolved nor closed"))
        }
        CaseEvent::Answered(_) if case.closed => {
            flag("case.answered_after_close", format!("case {id} was closed already"))
        }
        _ if !case.raised => flag("case.not_raised", format!("case {id} was never raised")),
        _ => Ok(Vec::new()),
    }
}
