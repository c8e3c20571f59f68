//! `fork`: go on from an older log that was put back, in a new epoch that records what was lost.

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::code::Code;
use letopis_core::trust::sealer::{Sealer, SealerError};
use letopis_core::trust::signer;

use super::seal::{SealArgs, open, sealed};
use crate::console::{Done, UsageError};

/// Arguments of `fork`.
#[derive(Debug, Args)]
pub struct ForkArgs {
    /// The data folder.
    #[command(flatten)]
    pub seal: SealArgs,
    /// Why the newer data are lost, as a code such as `disk_failure`; it is recorded for ever.
    #[arg(long, value_name = "CODE")]
    pub reason: String,
}

/// Runs it.
///
/// # Errors
/// When nothing is lost, or as `seal`.
pub async fn run(args: &ForkArgs) -> Result<Done> {
    let reason: Code = args.reason.parse().map_err(|error| UsageError(format!("--reason: {error}")))?;
    let (folder, clock, random) = open(&args.seal.data.data).await?;
    let (origin, before) = (folder.origin(&random)?, signer::last_signed(folder.dir())?);
    let sealer = match Sealer::fork(folder.dir(), folder.log.clone(), clock, random, &origin, reason).await {
        Err(error @ SealerError::NothingLost) => return Err(UsageError(error.to_string()).into()),
        forked => forked.context("beginning a new epoch")?,
    };
    let mut done = sealed(&folder, &sealer).await?;
    let now = signer::last_signed(folder.dir())?;
    done.report["epoch"] = now.map(|now| now.epoch).into();
    done.report["last_size"] = before.map(|before| before.size).into();
    let epoch = now.map_or(0, |now| now.epoch);
    let lost = before.map_or_else(
        || "what was signed before is not known".to_owned(),
        |before| format!("a tree of {} events was signed before", before.size),
    );
    done.text = format!("epoch {epoch} begins; {lost}, and every proof from now on says so\n{}", done.text);
    Ok(done)
}
