//! `erase`: forgets somebody, or says what that would do.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::code::Code;
use letopis_core::erasure::{Certificate, Eraser, Outcome, Target};
use letopis_core::folder::Folder;
use letopis_core::ids::{ClientId, ContactId, EmployeeId};
use letopis_core::log::EventLog;
use letopis_core::reader::resolve_client;
use letopis_core::time::SystemClock;
use letopis_projections::engine::generations::{self, Views};
use letopis_projections::search::{self, Search};
use serde_json::json;

use super::DataArg;
use crate::console::{Console, Done, UsageError};
use crate::table::show;

/// Arguments of `erase`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("whom").required(true)))]
pub struct EraseArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The client, with all records merged into one with him: a ULID or `system:id-in-that-system`.
    #[arg(long, value_name = "ID", group = "whom")]
    pub client: Option<String>,
    /// A contact person, wherever he speaks for somebody.
    #[arg(long, value_name = "ID", group = "whom")]
    pub contact: Option<String>,
    /// An employee.
    #[arg(long, value_name = "ID", group = "whom")]
    pub employee: Option<String>,
    /// Only say what would go, what would stay and why, and what forbids it.
    #[arg(long)]
    pub plan: bool,
    /// The legal basis, a code such as `gdpr-17`.
    #[arg(long, value_name = "CODE", required_unless_present = "plan")]
    pub basis: Option<String>,
    /// Who orders it: an opaque name, as in the log.
    #[arg(long, value_name = "NAME", default_value = "replay-tool")]
    pub actor: String,
}

/// Runs it.
///
/// # Errors
/// When a server has the folder, nobody is called so, a legal hold forbids it, or files cannot be read or written.
pub async fn run(args: &EraseArgs, console: &Console) -> Result<Done> {
    let clock = Arc::new(SystemClock);
    let folder = Folder::open(&args.data.data, clock).await.context("opening the folder for writing")?;
    let eraser = folder.eraser.clone().context("the folder is open for reading only")?;
    let target = target(args, &folder).await?;
    if args.plan {
        let plan = serde_json::to_value(eraser.plan(target).await?)?;
        let text = show(&plan);
        return Ok(Done::fine(plan, text));
    }
    let basis = args.basis.as_deref().unwrap_or_default();
    let basis: Code = basis.parse().map_err(|error| UsageError(format!("--basis: {error}")))?;
    let (before, certificate) = match eraser.run(target, basis, &args.actor, &|_| Ok(())).await? {
        Outcome::Before(certificate) => (true, certificate),
        Outcome::Destroyed(certificate) => {
            forget_views(&folder, console).await?;
            (false, certify(&eraser, certificate)?)
        }
    };
    let report = json!({ "erased_before": before, "certificate": certificate });
    let text = show(&report);
    Ok(Done::fine(report, text))
}

fn certify(eraser: &Eraser, certificate: Certificate) -> Result<Certificate> {
    eraser.certify(certificate, &|_| Ok(())).context("closing the entry in the register of erasures")
}

async fn target(args: &EraseArgs, folder: &Folder) -> Result<Target> {
    let derive = |kind: &str, text: &str| match (text.parse::<ClientId>(), &folder.identity) {
        (Ok(id), _) => Ok(id.0),
        (Err(_), Some(key)) if text.contains(':') => Ok(key.derive(kind, &[text])),
        (Err(error), _) => Err(UsageError(error.to_string())),
    };
    if let Some(text) = &args.contact {
        return Ok(Target::Contact(ContactId(derive("contact", text)?)));
    }
    if let Some(text) = &args.employee {
        return Ok(Target::Employee(EmployeeId(derive("employee", text)?)));
    }
    let text = args.client.as_deref().unwrap_or_default();
    let key = folder.identity.as_ref().context("the folder has no identity key")?;
    let found = resolve_client(&*folder.log, key, folder.settings.phone_region.as_deref(), text).await?;
    found.map(Target::Client).ok_or_else(|| anyhow!("nobody is called {text:?} in this log"))
}

/// The view files of the folder forget what is destroyed; where there are none, nothing has to.
async fn forget_views(folder: &Folder, console: &Console) -> Result<()> {
    let dir = folder.views();
    if generations::current(&dir).as_deref().is_none_or(|path: &Path| !path.exists()) {
        return Ok(());
    }
    let bar = console.progress("events", 0);
    let log: Arc<dyn EventLog> = folder.log.clone();
    let (zone, list) = (folder.settings.zone.clone(), letopis_projections::views::all());
    let progress = |at, of| {
        bar.set_length(of);
        bar.set_position(at);
    };
    let memory = folder.settings.rebuild_memory_mib << 20;
    let views = Views::open(&dir, log, folder.vault.clone(), zone, list, memory, &progress);
    let views = views.await.context("opening the views")?;
    bar.finish_and_clear();
    let hint = "the views, which are to forget; start again, or delete the folder views/";
    views.forget().await.context(hint)?;
    if let (true, Some(vault)) = (dir.join(search::FILE).exists(), &folder.vault) {
        let log: Arc<dyn EventLog> = folder.log.clone();
        let search = Search::open(&dir, log, vault.clone()).await.context("opening the search index")?;
        search.forget().await.context(hint)?;
    }
    Ok(())
}
