//! `prove`: a file with all that the log holds of a client, to be checked without this log.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::exports::Digesting;
use letopis_core::ids::{ClientId, Version};
use letopis_core::log::{EventLog, StreamName};
use letopis_core::trust::prove::{Personal, Proofs};
use letopis_core::trust::signer;
use serde_json::json;

use super::DataArg;
use super::export::register::{self, Handed};
use crate::console::Done;
use crate::data::{Data, create_new};

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
    let bytes = match args.cosigned {
        true => proofs.cosigned_bundle(log, personal, client).await?.encode(),
        false => proofs.bundle(log, personal, client).await?,
    };
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
