//! Where imported events come from: native lines, or tables by a mapping. Read on a thread of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use anyhow::{Context, Result, anyhow};
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::ImportArgs;
use crate::console::UsageError;
use crate::mapping::{Files, Item, Mapping};

/// Longest line of a native file, in bytes: a good deal more than the largest event.
const MAX_LINE: u64 = 1 << 20;

/// A row on its way in.
pub(super) struct Row {
    /// What it is called in reports.
    pub(super) place: Value,
    /// The event, or the rule and the reason why it is none.
    pub(super) event: Result<Value, (&'static str, String)>,
    /// What is kept of a row that is no event.
    pub(super) record: Value,
}

/// What is imported.
pub(super) enum Sources {
    Native(Vec<PathBuf>),
    Mapped(Box<Mapping>, Files),
}

impl Sources {
    pub(super) fn new(args: &ImportArgs) -> Result<Self> {
        let Some(path) = &args.map else {
            return Ok(Self::Native(args.files.iter().map(PathBuf::from).collect()));
        };
        let mapping = Mapping::load(path)?;
        let beside = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut files = Files::in_dir(args.from.as_deref().unwrap_or(beside));
        let names: Vec<String> = mapping.inputs().iter().map(|input| input.name().to_owned()).collect();
        for (n, file) in args.files.iter().enumerate() {
            let named = file.split_once('=').filter(|(name, _)| names.iter().any(|known| known == name));
            let (name, file) = match (named, names.get(n), names.as_slice()) {
                (Some((name, file)), _, _) => (name.to_owned(), file),
                // A table in several files.
                (None, _, [only]) => (only.clone(), file.as_str()),
                (None, Some(name), _) => (name.clone(), file.as_str()),
                (None, None, _) => {
                    return Err(
                        UsageError(format!("{file}: the mapping has only the inputs {}", names.join(", "))).into()
                    );
                }
            };
            files.named.entry(name).or_default().push(file.into());
        }
        Ok(Self::Mapped(Box::new(mapping), files))
    }

    /// Reads everything and sends it in batches, until nobody takes it any more.
    pub(super) fn read(self, size: usize, sender: &SyncSender<Vec<Row>>, bar: &ProgressBar) -> Result<()> {
        let mut batch = Vec::with_capacity(size);
        match self {
            Self::Native(paths) => {
                let total = paths.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|meta| meta.len()).sum();
                bar.set_length(total);
                for path in paths {
                    if native(&path, size, &mut batch, sender, bar)?.is_err() {
                        return Ok(());
                    }
                }
            }
            Self::Mapped(mapping, files) => {
                let mut gone = false;
                let run = mapping.run(
                    &files,
                    &mut |item| {
                        batch.push(mapped(item));
                        if batch.len() >= size && sender.send(std::mem::take(&mut batch)).is_err() {
                            gone = true;
                            return Err(Gone.into());
                        }
                        Ok(())
                    },
                    &mut |progress| {
                        bar.set_length(progress.total);
                        bar.set_position(progress.bytes);
                    },
                );
                match run {
                    Err(_) if gone => return Ok(()),
                    run => drop(run?),
                }
            }
        }
        drop(sender.send(batch));
        Ok(())
    }
}

/// Nobody takes rows any more.
#[derive(Debug, thiserror::Error)]
#[error("the import stopped")]
struct Gone;

fn mapped(item: Item) -> Row {
    match item {
        Item::Event(mapped) => {
            let place = super::place(mapped.input.as_deref().unwrap_or("the mapping"), &mapped.rows);
            Row { place, event: Ok(mapped.event), record: Value::Null }
        }
        Item::Rejected(rejected) => {
            let record = rejected.record;
            let fields: serde_json::Map<String, Value> =
                record.header.iter().cloned().zip(record.fields.into_iter().map(Value::String)).collect();
            Row {
                place: super::place(&record.input, &[record.row]),
                event: Err(("mapping", rejected.reason)),
                record: Value::Object(fields),
            }
        }
    }
}

/// Reads one native file line by line. A line that is no JSON is rejected, and the next is read.
fn native(
    path: &Path,
    size: usize,
    batch: &mut Vec<Row>,
    sender: &SyncSender<Vec<Row>>,
    bar: &ProgressBar,
) -> Result<Result<(), Gone>> {
    let failed = || format!("reading {}", path.display());
    let file = File::open(path).with_context(failed)?;
    let mut lines = unpacked(bar.wrap_read(file)).with_context(failed)?;
    let name = path.display().to_string();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = lines.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line).with_context(failed)?;
        if read == 0 {
            break;
        }
        if read as u64 > MAX_LINE {
            return Err(anyhow!("{name}: line {number} is longer than {MAX_LINE} bytes: this is no file of events"));
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let place = super::place(&name, &[number]);
        batch.push(match serde_json::from_slice::<Value>(text) {
            Ok(event) => Row { place, event: Ok(event), record: Value::Null },
            Err(error) => Row {
                place,
                event: Err(("malformed_json", error.to_string())),
                record: json!(String::from_utf8_lossy(text)),
            },
        });
        if batch.len() >= size && sender.send(std::mem::take(batch)).is_err() {
            return Ok(Err(Gone));
        }
    }
    Ok(Ok(()))
}

/// The bytes, unpacked where the first two say that they are packed.
fn unpacked(file: impl Read + 'static) -> std::io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))) } else { Box::new(file) })
}
