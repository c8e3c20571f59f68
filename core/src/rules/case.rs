//! A closed case is not worked on until it is reopened.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse, workflow};
use crate::code::Code;
use crate::definitions::Definitions;
use crate::events::CaseEvent;
use crate::events::case::{CaseKind, Classified, Raised};
use crate::ids::CaseId;
use crate::time::Timestamp;

/// What is known of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CaseState {
    /// The kind under which it was raised, and when: they decide about its workflow.
    pub(super) raised: Option<(CaseKind, Timestamp)>,
    due_set: bool,
    resolved: bool,
    pub(super) closed: bool,
    paused: bool,
    /// The state of its workflow; none while it never moved.
    pub(super) state: Option<Code>,
    /// The department that it entered and has not left.
    pub(super) department: Option<Code>,
    /// Reviews that were asked for, each with its decision.
    pub(super) reviews: BTreeMap<Code, Option<Code>>,
    pub(super) about: About,
}

/// What conditions of a workflow may ask of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct About {
    pub(super) kind: Option<CaseKind>,
    pub(super) topic: Option<Code>,
    pub(super) product: Option<Code>,
    pub(super) priority: Option<Code>,
    pub(super) channel: Option<Code>,
    pub(super) region: Option<Code>,
    pub(super) answers: u32,
}

pub(super) type Cases = BTreeMap<CaseId, CaseState>;

pub(super) fn apply(cases: &mut Cases, event: &CaseEvent, at: Timestamp) {
    let case = cases.entry(event.case_id()).or_default();
    match event {
        CaseEvent::Raised(e) => raise(case, e, at),
        CaseEvent::Classified(e) => classify(&mut case.about, e),
        CaseEvent::DueSet(_) => case.due_set = true,
        CaseEvent::Answered(_) => case.about.answers += 1,
        CaseEvent::Resolved(_) => case.resolved = true,
        CaseEvent::Reopened(_) => (case.resolved, case.closed) = (false, false),
        CaseEvent::Closed(_) => case.closed = true,
        CaseEvent::Paused(_) => case.paused = true,
        CaseEvent::Resumed(_) => case.paused = false,
        CaseEvent::StateChanged(e) => case.state = Some(e.to.clone()),
        CaseEvent::Assigned(_)
        | CaseEvent::Forwarded(_)
        | CaseEvent::DueMoved(_)
        | CaseEvent::LinkedToPlanItem(_)
        | CaseEvent::UnlinkedFromPlanItem(_) => {}
    }
}

fn raise(case: &mut CaseState, event: &Raised, at: Timestamp) {
    if case.raised.is_some() {
        return;
    }
    case.raised = Some((event.kind, at));
    let about = &mut case.about;
    about.kind = about.kind.or(Some(event.kind));
    for (known, told) in [
        (&mut about.topic, &event.topic),
        (&mut about.product, &event.product),
        (&mut about.priority, &event.priority),
        (&mut about.channel, &event.channel),
        (&mut about.region, &event.region),
    ] {
        if known.is_none() {
            known.clone_from(told);
        }
    }
}

fn classify(about: &mut About, event: &Classified) {
    about.kind = event.kind.or(about.kind);
    for (known, told) in
        [(&mut about.topic, &event.topic), (&mut about.product, &event.product), (&mut about.priority, &event.priority)]
    {
        if told.is_some() {
            known.clone_from(told);
        }
    }
}

pub(super) fn decide(cases: &Cases, event: &CaseEvent, definitions: &Definitions) -> Verdict {
    let id = event.case_id();
    let unknown = CaseState::default();
    let case = cases.get(&id).unwrap_or(&unknown);
    let raised = case.raised.is_some();
    match event {
        CaseEvent::Raised(_) if raised => refuse("case.raised_twice", format!("case {id} was raised already")),
        CaseEvent::Raised(_) => Ok(Vec::new()),
        CaseEvent::Classified(_)
        | CaseEvent::Assigned(_)
        | CaseEvent::DueSet(_)
        | CaseEvent::DueMoved(_)
        | CaseEvent::Resolved(_)
        | CaseEvent::Closed(_)
        | CaseEvent::Paused(_)
        | CaseEvent::StateChanged(_)
        | CaseEvent::LinkedToPlanItem(_)
            if case.closed =>
        {
            refuse("case.closed", format!("case {id} is closed; reopen it first"))
        }
        CaseEvent::DueMoved(_) if raised && !case.due_set => {
            refuse("case.no_due_date", format!("no date was promised for case {id}; set one first"))
        }
        CaseEvent::Reopened(_) if raised && !case.closed && !case.resolved => {
            refuse("case.not_closed", format!("case {id} is neither resolved nor closed"))
        }
        CaseEvent::Answered(_) if case.closed => {
            flag("case.answered_after_close", format!("case {id} was closed already"))
        }
        _ if !raised => flag("case.not_raised", format!("case {id} was never raised")),
        CaseEvent::Paused(_) if case.paused => flag("case.paused_twice", format!("case {id} waits already")),
        CaseEvent::Resumed(_) if !case.paused => flag("case.not_paused", format!("case {id} was not paused")),
        CaseEvent::StateChanged(e) => workflow::decide(
            case,
            &workflow::Move { case: id, from: e.from.as_ref(), to: &e.to, employee: e.employee, department: None },
            definitions,
        ),
        _ => Ok(Vec::new()),
    }
}
