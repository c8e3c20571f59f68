//! Reads the envelope of a posted item: everything but the meaning of its `data`.

use serde_json::{Map, Value};

use super::outcome::Rejection;
use super::{Caller, Intake};
use crate::identity::Identity;
use crate::ids::{ClientId, EventId, Version};
use crate::log::Expected;
use crate::time::{DAY_US, Moment};

/// Longest id of another system and longest type name, in characters.
const MAX_TEXT: usize = 200;
/// Most ids by which one client may be looked for.
const MAX_IDENTITIES: usize = 10;
/// Longest name of a source, in characters.
const MAX_SOURCE: usize = 100;
/// How deep objects and lists may lie in each other.
pub const MAX_DEPTH: usize = 32;
/// How far ahead of the clock a fact may lie, in microseconds: clocks of branch offices differ.
const MAX_AHEAD_US: i64 = DAY_US;

/// Keys that the log gives; nobody may post them.
const SERVER_OWNED: &[&str] = &[
    "position",
    "version",
    "recorded_at",
    "actor",
    "leaf",
    "prev",
    "salt",
    "stream",
    "commit",
    "meta",
    "facts",
    "personal",
    "sealed",
    "flags",
    "status",
];

/// Whose fact it is, as posted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ClientRef {
    Id(ClientId),
    Identity(Identity),
    Unidentified(String),
    /// Whoever has one of these ids, the first that anybody has; else somebody whom nobody knows yet.
    AnyOf(Vec<Identity>),
}

/// A posted item with a well-formed envelope.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) id: EventId,
    pub(super) event_type: String,
    pub(super) schema: Option<u16>,
    pub(super) client: Option<ClientRef>,
    pub(super) occurred: Moment,
    pub(super) order: i32,
    pub(super) source: String,
    pub(super) correlation: Option<EventId>,
    pub(super) causation: Option<EventId>,
    pub(super) expect: Option<Expected>,
    pub(super) data: Map<String, Value>,
    /// What the entities in `data` are called elsewhere, where it names them by ids of ours; a restore alone says so.
    pub(super) refs: Map<String, Value>,
}

type Read<T> = Result<T, Rejection>;

fn invalid<T>(field: &str, message: impl Into<String>) -> Read<T> {
    Err(Rejection::new("invalid_field", field, message))
}

/// A value as it is shown in a message: never long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

pub(super) fn text(field: &str, value: Value, max: usize) -> Read<String> {
    let Value::String(text) = value else {
        return invalid(field, format!("{} is not a text", shown(&value)));
    };
    if text.is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
        let cut: String = text.chars().take(80).collect();
        return invalid(field, format!("{cut:?} is not 1 to {max} characters without control characters"));
    }
    Ok(text)
}

fn depth_exceeds(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| depth_exceeds(item, left - 1)),
        Value::Object(map) => left == 0 || map.values().any(|item| depth_exceeds(item, left - 1)),
        _ => false,
    }
}

impl Intake {
    /// Reads one posted item.
    pub(super) fn read_envelope(&self, caller: &Caller, item: Value) -> Read<Posted> {
        let Value::Object(mut map) = item else {
            return invalid("", format!("{} is not an event: expected a JSON object", shown(&item)));
        };
        if map.values().any(|value| depth_exceeds(value, MAX_DEPTH)) {
            return Err(Rejection::new("too_deep", "data", format!("objects lie deeper than {MAX_DEPTH} levels")));
        }
        let named = map.get("id").is_some_and(|id| !id.is_null());
        let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
        let source = match take("source") {
            Some(value) => text("source", value, MAX_SOURCE)?,
            None => caller.source.clone().unwrap_or_default(),
        };
        let mut posted = Posted {
            id: match take("id") {
                Some(value) => self.event_id("id", value, &source)?,
                None => EventId(self.random.ulid(&*self.clock)),
            },
            event_type: match take("type") {
                Some(value) => text("type", value, MAX_TEXT)?,
                None => return Err(missing("type", "such as call.logged")),
            },
            schema: take("schema").map(|value| small(value, "schema")).transpose()?,
            client: take("client").map(|value| self.client_ref("client", value)).transpose()?,
            occurred: match take("occurred_at") {
                Some(value) => self.occurred("occurred_at", &value)?,
                None => return Err(missing("occurred_at", "RFC 3339 with an offset")),
            },
            order: take("order").map_or(Ok(0), |value| order("order", &value))?,
            correlation: take("correlation").map(|value| self.event_id("correlation", value, &source)).transpose()?,
            causation: take("causation").map(|value| self.event_id("causation", value, &source)).transpose()?,
            expect: take("expect").map(|value| expect(&value)).transpose()?,
            refs: match caller.restores.then(|| take("refs")).flatten() {
                Some(Value::Object(refs)) => refs,
                Some(other) => return invalid("refs", format!("{} is not a JSON object", shown(&other))),
                None => Map::new(),
            },
            data: match map.remove("data") {
                Some(Value::Object(data)) => data,
                Some(other) => return invalid("data", format!("{} is not a JSON object", shown(&other))),
                None => return Err(missing("data", "a JSON object")),
            },
            source,
        };
        if let Some(key) = map.keys().find(|key| SERVER_OWNED.contains(&key.as_str())) {
            return Err(Rejection::new("server_owned_field", key, format!("{key:?} is given by the log")));
        }
        if let Some(key) = map.keys().next() {
            let shown: String = key.chars().take(80).collect();
            return Err(Rejection::new("unknown_field", &shown, format!("an event has no field {shown:?}")));
        }
        self.number(caller, &mut posted, named)?;
        Ok(posted)
    }

