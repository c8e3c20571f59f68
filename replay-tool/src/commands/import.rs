//! `import`: events from files through the intake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::folder::Folder;
use letopis_core::import::{BATCH, Importer, Tally};
use letopis_core::intake::{Caller, Outcome};
use letopis_core::log::EventLog;
use letopis_core::log::sqlite::audit::{Audit, copy_database};
use letopis_core::random::Random;
use letopis_core::time::{Clock, SystemClock};
use letopis_core::trust::signer::refuse_older;
use serde_json::json;
use tokio::runtime::Handle;

use super::DataArg;
use crate::console::{Console, Done, grouped, rate};
use crate::data::Scratch;
use crate::table::table;

mod report;
mod source;

use report::Report;
use source::{Row, Sources, Way};

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The data folder; made when it is not there.
    #[command(flatten)]
    pub data: DataArg,
    /// Files: NDJSON of posted events, gzipped or not; with --map the tables of the mapping instead of those
    /// it names, as `input=FILE` or in its order.
    #[arg(value_name = "FILE", required_unless_present = "map")]
    pub files: Vec<String>,
    /// A mapping file: the files are CSV or TSV.
    #[arg(long, value_name = "MAPPING")]
    pub map: Option<PathBuf>,
    /// The folder of the files that the mapping names; that of the mapping when not given.
    #[arg(long, value_name = "DIR", requires = "map")]
    pub from: Option<PathBuf>,
    /// Decide about every event on a copy of the folder, and leave the folder as it is.
    #[arg(long)]
    pub dry_run: bool,
    /// Take ULIDs of clients on trust: for an export of another folder.
    #[arg(long)]
    pub restore: bool,
    /// The `source` of events that name none.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// The actor that is recorded.
    #[arg(long, value_name = "ID", default_value = "replay-tool")]
    pub actor: String,
    /// What became of every row, as NDJSON in this new file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Rejected rows, as NDJSON in this new file; `imports/<time>-rejected.ndjson` in the folder when not given.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Events that are posted at once.
    #[arg(long, default_value_t = BATCH)]
    pub batch: usize,
}

/// Batches of rows that wait between reading and posting.
const WAITING: usize = 3;

/// Runs it.
///
/// # Errors
/// When a file cannot be read or the log takes no events.
pub async fn run(args: &ImportArgs, console: &Console) -> Result<Done> {
    let sources = Sources::new(args)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let scratch = Scratch::new()?;
    let dir = &args.data.data;
    let target = if args.dry_run { copy(dir, &scratch)? } else { dir.clone() };
    let folder = Folder::create_or_open(&target, Arc::clone(&clock)).await;
    let folder = folder.with_context(|| format!("opening {}", dir.display()))?;
    let before = folder.log.head().await?;
    let intake = Arc::new(folder.intake(Arc::clone(&clock), Arc::new(Random::system()))?);
    let caller = Caller { actor: args.actor.clone(), source: args.source.clone(), restores: args.restore };
    // The quick half of what a server checks at its start; sealing is left to it, or to `seal`.
    refuse_older(folder.dir(), before)?;
    let mut importer = Importer::new(&intake, caller.clone());
    let rejects = args.rejects.clone().unwrap_or_else(|| {
        let stamp = clock.now().to_string().replace([':', '.'], "-");
        dir.join("imports").join(format!("{stamp}-rejected.ndjson"))
    });
    // A dry run leaves nothing in the folder, so rejected rows are kept where they are asked for only.
    let kept = (!args.dry_run || args.rejects.is_some()).then_some(rejects);
    let mut report = Report::new(args.report.as_deref(), kept)?;

    let started = Instant::now();
    let bar = console.progress("bytes read", 0);
    let (sender, batches) = sync_channel(WAITING);
    let size = args.batch.clamp(1, 100_000);
    let reader = {
        let (intake, bar) = (Arc::clone(&intake), bar.clone());
        let runtime = Handle::current();
        std::thread::spawn(move || {
            sources.read(&Way { intake: &intake, caller: &caller, size, sender, runtime, bar: &bar })
        })
    };
    let stopped = post(&mut importer, &mut report, &batches).await;
    // Reading ends when nobody takes what it reads.
    drop(batches);
    let read = reader.join().map_err(|_| anyhow!("reading the files panicked"))?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let rejected_file = report.finish()?;
    stopped?;
    read?;
    let after = folder.log.head().await?;
    let tally = importer.tally().clone();
    let mut document = serde_json::to_value(&tally)?;
    document["events"] = tally.events().into();
    document["seconds"] = seconds.into();
    document["events_per_s"] = ((tally.events() as f64 / seconds.max(1e-6)) as u64).into();
    document["head_before"] = json!(before);
    document["head"] = if args.dry_run { json!(before) } else { json!(after) };
    document["dry_run"] = args.dry_run.into();
    document["rejects"] = json!(rejected_file);
    let text = text(args, &tally, seconds, rejected_file.as_deref());
    Ok(Done::found(tally.rejected > 0, document, text))
}

