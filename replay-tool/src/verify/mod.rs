//! Recomputes a log from its raw rows: every body, every leaf, every stream's chain, and the tables beside them.
//!
//! Threads read and hash ranges of positions; one walks the chains over what they hand in, in order. Nothing
//! stops at damage: a damaged row is reported with its place, and the next is checked.

mod bodies;
mod chain;
mod tables;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use letopis_core::log::LogError;
use letopis_core::log::sqlite::audit::{Audit, RawRow};
use serde::Serialize;

use bodies::{Bodies, Checked};
use chain::Chains;

/// Positions that a thread takes at once.
const CHUNK: u64 = 4_096;
/// Findings that are kept; more are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where in the log, when it has a place there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// In which stream, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// What differs.
    pub what: String,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// How many.
    pub total: u64,
    /// The first of them.
    pub list: Vec<Finding>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, position: impl Into<Option<u64>>, stream: Option<String>, what: impl Into<String>) {
        self.total += 1;
        if self.list.len() < MAX_FINDINGS {
            self.list.push(Finding { position: position.into(), stream, what: what.into() });
        }
    }
}

/// What a verification comes to.
#[derive(Debug, Default, Serialize)]
pub struct Verified {
    /// Events that were checked.
    pub events: u64,
    /// The last position.
    pub last_position: u64,
    /// The leaf hash there, in hexadecimal digits.
    pub last_leaf: String,
    /// Streams with events.
    pub streams: u64,
    /// Events with a sealed part.
    pub sealed: u64,
    /// Events whose sealed part was erased.
    pub erased: u64,
    /// Subjects whose key was destroyed; none when the key store was not at hand.
    pub keys_destroyed: u64,
    /// Bytes that were hashed.
    pub hashed_bytes: u64,
    /// How long the walk over the events took.
    pub seconds: f64,
    /// What is wrong.
    pub findings: Findings,
}

/// How thoroughly.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Compares the indexes of the file with its tables, too.
    pub deep: bool,
    /// Threads that read and hash.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { deep: false, threads: std::thread::available_parallelism().map_or(2, usize::from) }
    }
}

/// Checks a log file, with the numbers of the keys that `keys.db` holds where it is at hand.
///
/// # Errors
/// When the file cannot be opened as a log at all. Whatever is wrong inside it is a finding.
pub fn verify(
    log: &Path,
    keys: Option<&Path>,
    options: Options,
    progress: &dyn Fn(u64, u64),
) -> Result<Verified, LogError> {
    let audit = Audit::open(log)?;
    let mut verified = Verified::default();
    for line in audit.integrity(options.deep) {
        verified.findings.add(None, None, format!("SQLite: {line}"));
    }
    for line in audit.schema_differences()? {
        verified.findings.add(None, None, line);
    }
    let streams = audit.streams()?;
    let types = audit.event_types()?;
    for line in streams.broken.iter().chain(&types.broken) {
        verified.findings.add(None, None, format!("a row of the tables of names cannot be read: {line}"));
    }
    let last = audit.last_position()?;
    let started = Instant::now();
    let mut chains = Chains::new(&streams.by_key);
    let bodies = Bodies::new(&types.by_key);
    walk(log, last, options.threads.max(1), &bodies, &mut |rows| {
        for row in rows {
            chains.take(row, &mut verified);
        }
        progress(chains.at(), last);
    })?;
    chains.finish(last, &mut verified);
    verified.seconds = started.elapsed().as_secs_f64();
    tables::check(&audit, &chains, keys, &mut verified)?;
    Ok(verified)
}

type Rows = Vec<Result<Checked, (u64, String)>>;

/// Reads and hashes all rows in parallel and hands them over in order, chunk by chunk.
fn walk(
    log: &Path,
    last: u64,
    threads: usize,
    bodies: &Bodies<'_>,
    take: &mut dyn FnMut(Rows),
) -> Result<(), LogError> {
    let next = AtomicU64::new(0);
    let chunks = last.div_ceil(CHUNK);
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<(u64, Result<Rows, LogError>)>(threads);
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let audit = match Audit::open(log) {
                    Ok(audit) => audit,
                    Err(error) => return drop(sender.send((u64::MAX, Err(error)))),
                };
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= chunks {
                        return;
                    }
                    let (from, to) = (chunk * CHUNK + 1, ((chunk + 1) * CHUNK).min(last));
                    let mut rows = Vec::with_capacity((to - from + 1) as usize);
                    audit.rows(from, to, &mut |row| {
                        rows.push(match row {
                            RawRow::Event(event) => Ok(bodies.check(&event)),
                            RawRow::Broken { position, reason } => Err((position, reason)),
                        });
                    });
                    if sender.send((chunk, Ok(rows))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // At most one chunk per thread and one per place in the channel waits here.
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (chunk, rows) in receiver {
            waiting.insert(chunk, rows?);
            while let Some(rows) = waiting.remove(&due) {
                take(rows);
                due += 1;
            }
        }
        Ok(())
    })
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