    /// A ULID as it is; any other text is an id in the system `source`, from which ours is derived.
    fn event_id(&self, field: &str, value: Value, source: &str) -> Read<EventId> {
        let id = text(field, value, MAX_TEXT)?;
        if let Ok(id) = id.parse() {
            return Ok(id);
        }
        if source.is_empty() {
            return Err(missing("source", &format!("{id:?} in {field} is no ULID, so its system must be named")));
        }
        Ok(EventId(self.identity.derive("event", &[source, &id])))
    }

    /// A ULID, `scheme:value`, or `{"unidentified": "what the caller calls him"}`.
    pub(super) fn client_ref(&self, field: &str, value: Value) -> Read<ClientRef> {
        match value {
            Value::String(text) => match text.parse() {
                Ok(id) => Ok(ClientRef::Id(id)),
                Err(_) => Identity::parse(&text, self.settings.phone_region.as_deref())
                    .map(ClientRef::Identity)
                    .or_else(|error| invalid(field, error.to_string())),
            },
            Value::Object(mut map) if map.len() == 1 && map.contains_key("unidentified") => {
                let name = map.remove("unidentified").unwrap_or_default();
                text(&format!("{field}.unidentified"), name, MAX_TEXT).map(ClientRef::Unidentified)
            }
            Value::Object(mut map) if map.len() == 1 && map.contains_key("any_of") => {
                self.any_of(&format!("{field}.any_of"), map.remove("any_of").unwrap_or_default())
            }
            other => invalid(
                field,
                format!(
                    "{} is no client: expected a ULID, `system:id-in-that-system`, {{\"any_of\": [ids]}} or \
                     {{\"unidentified\": …}}",
                    shown(&other)
                ),
            ),
        }
    }

    fn any_of(&self, field: &str, value: Value) -> Read<ClientRef> {
        let ids = match value {
            Value::Array(ids) if (1..=MAX_IDENTITIES).contains(&ids.len()) => ids,
            other => {
                let message = format!("{} is not a list of 1 to {MAX_IDENTITIES} ids", shown(&other));
                return invalid(field, message);
            }
        };
        let mut identities = Vec::with_capacity(ids.len());
        for (n, id) in ids.into_iter().enumerate() {
            let field = format!("{field}[{n}]");
            let Value::String(text) = id else { return invalid(&field, format!("{} is not a text", shown(&id))) };
            let identity = Identity::parse(&text, self.settings.phone_region.as_deref())
                .or_else(|error| invalid(&field, error.to_string()))?;
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
        Ok(ClientRef::AnyOf(identities))
    }

    /// When it happened: RFC 3339 with an offset, at most a day ahead of the clock.
    pub(super) fn occurred(&self, field: &str, value: &Value) -> Read<Moment> {
        let Some(text) = value.as_str() else {
            return invalid(field, format!("{} is not a time: expected RFC 3339 with an offset", shown(value)));
        };
        let moment: Moment = text.parse().or_else(|error| invalid(field, format!("{error}")))?;
        let now = self.clock.now();
        if moment.at.0 > now.0.saturating_add(MAX_AHEAD_US) {
            return Err(Rejection::new(
                "in_future",
                field,
                format!("{text} is more than a day ahead of the clock, which says {now}"),
            ));
        }
        Ok(moment)
    }
}

pub(super) fn missing(field: &str, expected: &str) -> Rejection {
    Rejection::new("missing_field", field, format!("{field} is missing: {expected}"))
}

fn small(value: Value, field: &str) -> Read<u16> {
    match value.as_u64().and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 0) {
        Some(n) => Ok(n),
        None => invalid(field, format!("{} is not a payload version", shown(&value))),
    }
}

pub(super) fn order(field: &str, value: &Value) -> Read<i32> {
    match value.as_i64().and_then(|n| i32::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => invalid(field, format!("{} is not a whole number of 32 bits", shown(value))),
    }
}

fn expect(value: &Value) -> Read<Expected> {
    let one = value.as_object().filter(|map| map.len() == 1);
    if let Some(n) = one.and_then(|map| map.get("version")).and_then(Value::as_u64) {
        return Ok(Expected::Exactly(Version(n)));
    }
    match one.and_then(|map| map.get("no_stream")) {
        Some(Value::Bool(true)) => Ok(Expected::NoStream),
        _ => invalid("expect", format!("{} is neither {{\"version\": n}} nor {{\"no_stream\": true}}", shown(value))),
    }
}
