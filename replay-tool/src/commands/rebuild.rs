//! `rebuild`: all views from the log, into a new file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::ids::Position;
use letopis_projections::engine::generations;
use letopis_projections::engine::rebuild::{Options, rebuild};
use letopis_projections::engine::stored::{StoredTable, StoredViews, tables};
use serde_json::{Value, json};

use super::DataArg;
use crate::console::{Console, Done, UsageError, grouped, rate};
use crate::data::{Data, Scratch, is_written};
use crate::table::table;

/// Arguments of `rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// Keep the views in this new file.
    #[arg(long, value_name = "FILE", conflicts_with = "install")]
    pub out: Option<PathBuf>,
    /// Make them the folder's current generation; no server may be running.
    #[arg(long)]
    pub install: bool,
    /// Only events up to this position.
    #[arg(long, value_name = "POSITION")]
    pub upto: Option<u64>,
    /// About how much memory is used; what does not fit waits in a file beside the views. As the folder's
    /// settings say when missing.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..1 << 30))]
    pub memory: Option<u64>,
    /// At least so many parts.
    #[arg(long, default_value_t = 1)]
    pub parts: u64,
}

/// Runs it.
///
/// # Errors
/// When the log cannot be read or the file cannot be written.
pub async fn run(args: &RebuildArgs, console: &Console) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let views_dir = data.folder.views();
    if args.install && args.upto.is_some() {
        return Err(UsageError("--install takes all events: leave --upto out".into()).into());
    }
    if args.install && is_written(&args.data.data)? {
        anyhow::bail!("{} is being written by another process: stop the server first", args.data.data.display());
    }
    let scratch = Scratch::new()?;
    let path = match (&args.out, args.install) {
        (Some(out), _) => {
            drop(crate::data::create_new(out)?);
            out.clone()
        }
        (None, true) => {
            std::fs::create_dir_all(&views_dir).with_context(|| format!("making {}", views_dir.display()))?;
            generations::next(&views_dir)
        }
        (None, false) => scratch.path("views.db"),
    };
    let options = Options {
        upto: args.upto.map(Position),
        memory: args.memory.unwrap_or(data.folder.settings.rebuild_memory_mib) << 20,
        min_parts: args.parts,
        ..Options::default()
    };
    let started = Instant::now();
    let bar = console.progress("events", 0);
    let file = rebuild(data.source(), &path, &data.folder.settings.zone, options, &|at, of| {
        bar.set_length(of);
        bar.set_position(at);
    })
    .await
    .with_context(|| format!("building the views of {}", args.data.data.display()))?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let at = file.checkpoint()?;
    drop(file);

    let built = StoredViews::open(&path, &data.folder.settings.zone)?;
    let compared = compare(&data, &built)?;
    let views = describe(&data, &built, compared.as_deref().unwrap_or_default())?;
    let differs = views.iter().any(|view| view["equals_folder"] == false);
    if args.install {
        drop(built);
        generations::install(&views_dir, &path)?;
    }
    let report = json!({
        "position": at.position, "seconds": seconds,
        "events_per_s": (at.position.0 as f64 / seconds.max(1e-6)) as u64,
        "compared_with_folder": compared.is_some(), "installed": args.install, "views": views,
    });
    let text = text(args, &path, at.position, seconds, compared.is_some(), &views);
    Ok(Done::found(differs, report, text))
}

/// The digests of the folder's current view file, when it stands at the same event.
fn compare(data: &Data, built: &StoredViews) -> Result<Option<Vec<(String, u128)>>> {
    // A view file that cannot be read is what a rebuild is for.
    let Ok(Some(stored)) = data.stored() else { return Ok(None) };
    if stored.checkpoint()? != built.checkpoint()? || !stored.is_of(&data.views)? {
        return Ok(None);
    }
    Ok(Some(stored.status()?.into_iter().map(|view| (view.name, view.digest)).collect()))
}

fn describe(data: &Data, built: &StoredViews, folder: &[(String, u128)]) -> Result<Vec<Value>> {
    let status = built.status()?;
    let mut out = Vec::new();
    for view in &data.views {
        let Some(found) = status.iter().find(|found| found.name == view.name()) else { continue };
        let (rows, totals): (Vec<StoredTable>, Vec<StoredTable>) =
            tables(view.as_ref()).into_iter().partition(|table| !table.is_total);
        let count = |list: &[StoredTable]| list.iter().map(|table| built.count(table)).sum::<Result<u64, _>>();
        let equals = folder.iter().find(|(name, _)| *name == found.name).map(|(_, digest)| *digest == found.digest);
        out.push(json!({
            "view": found.name, "rows": count(&rows)?, "totals": count(&totals)?,
            "digest": format!("{:032x}", found.digest), "parked": found.parked, "equals_folder": equals,
        }));
    }
    Ok(out)
}

fn text(args: &RebuildArgs, path: &Path, at: Position, seconds: f64, compared: bool, views: &[Value]) -> String {
    let rows = views.iter().map(|view| {
        let equals = match view["equals_folder"].as_bool() {
            Some(true) => "equal",
            Some(false) => "DIFFERENT",
            None => "",
        };
        let number = |name: &str| grouped(view[name].as_i64().unwrap_or_default());
        vec![
            view["view"].as_str().unwrap_or_default().to_owned(),
            number("rows"),
            number("totals"),
            view["digest"].as_str().unwrap_or_default().to_owned(),
            number("parked"),
            equals.to_owned(),
        ]
    });
    let mut text = table(&["view", "rows", "totals", "digest", "parked", "folder"], rows.collect());
    text += &format!("\n{} events in {seconds:.2} s, {}\n", grouped(at.0), rate(at.0, seconds));
    if !compared {
        text += "the folder has no view file at this position to compare with\n";
    }
    if args.install {
        text += "installed as the folder's current views\n";
    } else if args.out.is_some() {
        text += &format!("kept in {}\n", path.display());
    }
    text
}
