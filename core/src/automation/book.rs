//! The rules that are in force.

use std::collections::BTreeMap;

use crate::definitions::{Definition, DefinitionName};
use crate::events::automation::RuleDefined;
use crate::fact::{Fact, effective};
use crate::ids::EventId;
use crate::time::Timestamp;

/// A version of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `automation-rule:code@version`.
    pub name: DefinitionName,
    /// From when on it counts.
    pub from: Timestamp,
    /// When it was recorded: it acts on nothing that was recorded before.
    pub recorded_at: Timestamp,
    /// The event that gave it.
    pub event: EventId,
    /// What it says.
    pub says: RuleDefined,
}

impl Rule {
    /// The rule of a fact, if it is one.
    pub fn of(fact: &Fact) -> Option<Self> {
        let says = RuleDefined::of(&fact.event)?.clone();
        let kind = RuleDefined::KIND.parse().ok()?;
        let name = DefinitionName { kind, code: says.rule.clone(), version: fact.version };
        Some(Self { name, from: fact.occurred.at, recorded_at: fact.recorded_at, event: fact.id, says })
    }

    /// Whether it acts on events of this type.
    pub fn acts_on(&self, event_type: &str) -> bool {
        self.says.active && self.says.on.iter().any(|on| on.as_str() == event_type)
    }
}

/// Rules with their past, as far as the log was read.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    /// What was recorded of each rule.
    facts: BTreeMap<String, Vec<Fact>>,
    /// The versions of each rule that hold, oldest first.
    rules: BTreeMap<String, Vec<Rule>>,
}

impl RuleBook {
    /// The beginning of the names of the streams of rules.
    pub fn prefix() -> String {
        format!("{}/", RuleDefined::KIND)
    }

    /// Takes in a fact of the stream of a rule, in the order of the log; corrections and retractions among them.
    /// Others are left out; says whether it was one.
    pub fn take(&mut self, fact: &Fact) -> bool {
        let Some(code) = fact.stream.as_str().strip_prefix(&Self::prefix()) else { return false };
        let facts = self.facts.entry(code.to_owned()).or_default();
        if facts.iter().all(|known| known.id != fact.id) {
            facts.push(fact.clone());
        }
        let rules = effective(facts.clone()).0.iter().filter_map(Rule::of).collect();
        self.rules.insert(code.to_owned(), rules);
        true
    }

    /// The rules that act on a type of events at an instant of recording, by code.
    pub fn in_force<'a>(&'a self, event_type: &'a str, recorded: Timestamp) -> impl Iterator<Item = &'a Rule> {
        let last = move |rules: &'a Vec<Rule>| {
            rules.iter().rev().find(|rule| rule.from <= recorded && rule.recorded_at <= recorded)
        };
        self.rules.values().filter_map(last).filter(move |rule| rule.acts_on(event_type))
    }

    /// Whether any version of any rule acts on events of this type.
    pub fn concerns(&self, event_type: &str) -> bool {
        self.rules.values().flatten().any(|rule| rule.acts_on(event_type))
    }
}
