//! `rehearse`: what a rule of automation would have done in the past. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::automation::{OVERDUE, Rehearsed, Rule, rehearse};
use letopis_core::definitions::{Definition, DefinitionName};
use letopis_core::events::automation::RuleDefined;
use letopis_core::events::{Event, find};
use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::log::{EventLog, Recorded, StreamName, alias_group};
use letopis_core::reader::read_group;
use letopis_core::replay::replay;
use letopis_core::time::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::DataArg;
use crate::console::{Console, Done, UsageError};
use crate::data::Data;
use crate::table::table;
use crate::time::start;

/// Clients that are shown to people; programs get all of them.
const SHOWN: usize = 20;

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The rule: what would be posted as `automation_rule.defined`, or its `data` alone, as JSON.
    #[arg(long, value_name = "FILE")]
    pub change: PathBuf,
    /// The first day of what is rehearsed; the beginning when missing.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// The day after the last; now when missing.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Leave personal fields closed: a condition on words cannot be decided then.
    #[arg(long)]
    pub sealed: bool,
}

/// What is known of the rehearsal of one client.
type OfClient = (ClientId, Vec<Rehearsed>);

/// Runs it.
///
/// # Errors
/// When the file holds no rule, or the log cannot be read.
pub async fn run(args: &RehearseArgs, console: &Console) -> Result<Done> {
    let says = read_rule(&args.change)?;
    let data = Data::open(&args.data.data)?;
    let log = &*data.folder.log;
    let zone = &data.folder.settings.zone;
    let at = |text: &Option<String>| text.as_deref().map(|text| start(text, zone)).transpose();
    let from = at(&args.from)?.unwrap_or(Timestamp(i64::MIN));
    let to = at(&args.to)?.unwrap_or_else(|| SystemClock.now());
    let rule = in_force(log, says).await?;

    let opener = match &data.folder.vault {
        Some(vault) if !args.sealed => Opener::Vault(vault),
        _ => Opener::Closed,
    };
    let clients = concerned(log, &rule, console).await?;
    let bar = console.progress("clients", clients.len() as u64);
    let (mut done, mut told) = (BTreeSet::new(), Vec::new());
    for client in clients {
        bar.inc(1);
        let group = alias_group(log, client).await.context("reading the alias group")?;
        if !done.insert(group[0]) {
            continue;
        }
        let facts: Vec<Fact> = read_group(log, opener, client).await.context("reading the client's streams")?;
        let (facts, _) = effective(facts);
        let rehearsed = rehearse(&rule, &facts, (from, to));
        if !rehearsed.is_empty() {
            told.push((group[0], rehearsed));
        }
    }
    bar.finish_and_clear();
    Ok(report(&rule, &told))
}

fn read_rule(path: &Path) -> Result<RuleDefined> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let wrong = |reason: String| UsageError(format!("{}: {reason}", path.display()));
    let mut rule: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if let Some(data) = rule.get_mut("data").filter(|data| data.is_object()) {
        rule = data.take();
    }
    let event = Event::from_input("automation_rule.defined", rule).map_err(|error| wrong(error.to_string()))?;
    let says = RuleDefined::of(&event).ok_or_else(|| wrong("it is no rule".into()))?;
    for on in &says.on {
        let name = on.as_str();
        if name != OVERDUE && find(name).is_none() && !name.contains('.') {
            return Err(wrong(format!("on: {name} is no type of events")).into());
        }
    }
    Ok(says.clone())
}

/// The rule as the next version of its stream, in force from the beginning of time.
async fn in_force(log: &dyn EventLog, says: RuleDefined) -> Result<Rule> {
    let stream = StreamName::parse(&format!("{}/{}", RuleDefined::KIND, says.rule))?;
    let version = Version(log.version(&stream).await?.0 + 1);
    let name = DefinitionName { kind: RuleDefined::KIND.parse()?, code: says.rule.clone(), version };
    let always = Timestamp(i64::MIN);
    let says = RuleDefined { active: true, ..says };
    Ok(Rule { name, from: always, recorded_at: always, event: EventId::default(), says })
}

