//! `verify`: recompute the log from its raw rows.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::error::chain;
use letopis_core::folder::Folder;
use letopis_core::log::EventLog;
use letopis_core::trust::audit::TrustAudit;
use letopis_projections::engine::rebuild::{Options as RebuildOptions, rebuild};
use letopis_projections::search;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::DataArg;
use super::check_proof::line;
use crate::console::{Console, Done, UsageError, grouped, rate};
use crate::data::{Data, Scratch};
use crate::table::table;
use crate::verify::{Beside, Options, Verified, verify};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// Let SQLite compare every index with its table, too.
    #[arg(long)]
    pub deep: bool,
    /// Also recompute the views: digests and totals from the stored rows, and by a rebuild from the log.
    #[arg(long)]
    pub views: bool,
    /// The public key of the log, as you have it from elsewhere: its line, or a file with it. The folder's own is
    /// used when not given, which tells nothing about who changed both.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A file with a checkpoint that you got before: the log must have grown from it. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<std::path::PathBuf>,
    /// Threads that read and hash; all processors when not given.
    #[arg(long)]
    pub threads: Option<usize>,
}

/// Findings that are shown to people.
const SHOWN: usize = 50;

/// Runs it.
///
/// # Errors
/// When the log cannot be opened at all.
pub fn run(args: &VerifyArgs, console: &Console) -> Result<Done> {
    let dir = &args.data.data;
    let keys = dir.join("keys.db");
    let options = Options { deep: args.deep, ..Options::default() };
    let options = Options { threads: args.threads.unwrap_or(options.threads), ..options };
    let bar = console.progress("events", 0);
    let seen = args.checkpoint.iter().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("reading the checkpoint {}", path.display()))
    });
    let beside = Beside {
        keys: keys.exists().then_some(&keys),
        folder: Some(dir),
        key: args.key.as_deref().map(line).transpose()?,
        seen: seen.collect::<Result<_>>()?,
    };
    let mut verified = verify(&dir.join("log.db"), &beside, options, &|at, of| {
        bar.set_length(of);
        bar.set_position(at);
    })
    .with_context(|| format!("verifying {}", dir.display()))?;
    bar.finish_and_clear();
    for line in unopened(dir)?.into_iter().chain(torn(dir)) {
        verified.findings.add(None, None, line);
    }
    let views = match args.views.then(|| verify_views(dir, console)) {
        None => Vec::new(),
        Some(Err(error)) if !error.is::<UsageError>() => {
            vec![json!({ "view": "(all)", "sound": false, "reason": format!("they cannot be read: {error:#}") })]
        }
        Some(views) => views?,
    };
    let unsound = views.iter().any(|view| view["sound"] == false);
    let text = text(&verified, &views);
    let mut report = serde_json::to_value(&verified)?;
    report["events_per_s"] = json!((verified.events as f64 / verified.seconds.max(1e-6)) as u64);
    if args.views {
        report["views"] = views.into();
    }
    Ok(Done::found(verified.findings.total > 0 || unsound, report, text))
}

fn text(verified: &Verified, views: &[Value]) -> String {
    let mut text = format!(
        "{} events in {} streams up to position {}, {} with a sealed part, {} of them erased\n{} in {:.2} s, {}\nlast leaf {}\n",
        grouped(verified.events),
        grouped(verified.streams),
        grouped(verified.last_position),
        grouped(verified.sealed),
        grouped(verified.erased),
        rate(verified.events, verified.seconds),
        verified.seconds,
        rate(verified.hashed_bytes >> 20, verified.seconds).replace("/s", " MiB/s hashed"),
        verified.last_leaf,
    );
    text += &match &verified.key {
        _ if verified.signed == 0 => "nothing is sealed yet: what was cut off at the end cannot be told\n".to_owned(),
        key => format!(
            "{} signed trees up to position {} and the heads of {} seals recomputed; {} events behind it are not \
             sealed yet\nsigned by {}\n",
            grouped(verified.checkpoints),
            grouped(verified.signed),
            grouped(verified.seals),
            grouped(verified.last_position.saturating_sub(verified.signed)),
            key.as_deref().unwrap_or("a key that is not at hand"),
        ),
    };
    if verified.findings.total == 0 {
        text += "no damage found\n";
    } else {
        text += &format!("DAMAGE: {} findings\n", grouped(verified.findings.total));
        let rows = verified.findings.list.iter().take(SHOWN).map(|finding| {
            let position = finding.position.map(|position| position.to_string()).unwrap_or_default();
            vec![position, finding.stream.clone().unwrap_or_default(), finding.what.clone()]
        });
        text += &table(&["position", "stream", "what"], rows.collect());
        text.push('\n');
    }
    if !views.is_empty() {
        text += &crate::table::show(&Value::Array(views.to_vec()));
        text.push('\n');
    }
    text
}

