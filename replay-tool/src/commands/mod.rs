//! The commands, one file each.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::console::{Console, Done};

pub mod as_of;
pub mod chart;
pub mod check_proof;
pub mod diff;
pub mod erase;
pub mod explain;
pub mod export;
pub mod fork;
pub mod history;
pub mod import;
pub mod prove;
pub mod rebuild;
pub mod rehearse;
pub mod rotate_kek;
pub mod seal;
pub mod stat;
pub mod verify;
pub mod what_if;
pub mod why;

/// Replay, question, check and copy a Letopis log, without a server.
#[derive(Debug, Parser)]
#[command(
    name = "replay-tool",
    version,
    after_help = "Exit codes: 0 fine, 1 difference or damage found, 2 wrong usage, 3 could not run."
)]
pub struct Cli {
    /// One JSON document on stdout, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress on stderr.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Post events from files: native NDJSON, or CSV/TSV by a mapping file.
    Import(import::ImportArgs),
    /// Build all views from the log and compare them with the folder's.
    Rebuild(rebuild::RebuildArgs),
    /// Ask the views, as of a date, as known at a time.
    AsOf(as_of::AsOfArgs),
    /// Draw what the views answer: the funnel, the flow of deals, revenue, clocks of service.
    Chart(chart::ChartArgs),
    /// Every event of a client, in order.
    History(history::HistoryArgs),
    /// Recompute the log from its raw rows: chains, gaps, hashes, tables, triggers, tree, seals, checkpoints.
    Verify(verify::VerifyArgs),
    /// Seal the log: sign a checkpoint of everything that is in it.
    Seal(seal::SealArgs),
    /// Go on from an older log that was put back: record in a new epoch what was lost.
    Fork(fork::ForkArgs),
    /// Write a file that proves all the log holds of a client, or that it holds nothing.
    Prove(prove::ProveArgs),
    /// Check such a file, or the proof of one event, with the public key of the log alone.
    CheckProof(check_proof::CheckProofArgs),
    /// Copy the log: as events that import elsewhere, raw, or a view as a table.
    Export(export::ExportArgs),
    /// Compare two view files, two folders, or two positions of one log.
    Diff(diff::DiffArgs),
    /// Forget a client, a contact person or an employee; no server may be running.
    Erase(erase::EraseArgs),
    /// Which events set a field of a card, which clients make up a total.
    Explain(explain::ExplainArgs),
    /// What caused an event, and what caused that, with the rules that were at work.
    Why(why::WhyArgs),
    /// What a rule of automation would have done in the past; nothing is written.
    Rehearse(rehearse::RehearseArgs),
    /// Wrap all data keys by another key-encryption key; no server may be running.
    RotateKek(rotate_kek::RotateKekArgs),
    /// What is in the log and how far the views are.
    Stat(stat::StatArgs),
    /// Ask about the past under another definition or without a campaign; nothing is written.
    WhatIf(what_if::WhatIfArgs),
}

/// The data folder.
#[derive(Debug, Clone, Args)]
pub struct DataArg {
    /// The data folder: of a server, or a copy.
    #[arg(long, value_name = "DIR", env = "LETOPIS_DATA_DIR")]
    pub data: PathBuf,
}

/// Runs a command and prints what it says. Gives the exit code.
pub fn main(cli: &Cli) -> u8 {
    let console = Console { json: cli.json, quiet: cli.quiet };
    console.finish(run(&cli.command, &console))
}

/// Runs a command.
///
/// # Errors
/// When it cannot run; a [`crate::console::UsageError`] when the call makes no sense.
pub fn run(command: &Command, console: &Console) -> Result<Done> {
    match command {
        Command::Verify(args) => return verify::run(args, console),
        Command::Stat(args) => return stat::run(args),
        Command::RotateKek(args) => return rotate_kek::run(args, console),
        Command::CheckProof(args) => return check_proof::run(args),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    runtime.context("starting the runtime")?.block_on(async {
        match command {
            Command::Import(args) => import::run(args, console).await,
            Command::Rebuild(args) => rebuild::run(args, console).await,
            Command::AsOf(args) => as_of::run(args, console).await,
            Command::Chart(args) => chart::run(args, console).await,
            Command::History(args) => history::run(args).await,
            Command::Export(args) => export::run(args, console).await,
            Command::Diff(args) => diff::run(args, console).await,
            Command::Erase(args) => erase::run(args, console).await,
            Command::Explain(args) => explain::run(args).await,
            Command::Why(args) => why::run(args).await,
            Command::Rehearse(args) => rehearse::run(args, console).await,
            Command::RotateKek(args) => rotate_kek::run(args, console),
            Command::Verify(args) => verify::run(args, console),
            Command::Stat(args) => stat::run(args),
            Command::Seal(args) => seal::run(args).await,
            Command::Fork(args) => fork::run(args).await,
            Command::Prove(args) => prove::run(args).await,
            Command::CheckProof(args) => check_proof::run(args),
            Command::WhatIf(args) => what_if::run(args, console).await,
        }
    })
}
