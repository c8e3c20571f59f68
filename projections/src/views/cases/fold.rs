//! How a case changes.

use letopis_core::code::Code;
use letopis_core::events::CaseEvent;
use letopis_core::events::log::Refused;
use letopis_core::events::process::WorkEntered;
use letopis_core::fact::Fact;
use letopis_core::ids::EmployeeId;

use super::track::mark;
use super::{Attempt, CaseRow, Due, Pause, Status, Step, What};

fn flag(row: &mut CaseRow, rule: &str) {
    if !row.flags.0.iter().any(|known| known == rule) {
        row.flags.0.push(rule.to_owned());
    }
}

pub(super) fn fold(row: &mut CaseRow, event: &CaseEvent, fact: &Fact) {
    let at = fact.occurred.at;
    row.first_at.get_or_insert(at);
    if row.raised_at.is_none() && !matches!(event, CaseEvent::Raised(_)) {
        flag(row, "case.not_raised");
    }
    match event {
        CaseEvent::Raised(_) if row.raised_at.is_some() => flag(row, "case.raised_twice"),
        CaseEvent::Raised(e) => {
            row.raised_at = Some(at);
            row.raised_as = Some(e.kind);
            row.kind = row.kind.or(Some(e.kind));
            row.topic = row.topic.take().or_else(|| e.topic.clone());
            row.product = row.product.take().or_else(|| e.product.clone());
            row.priority = row.priority.take().or_else(|| e.priority.clone());
            row.channel.clone_from(&e.channel);
            row.region.clone_from(&e.region);
            row.order_id = e.order;
            row.flags.0.retain(|rule| rule != "case.not_raised");
            mark(row, at, What::Raised);
        }
        CaseEvent::Classified(e) => {
            row.kind = e.kind.or(row.kind);
            row.topic = e.topic.clone().or_else(|| row.topic.take());
            row.product = e.product.clone().or_else(|| row.product.take());
            row.priority = e.priority.clone().or_else(|| row.priority.take());
            mark(row, at, What::Classified);
        }
        CaseEvent::Assigned(e) => {
            row.employee = e.employee;
            row.department = e.department.clone().or_else(|| row.department.take());
        }
        CaseEvent::Forwarded(e) => {
            row.forwarded_to = Some(e.to.clone());
            row.response.clone_from(&e.response);
            row.timely = e.timely;
            mark(row, at, What::Forwarded);
        }
        CaseEvent::DueSet(e) => {
            promise(row, Due { due: e.due, set_at: fact.occurred, reason: None, event: fact.id });
            mark(row, at, What::DueSet);
        }
        CaseEvent::DueMoved(e) => {
            row.moves += 1;
            promise(row, Due { due: e.due, set_at: fact.occurred, reason: Some(e.reason.clone()), event: fact.id });
            mark(row, at, What::DueMoved);
        }
        CaseEvent::Answered(_) => {
            row.answers += 1;
            if row.status == Status::Open {
                row.status = Status::Answered;
            }
            let first = row.first_answer_at.is_none();
            row.first_answer_at.get_or_insert(at);
            mark(row, at, if first { What::FirstAnswered } else { What::Answered });
        }
        CaseEvent::Resolved(e) => {
            row.resolved_at = Some(at);
            row.resolution = Some(e.resolution.clone());
            row.resolved_by = e.employee;
            row.settled_at.get_or_insert(at);
            row.status = row.status.max(Status::Resolved);
            mark(row, at, What::Resolved);
        }
        CaseEvent::Reopened(_) => {
            row.reopened += 1;
            (row.resolved_at, row.closed_at, row.settled_at) = (None, None, None);
            (row.resolution, row.resolved_by, row.outcome) = (None, None, None);
            row.status = Status::Open;
            mark(row, at, What::Reopened);
        }
        CaseEvent::Closed(e) => {
            row.closed_at = Some(at);
            row.outcome.clone_from(&e.outcome);
            row.settled_at.get_or_insert(at);
            row.status = Status::Closed;
            mark(row, at, What::Closed);
        }
        CaseEvent::Paused(_) => {
            if row.pauses.0.last().is_none_or(|pause| pause.to.is_some()) {
                row.pauses.0.push(Pause { from: at, to: None });
            }
        }
        CaseEvent::Resumed(_) => {
            if let Some(pause) = row.pauses.0.last_mut().filter(|pause| pause.to.is_none()) {
                pause.to = Some(at);
            }
        }
        CaseEvent::StateChanged(e) => step(row, &e.to, e.employee, fact),
        // Which item of a plan brings it stands in a view of its own.
        CaseEvent::LinkedToPlanItem(_) | CaseEvent::UnlinkedFromPlanItem(_) => {}
    }
}

/// A case came into a department and with that into a state of its workflow.
pub(super) fn entered(row: &mut CaseRow, event: &WorkEntered, fact: &Fact) {
    row.first_at.get_or_insert(fact.occurred.at);
    if row.raised_at.is_none() {
        flag(row, "case.not_raised");
    }
    if let Some(stage) = &event.stage {
        step(row, stage, event.employee, fact);
    }
}

fn step(row: &mut CaseRow, to: &Code, employee: Option<EmployeeId>, fact: &Fact) {
    row.state = Some(to.clone());
    row.steps.0.push(Step { at: fact.occurred, to: to.clone(), employee, event: fact.id });
}

/// A workflow forbade a move.
pub(super) fn refused(row: &mut CaseRow, event: &Refused, fact: &Fact) {
    row.first_at.get_or_insert(fact.occurred.at);
    row.attempts.0.push(Attempt {
        at: fact.occurred,
        rule: event.rule.clone(),
        met: event.met.clone(),
        wanted: event.wanted.clone(),
        workflow: format!("workflow:{}@{}", event.workflow, event.workflow_version),
        event: fact.id,
    });
}

fn promise(row: &mut CaseRow, due: Due) {
    row.due = Some(due.due.at);
    row.dues.0.push(due);
}
