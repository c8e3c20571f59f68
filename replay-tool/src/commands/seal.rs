//! `seal`: sign a checkpoint of everything that is in the log.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::folder::Folder;
use letopis_core::random::Random;
use letopis_core::time::{Clock, SystemClock};
use letopis_core::trust::prove::Proofs;
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::signer;
use serde_json::json;

use super::DataArg;
use crate::console::{Done, grouped};

/// Arguments of `seal`.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// The data folder; no server may be running.
    #[command(flatten)]
    pub data: DataArg,
}

/// Runs it.
///
/// # Errors
/// When another process has the folder, the log is an older one than was signed, or it is damaged.
pub async fn run(args: &SealArgs) -> Result<Done> {
    let (folder, clock, random) = open(&args.data.data).await?;
    let sealer = folder.sealer(clock, random).await.context("opening the seals")?;
    sealed(&folder, &sealer).await
}

pub(super) async fn open(dir: &Path) -> Result<(Folder, Arc<dyn Clock>, Arc<Random>)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let folder = Folder::open(dir, Arc::clone(&clock)).await.with_context(|| format!("opening {}", dir.display()))?;
    Ok((folder, clock, Arc::new(Random::system())))
}

/// Seals and says what was signed.
pub(super) async fn sealed(folder: &Folder, sealer: &Sealer) -> Result<Done> {
    sealer.seal().await.context("sealing")?;
    let (size, key) = (*sealer.checkpoint_size().borrow(), signer::public_line(folder.dir())?);
    let note = Proofs::open(folder.dir())?.checkpoint()?;
    let report = json!({ "size": size, "checkpoint": note, "key": key });
    let text = match note {
        Some(note) => format!("{} events are sealed\n\n{note}\nkey {}\n", grouped(size), key.unwrap_or_default()),
        None => "the log is empty: there is nothing to seal\n".to_owned(),
    };
    Ok(Done::fine(report, text))
}
