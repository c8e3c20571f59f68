//! `history`: every event of a client, in order, for analysts and auditors.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::definitions::Definitions;
use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::ids::{EventId, Position, Version};
use letopis_core::log::{EventLog, StreamName, alias_group};
use letopis_core::reader::{read_group, read_stream};
use letopis_core::rules::Ledger;
use serde_json::{Value, json};

use super::DataArg;
use crate::console::Done;
use crate::data::Data;
use crate::table::table;
use crate::time::bound;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The client: a ULID or `system:id-in-that-system`.
    pub client: String,
    /// In the order in which it was recorded, nothing corrected, knowledge events included.
    #[arg(long)]
    pub raw: bool,
    /// Only events of this type, or of this area such as `order`; may be given several times.
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Only what happened at or after this time; a date means its beginning.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only what happened before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// Leave personal fields closed.
    #[arg(long)]
    pub sealed: bool,
}

/// An event with what is told about it.
struct Told {
    fact: Fact,
    late: bool,
    flags: Value,
}

/// Runs it.
///
/// # Errors
/// When the client is unknown or the log cannot be read.
pub async fn run(args: &HistoryArgs) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let zone = &data.folder.settings.zone;
    let client = data.client(&args.client).await?;
    let opener = match &data.folder.vault {
        Some(vault) if !args.sealed => Opener::Vault(vault),
        _ => Opener::Closed,
    };
    let log = &*data.folder.log;
    let group = alias_group(log, client).await.context("reading the alias group")?;
    let mut facts = read_group(log, opener, client).await.context("reading the client's streams")?;
    if let Some(known_at) = args.known_at.as_deref().map(|text| bound(text, zone)).transpose()? {
        facts.retain(|fact| fact.recorded_at < known_at);
    }
    let from = args.from.as_deref().map(|text| crate::time::start(text, zone)).transpose()?;
    let as_of = args.as_of.as_deref().map(|text| bound(text, zone)).transpose()?;
    let defined = read_needed(log, &facts).await.context("reading definitions")?;
    let mut told = tell(facts, &defined, args.raw);
    told.retain(|told| {
        let at = told.fact.occurred.at;
        let name = told.fact.event.type_name();
        from.is_none_or(|from| at >= from)
            && as_of.is_none_or(|bound| at < bound)
            && (args.types.is_empty() || args.types.iter().any(|ty| ty == name || ty == told.fact.event.area()))
    });
    let events: Vec<Value> = told.iter().map(Told::to_json).collect::<Result<_>>()?;
    let text = text(&told, &group.iter().map(|&member| StreamName::client(member)).collect::<Vec<_>>());
    Ok(Done::fine(json!({ "client": group[0], "group": group, "events": events }), text))
}

/// Facts of definition streams, by stream.
type Defined = HashMap<String, Vec<Fact>>;

/// Reads the definition streams that rules ask for.
async fn read_needed(log: &dyn EventLog, facts: &[Fact]) -> Result<Defined> {
    let mut in_order: Vec<&Fact> = facts.iter().collect();
    in_order.sort_unstable_by_key(|fact| fact.position);
    let (mut ledger, mut defined) = (Ledger::default(), Defined::new());
    for fact in in_order {
        for name in ledger.needs(&fact.event) {
            if let Entry::Vacant(place) = defined.entry(name) {
                let (stream, mut found) = (StreamName::parse(place.key())?, Vec::new());
                read_stream(log, Opener::Closed, &stream, Version(0), &mut found).await?;
                place.insert(found);
            }
        }
        ledger.apply(fact);
    }
    Ok(defined)
}

/// What was known of some definitions before a position.
fn known_before(defined: &Defined, streams: &[String], position: Position) -> Definitions {
    let mut known = Definitions::default();
    for stream in streams {
        let facts = defined.get(stream).into_iter().flatten().filter(|fact| fact.position < position);
        effective(facts.cloned().collect()).0.iter().for_each(|fact| known.add(fact));
    }
    known
}

/// Judges every event as it was judged when it was recorded, and puts the events in order.
fn tell(mut facts: Vec<Fact>, defined: &Defined, raw: bool) -> Vec<Told> {
    facts.sort_unstable_by_key(|fact| fact.position);
    let (mut ledger, mut marks) = (Ledger::default(), HashMap::<EventId, (bool, Value)>::new());
    let mut seen = HashMap::new();
    for fact in &facts {
        let definitions = known_before(defined, &ledger.needs(&fact.event), fact.position);
        let flags = match ledger.decide(&fact.event, fact.occurred.at, &definitions) {
            Ok(flags) => json!(flags),
            Err(refusal) => json!([{ "rule": refusal.rule, "reason": refusal.reason }]),
        };
        ledger.apply(fact);
        let last = seen.entry(fact.client).or_insert_with(|| fact.fold_order());
        let late = !fact.is_knowledge() && *last > fact.fold_order();
        if !fact.is_knowledge() {
            *last = (*last).max(fact.fold_order());
        }
        marks.insert(fact.id, (late, flags));
    }
    let facts = if raw { facts } else { effective(facts).0 };
    facts
        .into_iter()
        .map(|fact| {
            let (late, flags) = marks.remove(&fact.id).unwrap_or_default();
            Told { fact, late, flags }
        })
        .collect()
}

impl Told {
    fn to_json(&self) -> Result<Value> {
        let fact = &self.fact;
        let meta = fact.meta()?;
        let mut event = json!({
            "position": fact.position, "stream": fact.stream.as_str(), "version": fact.version, "id": fact.id,
            "type": fact.event.type_name(), "schema": fact.event.schema(),
            "occurred_at": fact.occurred, "recorded_at": fact.recorded_at.to_string(), "order": fact.order,
            "actor": meta.actor, "source": meta.source, "correlation": meta.correlation, "causation": meta.causation,
            "commit": meta.commit, "late": self.late, "flags": self.flags,
            "data": fact.event.to_json(&fact.opened),
        });
        if let Some(by) = fact.corrected_by {
            event["corrected_by"] = json!(by);
        }
        if !fact.refs.is_empty() {
            event["refs"] = Value::Object(fact.refs.clone());
        }
        Ok(event)
    }
}

fn text(told: &[Told], streams: &[StreamName]) -> String {
    let rows = told.iter().map(|told| {
        let fact = &told.fact;
        let mut marks = Vec::new();
        if told.late {
            marks.push("late".to_owned());
        }
        if fact.corrected_by.is_some() {
            marks.push("corrected".to_owned());
        }
        marks.extend(told.flags.as_array().into_iter().flatten().filter_map(|f| Some(f["rule"].as_str()?.to_owned())));
        vec![
            fact.occurred.to_string(),
            fact.event.type_name().to_owned(),
            fact.position.to_string(),
            fact.version.to_string(),
            marks.join(" "),
            fact.event.to_json(&fact.opened).to_string(),
        ]
    });
    let head: Vec<&str> = streams.iter().map(StreamName::as_str).collect();
    let table = table(&["occurred", "type", "position", "version", "marks", "data"], rows.collect());
    format!("{}\n{table}\n{} events\n", head.join(" + "), told.len())
}