/// The clients with an event on which the rule acts; one pass over the log that decodes nothing.
async fn concerned(log: &dyn EventLog, rule: &Rule, console: &Console) -> Result<BTreeSet<ClientId>> {
    let overdue = rule.acts_on(OVERDUE);
    let head = log.head().await?;
    let bar = console.progress("events", head.0);
    let wanted = |name: &str| rule.acts_on(name) || (overdue && matches!(name, "task.planned" | "task.due_moved"));
    let client = |recorded: Recorded| -> Result<Option<ClientId>> {
        Ok(recorded.stream.client_id().filter(|_| wanted(&recorded.event_type)))
    };
    let mut clients = BTreeSet::new();
    replay(log, Position(0), head, client, |page| {
        bar.inc(page.len() as u64);
        clients.extend(page.into_iter().flatten());
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(clients)
}

#[derive(Default)]
struct Count {
    events: u64,
    acted: u64,
    undecided: u64,
    by_type: BTreeMap<&'static str, u64>,
    by_reason: BTreeMap<String, u64>,
}

impl Count {
    fn of<'a>(rehearsed: impl IntoIterator<Item = &'a Rehearsed>) -> Self {
        let mut count = Self::default();
        for one in rehearsed {
            count.events += 1;
            match &one.result {
                Ok(intents) => {
                    count.acted += u64::from(!intents.is_empty());
                    intents.iter().for_each(|intent| *count.by_type.entry(intent.event_type).or_default() += 1);
                }
                Err(error) => {
                    count.undecided += 1;
                    *count.by_reason.entry(error.reason.clone()).or_default() += 1;
                }
            }
        }
        count
    }

    fn json(&self) -> Value {
        json!({ "events": self.events, "acted_on": self.acted, "undecided": self.undecided,
            "would_record": self.by_type, "undecided_because": self.by_reason })
    }
}

fn report(rule: &Rule, told: &[OfClient]) -> Done {
    let total = Count::of(told.iter().flat_map(|(_, rehearsed)| rehearsed));
    let clients: Vec<Value> = told.iter().map(of_client).collect();
    let acted = told.iter().filter(|(_, rehearsed)| Count::of(rehearsed).acted > 0).count();
    let report = json!({ "rule": rule.name, "total": total.json(), "clients_with_intents": acted, "clients": clients });
    let rows = told.iter().take(SHOWN).map(|(client, rehearsed)| {
        let count = Count::of(rehearsed);
        let intents: Vec<String> = count.by_type.iter().map(|(name, n)| format!("{n} {name}")).collect();
        vec![client.to_string(), count.events.to_string(), count.undecided.to_string(), intents.join(", ")]
    });
    let mut text = format!("{} would have acted on {} of {} events\n", rule.name, total.acted, total.events);
    for (name, count) in &total.by_type {
        text += &format!("  {count} {name}\n");
    }
    for (reason, count) in &total.by_reason {
        text += &format!("  {count} undecided: {reason}\n");
    }
    text += &table(&["client", "events", "undecided", "would be recorded"], rows.collect());
    if told.len() > SHOWN {
        text += &format!("\nand {} clients more; --json tells all of them\n", told.len() - SHOWN);
    }
    Done::fine(report, text)
}

fn of_client((client, rehearsed): &OfClient) -> Value {
    let intents: Vec<Value> = rehearsed
        .iter()
        .flat_map(|one| one.result.iter().flatten().map(move |intent| (one, intent)))
        .map(|(one, intent)| {
            json!({ "event": one.event, "event_type": one.event_type, "occurred_at": one.occurred,
                "would_record": intent.event_type, "data": intent.data })
        })
        .collect();
    let mut told = Count::of(rehearsed).json();
    told["client"] = json!(client);
    told["intents"] = json!(intents);
    told
}
