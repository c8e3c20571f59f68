//! Definitions: what is nobody's in particular (a stage model, a calendar, a price rule), as of any instant.
//!
//! A definition counts from the instant it happened until the next one of the same thing. Each is named
//! `kind:code@version`, so that an answer can say which one it rests on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::code::Code;
use crate::events::Event;
use crate::fact::{Fact, FoldOrder};
use crate::ids::{EventId, Position, Version};
use crate::time::Timestamp;

/// An event type whose events define something; `area!` implements it for every type with a `stream`.
pub trait Definition: Sized {
    /// The kind, which is the first part of its stream: `product` in `product/22386`.
    const KIND: &'static str;
    /// Which one it defines, the second part of its stream.
    fn code(&self) -> String;
    /// The event, if it is of this type.
    fn of(event: &Event) -> Option<&Self>;
}

/// Which version of which definition: `kind:code@version`, as [`Dated::name`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefinitionName {
    /// The kind.
    pub kind: Code,
    /// Which one of the kind.
    pub code: Code,
    /// The place of its event in the definition's stream.
    pub version: Version,
}

/// The text names no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no definition: expected kind:code@version, such as automation-rule:call-back@3")]
pub struct InvalidDefinitionName(pub String);

impl fmt::Display for DefinitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", self.kind, self.code, self.version)
    }
}

impl FromStr for DefinitionName {
    type Err = InvalidDefinitionName;

    fn from_str(text: &str) -> Result<Self, InvalidDefinitionName> {
        let read = || {
            let (kind, rest) = text.split_once(':')?;
            let (code, version) = rest.rsplit_once('@')?;
            let version = version.parse().ok().filter(|version| *version > 0)?;
            Some(Self { kind: kind.parse().ok()?, code: code.parse().ok()?, version: Version(version) })
        };
        read().ok_or_else(|| InvalidDefinitionName(text.chars().take(120).collect()))
    }
}

impl Serialize for DefinitionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DefinitionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A definition and since when it counts.
#[derive(Debug)]
pub struct Dated<'a, T> {
    /// Which one: the code within its kind.
    pub code: &'a str,
    /// The place of its event in the definition's stream; stable for ever.
    pub version: Version,
    /// From when on it counts.
    pub from: Timestamp,
    /// Where it stands in the log: what was known before something else was.
    pub position: Position,
    /// The event that gave it.
    pub event: EventId,
    /// What it says.
    pub value: &'a T,
}

impl<T> Clone for Dated<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

// It holds references alone, so it is copied whatever it refers to.
impl<T> Copy for Dated<'_, T> {}

impl<T: Definition> Dated<'_, T> {
    /// `kind:code@version`.
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl<T: Definition> fmt::Display for Dated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", T::KIND, self.code, self.version)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    place: FoldOrder,
    version: Version,
    position: Position,
    event: Event,
}

/// Definitions of any kinds, each with its whole past.
///
/// They are a fold of the definition streams: built from the facts that the two clocks of a question allow, they
/// answer as those clocks demand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// By `(kind, code)`, each in fold order.
    streams: BTreeMap<(String, String), Vec<Entry>>,
}

impl Definitions {
    /// Takes in a fact of a definition stream, in any order; others are left out.
    pub fn add(&mut self, fact: &Fact) {
        if fact.client.is_none()
            && let Some((kind, code)) = fact.stream.as_str().split_once('/')
        {
            self.put(kind, code, fact.fold_order(), (fact.version, fact.position), fact.event.clone());
        }
    }

    /// Takes in a definition by its parts: kind and code, its place among those of its stream, where it was
    /// recorded in the stream and in the log.
    pub fn put(
        &mut self,
        kind: &str,
        code: &str,
        place: FoldOrder,
        (version, position): (Version, Position),
        event: Event,
    ) {
        let entries = self.streams.entry((kind.to_owned(), code.to_owned())).or_default();
        let at = entries.partition_point(|entry| entry.place <= place);
        entries.insert(at, Entry { place, version, position, event });
    }

    fn entries<'a, T: Definition + 'a>(&'a self, code: &str) -> impl DoubleEndedIterator<Item = Dated<'a, T>> {
        let found = self.streams.get_key_value(&(T::KIND.to_owned(), code.to_owned()));
        found.into_iter().flat_map(|((_, code), entries)| dated(code, entries))
    }

    /// What counts at an instant, inclusive; `None` before the first.
    pub fn at<T: Definition>(&self, code: &str, at: Timestamp) -> Option<Dated<'_, T>> {
        self.entries(code).rev().find(|dated| dated.from <= at)
    }

    /// What counts last.
    pub fn latest<T: Definition>(&self, code: &str) -> Option<Dated<'_, T>> {
        self.entries(code).next_back()
    }

    /// Every version of one, oldest first.
    pub fn versions<T: Definition>(&self, code: &str) -> Vec<Dated<'_, T>> {
        self.entries(code).collect()
    }

    /// The last version of each of a kind, by code.
    pub fn all<'a, T: Definition + 'a>(&'a self) -> Vec<Dated<'a, T>> {
        self.of_kind::<T>().filter_map(|(code, entries)| dated(code, entries).next_back()).collect()
    }

    /// What counts at an instant of each of a kind, by code.
    pub fn all_at<T: Definition>(&self, at: Timestamp) -> Vec<Dated<'_, T>> {
        let last = |(code, entries)| dated::<T>(code, entries).rev().find(|dated| dated.from <= at);
        self.of_kind::<T>().filter_map(last).collect()
    }

    fn of_kind<T: Definition>(&self) -> impl Iterator<Item = (&str, &[Entry])> {
        let from = (T::KIND.to_owned(), String::new());
        let streams = self.streams.range(from..).take_while(|((kind, _), _)| kind == T::KIND);
        streams.map(|((_, code), entries)| (code.as_str(), entries.as_slice()))
    }
}

fn dated<'a, T: Definition + 'a>(
    code: &'a str,
    entries: &'a [Entry],
) -> impl DoubleEndedIterator<Item = Dated<'a, T>> + 'a {
    entries.iter().filter_map(move |entry| {
        let (from, _, event) = entry.place;
        T::of(&entry.event).map(|value| Dated {
            code,
            version: entry.version,
            from,
            position: entry.position,
            event,
            value,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::definition::StageModelDefined;

    fn model(stages: &[&str]) -> Event {
        let stages: Vec<_> = stages.iter().map(|stage| serde_json::json!({ "stage": stage })).collect();
        Event::from_input("stage_model.defined", serde_json::json!({ "model": "m", "stages": stages }))
            .expect("a model")
    }

    #[test]
    fn a_definition_counts_from_its_instant_until_the_next_whatever_came_first() {
        let mut definitions = Definitions::default();
        let place = |at: i64| (Timestamp(at), 0, EventId(at as u128));
        definitions.put("stage-model", "m", place(20), (Version(1), Position(1)), model(&["a", "b"]));
        definitions.put("stage-model", "m", place(10), (Version(2), Position(2)), model(&["a"]));
        let at = |at| definitions.at::<StageModelDefined>("m", Timestamp(at)).map(|dated| dated.name());
        assert_eq!(at(9), None);
        assert_eq!(at(10).as_deref(), Some("stage-model:m@2"));
        assert_eq!(at(25).as_deref(), Some("stage-model:m@1"));
        assert_eq!(definitions.all::<StageModelDefined>().len(), 1);
        assert_eq!(definitions.versions::<StageModelDefined>("m").len(), 2);
        assert!(definitions.latest::<StageModelDefined>("other").is_none());
    }
}
