//! `why`: what caused an event, and what caused that, with the rules that were at work.

use anyhow::{Result, anyhow};
use clap::Args;
use letopis_projections::engine::group::Clocks;
use letopis_projections::views::why::{Why, why};

use super::DataArg;
use crate::console::Done;
use crate::data::Data;
use crate::table::table;
use crate::time::bound;

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The event: a ULID or `source:id-in-that-source`.
    pub event: String,
    /// Only what happened before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the event is unknown or the log cannot be read.
pub async fn run(args: &WhyArgs) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let zone = &data.folder.settings.zone;
    let at = |text: &Option<String>| text.as_deref().map(|text| bound(text, zone)).transpose();
    let clocks = Clocks { as_of: at(&args.as_of)?, known_at: at(&args.known_at)? };
    let told = why(&*data.folder.log, clocks, data.event(&args.event)?).await?;
    let told = told.ok_or_else(|| anyhow!("no event has the id {:?} at the bounds", args.event))?;
    let text = text(&told);
    Ok(Done::fine(serde_json::to_value(told)?, text))
}

fn text(told: &Why) -> String {
    let rows = told.steps.iter().map(|step| {
        vec![
            step.event.occurred_at.to_string(),
            step.event.event_type.clone(),
            step.event.event.to_string(),
            step.event.actor.clone(),
            step.rule.as_ref().map(|rule| rule.name.clone()).unwrap_or_default(),
            step.facts.to_string(),
        ]
    });
    let mut text = table(&["occurred", "type", "event", "actor", "by rule", "facts"], rows.collect());
    if let Some(end) = told.open_end {
        text += &format!("\n{end}\n");
    }
    text
}
