//! An `[[event]]` of a mapping: what one row or one group of rows becomes.

use crate::events::{self, FieldInfo};
use crate::time::Moment;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::condition::Condition;
use super::group::Group;
use super::node::{At, Node, object};
use super::row::Row;
use super::template::{Context, Slot, Template};
use super::value::{Val, instant};

/// Longest id that the log takes, in characters.
pub(super) const MAX_ID: usize = 200;

#[derive(Debug)]
pub(super) struct EventRule {
    pub(super) kind: String,
    pub(super) when: Vec<Condition>,
    pub(super) group_by: Option<Template>,
    pub(super) id: Template,
    pub(super) occurred_at: Template,
    pub(super) client: Option<Template>,
    pub(super) unidentified: Option<Template>,
    pub(super) order: i32,
    pub(super) data: Vec<(String, Node)>,
    /// What is collected of each row of a group.
    pub(super) slots: Vec<Slot>,
    pub(super) lists: Vec<Node>,
    pub(super) zone: TimeZone,
}

impl EventRule {
    /// Whether it belongs to a definition and not to a client.
    pub(super) fn is_definition(&self) -> bool {
        self.client.is_none() && self.unidentified.is_none()
    }

    /// The event as it is posted.
    pub(super) fn event(&self, source: &str, context: &Context<'_>) -> Result<Value, String> {
        let named = |key: &'static str| move |reason: String| format!("{}: {key}: {reason}", self.kind);
        let id = self.id.text(context).map_err(named("id"))?.unwrap_or_default();
        if id.is_empty() || id.chars().count() > MAX_ID {
            return Err(named("id")(format!("{id:?} is empty or longer than {MAX_ID} characters")));
        }
        let mut out = Map::new();
        out.insert("id".into(), id.into());
        out.insert("type".into(), self.kind.clone().into());
        if let Some(client) = self.client(context)? {
            out.insert("client".into(), client);
        }
        let at = self.moment(context).map_err(named("occurred_at"))?;
        out.insert("occurred_at".into(), at.to_string().into());
        out.insert("order".into(), self.order.into());
        out.insert("source".into(), source.into());
        let data = object(&self.data, context).map_err(|at| named("data")(At::say(at)))?;
        out.insert("data".into(), Value::Object(data));
        Ok(Value::Object(out))
    }

    fn client(&self, context: &Context<'_>) -> Result<Option<Value>, String> {
        let said = |key: &str, reason: String| format!("{}: {key}: {reason}", self.kind);
        if self.is_definition() {
            return Ok(None);
        }
        if let Some(client) = &self.client
            && let Some(text) = client.text(context).map_err(|reason| said("client", reason))?
        {
            return Ok(Some(text.into()));
        }
        if let Some(unidentified) = &self.unidentified
            && let Some(text) = unidentified.text(context).map_err(|reason| said("unidentified", reason))?
        {
            return Ok(Some(serde_json::json!({ "unidentified": text })));
        }
        Err(said("client", "is empty, and `unidentified` does not say whose it is".to_owned()))
    }

    fn moment(&self, context: &Context<'_>) -> Result<Moment, String> {
        match self.occurred_at.value(context)?.ok_or("is empty")? {
            Val::Time(moment) => Ok(moment),
            Val::Day(day) => instant(day.date().to_datetime(jiff::civil::Time::midnight()), &self.zone),
            Val::Text(text) => text.parse().map_err(|error| format!("{error}")),
            other => Err(format!("{} is no time: use `time …` or `day …`", other.text())),
        }
    }

    /// Adds a row to a group of this rule.
    pub(super) fn add(&self, group: &mut Group, row: &Row<'_>) -> Result<(), String> {
        let said = |reason: String| format!("{}: {reason}", self.kind);
        for (at, slot) in self.slots.iter().enumerate() {
            group.add(at, slot, slot.value(row).map_err(said)?).map_err(said)?;
        }
        for (at, node) in self.lists.iter().enumerate() {
            if let (Some(text), Some(list)) = (node.text(row).map_err(said)?, group.lists.get_mut(at)) {
                list.push(text);
            }
        }
        Ok(())
    }
}

/// Whether the vocabulary has these fields, for a type that it knows; declared types are judged by the log.
pub(super) fn check_fields(kind: &str, data: &toml::Table) -> Result<(), String> {
    let Some(info) = events::find(kind) else { return Ok(()) };
    for key in data.keys() {
        if !info.fields.iter().any(|field: &FieldInfo| field.name == key) {
            let known: Vec<_> = info.fields.iter().map(|field| field.name).collect();
            return Err(format!("data.{key}: {kind} has no such field; it has {}", known.join(", ")));
        }
    }
    Ok(())
}

/// Whether the type stands in a stream of its own; `None` when the vocabulary does not know it.
pub(super) fn is_definition(kind: &str) -> Option<bool> {
    events::find(kind).map(|info| info.defines)
}
