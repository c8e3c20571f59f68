//! From a fact and a rule to intents.

use serde_json::{Map, Value, json};

use super::intent::derive;
use super::{ClientState, Intent, OVERDUE, Rule, TaskState};
use crate::error::chain;
use crate::events::automation::{Action, To};
use crate::fact::Fact;
use crate::ids::{ClientId, EventId, TaskId};
use crate::time::{Moment, SECOND_US, Timestamp};

/// What a rule acts on.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The type of the event, or [`OVERDUE`].
    event_type: String,
    /// The event that causes what is done.
    cause: EventId,
    correlation: EventId,
    client: ClientId,
    occurred: Moment,
    recorded_at: Timestamp,
    order: i32,
    data: Map<String, Value>,
    event: Value,
    /// What ids of intents are derived from besides the rule: without its version where only one may ever act.
    key: Vec<String>,
    versioned: bool,
}

/// A rule that acts on an event and cannot say whether or what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule} cannot act on event {event}: {reason}")]
pub struct CannotAct {
    /// `automation-rule:code@version`.
    pub rule: String,
    /// The event.
    pub event: EventId,
    /// Why not.
    pub reason: String,
}

impl Trigger {
    /// A fact of a client's stream; `None` for what stands elsewhere.
    pub fn fact(fact: &Fact) -> Option<Self> {
        let client = fact.client?;
        let meta = fact.meta().ok()?;
        let Value::Object(data) = fact.event.to_json(&fact.opened) else { return None };
        let event_type = fact.event.type_name().to_owned();
        let event = json!({
            "id": fact.id, "type": event_type, "client": client, "occurred_at": fact.occurred,
            "actor": meta.actor, "source": meta.source,
        });
        Some(Self {
            event_type,
            cause: fact.id,
            correlation: meta.correlation.unwrap_or(fact.id),
            client,
            occurred: fact.occurred,
            recorded_at: fact.recorded_at,
            order: fact.order.saturating_add(1),
            data,
            event,
            key: vec![fact.id.to_string()],
            versioned: true,
        })
    }

    /// The date of an open task passes; `None` when it has no date.
    pub fn overdue(id: TaskId, task: &TaskState) -> Option<Self> {
        let due = task.due?;
        let data = json!({ "task": id, "due": due, "kind": task.kind, "employee": task.employee,
            "department": task.department, "priority": task.priority });
        let Value::Object(mut data) = data else { return None };
        data.retain(|_, value| !value.is_null());
        let event = json!({ "type": OVERDUE, "id": task.due_by, "client": task.client, "occurred_at": due });
        Some(Self {
            event_type: OVERDUE.to_owned(),
            cause: task.due_by,
            correlation: task.due_by,
            client: task.client,
            occurred: due,
            recorded_at: due.at.max(task.due_recorded_at),
            order: 0,
            data,
            event,
            // One date of one task is overdue once, whatever becomes of the rule.
            key: vec![id.to_string(), due.at.0.to_string()],
            versioned: false,
        })
    }

    /// The type of the event, or [`OVERDUE`].
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The instant that decides which rules are in force.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// When it happened.
    pub fn occurred(&self) -> Moment {
        self.occurred
    }

    /// The event.
    pub fn cause(&self) -> EventId {
        self.cause
    }
}

/// What a rule has done about a trigger; nothing when its condition does not hold.
///
/// # Errors
/// When the condition cannot be decided, or what is to be done needs what the event does not name.
pub fn decide(rule: &Rule, trigger: &Trigger, state: &ClientState) -> Result<Vec<Intent>, CannotAct> {
    let cannot = |reason: String| CannotAct { rule: rule.name.to_string(), event: trigger.cause, reason };
    if !rule.acts_on(&trigger.event_type) {
        return Ok(Vec::new());
    }
    let age = trigger.recorded_at.0.saturating_sub(trigger.occurred.at.0);
    if rule.says.max_age_s.is_some_and(|most| age > i64::from(most) * SECOND_US) {
        return Ok(Vec::new());
    }
    if let Some(when) = &rule.says.when {
        let mut names = state.names(&trigger.data);
        names.insert("event".into(), trigger.event.clone());
        names.insert("data".into(), Value::Object(trigger.data.clone()));
        if !when.holds(&Value::Object(names)).map_err(|error| cannot(chain(&error)))? {
            return Ok(Vec::new());
        }
    }
    let actions = rule.says.then.iter().enumerate();
    actions.map(|(n, action)| Making { rule, trigger, state, n }.intent(action).map_err(cannot)).collect()
}

