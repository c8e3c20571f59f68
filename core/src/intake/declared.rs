//! Event types that a front office declared with a JSON Schema.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::outcome::{Rejection, Stop};
use super::{Intake, split};
use crate::code::Code;
use crate::error::chain;
use crate::events::definition::EventTypeDeclared;
use crate::events::{CustomEvent, DefinitionEvent, Event, find};
use crate::fact::{Opener, REFS, effective};
use crate::ids::Version;
use crate::log::{LogError, StreamName};
use crate::personal::Personal;
use crate::reader::read_stream;

/// Most declared types that are kept compiled.
const CACHE: usize = 1_000;

/// One version of a declared type, ready to check payloads.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: Code,
    pub(super) version: u16,
    schema: Value,
    validator: Validator,
}

/// The versions of one type in the order of declaration, as of a version of its stream.
type Versions = (Version, Vec<Arc<Declared>>);

/// Versions by type.
#[derive(Debug, Default)]
pub(super) struct DeclaredTypes(Mutex<HashMap<String, Versions>>);

/// Compiles a schema. Nothing is fetched, and patterns run in linear time.
fn compile(schema: &Value) -> Result<Validator, Box<jsonschema::ValidationError<'static>>> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .with_format("code", |text: &str| text.parse::<Code>().is_ok())
        .offline()
        .build(schema)
        .map_err(Box::new)
}

/// Whether a type can be declared like this.
pub(super) fn check_declaration(declared: &EventTypeDeclared, prefix: &str) -> Result<(), Rejection> {
    let refused =
        |field: &str, message: String| Err(Rejection::new("invalid_declaration", format!("{prefix}{field}"), message));
    if find(declared.name.as_str()).is_some() {
        return refused("name", format!("{} is a type of the vocabulary", declared.name));
    }
    if !declared.schema.is_object() {
        return refused("schema", "a JSON Schema of an object is expected".into());
    }
    if let Err(error) = compile(&declared.schema) {
        return refused("schema", format!("it does not compile: {error} (at {:?})", error.instance_path().as_str()));
    }
    if let Some((path, text)) = split::uncoded(&declared.schema, "schema") {
        return refused(&path, format!("{text:?} is not a code: listed strings are recorded in the clear"));
    }
    if declared.schema.pointer(&format!("/properties/{REFS}")).is_some() {
        return refused("schema", format!("the field name {REFS:?} is taken"));
    }
    Ok(())
}

impl Intake {
    /// A version of a declared type, the current one when not asked for; `None` when there is none.
    pub(super) async fn declared(&self, name: &str, version: Option<u16>) -> Result<Option<Arc<Declared>>, LogError> {
        let Ok(code) = name.parse::<Code>() else { return Ok(None) };
        let Ok(stream) = StreamName::parse(&format!("event-type/{code}")) else { return Ok(None) };
        let head = self.log.version(&stream).await?;
        let cached = self.declared.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let versions = match cached {
            Some((at, versions)) if at == head => versions,
            _ if head == Version(0) => return Ok(None),
            _ => {
                let (at, versions) = self.read_declared(&code, &stream).await?;
                let mut map = self.declared.0.lock().unwrap_or_else(PoisonError::into_inner);
                if map.len() >= CACHE {
                    map.clear();
                }
                map.insert(name.to_owned(), (at, versions.clone()));
                versions
            }
        };
        Ok(match version {
            Some(version) => versions.into_iter().rfind(|declared| declared.version == version),
            None => versions.into_iter().next_back(),
        })
    }

    async fn read_declared(&self, name: &Code, stream: &StreamName) -> Result<Versions, LogError> {
        let mut facts = Vec::new();
        let at = read_stream(&*self.log, Opener::Closed, stream, Version(0), &mut facts).await?;
        let (mut facts, _) = effective(facts);
        facts.sort_unstable_by_key(|fact| fact.position);
        let mut versions = Vec::new();
        for fact in facts {
            let Event::Definition(DefinitionEvent::EventTypeDeclared(event)) = fact.event else { continue };
            let validator = compile(&event.schema)
                .map_err(|error| LogError::damage(format!("declared type {name}, event {}: {error}", fact.id)))?;
            let declared = Declared { name: name.clone(), version: event.version, schema: event.schema, validator };
            versions.push(Arc::new(declared));
        }
        Ok((at, versions))
    }

    /// Reads a payload of a declared type.
    pub(super) async fn custom(
        &self,
        name: &str,
        version: Option<u16>,
        prefix: &str,
        data: Map<String, Value>,
    ) -> Result<Event, Stop> {
        let Some(declared) = self.declared(name, version).await? else {
            let message = match version {
                Some(version) if self.declared(name, None).await?.is_some() => {
                    return Err(
                        Rejection::new("unknown_schema", "schema", format!("{name} has no version {version}")).into()
                    );
                }
                _ => format!("{name:?} is neither a type of the vocabulary nor a declared one"),
            };
            return Err(Rejection::new("unknown_type", "type", message).into());
        };
        let data = Value::Object(data);
        if let Err(error) = declared.validator.validate(&data) {
            let field = dotted(prefix, error.instance_path().as_str());
            return Err(Rejection::new("invalid_field", field, chain(&error)).into());
        }
        let Value::Object(data) = data else { return Err(LogError::damage("an object is an object").into()) };
        if data.contains_key(REFS) {
            return Err(Rejection::new(
                "unknown_field",
                format!("{prefix}{REFS}"),
                format!("the field name {REFS:?} is taken"),
            )
            .into());
        }
        let (facts, personal) = split::split(&declared.schema, data, prefix)?;
        Ok(Event::Custom(CustomEvent {
            name: declared.name.clone(),
            schema: declared.version,
            facts: Value::Object(facts),
            personal: if personal.is_empty() { Personal::Absent } else { Personal::Known(personal) },
        }))
    }
}

/// A JSON Pointer as the dotted path of our messages: `/lines/0/price` is `data.lines[0].price`.
fn dotted(prefix: &str, pointer: &str) -> String {
    let mut out = prefix.trim_end_matches('.').to_owned();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            out.push('.');
            out.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    out
}
