//! What is done by rule: rules, and what they alone record.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Label};
use crate::condition::Condition;
use crate::definitions::DefinitionName;
use crate::events::case::CaseKind;
use crate::events::{CaseEvent, DealEvent, Event, ExceptionEvent, TaskEvent};
use crate::ids::{CaseId, EmployeeId, EventId};

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_no(value: &bool) -> bool {
    !*value
}

/// Who is to do what a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// The client's manager; the employee below when he has none.
    #[serde(default, skip_serializing_if = "is_no")]
    pub manager: bool,
    /// This one of us, by his ULID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// This department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Code>,
}

/// A task is planned, `due_in_s` seconds after what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTask {
    /// What is to be done.
    pub kind: Code,
    /// To be done within so many seconds; at any time when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_s: Option<u32>,
    /// How much it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Code>,
    /// By whom.
    #[serde(default)]
    pub to: To,
}

/// A deal is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDeal {
    /// The stage it begins in.
    pub stage: Code,
    /// The stage model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Code>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Code>,
    /// What is to be sold; what the event or its case names when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Code>,
    /// Who leads it.
    #[serde(default)]
    pub to: To,
}

/// The case of the event is put under another kind, topic, product or priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifyCase {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaseKind>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Code>,
    /// About which product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Code>,
    /// How much it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Code>,
}

/// Somebody is to see to the case, or is told of the task, of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// Who.
    pub to: To,
}

/// An article of the knowledge base is proposed as the answer to the case of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeArticle {
    /// The article.
    pub article: Code,
}

/// The event is flagged as exceptional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagException {
    /// Of which class.
    pub class: Code,
}

/// What a rule has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// `task.planned`.
    PlanTask(PlanTask),
    /// `deal.opened`.
    OpenDeal(OpenDeal),
    /// `case.classified`.
    ClassifyCase(ClassifyCase),
    /// `case.assigned`.
    AssignCase(Assign),
    /// `article.proposed`.
    ProposeArticle(ProposeArticle),
    /// `task.escalated`.
    EscalateTask(Assign),
    /// `exception.flagged`.
    FlagException(FlagException),
}

impl Event {
    /// The rule that made the event, where one did.
    pub fn made_by(&self) -> Option<&DefinitionName> {
        match self {
            Self::Task(TaskEvent::Planned(e)) => e.rule.as_ref(),
            Self::Task(TaskEvent::Escalated(e)) => e.rule.as_ref(),
            Self::Deal(DealEvent::Opened(e)) => e.rule.as_ref(),
            Self::Case(CaseEvent::Classified(e)) => e.rule.as_ref(),
            Self::Case(CaseEvent::Assigned(e)) => e.rule.as_ref(),
            Self::Exception(ExceptionEvent::Flagged(e)) => e.rule.as_ref(),
            Self::Automation(AutomationEvent::ArticleProposed(e)) => e.rule.as_ref(),
            _ => None,
        }
    }
}

area! {
    /// What is done by rule.
    AutomationEvent in Automation "automation";

    /// From now on something is done whenever something happens, see [`crate::automation`].
    event RuleDefined = "automation_rule.defined" @ 1, stream "automation-rule"(rule) {
        /// The rule.
        rule: Code,
        /// Types of events it acts on; `task.overdue` stands for a task whose date has passed.
        on: Vec<Code>,
        /// What it does.
        then: Vec<Action>,
        /// False when it does nothing until it is defined anew.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        active: bool,
    } optional {
        /// Its name in words.
        label: Label,
        /// Only when this holds, of `event`, `data`, `client`, and of `case` and `task` where the event names one.
        when: Condition,
        /// Only what was recorded within so many seconds after it happened.
        max_age_s: u32,
    }

    /// An article of the knowledge base may answer a case.
    event ArticleProposed = "article.proposed" @ 1 {
        /// The case.
        case: CaseId,
        /// The article.
        article: Code,
    } optional {
        /// The event that it was made for, when a rule made it.
        caused_by: EventId,
        /// The rule that made it.
        rule: DefinitionName,
    }
}
