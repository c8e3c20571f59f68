//! A task that is done or cancelled is not worked on any more.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::TaskEvent;
use crate::ids::TaskId;

/// What is known of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TaskState {
    planned: bool,
    closed: Option<&'static str>,
}

type Tasks = BTreeMap<TaskId, TaskState>;

pub(super) fn apply(tasks: &mut Tasks, event: &TaskEvent) {
    let task = tasks.entry(event.task_id()).or_default();
    match event {
        TaskEvent::Planned(_) => task.planned = true,
        TaskEvent::Done(_) => task.closed = Some("done"),
        TaskEvent::Cancelled(_) => task.closed = Some("cancelled"),
        TaskEvent::Assigned(_) | TaskEvent::DueMoved(_) | TaskEvent::Escalated(_) => {}
    }
}

pub(super) fn decide(tasks: &Tasks, event: &TaskEvent) -> Verdict {
    let id = event.task_id();
    let task = tasks.get(&id).copied().unwrap_or_default();
    match (event, task.closed) {
        (TaskEvent::Planned(_), _) if task.planned => {
            refuse("task.planned_twice", format!("task {id} was planned already"))
        }
        (TaskEvent::Planned(_), None) => Ok(Vec::new()),
        (
            TaskEvent::Planned(_)
            | TaskEvent::Assigned(_)
            | TaskEvent::DueMoved(_)
            | TaskEvent::Cancelled(_)
            | TaskEvent::Escalated(_),
            Some(how),
        ) => refuse("task.closed", format!("task {id} is {how} already")),
        // It was done, whatever we thought of it.
        (TaskEvent::Done(_), Some(how)) => flag("task.done_after_close", format!("task {id} was {how} already")),
        _ if !task.planned => flag("task.not_planned", format!("task {id} was never planned")),
        _ => Ok(Vec::new()),
    }
}
