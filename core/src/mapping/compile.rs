//! From the mapping as written to the mapping as understood.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::Code;
use crate::time::Zone;
use jiff::tz::TimeZone;

use super::condition::{self, Condition};
use super::error::MappingError;
use super::event::{EventRule, check_fields, is_definition};
use super::node::{At, Node};
use super::raw::{RawEvent, RawInput, RawMapping};
use super::scope::{Place, Scope};
use super::syntax;
use super::template::Template;
use super::{Input, Mapping};

type Tables = BTreeMap<String, Arc<BTreeMap<String, String>>>;

/// Where it is and what is wrong there.
type Wrong = (String, String);

pub(super) fn mapping(file: &str, text: &str) -> Result<Mapping, MappingError> {
    let raw: RawMapping = toml::from_str(text)
        .map_err(|error| MappingError::Toml { file: file.to_owned(), reason: error.to_string() })?;
    understand(raw).map_err(|(place, reason)| MappingError::Mapping { file: file.to_owned(), place, reason })
}

fn understand(raw: RawMapping) -> Result<Mapping, Wrong> {
    raw.source.parse::<Code>().map_err(|error| ("source".to_owned(), error.to_string()))?;
    let zone = raw.zone.as_deref().unwrap_or("UTC");
    let no_zone = |reason: String| ("zone".to_owned(), reason);
    Zone::named(zone).map_err(|error| no_zone(error.to_string()))?;
    let zone = TimeZone::get(zone).map_err(|error| no_zone(error.to_string()))?;
    let tables: Tables = raw.tables.into_iter().map(|(name, rows)| (name, Arc::new(rows))).collect();
    let fresh = |place| Scope {
        constants: &raw.constants,
        tables: &tables,
        zone: &zone,
        fields: Vec::new(),
        columns: Vec::new(),
        uses_hash: false,
        years: 0,
        place,
        declaring: None,
        slots: Vec::new(),
    };
    let mut once = Vec::new();
    for (i, event) in raw.event.iter().enumerate() {
        let place = format!("event {} ({})", i + 1, event.kind);
        if event.group_by.is_some() || !event.when.is_empty() {
            return Err((place, "an event outside the inputs has no rows for `when` or `group_by`".to_owned()));
        }
        once.push(rule(event, &mut fresh(Place::Once), &place)?);
    }
    let mut inputs: Vec<Input> = Vec::new();
    for raw in &raw.input {
        let place = format!("input {:?}", raw.name);
        if inputs.iter().any(|other| *other.name == *raw.name) {
            return Err((place, "another input has this name".to_owned()));
        }
        inputs.push(input(raw, &mut fresh(Place::Row), &place)?);
    }
    if once.is_empty() && inputs.is_empty() {
        return Err(("the file".to_owned(), "there is neither an [[input]] nor an [[event]]".to_owned()));
    }
    Ok(Mapping { source: raw.source, once, inputs })
}

fn input(raw: &RawInput, scope: &mut Scope<'_>, place: &str) -> Result<Input, Wrong> {
    let wrong = |reason: &str| (place.to_owned(), reason.to_owned());
    if raw.files.is_empty() {
        return Err(wrong("files: name at least one"));
    }
    if raw.event.is_empty() {
        return Err(wrong("there is no [[input.event]]"));
    }
    let delimiter = match raw.delimiter {
        Some(c) => u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| wrong("delimiter: one ASCII character"))?,
        None if raw.files.iter().any(|file| file.contains(".tsv")) => b'\t',
        None => b',',
    };
    let fields = fields(raw, scope, place)?;
    let mut rejects = Vec::new();
    for (i, reject) in raw.reject.iter().enumerate() {
        let place = format!("{place}, reject {}", i + 1);
        if reject.when.is_empty() {
            return Err((place, "when: an empty one would reject every row".to_owned()));
        }
        rejects.push((conditions(&reject.when, scope, &place)?, reject.reason.clone()));
    }
    let mut events = Vec::new();
    for (i, event) in raw.event.iter().enumerate() {
        events.push(rule(event, scope, &format!("{place}, event {} ({})", i + 1, event.kind))?);
    }
    Ok(Input {
        name: raw.name.as_str().into(),
        files: raw.files.clone(),
        delimiter,
        columns: std::mem::take(&mut scope.columns),
        uses_hash: scope.uses_hash,
        years: scope.years,
        fields,
        rejects,
        events,
    })
}

