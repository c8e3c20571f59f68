//! Corrections and retractions: what a recorded event should have said, or that it never happened.

use serde_json::{Map, Value};

use super::envelope::{Posted, missing, order, shown, text};
use super::outcome::{Rejection, Stop};
use super::shape::{Payload, Shaped};
use super::wave::Wave;
use super::{Caller, Intake};
use crate::events::knowledge::{Corrected, Retracted};
use crate::events::{DocumentEvent, Event, FinanceEvent, KnowledgeEvent, letter};
use crate::fact::{Fact, Opener};
use crate::ids::{EventId, Position, Version};
use crate::personal::Personal;

/// Longest reason in words, in characters.
const MAX_REASON: usize = 2_000;

impl Intake {
    /// `{"target": id, "data": {what it should have said}, "occurred_at"?, "order"?, "reason"?}`.
    pub(super) async fn shape_correction(
        &self,
        caller: &Caller,
        wave: &Wave,
        posted: &Posted,
        mut data: Map<String, Value>,
    ) -> Result<Shaped, Stop> {
        let (target, name) = self.target(&mut data).await?;
        if target.event.area() == "log" {
            return Err(unfit("not_correctable", &target, "what the log says of itself stands"));
        }
        if target.is_knowledge() {
            return Err(unfit("not_correctable", &target, "retract it, un-merge or unlink instead"));
        }
        let occurred_at = match data.remove("occurred_at").filter(|value| !value.is_null()) {
            Some(value) => Some(self.occurred("data.occurred_at", &value)?),
            None => None,
        };
        let order = match data.remove("order").filter(|value| !value.is_null()) {
            Some(value) => Some(order("data.order", &value)?),
            None => None,
        };
        let reason = reason(&mut data)?;
        let inner = match data.remove("data") {
            Some(Value::Object(inner)) => inner,
            Some(other) => {
                return Err(Rejection::new(
                    "invalid_field",
                    "data.data",
                    format!("{} is not a JSON object", shown(&other)),
                )
                .into());
            }
            None => return Err(missing("data.data", "the whole payload as it should have been").into()),
        };
        no_more(&data)?;
        let (event, mut refs) = self
            .typed(
                caller,
                wave,
                Payload {
                    event_type: target.event.type_name(),
                    schema: posted.schema.filter(|_| target.event.area() == "custom"),
                    recorded: None,
                    occurred: occurred_at.unwrap_or(target.occurred),
                    prefix: "data.data.",
                    data: inner,
                },
            )
            .await?;
        if event.definition_stream() != target.event.definition_stream() {
            return Err(unfit("not_correctable", &target, "a correction cannot name another thing; define it anew"));
        }
        let moved = letter::number(&event, occurred_at.unwrap_or(target.occurred));
        if moved != letter::number(&target.event, target.occurred) {
            let instead = "journal, year and number of a letter stand; retract it and register it anew";
            return Err(unfit("not_correctable", &target, instead));
        }
        if let (Event::Document(DocumentEvent::Issued(new)), Event::Document(DocumentEvent::Issued(old))) =
            (&event, &target.event)
            && (&new.document, &new.kind, &new.number) != (&old.document, &old.kind, &old.number)
        {
            return Err(unfit("not_correctable", &target, "a number that was given stays; void the document"));
        }
        self.closed(&target).await?;
        refs.extend(name);
        let personal = event.personal();
        let corrected = Corrected {
            target: target.id,
            target_type: event
                .type_name()
                .parse()
                .map_err(|_| unfit("not_correctable", &target, "its type is no code"))?,
            target_schema: event.schema(),
            facts: serde_json::from_slice(&event.facts()).unwrap_or_default(),
            occurred_at,
            order,
            personal: if personal.is_empty() { Personal::Absent } else { Personal::Known(personal) },
            reason,
        };
        Shaped::new(Event::Knowledge(KnowledgeEvent::Corrected(corrected)), refs, Some(Box::new(target)))
    }

    /// `{"target": id, "reason"?}`.
    pub(super) async fn shape_retraction(&self, posted: &Posted, mut data: Map<String, Value>) -> Result<Shaped, Stop> {
        if posted.schema.is_some_and(|schema| schema != 1) {
            return Err(Rejection::new("unknown_schema", "schema", "event.retracted is posted with schema 1").into());
        }
        let (target, name) = self.target(&mut data).await?;
        if target.event.area() == "log" {
            return Err(unfit("not_retractable", &target, "what the log says of itself stands"));
        }
        if target.is_knowledge() && !matches!(target.event, Event::Knowledge(KnowledgeEvent::Corrected(_))) {
            return Err(unfit("not_retractable", &target, "post what is true now instead"));
        }
        self.closed(&target).await?;
        let reason = reason(&mut data)?;
        no_more(&data)?;
        let retracted = Retracted { target: target.id, reason };
        let refs = name.into_iter().collect();
        Shaped::new(Event::Knowledge(KnowledgeEvent::Retracted(retracted)), refs, Some(Box::new(target)))
    }

    /// A rate that reports of a closed month may rest on stands; a new rate is set instead.
    async fn closed(&self, target: &Fact) -> Result<(), Stop> {
        let rests = match &target.event {
            Event::Finance(FinanceEvent::ExchangeRateSet(_)) => target.position,
            // What a close froze stays frozen.
            Event::Finance(FinanceEvent::PeriodClosed(_)) => Position(0),
            _ => return Ok(()),
        };
        for stream in self.log.definition_streams().await?.iter().filter(|s| s.as_str().starts_with("period/")) {
            let closes = self.log.read_stream(stream, Version(0), 1).await?;
            if let Some(close) = closes.first().filter(|close| close.position > rests) {
                let instead = format!("{stream} was closed at position {} and may rest on it", close.position);
                return Err(unfit("period.closed", target, &instead));
            }
        }
        Ok(())
    }

    /// The recorded event that `target` names, and its name where it is not a ULID.
    async fn target(&self, data: &mut Map<String, Value>) -> Result<(Fact, Option<(String, Value)>), Stop> {
        let value = data.remove("target").ok_or_else(|| missing("data.target", "the id of a recorded event"))?;
        let name = text("data.target", value, 300)?;
        let (id, named) = match name.parse::<EventId>() {
            Ok(id) => (id, None),
            Err(_) if name.contains(':') => (self.foreign_event(&name), Some(("target".into(), name.into()))),
            Err(error) => return Err(Rejection::new("invalid_field", "data.target", error.to_string()).into()),
        };
        match self.log.find(id).await? {
            Some(recorded) => Ok((Fact::decode(recorded, Opener::Vault(&self.vault))?, named)),
            None => Err(Rejection::new("unknown_target", "data.target", format!("no event {id} is recorded")).into()),
        }
    }
}

fn unfit(rule: &'static str, target: &Fact, instead: &str) -> Stop {
    let message = format!("event {} is {}: {instead}", target.id, target.event.type_name());
    Rejection::new(rule, "data.target", message).into()
}

fn reason(data: &mut Map<String, Value>) -> Result<Personal<String>, Rejection> {
    match data.remove("reason").filter(|value| !value.is_null()) {
        Some(value) => text("data.reason", value, MAX_REASON).map(Personal::Known),
        None => Ok(Personal::Absent),
    }
}

fn no_more(data: &Map<String, Value>) -> Result<(), Rejection> {
    match data.keys().next() {
        Some(key) => {
            let key: String = key.chars().take(80).collect();
            Err(Rejection::new("unknown_field", format!("data.{key}"), format!("it has no field {key:?}")))
        }
        None => Ok(()),
    }
}
