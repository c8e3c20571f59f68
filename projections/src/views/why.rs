//! Why something was recorded: the chain of causes of an event, up to the first, with the rules that were at work.

use letopis_core::code::Code;
use letopis_core::definitions::DefinitionName;
use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::{EventId, Version};
use letopis_core::log::{EventLog, LogError, StreamName};
use letopis_core::personal::Opened;
use letopis_core::time::Moment;
use serde::Serialize;
use serde_json::Value;

use crate::engine::group::Clocks;
use crate::views::cited::Cited;

/// So many causes are followed; no chain of rules is that long.
const MAX_STEPS: usize = 100;

/// An event and what caused it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The event that was asked about.
    pub event: EventId,
    /// The event itself, its cause, the cause of that, up to the first.
    pub steps: Vec<Step>,
    /// Whether the causes go on beyond what is told: too many, in a circle, or not recorded here at the bounds.
    pub open_end: Option<&'static str>,
}

/// One event of the chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The event.
    #[serde(flatten)]
    pub event: Cited,
    /// What it says in the clear, as it was recorded.
    pub facts: Value,
    /// The rule that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleUsed>,
    /// The event that caused it.
    pub caused_by: Option<EventId>,
}

/// The version of a rule that was at work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleUsed {
    /// `kind:code@version`.
    pub name: String,
    /// Which rule.
    pub code: Code,
    /// The event that defined it; null where it is not in this log.
    pub event: Option<EventId>,
    /// From when on it counted.
    pub valid_from: Option<Moment>,
    /// What it says.
    pub says: Value,
}

/// The chain of causes of an event, as the clocks allow; `None` when they do not allow the event itself.
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub async fn why(log: &dyn EventLog, clocks: Clocks, event: EventId) -> Result<Option<Why>, LogError> {
    let (mut steps, mut next, mut open_end) = (Vec::<Step>::new(), Some(event), None);
    while let Some(id) = next.take() {
        if steps.iter().any(|step| step.event.event == id) {
            open_end = Some("the causes go round in a circle");
            break;
        }
        if steps.len() >= MAX_STEPS {
            open_end = Some("there are more causes");
            break;
        }
        let Some(fact) = find(log, clocks, id).await? else {
            open_end = Some("the cause is not in this log at the bounds");
            break;
        };
        let meta = fact.meta()?;
        let caused_by = meta.causation;
        next = caused_by;
        steps.push(Step {
            event: Cited::new(&fact, meta),
            facts: fact.event.to_json(&Opened::Nothing),
            rule: match fact.event.made_by() {
                Some(name) => Some(rule(log, name).await?),
                None => None,
            },
            caused_by,
        });
    }
    Ok((!steps.is_empty()).then_some(Why { event, steps, open_end }))
}

async fn find(log: &dyn EventLog, clocks: Clocks, id: EventId) -> Result<Option<Fact>, LogError> {
    let Some(recorded) = log.find(id).await? else { return Ok(None) };
    let fact = Fact::decode(recorded, Opener::Closed)?;
    let known = clocks.knows(fact.recorded_at);
    let happened = clocks.as_of.is_none_or(|bound| fact.occurred.at < bound) || fact.is_knowledge();
    Ok(Some(fact).filter(|_| known && happened))
}

async fn rule(log: &dyn EventLog, name: &DefinitionName) -> Result<RuleUsed, LogError> {
    let mut used =
        RuleUsed { name: name.to_string(), code: name.code.clone(), event: None, valid_from: None, says: Value::Null };
    let Ok(stream) = StreamName::parse(&format!("{}/{}", name.kind, name.code)) else { return Ok(used) };
    let before = Version(name.version.0.saturating_sub(1));
    let found = log.read_stream(&stream, before, 1).await?.into_iter().next();
    if let Some(recorded) = found.filter(|recorded| recorded.version == name.version) {
        let fact = Fact::decode(recorded, Opener::Closed)?;
        (used.event, used.valid_from) = (Some(fact.id), Some(fact.occurred));
        used.says = fact.event.to_json(&Opened::Nothing);
    }
    Ok(used)
}
