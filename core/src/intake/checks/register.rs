//! Tasks, and rules of automation.

use std::collections::HashSet;

use super::{Check, ensure, fault};
use crate::automation::OVERDUE;
use crate::events::automation::{Action, RuleDefined};
use crate::events::definition::EventImportanceDefined;
use crate::events::{AutomationEvent, TaskEvent, find, log};
use crate::time::Moment;

/// Most actions of one rule, and most event types it acts on.
const MAX_PARTS: usize = 50;
/// Most event types of one scale of importance.
const MAX_TYPES: usize = 500;

pub(super) fn task(event: &TaskEvent, occurred: Moment) -> Check {
    let due =
        |due: Moment| ensure(due.at >= occurred.at, "due", || format!("{due} had passed when it was set, {occurred}"));
    match event {
        TaskEvent::Planned(e) => e.due.map_or(Ok(()), due),
        TaskEvent::DueMoved(e) => due(e.due),
        // Somebody may be told before the date has passed, when it is plain that it will not be kept.
        TaskEvent::Escalated(_) | TaskEvent::Assigned(_) | TaskEvent::Done(_) | TaskEvent::Cancelled(_) => Ok(()),
    }
}

pub(super) fn automation(event: &AutomationEvent) -> Check {
    match event {
        AutomationEvent::RuleDefined(rule) => self::rule(rule),
        AutomationEvent::ArticleProposed(_) => Ok(()),
    }
}

fn rule(rule: &RuleDefined) -> Check {
    for (field, count) in [("on", rule.on.len()), ("then", rule.then.len())] {
        ensure((1..=MAX_PARTS).contains(&count), field, || format!("{count} entries, 1 to {MAX_PARTS} are expected"))?;
    }
    let mut seen = HashSet::new();
    for (i, on) in rule.on.iter().enumerate() {
        ensure(seen.insert(on), &format!("on[{i}]"), || format!("{on} stands in it twice"))?;
        if let Some(info) = find(on.as_str()) {
            let closed = info.defines || info.area == log::AREA || info.area == "knowledge";
            ensure(!closed, &format!("on[{i}]"), || format!("{on} is nothing that happens with a client"))?;
        }
    }
    for (i, action) in rule.then.iter().enumerate() {
        let about_task = rule.on.iter().all(|on| on.as_str() == OVERDUE || on.as_str().starts_with("task."));
        match action {
            Action::EscalateTask(_) if !about_task => {
                fault(format!("then[{i}]"), "only what happens with a task can be escalated: on task.overdue")?;
            }
            Action::ClassifyCase(a) if (&a.kind, &a.topic, &a.product, &a.priority) == (&None, &None, &None, &None) => {
                fault(format!("then[{i}]"), "kind, topic, product or priority is expected")?;
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn importance(event: &EventImportanceDefined) -> Check {
    let count = event.importance.len();
    ensure((1..=MAX_TYPES).contains(&count), "importance", || format!("{count} types, 1 to {MAX_TYPES} are expected"))?;
    for name in event.importance.keys() {
        let known = find(name.as_str());
        let closed = known.is_some_and(|info| info.defines || info.area == log::AREA);
        ensure(!closed, &format!("importance.{name}"), || format!("{name} is nothing that happens with a client"))?;
    }
    Ok(())
}
