//! Where imported events come from: native lines, or tables by a mapping. Read on a thread of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use anyhow::{Context, Result, anyhow};
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;
use letopis_core::intake::{Caller, Intake};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::ImportArgs;
use crate::console::UsageError;
use crate::mapping::{Files, Item, Mapping, Rejected};

/// Longest line of a native file, in bytes: a good deal more than the largest event.
const MAX_LINE: u64 = 1 << 20;

/// Where a row stands.
pub(super) struct Place {
    file: Arc<str>,
    rows: Vec<u64>,
}

impl Place {
    /// As it is named in reports.
    pub(super) fn shown(&self) -> Value {
        json!({ "file": &*self.file, "rows": self.rows })
    }
}

/// What a row says, for the report of those that are not taken.
pub(super) enum Record {
    /// A line of a native file.
    Line(Box<[u8]>),
    /// What a mapping made of its rows, or the row that it could make nothing of.
    Mapped(Value),
}

impl Record {
    /// As it is shown in reports: a line that is no JSON as a text.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Line(text) => serde_json::from_slice(text).unwrap_or_else(|_| json!(String::from_utf8_lossy(text))),
            Self::Mapped(value) => value.clone(),
        }
    }
}

/// A row on its way in.
pub(super) struct Row {
    pub(super) place: Place,
    /// The event, or the rule and the reason why it is none.
    pub(super) event: Result<letopis_core::intake::Item, (&'static str, String)>,
    pub(super) record: Record,
}

/// Where rows go, and who reads the events in them.
pub(super) struct Way<'a> {
    pub(super) intake: &'a Intake,
    pub(super) caller: &'a Caller,
    /// Rows that are sent at once.
    pub(super) size: usize,
    pub(super) sender: SyncSender<Vec<Row>>,
    /// Where the log is asked.
    pub(super) runtime: Handle,
    pub(super) bar: &'a ProgressBar,
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
    pub(super) fn read(self, way: &Way<'_>) -> Result<()> {
        let Way { size, bar, .. } = way;
        let mut batch = Vec::with_capacity(*size);
        match self {
            Self::Native(paths) => {
                let total = paths.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|meta| meta.len()).sum();
                bar.set_length(total);
                for path in paths {
                    if native(&path, way, &mut batch)?.is_err() {
                        return Ok(());
                    }
                }
            }
            Self::Mapped(mapping, files) => {
                let mut gone = false;
                let run = mapping.run(
                    &files,
                    &mut |item| {
                        batch.push(way.mapped(item));
                        if batch.len() >= *size && way.send(std::mem::take(&mut batch)).is_err() {
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
        // Where nobody takes the last one, the import has ended already, and says why.
        drop(way.send(batch));
        Ok(())
    }
}

/// Nobody takes rows any more.
#[derive(Debug, thiserror::Error)]
#[error("the import stopped")]
struct Gone;

impl Way<'_> {
    fn send(&self, mut batch: Vec<Row>) -> Result<(), Gone> {
        let events = batch.iter_mut().filter_map(|row| row.event.as_mut().ok());
        self.runtime.block_on(self.intake.look_ahead(events));
        self.sender.send(batch).map_err(|_| Gone)
    }

    fn mapped(&self, item: Item) -> Row {
        match item {
            Item::Event(mapped) => {
                let place = Place { file: mapped.input.unwrap_or_else(|| "the mapping".into()), rows: mapped.rows };
                let record = Record::Mapped(mapped.event.clone());
                Row { place, event: Ok(self.intake.read(self.caller, mapped.event)), record }
            }
            Item::Rejected(Rejected { record, reason }) => {
                let place = Place { file: Arc::clone(&record.input), rows: vec![record.row] };
                let fields: serde_json::Map<String, Value> =
                    record.header.iter().cloned().zip(record.fields.into_iter().map(Value::String)).collect();
                Row { place, event: Err(("mapping", reason)), record: Record::Mapped(Value::Object(fields)) }
            }
        }
    }

    fn native(&self, place: Place, text: &[u8]) -> Row {
        let event = match serde_json::from_slice(text) {
            Ok(event) => Ok(self.intake.read(self.caller, event)),
            Err(error) => Err(("malformed_json", error.to_string())),
        };
        Row { place, event, record: Record::Line(text.into()) }
    }
}

/// Reads one native file line by line. A line that is no JSON is rejected, and the next is read.
fn native(path: &Path, way: &Way<'_>, batch: &mut Vec<Row>) -> Result<Result<(), Gone>> {
    let failed = || format!("reading {}", path.display());
    let file = File::open(path).with_context(failed)?;
    let mut lines = unpacked(way.bar.wrap_read(file)).with_context(failed)?;
    let name: Arc<str> = path.display().to_string().into();
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
        batch.push(way.native(Place { file: Arc::clone(&name), rows: vec![number] }, text));
        if batch.len() >= way.size && way.send(std::mem::take(batch)).is_err() {
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
