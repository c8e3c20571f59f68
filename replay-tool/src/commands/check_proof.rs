//! `check-proof`: what a file proves, by the public key of the log alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::ids::ClientId;
use letopis_core::time::{Clock, SystemClock};
use letopis_core::trust::check::{Fork, Policy, Rejection, Report, check};
use letopis_core::trust::cosign::{Cosigned, WitnessKey};
use letopis_core::trust::hex;
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::note::VerifierKey;
use letopis_core::trust::receipt::{self, Receipt};
use serde_json::{Value, json};

use crate::console::{Done, UsageError};

/// Arguments of `check-proof`.
#[derive(Debug, Args)]
pub struct CheckProofArgs {
    /// The file: a bundle about a client, or the proof of one event.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The public key of the log, which you have from elsewhere than the file: its line, or a file with it.
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// A witness that must have cosigned: its line, or a file with it. May be given several times.
    #[arg(long, value_name = "VKEY")]
    pub witness_key: Vec<String>,
    /// How old the seal of a bundle may be, such as `90m`, `24h` or `7d`.
    #[arg(long, value_name = "AGE")]
    pub max_age: Option<String>,
    /// The bundle must be about this client (a ULID).
    #[arg(long, value_name = "ID")]
    pub client: Option<ClientId>,
    /// Size and root of a checkpoint that you have seen, as `SIZE:ROOT` in hexadecimal: the log may not have shrunk.
    #[arg(long, value_name = "SIZE:ROOT")]
    pub seen: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the file cannot be read or the keys make no sense.
pub fn run(args: &CheckProofArgs) -> Result<Done> {
    let usage = |what: &str, why: &dyn std::fmt::Display| UsageError(format!("{what}: {why}"));
    let key = VerifierKey::parse(&line(&args.key)?).map_err(|error| usage("--key", &error))?;
    let witnesses = args
        .witness_key
        .iter()
        .map(|text| line(text)?.parse::<WitnessKey>().map_err(|error| usage("--witness-key", &error).into()));
    let witnesses: Vec<WitnessKey> = witnesses.collect::<Result<_>>()?;
    let policy = Policy {
        now: SystemClock.now(),
        max_age_us: args.max_age.as_deref().map(age).transpose()?,
        seen: args.seen.as_deref().map(seen).transpose()?,
        client: args.client,
        witnesses: &witnesses,
    };
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    if receipt::is_receipt(&bytes) {
        if policy.max_age_us.is_some() || policy.seen.is_some() || policy.client.is_some() {
            let what = "--max-age, --seen and --client are about bundles, this is the proof of one event";
            return Err(UsageError(what.to_owned()).into());
        }
        return Ok(match receipt::check(&bytes, &key, &witnesses) {
            Ok(receipt) => of_event(&receipt),
            Err(why) => rejected(&args.file, &why),
        });
    }
    Ok(match check(&bytes, &key, &policy) {
        Ok(report) => of_client(&report),
        Err(why) => rejected(&args.file, &why),
    })
}

/// A key as it is given: its line, or a file that holds it.
pub(super) fn line(text: &str) -> Result<String> {
    if text.contains('+') {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text).with_context(|| format!("{text} is neither a key nor a file with one"))
}

fn age(text: &str) -> Result<i64, UsageError> {
    let wrong = |error: jiff::Error| UsageError(format!("--max-age: {error}"));
    let span: jiff::Span = text.parse().map_err(wrong)?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(wrong)?;
    match i64::try_from(length.as_micros()) {
        Ok(us) if us >= 0 => Ok(us),
        _ => Err(UsageError(format!("--max-age: {text:?} is no age"))),
    }
}

fn seen(text: &str) -> Result<(u64, Hash), UsageError> {
    let parts = text.split_once(':').and_then(|(size, root)| Some((size.parse().ok()?, hex::decode_array(root)?)));
    parts.ok_or_else(|| UsageError(format!("--seen: {text:?} is not a size and 64 hexadecimal digits")))
}

fn rejected(file: &Path, why: &Rejection) -> Done {
    let report = json!({ "ok": false, "code": why.code(), "reason": why.to_string() });
    Done::found(true, report, format!("REJECTED: {} proves nothing: {why} ({})\n", file.display(), why.code()))
}

fn of_event(receipt: &Receipt) -> Done {
    let Receipt { origin, tree, id, position, version, recorded_at, cosigned } = receipt;
    let report = json!({
        "ok": true, "log": origin, "size": tree.0, "root": hex::encode(&tree.1), "event": id, "position": position,
        "version": version, "recorded_at": recorded_at.to_string(), "cosigned": seen_by(cosigned),
    });
    let mut text = format!(
        "event {id} stands in the log {origin} at position {position}, as version {version} of its stream, recorded \
         {recorded_at}\nby the signed tree of {} events\n",
        tree.0
    );
    text += &told_by(cosigned);
    Done::fine(report, text)
}

fn of_client(report: &Report) -> Done {
    let clients: Vec<String> = report.clients.iter().map(ToString::to_string).collect();
    let document = json!({
        "ok": true, "log": report.origin, "size": report.tree.0, "root": hex::encode(&report.tree.1),
        "clients": clients, "events": report.events, "covered": report.covered,
        "sealed_at": report.sealed_at.to_string(), "epoch": report.epoch,
        "forks": report.forks.iter().map(fork).collect::<Vec<_>>(), "cosigned": seen_by(&report.cosigned),
        "opened": report.opened, "closed": report.closed, "erased": report.erased,
    });
    let mut text = match report.events {
        0 => format!("complete: the log {} has no event of client {}", report.origin, clients.join(", ")),
        n => format!("complete and unaltered: exactly {n} events of client {}", clients.join(" with ")),
    };
    text += &format!(" up to position {}, sealed {}\n", report.covered, report.sealed_at);
    text += &format!("by the signed tree of {} events of the log {}\n", report.tree.0, report.origin);
    if report.events > 0 {
        let (opened, closed, erased) = (report.opened, report.closed, report.erased);
        text += &format!("personal parts: {opened} opened, {closed} closed, {erased} erased\n");
    }
    for Fork { epoch, position, last_size, reason, .. } in &report.forks {
        text += &format!(
            "NOTE: older data were put back: epoch {epoch} begins at position {position}; what stood from there up to \
             position {last_size} before is lost (reason: {reason})\n"
        );
    }
    text += &told_by(&report.cosigned);
    Done::fine(document, text)
}

fn fork(fork: &Fork) -> Value {
    json!({
        "epoch": fork.epoch, "position": fork.position, "last_size": fork.last_size, "last_root": fork.last_root,
        "reason": fork.reason,
    })
}

fn seen_by(cosigned: &[Cosigned]) -> Vec<Value> {
    cosigned.iter().map(|one| json!({ "witness": one.witness, "at": one.at.to_string() })).collect()
}

fn told_by(cosigned: &[Cosigned]) -> String {
    if cosigned.is_empty() {
        return "no witness was asked for: the operator alone vouches that there is no other history\n".to_owned();
    }
    cosigned.iter().map(|one| format!("cosigned by {} at {}\n", one.witness, one.at)).collect()
}
