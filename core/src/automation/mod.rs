//! Automation: what is to be done by rule when something happens. Pure; who carries it out is the server.
//!
//! A rule is a definition (`automation_rule.defined`): on which types of events it acts, under which condition, and
//! what it does. Given a fact, the rules in force and what is known of the client, [`decide()`] answers *intents*:
//! events that are to be recorded. An intent's id is derived from the rule, its version and its cause, so that
//! whoever carries it out twice records it once; it names its rule as `automation-rule:code@version`, and its cause
//! as `caused_by` and in the envelope.
//!
//! A rule acts on what is recorded after it, never on the past: what it would have done then, [`rehearse()`] tells.
//! `task.overdue` is no event: it stands for the instant at which the date of an open task passes, and what is done
//! then has an id derived from the task and that date.

mod book;
mod decide;
mod intent;
mod rehearse;
mod state;
#[cfg(test)]
mod tests;

pub use book::{Rule, RuleBook};
pub use decide::{CannotAct, Trigger, decide};
pub use intent::Intent;
pub use rehearse::{Rehearsed, rehearse};
pub use state::{ClientState, TaskState};

/// Stands among the event types of a rule for a task whose date has passed.
pub const OVERDUE: &str = "task.overdue";
/// The actor and the source of everything that is recorded by rule.
pub const ACTOR: &str = "automation";
/// So many rules may act on each other's doing one after another.
pub const MAX_CHAIN: usize = 8;
