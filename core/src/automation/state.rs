//! What is known of a client when a rule is decided.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::code::Code;
use crate::events::case::CaseKind;
use crate::events::client::ClientKind;
use crate::events::{CaseEvent, ClientEvent, Event, TaskEvent};
use crate::fact::Fact;
use crate::ids::{CaseId, ClientId, EmployeeId, EventId, TaskId};
use crate::time::{Moment, Timestamp};

/// An open task, or one that was closed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskState {
    /// The client in whose stream it was planned.
    pub client: ClientId,
    /// What is to be done.
    pub kind: Option<Code>,
    /// To be done before.
    pub due: Option<Moment>,
    /// The event that set the date.
    pub due_by: EventId,
    /// When that event was recorded.
    pub due_recorded_at: Timestamp,
    /// By whom.
    pub employee: Option<EmployeeId>,
    /// By which department.
    pub department: Option<Code>,
    /// How much it matters.
    pub priority: Option<Code>,
    /// Whether it is done or cancelled.
    pub closed: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct CaseState {
    kind: Option<CaseKind>,
    topic: Option<Code>,
    product: Option<Code>,
    priority: Option<Code>,
}

/// What is known of a client, folded from the facts of his group in fold order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientState {
    kind: Option<ClientKind>,
    attributes: BTreeMap<Code, Code>,
    /// Who looks after him.
    pub manager: Option<EmployeeId>,
    /// His tasks.
    pub tasks: BTreeMap<TaskId, TaskState>,
    cases: BTreeMap<CaseId, CaseState>,
}

impl ClientState {
    /// Folds facts in fold order, corrected.
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut state = Self::default();
        facts.into_iter().for_each(|fact| state.apply(fact));
        state
    }

    /// Takes in one fact.
    pub fn apply(&mut self, fact: &Fact) {
        match &fact.event {
            Event::Client(ClientEvent::Registered(e)) => {
                self.kind.get_or_insert(e.kind);
                for (name, value) in &e.attributes {
                    self.attributes.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            Event::Client(ClientEvent::AttributeChanged(e)) => match &e.new {
                Some(new) => drop(self.attributes.insert(e.attribute.clone(), new.clone())),
                None => drop(self.attributes.remove(&e.attribute)),
            },
            Event::Client(ClientEvent::ManagerAssigned(e)) => self.manager = e.manager,
            Event::Task(event) => self.task(event, fact),
            Event::Case(event) => self.case(event),
            _ => {}
        }
    }

    fn task(&mut self, event: &TaskEvent, fact: &Fact) {
        let task = self.tasks.entry(event.task_id()).or_default();
        match event {
            TaskEvent::Planned(e) => {
                task.client = fact.client.unwrap_or_default();
                task.kind = Some(e.kind.clone());
                (task.employee, task.department) = (e.employee, e.department.clone());
                task.priority.clone_from(&e.priority);
                (task.due, task.due_by, task.due_recorded_at) = (e.due, fact.id, fact.recorded_at);
            }
            TaskEvent::Assigned(e) => (task.employee, task.department) = (e.employee, e.department.clone()),
            TaskEvent::DueMoved(e) => {
                (task.due, task.due_by, task.due_recorded_at) = (Some(e.due), fact.id, fact.recorded_at);
                task.client = fact.client.unwrap_or_default();
            }
            TaskEvent::Done(_) | TaskEvent::Cancelled(_) => task.closed = true,
            TaskEvent::Escalated(_) => {}
        }
    }

    fn case(&mut self, event: &CaseEvent) {
        let case = self.cases.entry(event.case_id()).or_default();
        match event {
            CaseEvent::Raised(e) => {
                case.kind = Some(e.kind);
                case.topic.clone_from(&e.topic);
                case.product.clone_from(&e.product);
                case.priority.clone_from(&e.priority);
            }
            CaseEvent::Classified(e) => {
                case.kind = e.kind.or(case.kind);
                case.topic = e.topic.clone().or_else(|| case.topic.take());
                case.product = e.product.clone().or_else(|| case.product.take());
                case.priority = e.priority.clone().or_else(|| case.priority.take());
            }
            _ => {}
        }
    }

    /// The product that a case is about.
    pub(super) fn product_of(&self, case: Option<&str>) -> Option<&Code> {
        self.cases.get(&case?.parse().ok()?)?.product.as_ref()
    }

    /// `client`, and `case` and `task` where the payload names one.
    pub(super) fn names(&self, data: &Map<String, Value>) -> Map<String, Value> {
        let mut names = Map::new();
        let mut client: Map<String, Value> =
            self.attributes.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        client.entry("kind").or_insert_with(|| json!(self.kind));
        client.entry("manager").or_insert_with(|| json!(self.manager));
        names.insert("client".into(), Value::Object(client));
        let id = |field: &str| data.get(field).and_then(Value::as_str);
        if let Some(case) = id("case").and_then(|id| self.cases.get(&id.parse().ok()?)) {
            let (kind, topic) = (case.kind, &case.topic);
            let case = json!({ "kind": kind, "topic": topic, "product": case.product, "priority": case.priority });
            names.insert("case".into(), case);
        }
        if let Some(task) = id("task").and_then(|id| self.tasks.get(&id.parse().ok()?)) {
            let (kind, employee, department) = (&task.kind, task.employee, &task.department);
            let task = json!({ "kind": kind, "employee": employee, "department": department,
                "priority": task.priority, "due": task.due });
            names.insert("task".into(), task);
        }
        names
    }
}