/// Derived fields, each after those it is made of.
fn fields(raw: &RawInput, scope: &mut Scope<'_>, place: &str) -> Result<Vec<Template>, Wrong> {
    let at = |name: &str| format!("{place}, fields.{name}");
    let mut pieces = BTreeMap::new();
    for (name, text) in &raw.fields {
        pieces.insert(name.as_str(), syntax::parse(text).map_err(|reason| (at(name), reason))?);
    }
    let mut out = Vec::new();
    scope.place = Place::Field;
    while out.len() < pieces.len() {
        let ready = pieces.iter().find(|(name, pieces)| {
            let done = |other: &str| scope.fields.iter().any(|field| field == other);
            !done(name) && syntax::names(pieces).all(|n| n == **name || done(n) || !raw.fields.contains_key(n))
        });
        let Some((name, _)) = ready else {
            let left = pieces.keys().find(|name| !scope.fields.iter().any(|field| field == **name));
            return Err((at(left.copied().unwrap_or_default()), "is made of itself in a circle".to_owned()));
        };
        scope.declaring = Some((*name).to_owned());
        let text = raw.fields.get(*name).map_or("", String::as_str);
        out.push(Template::read(text, scope).map_err(|reason| (at(name), reason))?);
        scope.fields.push((*name).to_owned());
    }
    scope.declaring = None;
    scope.place = Place::Row;
    Ok(out)
}

fn conditions(when: &toml::Table, scope: &mut Scope<'_>, place: &str) -> Result<Vec<Condition>, Wrong> {
    let mut out = Vec::new();
    for (name, value) in when {
        let wrong = |reason| (format!("{place}, when.{name}"), reason);
        let source = scope.source(name).map_err(wrong)?;
        out.push(Condition { name: name.clone(), source, tests: condition::tests(value).map_err(wrong)? });
    }
    Ok(out)
}

fn rule(raw: &RawEvent, scope: &mut Scope<'_>, place: &str) -> Result<EventRule, Wrong> {
    let wrong = |key: &str, reason: String| (format!("{place}, {key}"), reason);
    raw.kind.parse::<Code>().map_err(|error| wrong("type", error.to_string()))?;
    check_fields(&raw.kind, &raw.data).map_err(|reason| (place.to_owned(), reason))?;
    let named = raw.client.is_some() || raw.unidentified.is_some();
    if is_definition(&raw.kind) == Some(named) {
        let reason = if named { "a definition has no client" } else { "is missing: whose event is it?" };
        return Err(wrong("client", reason.to_owned()));
    }
    let when = conditions(&raw.when, scope, place)?;
    let home = scope.place;
    let key = raw.group_by.as_deref().map(|text| Template::read(text, scope)).transpose();
    let group_by = key.map_err(|reason| wrong("group_by", reason))?;
    if group_by.is_some() {
        scope.place = Place::Group;
    }
    let mut template = |key: &str, text: &str| Template::read(text, scope).map_err(|reason| wrong(key, reason));
    let id = template("id", &raw.id)?;
    let occurred_at = template("occurred_at", &raw.occurred_at)?;
    let client = raw.client.as_deref().map(|text| template("client", text)).transpose()?;
    let unidentified = raw.unidentified.as_deref().map(|text| template("unidentified", text)).transpose()?;
    let mut lists = Vec::new();
    let data = Node::table(&raw.data, scope, &mut lists)
        .map_err(|At { path, reason }| wrong(&format!("data.{path}"), reason))?;
    scope.place = home;
    Ok(EventRule {
        kind: raw.kind.clone(),
        when,
        group_by,
        id,
        occurred_at,
        client,
        unidentified,
        order: raw.order,
        data,
        slots: std::mem::take(&mut scope.slots),
        lists,
        zone: scope.zone.clone(),
    })
}
