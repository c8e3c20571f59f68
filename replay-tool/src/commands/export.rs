//! `export`: the log as events that import elsewhere, as a raw copy, or a view as a table.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use flate2::write::GzEncoder;
use letopis_core::exports::{Digesting, WHOLE};
use letopis_core::ids::Position;
use letopis_core::log::sqlite::audit::{Audit, RawRow, copy_database};
use letopis_core::log::{EventLog, Recorded};
use letopis_core::replay::replay;
use letopis_core::trust::signer;
use letopis_core::trust::store::{self, LOG};
use serde_json::json;

use super::DataArg;
use crate::console::{Console, Done, UsageError, grouped, rate};
use crate::data::{Data, create_new};

mod event;
#[cfg(feature = "parquet")]
mod parquet;
pub(super) mod register;
mod view;

use register::Handed;
pub use view::guard;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// Into this new file, gzipped when it ends in `.gz`; to stdout when not given.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A copy of the log, leaf by leaf the same, into this empty folder.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "csv", "parquet"])]
    pub raw: Option<PathBuf>,
    /// With --raw: leave the keys of personal fields out.
    #[arg(long, requires = "raw")]
    pub without_keys: bool,
    /// This table of a view (or its rows, by the view's name) as CSV.
    #[arg(long, value_name = "VIEW", conflicts_with = "parquet")]
    pub csv: Option<String>,
    /// This table of a view as Parquet; needs --out.
    #[arg(long, value_name = "VIEW", requires = "out")]
    pub parquet: Option<String>,
    /// Only events after this position.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub after: u64,
}

/// Runs it.
///
/// # Errors
/// When the folder cannot be read or the target cannot be written.
pub async fn run(args: &ExportArgs, console: &Console) -> Result<Done> {
    let (done, handed) = hand_out(args, console).await?;
    register::enter(&args.data.data, handed, done).await
}

/// Makes the copy. Everything that was opened for it is closed when this returns.
async fn hand_out(args: &ExportArgs, console: &Console) -> Result<(Done, Handed)> {
    if let Some(target) = &args.raw {
        return raw(args, target, console);
    }
    let data = Data::open(&args.data.data)?;
    if let Some(name) = &args.csv {
        return view::csv(&data, name, args.out.as_deref());
    }
    if let Some(name) = &args.parquet {
        #[cfg(feature = "parquet")]
        return parquet::write(&data, name, args.out.as_deref().unwrap_or(Path::new("")));
        #[cfg(not(feature = "parquet"))]
        return Err(UsageError(format!("{name}: this program was built without the feature `parquet`")).into());
    }
    events(args, &data, console).await
}

/// Events as they are posted, in the order of the log.
async fn events(args: &ExportArgs, data: &Data, console: &Console) -> Result<(Done, Handed)> {
    let Some(vault) = &data.folder.vault else {
        return Err(anyhow!(
            "the keys of the folder are not at hand: without personal fields an export cannot be imported; --raw needs no keys"
        ));
    };
    let log = &*data.folder.log;
    let head = log.head().await?;
    let started = Instant::now();
    let bar = console.progress("events", head.0.saturating_sub(args.after));
    let (mut written, mut closed) = (0_u64, 0_u64);
    let mut out = open(args.out.as_deref())?;
    let line = |recorded: Recorded| -> Result<Option<(Vec<u8>, bool)>> {
        // What the log says of itself nobody can post; the other log has its own seals.
        if [LOG, WHOLE].contains(&recorded.stream.as_str()) {
            return Ok(None);
        }
        let posted = event::posted(recorded, vault)?;
        let mut line = serde_json::to_vec(&posted.event).context("writing the export")?;
        line.push(b'\n');
        Ok(Some((line, posted.is_whole)))
    };
    replay(log, Position(args.after), head, line, |page| {
        bar.inc(page.len() as u64);
        page.into_iter().flatten().try_for_each(|(line, is_whole)| {
            written += 1;
            closed += u64::from(!is_whole);
            out.write_all(&line).context("writing the export")
        })
    })?;
    let digest = out.finish().context("writing the export")?;
    let handed = Handed { what: "events", client: None, upto: head, digest };
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let report = json!({ "events": written, "position": head, "erased": closed, "seconds": seconds });
    // On stdout stands the export itself.
    if args.out.is_none() {
        eprintln!("{} events, {}", grouped(written), rate(written, seconds));
        let done = Done { exit: crate::console::Exit::Fine, report: serde_json::Value::Null, text: String::new() };
        return Ok((done, handed));
    }
    let mut text = format!("{} events up to position {head}, {}\n", grouped(written), rate(written, seconds));
    if closed > 0 {
        text += &format!("{} of them without their personal fields, which were erased\n", grouped(closed));
    }
    Ok((Done::fine(report, text), handed))
}

