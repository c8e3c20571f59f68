//! What `letopis demo` shows: real data from `fixtures/`, loaded through the one way facts enter the log.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use letopis_core::import::{BATCH, Importer, Tally};
use letopis_core::intake::Caller;
use letopis_core::mapping::{Files, Item, Mapping};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::state::App;

/// The public tables that are loaded, each by the mapping of its name.
const SETS: [&str; 4] = ["maven", "cfpb", "retail", "bank"];
/// Batches that are read ahead.
const AHEAD: usize = 2;

/// Loads the public tables below a folder of fixtures; `told` hears what was loaded of each.
///
/// # Errors
/// When a table or a mapping cannot be read, or the log takes no more.
pub async fn load(app: &App, fixtures: &Path, told: impl Fn(&str, &Tally)) -> anyhow::Result<()> {
    for set in SETS {
        let mapping = fixtures.join("mappings").join(format!("{set}.toml"));
        let tables = fixtures.join("data").join(set);
        let (sender, mut batches) = mpsc::channel(AHEAD);
        let reader = std::thread::spawn(move || read(&mapping, tables, &sender));
        let caller = Caller { actor: "demo".into(), source: Some("demo".into()), ..Caller::default() };
        let mut importer = Importer::new(&app.intake, caller);
        while let Some(batch) = batches.recv().await {
            importer.post(batch).await?;
        }
        match reader.join() {
            Ok(read) => read.with_context(|| format!("the tables of {set} cannot be loaded"))?,
            Err(_) => anyhow::bail!("the reader of {set} stopped"),
        }
        told(set, importer.tally());
    }
    Ok(())
}

/// Reads the tables of a set and sends what they say in batches, until nobody takes it any more.
fn read(mapping: &Path, tables: PathBuf, sender: &mpsc::Sender<Vec<Value>>) -> anyhow::Result<()> {
    let mapping = Mapping::load(mapping)?;
    let mut batch = Vec::with_capacity(BATCH);
    let gone = || std::io::Error::other("nobody takes the events");
    mapping.run(
        &Files::in_dir(tables),
        &mut |item| {
            if let Item::Event(mapped) = item {
                batch.push(mapped.event);
                if batch.len() >= BATCH {
                    sender.blocking_send(std::mem::take(&mut batch)).map_err(|_| gone())?;
                }
            }
            Ok(())
        },
        &mut |_| {},
    )?;
    sender.blocking_send(batch).map_err(|_| gone())?;
    Ok(())
}

/// Commands to try, once the demo is served.
pub fn tour(address: std::net::SocketAddr) -> String {
    let ask = |path: &str, what: &str| format!("  curl -s 'http://{address}{path}'   # {what}\n");
    [
        ask("/v1/clients/retail:17850", "a client's card, by his id in another system"),
        ask("/v1/clients/retail:17850?as_of=2010-12-31", "the card as it was then"),
        ask("/v1/clients/retail:17850/history?limit=3", "what happened with him, in its true order"),
        ask("/v1/orders/retail:536365", "an order"),
        ask("/v1/funnel/board", "deals in their stages"),
        ask("/v1/funnel/board?as_of=2017-06-30", "the board on any past day"),
        ask("/v1/funnel/win-rate?by=manager", "who wins how often"),
        ask("/v1/cases/overview", "complaints, answers and how long they took"),
        ask("/v1/loyalty/repeat-rate", "who comes back"),
        ask("/v1/log/checkpoint", "what the log signs: its size and the root of its tree"),
        ask("/v1/log/proof/1", "the proof that its first event stands there"),
        ask("/v1/views", "every view, how far it is, and its digest"),
        format!("  http://{address}/docs   # every endpoint, in the browser\n"),
    ]
    .concat()
}
