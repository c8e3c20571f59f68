//! What a rule would have done, had it been in force.

use super::{CannotAct, ClientState, Intent, OVERDUE, Rule, Trigger, decide};
use crate::fact::Fact;
use crate::ids::{EventId, TaskId};
use crate::time::{Moment, Timestamp};

/// What a rule makes of one event of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// The event, or the one that set the date which passed.
    pub event: EventId,
    /// Its type, or `task.overdue`.
    pub event_type: String,
    /// When it happened.
    pub occurred: Moment,
    /// What would have been recorded, or why the rule could not say.
    pub result: Result<Vec<Intent>, CannotAct>,
}

/// Runs a rule over the facts of one client's group (corrected, in fold order) and says what it would have done
/// with what happened in `[from, to)`, by what is known of the client then. Events that made the rule say "no" are
/// among the answers, without intents; what the rule itself made is passed over.
pub fn rehearse(rule: &Rule, facts: &[Fact], (from, to): (Timestamp, Timestamp)) -> Vec<Rehearsed> {
    let (mut state, mut out) = (ClientState::default(), Vec::new());
    let mut past = Timestamp(i64::MIN);
    for fact in facts.iter().filter(|fact| fact.occurred.at < to) {
        overdue(rule, &state, (past.max(from), fact.occurred.at), &mut out);
        past = past.max(fact.occurred.at);
        state.apply(fact);
        if fact.occurred.at < from || !rule.acts_on(fact.event.type_name()) || made_by(rule, fact) {
            continue;
        }
        if let Some(trigger) = Trigger::fact(fact) {
            out.push(rehearsed(rule, &trigger, &state));
        }
    }
    overdue(rule, &state, (past.max(from), to), &mut out);
    out
}

/// The open tasks whose date lies in `[after, before)`, in the order of their dates.
fn overdue(rule: &Rule, state: &ClientState, (after, before): (Timestamp, Timestamp), out: &mut Vec<Rehearsed>) {
    if !rule.acts_on(OVERDUE) {
        return;
    }
    let passes = |due: Option<Moment>| due.is_some_and(|due| after <= due.at && due.at < before);
    let mut due: Vec<(Timestamp, TaskId)> = (state.tasks.iter())
        .filter(|(_, task)| !task.closed && passes(task.due))
        .filter_map(|(id, task)| Some((task.due?.at, *id)))
        .collect();
    due.sort_unstable();
    for (_, id) in due {
        out.extend(
            state.tasks.get(&id).and_then(|task| Trigger::overdue(id, task)).map(|t| rehearsed(rule, &t, state)),
        );
    }
}

fn rehearsed(rule: &Rule, trigger: &Trigger, state: &ClientState) -> Rehearsed {
    Rehearsed {
        event: trigger.cause(),
        event_type: trigger.event_type().to_owned(),
        occurred: trigger.occurred(),
        result: decide(rule, trigger, state),
    }
}

/// Whether an earlier version of the same rule made this event.
fn made_by(rule: &Rule, fact: &Fact) -> bool {
    fact.event.made_by().is_some_and(|name| name.kind == rule.name.kind && name.code == rule.name.code)
}
