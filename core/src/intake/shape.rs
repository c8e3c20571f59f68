//! From posted `data` to an event: typed, checked, split into facts and personal part.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::checks;
use super::envelope::{Posted, missing, shown};
use super::outcome::{Rejection, Stop};
use super::wave::Wave;
use super::{Caller, Intake};
use crate::events::{DecodeError, DefinitionEvent, Event, canonical, find};
use crate::fact::{Fact, REFS};
use crate::time::Moment;

/// Most bytes of facts and personal part of one event.
pub const MAX_EVENT_BYTES: usize = 64 << 10;

/// An item whose payload is understood.
#[derive(Debug)]
pub(super) struct Shaped {
    pub(super) event: Event,
    pub(super) event_type: Arc<str>,
    pub(super) schema: u16,
    /// Canonical JSON.
    pub(super) facts: Vec<u8>,
    pub(super) personal: Map<String, Value>,
    pub(super) refs: Map<String, Value>,
    /// What a correction or retraction is about.
    pub(super) target: Option<Box<Fact>>,
}

impl Shaped {
    pub(super) fn new(event: Event, refs: Map<String, Value>, target: Option<Box<Fact>>) -> Result<Self, Stop> {
        let (facts, personal) = (event.facts(), event.personal());
        let bytes = facts.len() + canonical(&personal).len() + canonical(&refs).len();
        if bytes > MAX_EVENT_BYTES {
            let message = format!("{bytes} bytes of facts and personal fields, at most {MAX_EVENT_BYTES} are taken");
            return Err(Rejection::new("too_large", "data", message).into());
        }
        let (event_type, schema) = (event.type_name().into(), event.schema());
        Ok(Self { event, event_type, schema, facts, personal, refs, target })
    }

    /// What is sealed: the personal fields, and what the entities are called elsewhere.
    pub(super) fn sealed_part(&self) -> Map<String, Value> {
        let mut part = self.personal.clone();
        if !self.refs.is_empty() {
            part.insert(REFS.to_owned(), Value::Object(self.refs.clone()));
        }
        part
    }
}

/// What [`Intake::typed`] reads.
pub(super) struct Payload<'a> {
    pub(super) event_type: &'a str,
    /// The payload version that the caller names.
    pub(super) schema: Option<u16>,
    /// The payload version under which the same event is recorded already.
    pub(super) recorded: Option<u16>,
    pub(super) occurred: Moment,
    /// Where `data` stands in the item, with a dot at the end.
    pub(super) prefix: &'a str,
    pub(super) data: Map<String, Value>,
}

impl Intake {
    /// Understands the payload of an item, which is taken out of it.
    pub(super) async fn shape(
        &self,
        caller: &Caller,
        wave: &Wave,
        posted: &mut Posted,
        recorded: Option<u16>,
    ) -> Result<Shaped, Stop> {
        let data = std::mem::take(&mut posted.data);
        match posted.event_type.as_str() {
            "event.corrected" => return self.shape_correction(caller, wave, posted, data).await,
            "event.retracted" => return self.shape_retraction(posted, data).await,
            _ => {}
        }
        let (event, refs) = self
            .typed(
                caller,
                wave,
                Payload {
                    event_type: &posted.event_type,
                    schema: posted.schema,
                    recorded,
                    occurred: posted.occurred,
                    prefix: "data.",
                    data,
                },
            )
            .await?;
        match (event.definition_stream(), &posted.client) {
            (Some(_), Some(_)) => {
                let message = format!("{} is nobody's in particular and has no client", posted.event_type);
                Err(Rejection::new("unexpected_client", "client", message).into())
            }
            (Some(_), None) | (None, Some(_)) => Shaped::new(event, refs, None),
            (None, None) => {
                Err(missing("client", "a ULID, `system:id-in-that-system` or {\"unidentified\": …}").into())
            }
        }
    }

    /// Reads and checks a payload of a built-in or declared type.
    pub(super) async fn typed(
        &self,
        caller: &Caller,
        wave: &Wave,
        payload: Payload<'_>,
    ) -> Result<(Event, Map<String, Value>), Stop> {
        let Payload { event_type, schema, recorded, occurred, prefix, mut data } = payload;
        let Some(info) = find(event_type) else {
            let event = self.custom(event_type, recorded.or(schema), prefix, data).await?;
            return Ok((event, Map::new()));
        };
        if schema.is_some_and(|schema| schema != info.schema) {
            let message = format!("{event_type} is posted with schema {}, not {}", info.schema, shown(&schema.into()));
            return Err(Rejection::new("unknown_schema", "schema", message).into());
        }
        let refs = self.take_refs(caller, wave, info, prefix, &mut data).await?;
        let event = (info.read)(Value::Object(data)).map_err(|error| decode_fault(error, prefix))?;
        if let Event::Definition(DefinitionEvent::EventTypeDeclared(declared)) = &event {
            super::declared::check_declaration(declared, prefix)?;
        }
        checks::check(&event, occurred)
            .map_err(|fault| Rejection::new("invalid_value", format!("{prefix}{}", fault.field), fault.message))?;
        Ok((event, refs))
    }
}

fn decode_fault(error: DecodeError, prefix: &str) -> Rejection {
    match error {
        DecodeError::UnknownType { .. } => Rejection::new("unknown_type", "type", error.to_string()),
        DecodeError::Field { path, reason } => {
            let named = |start: &str| reason.strip_prefix(start).and_then(|rest| rest.split('`').next());
            let (rule, inner) = match (named("unknown field `"), named("missing field `")) {
                (Some(name), _) => ("unknown_field", Some(name)),
                (_, Some(name)) => ("missing_field", Some(name)),
                _ => ("invalid_field", None),
            };
            // The path of an unknown or missing field ends at its object or at the field itself.
            let path = match inner {
                Some(name) if path == "." => name.to_owned(),
                Some(name) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
                _ => path,
            };
            let field = if path == "." { prefix.trim_end_matches('.').to_owned() } else { format!("{prefix}{path}") };
            Rejection::new(rule, field, reason)
        }
    }
}
