//! `stat`: what is in the log and how far the views are.

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::log::sqlite::audit::Audit;
use letopis_core::time::Timestamp;
use serde_json::{Value, json};

use super::DataArg;
use crate::console::Done;
use crate::data::Data;
use crate::table::show;

/// Arguments of `stat`.
#[derive(Debug, Args)]
pub struct StatArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
}

/// Runs it.
///
/// # Errors
/// When log or view file cannot be read.
pub fn run(args: &StatArgs) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let path = args.data.data.join("log.db");
    let audit = Audit::open(&path)?;
    let counts = audit.counts()?;
    let head = audit.last_position()?;
    let streams = audit.streams()?.by_key;
    let clients = streams.values().filter(|name| name.starts_with("client/")).count();
    let file = |name: &str| std::fs::metadata(args.data.data.join(name)).map_or(0, |meta| meta.len());
    let types: Vec<Value> = counts
        .iter()
        .map(|count| {
            json!({
                "type": count.event_type, "schema": count.schema, "events": count.events,
                "first_occurred": Timestamp(count.occurred.0).to_string(),
                "last_occurred": Timestamp(count.occurred.1).to_string(),
            })
        })
        .collect();
    let span = |pick: fn(&(i64, i64)) -> i64,
                of: fn(&letopis_core::log::sqlite::audit::TypeCount) -> &(i64, i64),
                last: bool| {
        let times = counts.iter().map(|count| pick(of(count)));
        (if last { times.max() } else { times.min() }).map(|at| Timestamp(at).to_string())
    };
    let views = views(&data, head)?;
    let tables: Vec<Value> =
        audit.bytes_by_table().into_iter().map(|(table, bytes)| json!({ "table": table, "bytes": bytes })).collect();
    let report = json!({
        "events": counts.iter().map(|count| count.events).sum::<u64>(),
        "head": head,
        "streams": streams.len(),
        "client_streams": clients,
        "first_occurred": span(|t| t.0, |c| &c.occurred, false),
        "last_occurred": span(|t| t.1, |c| &c.occurred, true),
        "first_recorded": span(|t| t.0, |c| &c.recorded, false),
        "last_recorded": span(|t| t.1, |c| &c.recorded, true),
        "log_bytes": file("log.db") + file("log.db-wal"),
        "keys_bytes": file("keys.db"),
        "time_zone": data.folder.settings.zone.name(),
        "types": types,
        "tables": tables,
        "views": views,
    });
    let text = show(&report);
    Ok(Done::fine(report, text))
}

fn views(data: &Data, head: u64) -> Result<Value> {
    let Some(stored) = data.stored()? else { return Ok(Value::Null) };
    let at = stored.checkpoint()?.position.0;
    let bytes = std::fs::metadata(stored.path()).context("the view file")?.len();
    let list: Vec<Value> = stored
        .status()?
        .into_iter()
        .map(|view| {
            json!({
                "view": view.name, "version": view.version, "fingerprint": view.fingerprint,
                "digest": format!("{:032x}", view.digest), "parked": view.parked,
            })
        })
        .collect();
    Ok(json!({ "position": at, "lag": head.saturating_sub(at), "bytes": bytes, "list": list }))
}