/// A file, perhaps gzipped, or stdout.
pub(super) enum Target {
    Plain(BufWriter<Out>),
    Packed(Box<GzEncoder<BufWriter<Out>>>),
}

/// Bytes on their way out, with their digest.
pub(super) struct Out {
    to: Box<dyn Write + Send>,
    digest: Digesting,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.take(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

pub(super) fn open(path: Option<&Path>) -> Result<Target> {
    let out = |to| BufWriter::new(Out { to, digest: Digesting::default() });
    let Some(path) = path else { return Ok(Target::Plain(out(Box::new(std::io::stdout())))) };
    let file = out(Box::new(create_new(path)?));
    Ok(match path.extension() {
        Some(end) if end == "gz" => Target::Packed(Box::new(GzEncoder::new(file, flate2::Compression::new(6)))),
        _ => Target::Plain(file),
    })
}

impl Target {
    pub(super) fn finish(self) -> std::io::Result<Digesting> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Packed(packed) => packed.finish()?,
        };
        let mut out = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        out.flush()?;
        Ok(out.digest)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Packed(packed) => packed.flush(),
        }
    }
}

/// Copies the files of the log and compares leaf by leaf.
fn raw(args: &ExportArgs, target: &Path, console: &Console) -> Result<(Done, Handed)> {
    let source = &args.data.data;
    std::fs::create_dir_all(target).with_context(|| format!("making {}", target.display()))?;
    if std::fs::read_dir(target).with_context(|| format!("reading {}", target.display()))?.next().is_some() {
        return Err(UsageError(format!("{} is not empty", target.display())).into());
    }
    let audit = Audit::open(&source.join("log.db"))?;
    // What was signed before the log, which is never behind it.
    for file in [store::FILE, signer::PUBLIC] {
        let (from, to) = (source.join(file), target.join(file));
        match file {
            _ if !from.exists() => {}
            store::FILE => copy_database(&from, &to)?,
            _ => drop(std::fs::copy(&from, &to).with_context(|| format!("copying {}", from.display()))?),
        }
    }
    let bar = console.progress("pages", 0);
    // Then the log: whatever key it names is in a key store that is copied after it.
    audit.copy_to(&target.join("log.db"), &mut |at, of| {
        bar.set_length(of);
        bar.set_position(at);
    })?;
    bar.finish_and_clear();
    let keys = source.join("keys.db");
    let with_keys = keys.exists() && !args.without_keys;
    if with_keys {
        copy_database(&keys, &target.join("keys.db"))?;
    }
    let settings = source.join("settings.toml");
    if settings.exists() {
        std::fs::copy(&settings, target.join("settings.toml")).context("copying settings.toml")?;
    }
    let copy = Audit::open(&target.join("log.db"))?;
    let events = copy.last_position()?;
    let mut different = Vec::new();
    let bar = console.progress("leaves", events);
    let mut from = 1;
    while from <= events {
        let to = events.min(from + 9_999);
        let rows = |audit: &Audit| {
            let mut rows = Vec::with_capacity(10_000);
            audit.rows(from, to, &mut |row| {
                rows.push(match row {
                    RawRow::Event(event) => Ok(event.fingerprint()),
                    RawRow::Broken { position, .. } | RawRow::Stray { position } => Err(position),
                });
            });
            rows
        };
        let (ours, theirs) = (rows(&audit), rows(&copy));
        if ours != theirs {
            let pair = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
            different.push(from + pair.unwrap_or(ours.len().min(theirs.len())) as u64);
        }
        bar.set_position(to);
        from = to + 1;
    }
    bar.finish_and_clear();
    let report = json!({ "events": events, "with_keys": with_keys, "different": different });
    let mut text = format!("{} events copied to {}", grouped(events), target.display());
    text += if with_keys { ", with wrapped keys" } else { ", without keys" };
    text += "; the secrets are not copied: hand them over another way\n";
    match different.first() {
        None => text += "the copy is the same, leaf by leaf\n",
        Some(position) => text += &format!("DIFFERENT from position {position}\n"),
    }
    let mut digest = Digesting::default();
    digest.take_file(&target.join("log.db")).context("reading the copy of the log")?;
    let handed = Handed { what: "raw", client: None, upto: Position(events), digest };
    Ok((Done::found(!different.is_empty(), report, text), handed))
}
