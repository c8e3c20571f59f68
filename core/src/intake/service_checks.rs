//! What definitions of service, letters and steps of processes must satisfy beyond their types.

use std::collections::HashSet;

use super::checks::{Check, ensure, fault, local_day};
use crate::calendar::Calendar;
use crate::code::Code;
use crate::events::service::{CalendarDefined, ServiceLevelDefined, WorkflowDefined};
use crate::events::{LetterEvent, ProcessEvent, ServiceEvent};
use crate::time::Moment;

pub(super) fn check(event: &ServiceEvent) -> Check {
    match event {
        ServiceEvent::CalendarDefined(e) => calendar(e),
        ServiceEvent::ServiceLevelDefined(e) => level(e),
        ServiceEvent::WorkflowDefined(e) => workflow(e),
        ServiceEvent::CheckListDefined(e) => {
            ensure(!e.items.is_empty(), "items", || "a check-list has at least one item".into())?;
            distinct("items", &e.items)
        }
        ServiceEvent::ProblemIdentified(_)
        | ServiceEvent::SolutionRecorded(_)
        | ServiceEvent::PlanItemDefined(_)
        | ServiceEvent::PlanItemMoved(_)
        | ServiceEvent::PlanItemReleased(_) => Ok(()),
    }
}

fn distinct(field: &str, codes: &[Code]) -> Check {
    let mut seen = HashSet::new();
    match codes.iter().enumerate().find(|(_, code)| !seen.insert(*code)) {
        Some((i, code)) => fault(format!("{field}[{i}]"), format!("{code} stands in it twice")),
        None => Ok(()),
    }
}

fn calendar(e: &CalendarDefined) -> Check {
    if let Err(error) = Calendar::new(e) {
        return fault("zone", error.to_string());
    }
    let turned = |from, to| format!("it closes at {to}, not after it opens at {from}");
    for (i, hours) in e.weekly.iter().enumerate() {
        ensure(!hours.days.is_empty(), &format!("weekly[{i}].days"), || "hours are of at least one day".into())?;
        ensure(hours.from < hours.to, &format!("weekly[{i}].to"), || turned(hours.from, hours.to))?;
    }
    let mut seen = HashSet::new();
    for (i, exception) in e.exceptions.iter().enumerate() {
        let field = format!("exceptions[{i}].day");
        ensure(seen.insert(exception.day), &field, || format!("{} stands in it twice", exception.day))?;
        for (j, hours) in exception.hours.iter().enumerate() {
            let field = format!("exceptions[{i}].hours[{j}].to");
            ensure(hours.from < hours.to, &field, || turned(hours.from, hours.to))?;
        }
    }
    ensure(!e.weekly.is_empty(), "weekly", || "a calendar is open in some hours of the week".into())
}

fn level(e: &ServiceLevelDefined) -> Check {
    let some = e.first_response_s.is_some() || e.resolution_s.is_some();
    ensure(some, "first_response_s", || "a level promises a first response, a resolution or both".into())?;
    for (field, target) in [("first_response_s", e.first_response_s), ("resolution_s", e.resolution_s)] {
        ensure(target != Some(0), field, || "0 seconds cannot be kept".into())?;
    }
    match e.at_risk_percent {
        Some(percent) if !(1..=100).contains(&percent) => {
            fault("at_risk_percent", format!("{percent} is outside 1 to 100"))
        }
        _ => Ok(()),
    }
}

fn workflow(e: &WorkflowDefined) -> Check {
    ensure(!e.states.is_empty(), "states", || "a workflow has at least one state".into())?;
    let mut states = HashSet::new();
    for (i, state) in e.states.iter().enumerate() {
        let field = format!("states[{i}].state");
        ensure(states.insert(&state.state), &field, || format!("{} stands in it twice", state.state))?;
    }
    let mut ways = HashSet::new();
    for (i, way) in e.transitions.iter().enumerate() {
        for (end, state) in [("from", &way.from), ("to", &way.to)] {
            let field = format!("transitions[{i}].{end}");
            ensure(states.contains(state), &field, || format!("{state} is none of its states"))?;
        }
        let twice = || format!("{} to {} stands in it twice", way.from, way.to);
        ensure(ways.insert((&way.from, &way.to)), &format!("transitions[{i}]"), twice)?;
    }
    Ok(())
}

pub(super) fn letter(event: &LetterEvent, occurred: Moment) -> Check {
    let LetterEvent::Registered(e) = event;
    match e.due {
        Some(due) if due < local_day(occurred) => {
            fault("due", format!("{due} is before the letter was registered, {occurred}"))
        }
        _ => Ok(()),
    }
}

pub(super) fn process(event: &ProcessEvent, occurred: Moment) -> Check {
    let due = |due: Option<Moment>| match due {
        Some(due) if due.at < occurred.at => fault("due", format!("{due} had passed when it was set, {occurred}")),
        _ => Ok(()),
    };
    match event {
        ProcessEvent::WorkEntered(e) => due(e.due),
        ProcessEvent::ReviewRequested(e) => due(e.due),
        ProcessEvent::HandedOver(e) => distinct("checked", &e.checked),
        ProcessEvent::WorkLeft(_)
        | ProcessEvent::ReviewDecided(_)
        | ProcessEvent::ApplicationDecided(_)
        | ProcessEvent::SolutionApplied(_) => Ok(()),
    }
}
