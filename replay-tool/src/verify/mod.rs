//! Recomputes a log from its raw rows: every body, every leaf, every stream's chain, the tree with its tiles, the
//! heads that each seal states, the root of every checkpoint and its signature, and the tables beside them.
//!
//! Threads read and hash ranges of positions; one walks chains and tree over what they hand in, in order, another
//! follows the heads, and one lets SQLite check its pages. Nothing stops at damage: a damaged row is reported with its
//! place, and the next is checked.

mod bodies;
mod chain;
mod heads;
mod seals;
mod tables;
mod tree;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use letopis_core::log::LogError;
use letopis_core::log::sqlite::audit::{Audit, RawRow};
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::tree::{TILE_WIDTH, tile_hash};
use serde::Serialize;

use bodies::{Bodies, Checked};
use chain::Chains;

/// Positions that a thread takes at once: few enough that the allocator keeps their memory from one to the next.
const CHUNK: u64 = 1_024;
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
    /// Adds others behind them.
    fn append(&mut self, others: Self) {
        self.total += others.total;
        self.list.extend(others.list);
        self.list.truncate(MAX_FINDINGS);
    }

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
    /// Seals whose heads were recomputed.
    pub seals: u64,
    /// Signed trees whose roots were recomputed.
    pub checkpoints: u64,
    /// The last position that one of them has; what is behind it nobody signed yet.
    pub signed: u64,
    /// The key by which signatures were checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Bytes that were hashed.
    pub hashed_bytes: u64,
    /// How long it took.
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

/// What lies beside a log, as far as it is at hand.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// The key store: the numbers of its keys are compared with those that are used.
    pub keys: Option<&'a Path>,
    /// The folder with `trust.db`, the public key and the record of what was signed.
    pub folder: Option<&'a Path>,
    /// The public key as the auditor has it, a line; that of the folder when it is not given.
    pub key: Option<String>,
    /// Checkpoints that the auditor got before: the log must have grown from each of them.
    pub seen: Vec<String>,
}

/// Checks a log file and what lies beside it.
///
/// # Errors
/// When the file cannot be opened as a log at all. Whatever is wrong inside it is a finding.
pub fn verify(
    log: &Path,
    beside: &Beside<'_>,
    options: Options,
    progress: &dyn Fn(u64, u64),
) -> Result<Verified, LogError> {
    let started = Instant::now();
    let mut verified = Verified::default();
    // What was signed is read before the log, which is never behind it, also while a server writes.
    let signed = seals::Signed::read(beside, &mut verified);
    let audit = Audit::open(log)?;
    for line in audit.schema_differences()? {
        verified.findings.add(None, None, line);
    }
    let streams = audit.streams()?;
    let types = audit.event_types()?;
    for line in streams.broken.iter().chain(&types.broken) {
        verified.findings.add(None, None, format!("a row of the tables of names cannot be read: {line}"));
    }
    let last = audit.last_position()?;
    let seals = seals::read(&audit, &types.by_key, &mut verified.findings)?;
    let seals::Signed { tiles, heads, trees } = signed.against(&seals, last, &mut verified);
    let mut chains = Chains::new(&streams.by_key);
    let bodies = Bodies::new(&types.by_key);
    let mut tree = tree::Trees::new(tiles, trees);
    let pages = Audit::open(log)?;
    let mut found = std::thread::scope(|scope| {
        let pages = scope.spawn(move || pages.integrity(options.deep));
        let mut ends = heads::Ends::follow(scope, seals, heads);
        walk(log, last, options.threads.max(1), &bodies, &mut |chunk| {
            let Chunk { rows, tiles, strays } = chunk;
            for position in strays {
                verified.findings.add(position, None, tables::STRAY);
            }
            for row in rows {
                let seen = chains.take(row, &mut verified);
                let tile = tiles.get(((seen.position - 1) % CHUNK / TILE_WIDTH as u64) as usize).copied().flatten();
                tree.take(seen.position, seen.leaf, tile, &mut verified);
                ends.take(seen.position, seen.head);
            }
            progress(chains.at(), last);
        })?;
        chains.finish(last, &mut verified);
        tree.finish(last, &mut verified);
        ends.finish(&mut verified);
        let mut found = Findings::default();
        for line in pages.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            found.add(None, None, format!("SQLite: {line}"));
        }
        Ok::<_, LogError>(found)
    })?;
    tables::check(&audit, &chains, beside.keys, &mut verified)?;
    // What SQLite says of the file comes first: it may explain the rest.
    found.append(std::mem::take(&mut verified.findings));
    verified.findings = found;
    verified.seconds = started.elapsed().as_secs_f64();
    Ok(verified)
}

/// Rows, and the hash above each group of 256 of them that is whole.
struct Chunk {
    rows: Vec<Result<Checked, (u64, String)>>,
    tiles: Vec<Option<Hash>>,
    /// Where sealed parts lie that no event has.
    strays: Vec<u64>,
}

impl Chunk {
    fn new(rows: Vec<Result<Checked, (u64, String)>>, strays: Vec<u64>, from: u64) -> Self {
        let mut tile = Vec::with_capacity(TILE_WIDTH * 32);
        let whole = rows.len() == CHUNK as usize;
        let is_in_place =
            |(row, position): (&Result<Checked, _>, u64)| matches!(row, Ok(row) if row.position == position);
        let tiles = rows.chunks_exact(TILE_WIDTH).zip((from..).step_by(TILE_WIDTH)).map(|(group, from)| {
            // Without a row the groups behind it are shifted.
            if !whole || !group.iter().zip(from..).all(is_in_place) {
                return None;
            }
            tile.clear();
            group.iter().flatten().for_each(|row| tile.extend_from_slice(&row.leaf));
            Some(tile_hash(&tile))
        });
        let tiles = tiles.collect();
        Self { rows, tiles, strays }
    }
}

/// Reads and hashes all rows in parallel and hands them over in order, chunk by chunk.
fn walk(
    log: &Path,
    last: u64,
    threads: usize,
    bodies: &Bodies<'_>,
    take: &mut dyn FnMut(Chunk),
) -> Result<(), LogError> {
    let next = AtomicU64::new(0);
    let chunks = last.div_ceil(CHUNK);
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<(u64, Result<Chunk, LogError>)>(threads);
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
                    let (mut rows, mut strays) = (Vec::with_capacity((to - from + 1) as usize), Vec::new());
                    audit.rows(from, to, &mut |row| match row {
                        RawRow::Event(event) => rows.push(Ok(bodies.check(&event))),
                        RawRow::Broken { position, reason } => rows.push(Err((position, reason))),
                        RawRow::Stray { position } => strays.push(position),
                    });
                    if sender.send((chunk, Ok(Chunk::new(rows, strays, from)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // At most one chunk per thread and one per place in the channel waits here.
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (number, chunk) in receiver {
            waiting.insert(number, chunk?);
            while let Some(chunk) = waiting.remove(&due) {
                take(chunk);
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
