//! The definitions that are to count instead.

use std::path::Path;

use anyhow::{Context, Result};
use letopis_core::events::{Event, find};
use letopis_core::ids::EventId;
use letopis_core::time::{Moment, Timestamp};
use letopis_projections::engine::assume::Assumed;
use serde_json::Value;

use crate::console::UsageError;
use crate::data::Data;

/// Reads a file of definitions, one a line.
///
/// # Errors
/// When it cannot be read, or a line is no definition; the message names the line.
pub(super) fn read(data: &Data, path: &Path) -> Result<Vec<Assumed>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            let told = |reason: String| UsageError(format!("{}, line {}: {reason}", path.display(), n + 1)).into();
            definition(data, line).map_err(|error| told(format!("{error:#}")))
        })
        .collect()
}

fn definition(data: &Data, line: &str) -> Result<Assumed> {
    let posted: Value = serde_json::from_str(line).context("it is no JSON")?;
    let name = posted["type"].as_str().context("it has no type")?;
    let info = find(name).filter(|info| info.defines);
    let info = info.with_context(|| format!("{name:?} is no type of definition"))?;
    let from = match &posted["occurred_at"] {
        Value::Null => Timestamp(i64::MIN),
        Value::String(text) => text.parse::<Moment>()?.at,
        other => anyhow::bail!("occurred_at is {other}, not a time"),
    };
    let mut payload = posted["data"].clone();
    // What other systems call our things becomes ours, as when it is posted.
    for field in info.fields.iter().filter(|field| field.ty.ends_with("Id")) {
        if let Some(text) = payload[field.name].as_str().map(str::to_owned) {
            let kind = field.ty.trim_end_matches("Id").to_lowercase();
            payload[field.name] = EventId(data.entity(&kind, &text)?).to_string().into();
        }
    }
    Ok(Assumed { event: Event::from_input(name, payload)?, from })
}