/// Posts batch after batch. What was posted before an error is recorded.
async fn post(
    importer: &mut Importer<'_>,
    report: &mut Report,
    batches: &std::sync::mpsc::Receiver<Vec<Row>>,
) -> Result<()> {
    while let Ok(batch) = batches.recv() {
        let (mut events, mut rows) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for Row { place, event, record } in batch {
            match event {
                Ok(event) => {
                    rows.push((place, record));
                    events.push(event);
                }
                Err((rule, reason)) => {
                    importer.tally_mut().reject(rule);
                    report.rejected(&place, rule, "", &reason, &record)?;
                }
            }
        }
        let outcomes = importer.post_read(events).await.context("importing stopped; import again to go on")?;
        for ((place, record), outcome) in rows.iter().zip(&outcomes) {
            match outcome {
                Outcome::Rejected(why) => report.rejected(place, why.rule, &why.field, &why.message, record)?,
                Outcome::Conflict { reason, .. } => report.rejected(place, "conflict", "id", reason, record)?,
                outcome => report.taken(place, outcome)?,
            }
        }
    }
    Ok(())
}

/// A copy of the folder, or an empty one when there is none yet.
fn copy(dir: &Path, scratch: &Scratch) -> Result<PathBuf> {
    let target = scratch.path("folder");
    std::fs::create_dir_all(target.join("secrets")).context("making a copy of the folder")?;
    let log = dir.join("log.db");
    if !log.exists() {
        return Ok(target);
    }
    Audit::open(&log)?.copy_to(&target.join("log.db"), &mut |_, _| {})?;
    copy_database(&dir.join("keys.db"), &target.join("keys.db"))?;
    for file in ["settings.toml", "secrets/identity.key", "secrets/kek.key"] {
        let from = dir.join(file);
        if from.exists() {
            std::fs::copy(&from, target.join(file)).with_context(|| format!("copying {}", from.display()))?;
        }
    }
    Ok(target)
}

fn text(args: &ImportArgs, tally: &Tally, seconds: f64, rejects: Option<&Path>) -> String {
    let mut rows = vec![
        vec!["accepted".to_owned(), grouped(tally.accepted), String::new()],
        vec!["duplicate".to_owned(), grouped(tally.duplicates), String::new()],
        vec!["rejected".to_owned(), grouped(tally.rejected), String::new()],
    ];
    let by = |what: &str, counts: &std::collections::BTreeMap<String, u64>, rows: &mut Vec<Vec<String>>| {
        rows.extend(counts.iter().map(|(rule, n)| vec![what.to_owned(), grouped(*n), rule.clone()]));
    };
    by("  rejected", &tally.rejected_by_rule, &mut rows);
    rows.push(vec!["flagged".to_owned(), grouped(tally.flagged), String::new()]);
    by("  flagged", &tally.flags_by_rule, &mut rows);
    let mut text = table(&["", "events", "rule"], rows);
    text += &format!("\n{} events in {seconds:.2} s, {}\n", grouped(tally.events()), rate(tally.events(), seconds));
    if args.dry_run {
        text += "dry run: everything was decided on a copy, the folder is as it was\n";
    }
    if let Some(path) = rejects {
        text += &format!("rejected rows are in {}\n", path.display());
    }
    text
}
