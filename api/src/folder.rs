//! Opens a data folder to be served.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::LocalBoxFuture;
use letopis_core::folder::Folder;
use letopis_core::log::EventLog;
use letopis_core::random::Random;
use letopis_core::time::{Clock, SystemClock};
use letopis_core::trust::prove::Proofs;
use letopis_core::trust::signer;
use letopis_projections::engine::generations::Views;
use letopis_projections::search::Search;

use crate::automation::Automation;
use crate::keys::Keys;
use crate::state::{App, Parts};

/// Opens the log, the keys and the views of a data folder; makes what is missing.
///
/// With `always`, every request needs an API key even when none exists yet.
///
/// # Errors
/// When another process writes to the folder, it is damaged, or its log is an older one than was signed.
pub async fn open(dir: &Path, always: bool) -> anyhow::Result<App> {
    open_at(dir, always, Arc::new(SystemClock)).await
}

/// As [`open`], under another clock.
///
/// # Errors
/// As [`open`].
pub fn open_at(dir: &Path, always: bool, clock: Arc<dyn Clock>) -> LocalBoxFuture<'_, anyhow::Result<App>> {
    // Boxed, so that it is compiled once, here.
    Box::pin(opened(dir, always, clock))
}

async fn opened(dir: &Path, always: bool, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
    let folder = Folder::create_or_open(dir, Arc::clone(&clock)).await?;
    let random = Arc::new(Random::system());
    // Before anything else could append: an older log that was put back is refused here.
    let sealer = Arc::new(folder.sealer(Arc::clone(&clock), Arc::clone(&random)).await?);
    let proofs = Arc::new(Proofs::open(dir)?);
    let log_key = signer::public_line(dir)?.context("the folder has no public key")?;
    let vault = folder.vault.clone().context("the folder has no key-encryption key")?;
    let identity = folder.identity.clone().context("the folder has no identity key")?;
    let log: Arc<dyn EventLog> = folder.log.clone();
    let progress = |done, total| tracing::debug!(done, total, "building the views");
    let list = letopis_projections::views::all();
    let zone = folder.settings.zone.clone();
    let memory = folder.settings.rebuild_memory_mib << 20;
    let opener = Some(Arc::clone(&vault));
    let views = Views::open(&folder.views(), Arc::clone(&log), opener, zone, list, memory, &progress).await?;
    let search = Search::open(&folder.views(), Arc::clone(&log), Arc::clone(&vault)).await?;
    let eraser = folder.eraser.clone().context("the folder is not open for writing")?;
    let last = eraser.last_record();
    if last > views.position() || last > search.position() {
        // Files that were put back from a backup may show what was erased since.
        views.forget().await?;
        search.forget().await?;
    }
    let keys = Keys::open(dir, always)?;
    let settings = folder.settings.clone();
    Ok(App::new(Parts {
        log,
        vault,
        eraser,
        identity,
        clock,
        random,
        settings,
        views,
        search,
        keys,
        sealer,
        proofs,
        log_key,
        stopped: folder.log.stopped(),
        automation: Automation::open(dir),
    }))
}