/// Data keys that the key-encryption key at hand does not open; none where there is no such key.
fn unopened(dir: &Path) -> Result<Vec<String>> {
    // The log was verified apart: a folder that does not open has nothing to say of its keys.
    let Ok(folder) = Folder::open_read_only(dir) else { return Ok(Vec::new()) };
    let wrong = folder.vault.map(|vault| vault.check()).transpose();
    let wrong = wrong.unwrap_or_else(|error| Some(vec![chain(&error)]));
    Ok(wrong.unwrap_or_default().into_iter().map(|line| format!("key store: {line}")).collect())
}

/// What is wrong with `trust.db` as a file; what stands in it was compared with the log.
fn torn(dir: &Path) -> Option<String> {
    let damage = TrustAudit::open(dir).and_then(|audit| audit.map_or(Ok(None), |audit| audit.damage()));
    damage.unwrap_or_else(|error| Some(chain(&error))).map(|line| format!("trust.db: {line}"))
}

/// For each view: its digest as kept, as its rows come to, and as the log comes to.
fn verify_views(dir: &Path, console: &Console) -> Result<Vec<Value>> {
    let data = Data::open(dir)?;
    let Some(stored) = data.stored()? else {
        return Err(UsageError(
            "the folder has no views to verify: leave --views out, or run `rebuild --install`".into(),
        )
        .into());
    };
    stored.hold()?;
    if !stored.is_of(&data.views)? {
        return Ok(vec![
            json!({ "view": "(all)", "sound": false, "reason": "made by other folds or in another time zone" }),
        ]);
    }
    let at = stored.checkpoint()?;
    let scratch = Scratch::new()?;
    let bar = console.progress("events", at.position.0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("starting the runtime")?;
    let options = RebuildOptions { upto: Some(at.position), ..RebuildOptions::default() };
    let rebuilt = runtime.block_on(rebuild(
        data.source(),
        &scratch.path("views.db"),
        &data.folder.settings.zone,
        options,
        &|done, of| {
            bar.set_length(of);
            bar.set_position(done);
        },
    ))?;
    bar.finish_and_clear();
    let same_log = rebuilt.checkpoint()?.leaf == at.leaf;
    // Without their keys personal fields are sealed in one of the two.
    let (unlike, damage) = match &data.folder.vault {
        Some(_) => stored.unlike(&rebuilt, &data.views)?,
        None => (Vec::new(), None),
    };
    let rebuilt = rebuilt.status()?;
    let kept = stored.status()?;
    let mut out = Vec::new();
    for view in &data.views {
        let digest = |status: &[letopis_projections::engine::file::ViewStatus]| {
            status.iter().find(|status| status.name == view.name()).map(|status| status.digest)
        };
        let recomputed = stored.recompute(view.as_ref())?;
        let totals_hold = stored.kept_totals(view.as_ref())? == recomputed.sums;
        let (kept, rebuilt) = (digest(&kept), digest(&rebuilt));
        let same_rows = unlike.iter().all(|table| table != view.table());
        let sound = kept == Some(recomputed.digest) && kept == rebuilt && totals_hold && same_log && same_rows;
        let shown = |digest: Option<u128>| digest.map(|digest| format!("{digest:032x}"));
        out.push(json!({
            "view": view.name(), "sound": sound, "rows": recomputed.rows, "kept": shown(kept),
            "from_rows": shown(Some(recomputed.digest)), "from_log": shown(rebuilt),
            "totals_hold": totals_hold, "same_log": same_log, "same_rows": same_rows,
        }));
    }
    let own = |table: &String| data.views.iter().any(|view| view.table() == table);
    let others =
        unlike.iter().filter(|table| !own(table)).map(|table| format!("the table {table} is not what the log makes"));
    if let Some(reason) = damage.into_iter().chain(others).next() {
        out.push(json!({ "view": "(all)", "sound": false, "reason": reason }));
    }
    out.extend(verify_index(&data, &runtime)?);
    Ok(out)
}

/// The search index against one that is made anew; none where the folder has none or its keys are not at hand.
fn verify_index(data: &Data, runtime: &Runtime) -> Result<Option<Value>> {
    let (path, scratch) = (data.folder.views().join(search::FILE), Scratch::new()?);
    let (Some(vault), true) = (&data.folder.vault, path.exists()) else { return Ok(None) };
    let log: Arc<dyn EventLog> = data.folder.log.clone();
    let different = runtime.block_on(search::compare(&path, &scratch.path("index"), log, Arc::clone(vault)));
    let reason = different.unwrap_or_else(|error| Some(format!("it cannot be read: {}", chain(&error))));
    Ok(Some(json!({ "view": search::NAME, "sound": reason.is_none(), "reason": reason })))
}
