//! `what-if`: ask about the past as it would be under another definition, or without a campaign.
//!
//! Nothing is written: the log is folded into files of their own, and the same question is asked of both.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use letopis_core::code::Code;
use letopis_core::ids::ClientId;
use letopis_core::time::{Clock, SystemClock, Timestamp, Zone};
use letopis_projections::engine::assume::Assumed;
use letopis_projections::engine::file::ViewFile;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::live::Source;
use letopis_projections::engine::rebuild::{Options, rebuild};
use letopis_projections::engine::scope;
use serde_json::{Value, json};

use super::DataArg;
use super::as_of::Named;
use crate::console::{Console, Done, UsageError};
use crate::data::{Data, Scratch};
use crate::time::bound;

mod change;
mod difference;
mod without;

use difference::{Difference, differences};
use without::Without;

/// Differences that people are shown; programs get all.
const SHOWN: usize = 40;

/// Arguments of `what-if`.
#[derive(Debug, Args)]
pub struct WhatIfArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// Definitions as they would be posted, one JSON object a line; one without `occurred_at` counts from the beginning.
    #[arg(long, value_name = "FILE")]
    pub change: Vec<PathBuf>,
    /// Leave out everything that belongs to this campaign.
    #[arg(long, value_name = "CAMPAIGN")]
    pub without_campaign: Option<Code>,
    /// Only what happened before this time; a date means its end. Now when not given.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// Only the difference in total, not client by client.
    #[arg(long)]
    pub total: bool,
    /// The question, by its name as `as-of` lists it, with its parameters.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub question: Vec<String>,
}

/// The past as it is, and as it would be.
struct Worlds<'a> {
    asked: &'a Named,
    now: Timestamp,
    zone: &'a Zone,
    clocks: Clocks,
    is: Source<'a>,
    would_be: Source<'a>,
    assumed: Vec<Assumed>,
}

/// Runs it.
///
/// # Errors
/// When there is nothing to change, the question makes no sense, or the log cannot be read.
pub async fn run(args: &WhatIfArgs, console: &Console) -> Result<Done> {
    if args.change.is_empty() && args.without_campaign.is_none() {
        bail!(UsageError("nothing is changed: give --change FILE or --without-campaign CAMPAIGN".to_owned()));
    }
    let data = Data::open(&args.data.data)?;
    let zone = &data.folder.settings.zone;
    let bounded = |text: &Option<String>| text.as_deref().map(|text| bound(text, zone)).transpose();
    let clocks = Clocks { as_of: bounded(&args.as_of)?, known_at: bounded(&args.known_at)? };
    let asked = Named::read(&data, &args.question).await?;
    let mut assumed = Vec::new();
    for path in &args.change {
        assumed.extend(change::read(&data, path)?);
    }
    let without = Without { log: &*data.folder.log, campaign: args.without_campaign.clone() };
    let worlds = Worlds {
        asked: &asked,
        now: clocks.as_of.unwrap_or_else(|| SystemClock.now()),
        zone,
        clocks,
        is: data.source(),
        would_be: Source { log: &without, ..data.source() },
        assumed,
    };
    let scratch = Scratch::new()?;
    let before = worlds.fold(worlds.is, &scratch, "is.db", console).await?;
    let after = worlds.fold(worlds.would_be, &scratch, "would-be.db", console).await?;
    let names = after.assume(&worlds.assumed).map_err(super::as_of::usage)?;
    let root = asked.client.unwrap_or_default();
    let ask = |file: &ViewFile| file.read(worlds.now, |reader| asked.ask(reader, root)).map_err(super::as_of::usage);
    let (is, would_be) = (ask(&before)?, ask(&after)?);
    let total = differences(&is, &would_be);
    let clients = match args.total || asked.is_about_one() {
        true => Vec::new(),
        false => worlds.clients(&before, console).await?,
    };
    let position = before.checkpoint()?.position;
    let text = told(&names, &total, &clients, asked.is_about_one() || args.total);
    let clients: Vec<Value> =
        clients.iter().map(|(client, differences)| json!({ "client": client, "differences": differences })).collect();
    let report = json!({
        "position": position, "assumed": names, "without_campaign": args.without_campaign,
        "is": is, "would_be": would_be, "total": total, "clients": clients,
    });
    Ok(Done::fine(report, text))
}

impl Worlds<'_> {
    async fn fold(&self, source: Source<'_>, scratch: &Scratch, name: &str, console: &Console) -> Result<ViewFile> {
        let head = source.log.head().await?;
        let bar = console.progress("events", head.0);
        let options = Options { clocks: self.clocks, ..Options::default() };
        let file = rebuild(source, &scratch.path(name), self.zone, options, &|at, of| {
            bar.set_length(of);
            bar.set_position(at);
        })
        .await?;
        bar.finish_and_clear();
        Ok(file)
    }

    /// Asks about each client as if there were no other: what a total is the sum of.
    async fn clients(&self, all: &ViewFile, console: &Console) -> Result<Vec<(String, Vec<Difference>)>> {
        let groups = all.groups().context("reading who is in the log")?;
        let bar = console.progress("clients", groups.len() as u64);
        let mut found = Vec::new();
        for group in groups {
            let is = self.alone(self.is, &group, &[]).await?;
            let would_be = self.alone(self.would_be, &group, &self.assumed).await?;
            let differences = differences(&is, &would_be);
            if !differences.is_empty() {
                found.push((group[0].to_string(), differences));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(found)
    }
}

impl Worlds<'_> {
    /// The answer of one group's facts alone.
    async fn alone(&self, source: Source<'_>, group: &[ClientId], assumed: &[Assumed]) -> Result<Value> {
        let mut file = ViewFile::in_memory(source.views, self.zone)?;
        scope::fold_client(source, &mut file, group.to_vec(), self.clocks).await?;
        scope::fold_definitions(source, &mut file, self.clocks).await?;
        file.assume(assumed)?;
        file.read(self.now, |reader| self.asked.ask(reader, group[0])).map_err(super::as_of::usage)
    }
}

/// What people are shown.
fn told(names: &[String], total: &[Difference], clients: &[(String, Vec<Difference>)], only_total: bool) -> String {
    let mut text = String::new();
    if !names.is_empty() {
        text += &format!("assumed {}\n", names.join(", "));
    }
    text += &format!("{} differences in total\n", total.len());
    let line = |difference: &Difference| {
        let change = difference.difference.map_or_else(String::new, |change| format!(" ({change:+})"));
        format!("  {}: {} -> {}{change}\n", difference.path, difference.is, difference.would_be)
    };
    text.extend(total.iter().take(SHOWN).map(line));
    if !only_total {
        text += &format!("{} clients differ\n", clients.len());
        for (client, differences) in clients.iter().take(SHOWN) {
            text += &format!("{client}\n");
            text.extend(differences.iter().take(SHOWN).map(line));
        }
    }
    text
}
