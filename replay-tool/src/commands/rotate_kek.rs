//! `rotate-kek`: wraps all data keys by another key-encryption key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use letopis_core::random::Random;
use letopis_core::rotation::{NextKey, Step, rotate};
use letopis_core::time::SystemClock;
use serde_json::json;

use super::DataArg;
use crate::console::{Console, Done, UsageError, grouped, rate};

/// Arguments of `rotate-kek`.
#[derive(Debug, Args)]
pub struct RotateKekArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The next key-encryption key: `generate`, `file:PATH` or `env:NAME` (64 hexadecimal digits).
    #[arg(long, value_name = "SOURCE")]
    pub new_kek: String,
}

/// Runs it. Broken off, it goes on when it is called again, or at the next start of the server.
///
/// # Errors
/// When a server has the folder, a key is missing or wrong, or the key store cannot be written.
pub fn run(args: &RotateKekArgs, console: &Console) -> Result<Done> {
    let next = match args.new_kek.split_once(':') {
        None if args.new_kek == "generate" => NextKey::Generated,
        Some(("file", path)) => NextKey::File(PathBuf::from(path)),
        Some(("env", name)) => NextKey::Variable(name.to_owned()),
        _ => {
            return Err(
                UsageError(format!("--new-kek: {:?} is not generate, file:PATH or env:NAME", args.new_kek)).into()
            );
        }
    };
    let started = Instant::now();
    let bar = console.progress("keys", 0);
    let rotated = rotate(&args.data.data, Arc::new(SystemClock), &Random::system(), &next, &mut |step| {
        if let Step::Rewrapped(count) = step {
            bar.set_position(count);
        }
        Ok(())
    })
    .with_context(|| format!("rotating the key-encryption key of {}", args.data.data.display()))?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let report = json!({
        "keys": rotated.keys, "from": rotated.from, "to": rotated.to, "kept": rotated.kept, "seconds": seconds,
    });
    let mut text = format!(
        "{} data keys, wrapped by {} before, are wrapped by {}: {:.2} s, {}\n",
        grouped(rotated.keys),
        rotated.from,
        rotated.to,
        seconds,
        rate(rotated.keys, seconds)
    );
    text += if rotated.kept {
        "it lies in secrets/kek.key; destroy every copy of the one before\n"
    } else {
        "set LETOPIS_KEK to it before the next start, and destroy every copy of the one before\n"
    };
    Ok(Done::fine(report, text))
}