/// One action in the making.
struct Making<'a> {
    rule: &'a Rule,
    trigger: &'a Trigger,
    state: &'a ClientState,
    n: usize,
}

impl Making<'_> {
    fn id(&self, kind: &str) -> u128 {
        let (n, version) = (self.n.to_string(), self.rule.name.version.to_string());
        let mut parts = vec![self.rule.name.code.as_str(), &n];
        if self.trigger.versioned {
            parts.push(&version);
        }
        parts.extend(self.trigger.key.iter().map(String::as_str));
        derive(kind, &parts)
    }

    fn data(&self, field: &str) -> Option<&Value> {
        self.trigger.data.get(field)
    }

    /// What the action needs of the event.
    fn needed(&self, field: &str) -> Result<Value, String> {
        self.data(field).cloned().ok_or_else(|| format!("{} names no {field}", self.trigger.event_type))
    }

    /// The same cases, deals and orders as the event belongs to.
    fn links(&self, data: &mut Map<String, Value>) {
        for field in ["case", "deal", "order"] {
            data.extend(self.data(field).map(|id| (field.to_owned(), id.clone())));
        }
    }

    fn intent(&self, action: &Action) -> Result<Intent, String> {
        let mut data = Map::new();
        let mut put = |field: &str, value: Value| {
            if !value.is_null() {
                data.insert(field.to_owned(), value);
            }
        };
        let event_type = match action {
            Action::PlanTask(a) => {
                put("task", json!(TaskId(self.id("task"))));
                put("kind", json!(a.kind));
                put("priority", json!(a.priority));
                put("due", json!(a.due_in_s.map(|seconds| self.after(seconds))));
                self.links(&mut data);
                self.assign(&a.to, "employee", &mut data);
                "task.planned"
            }
            Action::OpenDeal(a) => {
                let case = self.data("case").and_then(Value::as_str);
                let named = self.data("product").cloned();
                let of_case = || self.state.product_of(case).map(|product| json!(product));
                put("deal", json!(crate::ids::DealId(self.id("deal"))));
                put("stage", json!(a.stage));
                put("model", json!(a.model));
                put("source", json!(a.source));
                put("product", a.product.as_ref().map(|p| json!(p)).or(named).or_else(of_case).unwrap_or_default());
                self.assign(&To { department: None, ..a.to.clone() }, "agent", &mut data);
                "deal.opened"
            }
            Action::ClassifyCase(a) => {
                put("case", self.needed("case")?);
                put("kind", json!(a.kind));
                put("topic", json!(a.topic));
                put("product", json!(a.product));
                put("priority", json!(a.priority));
                "case.classified"
            }
            Action::AssignCase(a) => {
                put("case", self.needed("case")?);
                self.assign(&a.to, "employee", &mut data);
                "case.assigned"
            }
            Action::ProposeArticle(a) => {
                put("case", self.needed("case")?);
                put("article", json!(a.article));
                "article.proposed"
            }
            Action::EscalateTask(a) => {
                let (task, due) = (self.needed("task")?, self.data("due").cloned());
                let set = || {
                    let id = task.as_str()?.parse::<TaskId>().ok()?;
                    self.state.tasks.get(&id)?.due.map(|due| json!(due))
                };
                put("due", due.or_else(set).ok_or_else(|| format!("task {task} has no date"))?);
                put("task", task);
                self.assign(&a.to, "employee", &mut data);
                "task.escalated"
            }
            Action::FlagException(a) => {
                put("class", json!(a.class));
                put("target", json!(self.trigger.cause));
                put("employee", self.data("employee").cloned().unwrap_or_default());
                self.links(&mut data);
                "exception.flagged"
            }
        };
        data.insert("caused_by".into(), json!(self.trigger.cause));
        data.insert("rule".into(), json!(self.rule.name));
        Ok(Intent {
            id: EventId(self.id("event")),
            event_type,
            client: self.trigger.client,
            occurred: self.trigger.occurred,
            order: self.trigger.order,
            causation: self.trigger.cause,
            correlation: self.trigger.correlation,
            data,
        })
    }

    fn after(&self, seconds: u32) -> Moment {
        let at = self.trigger.occurred.at.0.saturating_add(i64::from(seconds) * SECOND_US);
        Moment { at: Timestamp(at), ..self.trigger.occurred }
    }

    fn assign(&self, to: &To, field: &str, data: &mut Map<String, Value>) {
        let manager = self.state.manager.filter(|_| to.manager);
        if let Some(employee) = manager.or(to.employee) {
            data.insert(field.to_owned(), json!(employee));
        }
        if let Some(department) = &to.department {
            data.insert("department".to_owned(), json!(department));
        }
    }
}
