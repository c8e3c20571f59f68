//! `prove`: a file with all that the log holds of a client, to be checked without this log.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::exports::Digesting;
use letopis_core::ids::{ClientId, Version};
use letopis_core::log::sqlite::SqliteLog;
use letopis_core::log::{EventLog, StreamName};
use letopis_core::trust::prove::{BundleError, Personal, Proofs};
use letopis_core::trust::signer;
use serde_json::json;

use super::export::register::{self, Handed};
use super::{DataArg, seal};
use crate::console::Done;
use crate::data::{Data, create_new, is_written};

/// A server that has the folder seals what is new well within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at what it sealed.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The data folder, also of a running server.
    #[command(flatten)]
    pub data: DataArg,
    /// The client: a ULID or `system:id-in-that-system`. A ULID of nobody gets a proof of absence.
    #[arg(long, value_name = "ID")]
    pub client: String,
    /// Put the keys of the personal parts into the file: whoever has it can read them.
    #[arg(long)]
    pub opened: bool,
    /// With the cosignatures of the witnesses; who checks it must name each of them.
    #[arg(long)]
    pub cosigned: bool,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Runs it.
///
/// # Errors
/// When nothing is sealed yet, the client is unknown, or the log cannot be read or is damaged.
pub async fn run(args: &ProveArgs) -> Result<Done> {
    let (done, bundle) = prove(args).await?;
    match bundle {
        // Who has the keys can read it: a later erasure has to name it.
        Some(handed) => register::enter(&args.data.data, handed, done).await,
        None => Ok(done),
    }
}

async fn prove(args: &ProveArgs) -> Result<(Done, Option<Handed>)> {
    let dir = &args.data.data;
    let data = Data::open(dir)?;
    let client = match args.client.parse::<ClientId>() {
        Ok(client) => client,
        Err(_) => data.client(&args.client).await?,
    };
    let personal = match (&data.folder.vault, args.opened) {
        (_, false) => Personal::Closed,
        (Some(vault), true) => Personal::Opened(vault),
        (None, true) => return Err(anyhow!("the keys of the folder are not at hand: leave --opened out")),
    };
    let proofs = Proofs::open(dir).context("the log was never sealed: run `replay-tool seal`, or serve it")?;
    let log = &*data.folder.log;
    let bytes = made(dir, &proofs, log, personal, client, args.cosigned).await?;
    let mut file = create_new(&args.out)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).with_context(|| format!("writing {}", args.out.display()))?;
    let key = signer::public_line(dir)?;
    let report = json!({ "client": client, "file": args.out, "bytes": bytes.len(), "opened": args.opened, "key": key });
    let text = format!(
        "{} bytes about client {client} in {}\ncheck it with: replay-tool check-proof {} --key {}\n",
        bytes.len(),
        args.out.display(),
        args.out.display(),
        key.unwrap_or_else(|| "checkpoint.pub".to_owned()),
    );
    let is_there = log.version(&StreamName::client(client)).await? > Version(0);
    let mut digest = Digesting::default();
    digest.take(&bytes);
    let handed = Handed { what: "bundle", client: Some(client), upto: log.head().await?, digest };
    Ok((Done::fine(report, text), (args.opened && is_there).then_some(handed)))
}

/// A bundle. An erasure whose record no seal has yet is sealed first: by the server that has the folder, or here.
async fn made(
    dir: &Path,
    proofs: &Proofs,
    log: &SqliteLog,
    personal: Personal<'_>,
    client: ClientId,
    cosigned: bool,
) -> Result<Vec<u8>> {
    let (until, mut is_sealed) = (Instant::now() + PATIENCE, false);
    loop {
        let made = match cosigned {
            true => proofs.cosigned_bundle(log, personal, client).await.map(|bundle| bundle.encode()),
            false => proofs.bundle(log, personal, client).await,
        };
        let error = match made {
            Err(error @ BundleError::Unrecorded(_)) => error,
            made => return Ok(made?),
        };
        if is_written(dir)? && Instant::now() < until {
            tokio::time::sleep(PAUSE).await;
        } else if dir.join("secrets").is_dir() && !is_sealed {
            let (folder, clock, random) = seal::open(dir).await?;
            folder.sealer(clock, random).await?.seal().await.context("sealing the erasure")?;
            is_sealed = true;
        } else {
            return Err(error).context("the log has to be sealed first, where it is written");
        }
    }
}
