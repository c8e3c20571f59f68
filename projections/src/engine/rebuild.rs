//! Rebuild: the whole log into a new view file, in bounded memory, decoded once for all views.
//!
//! Three stages. Several threads read the log and put its events into parts by owner, as bytes, beyond a bound
//! into a file. Several threads take a part each, decode it owner by owner and fold every view. One thread
//! writes the rows as the parts come; totals, then indexes, are made at the end.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use foldhash::HashMap;
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{LogError, Recorded};
use letopis_core::replay::replay;
use letopis_core::time::Zone;

use super::EngineError;
use super::built::{Built, add_digest};
use super::file::{Checkpoint, SubjectState, ViewFile};
use super::group::{AliasChange, Aliases, Clocks, Group, definition_owner};
use super::live::Source;
use super::parts::Parts;
use super::pool::lock;
use super::projection::Scope;
use super::record;
use super::row::Owner;
use super::totals::Totals;
use super::view::{Parked, StoreError, View};
use super::writer::Writer;

/// How a rebuild goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which facts.
    pub clocks: Clocks,
    /// Only events up to here; the head when `None`.
    pub upto: Option<Position>,
    /// About how many bytes of memory are used; what does not fit waits in a file beside the new one.
    pub memory: u64,
    /// At least this many parts; for tests.
    pub min_parts: u64,
}

/// Bytes of memory that a rebuild uses when nothing else is said: 1 GiB.
pub const MEMORY: u64 = 1 << 30;
/// A part has one event for so many bytes of memory, within [`PART`]: some parts, with rows ten times their size,
/// are held at once.
const MEMORY_PER_EVENT: u64 = 64 << 10;
/// Fewest and most events of a part. The rows of larger ones leave the processor's cache before they are written.
const PART: (u64, u64) = (512, 4_096);

/// Sums are held in memory under one key for so many bytes of it.
const MEMORY_PER_TOTAL: u64 = 4 << 10;

impl Default for Options {
    fn default() -> Self {
        Self { clocks: Clocks::default(), upto: None, memory: MEMORY, min_parts: 1 }
    }
}

/// Told how much is done of how much; every event is read, then folded.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Folds the log into a new file. The file stands at the position it was folded up to, with indexes.
///
/// # Errors
/// When the log cannot be read, an event is damaged or the file cannot be written.
pub async fn rebuild(
    source: Source<'_>,
    path: &Path,
    zone: &Zone,
    options: Options,
    progress: Progress<'_>,
) -> Result<ViewFile, EngineError> {
    let head = source.log.head().await?;
    let upto = options.upto.map_or(head, |upto| upto.min(head));
    let mut file = ViewFile::create(path, source.views, zone)?;
    file.limit_cache(options.memory / 8)?;

    let events = (options.memory / MEMORY_PER_EVENT).clamp(PART.0, PART.1);
    let count = upto.0.div_ceil(events).max(options.min_parts).max(1) as usize;
    let held = (options.memory / 2) as usize;
    let parts = Parts::new(count, held, &beside(path, "-parts"));
    let (changes, checkpoint) = scan(source, upto, options.clocks, &parts, progress)?;

    // Events of merged records lie in parts of their own streams, and are moved to parts of their groups.
    let aliases = Aliases::from_changes(&changes);
    let groups = Groups::of(&aliases);
    let moved = Parts::new(count, held / 4, &beside(path, "-groups"));
    let totals = Totals::new((options.memory / MEMORY_PER_TOTAL) as usize);
    let mut ends = Ends { totals, digests: HashMap::default(), parked: Vec::new() };
    for (parts, moved) in [(&parts, Some(&moved)), (&moved, None)] {
        let folding =
            Folding { source, zone, clocks: options.clocks, groups: &groups, parts, moved, upto: upto.0, progress };
        if !parts.is_empty() {
            folding.run(&mut file, &mut ends)?;
        }
    }
    file.transact(checkpoint, |writer, batch| {
        changes.iter().try_for_each(|change| writer.alias(change))?;
        batch.digests = ends.digests;
        batch.newly_parked = ends.parked;
        ends.totals.finish(source.views, writer)
    })?;
    file.index(source.views)?;
    Ok(file)
}

/// A file beside another.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn store(error: std::io::Error) -> EngineError {
    EngineError::Store(Box::new(error))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Reads the log into parts. Returns the merges and their undoings, in the order of the log, and where it ends.
fn scan(
    source: Source<'_>,
    upto: Position,
    clocks: Clocks,
    parts: &Parts,
    progress: Progress<'_>,
) -> Result<(Vec<AliasChange>, Checkpoint), EngineError> {
    let (mut changes, mut end) = (Vec::new(), Checkpoint::default());
    let put = |recorded: Recorded| -> Result<_, EngineError> {
        let end = Checkpoint { position: recorded.position, leaf: recorded.leaf };
        if !clocks.knows(recorded.recorded_at) {
            return Ok((end, None));
        }
        let client = recorded.stream.client_id();
        let owner = client.map_or_else(|| definition_owner(&recorded.stream), Owner::from);
        parts.put(owner, |out| record::put(out, owner, &recorded)).map_err(store)?;
        let is_change = matches!(&*recorded.event_type, "client.merged" | "client.unmerged");
        let change = if is_change { AliasChange::of(&source.decode(recorded)?) } else { None };
        Ok((end, change))
    };
    replay(source.log, Position(0), upto, put, |page| {
        end = page.last().map_or(end, |(end, _)| *end);
        changes.extend(page.into_iter().filter_map(|(_, change)| change));
        progress(end.position.0, upto.0 * 2);
        Ok(())
    })?;
    if end.position != upto {
        return Err(EngineError::Log(LogError::damage(format!("position {upto} of the log is missing"))));
    }
    Ok((changes, end))
}

/// The alias groups of more than one record, by their heads; the head stands first.
struct Groups<'a> {
    aliases: &'a Aliases,
    members: HashMap<ClientId, Vec<ClientId>>,
}

impl<'a> Groups<'a> {
    fn of(aliases: &'a Aliases) -> Self {
        let mut members: HashMap<ClientId, Vec<ClientId>> = HashMap::default();
        for (client, head) in aliases.absorbed() {
            members.entry(head).or_default().push(client);
        }
        for (head, members) in &mut members {
            members.sort_unstable();
            members.insert(0, *head);
        }
        Self { aliases, members }
    }

    /// The head of the group that an owner belongs to, if it is in any.
    fn head(&self, owner: Owner) -> Option<Owner> {
        let head = self.aliases.root(owner.client());
        self.members.contains_key(&head).then_some(head.into())
    }
}

/// What is written when all parts are: sums over all of them.
struct Ends {
    totals: Totals,
    digests: HashMap<&'static str, u128>,
    parked: Vec<Parked>,
}

impl Ends {
    fn take(&mut self, built: &mut Built, writer: &Writer<'_>) -> Result<(), StoreError> {
        for (view, digest) in built.digests.drain() {
            add_digest(&mut self.digests, view, digest);
        }
        self.parked.append(&mut built.parked);
        self.totals.take(&mut built.sums, writer)
    }
}

/// Folds parts into a file.
struct Folding<'a> {
    source: Source<'a>,
    zone: &'a Zone,
    clocks: Clocks,
    groups: &'a Groups<'a>,
    parts: &'a Parts,
    /// Where events of merged records are moved to; `None` when they are here.
    moved: Option<&'a Parts>,
    upto: u64,
    progress: Progress<'a>,
}

/// A part, folded: rows, and what the file keeps about the clients.
#[derive(Default)]
struct FoldedPart {
    built: Built,
    subjects: Vec<(ClientId, ClientId, SubjectState)>,
}

impl Folding<'_> {
    fn run(&self, file: &mut ViewFile, ends: &mut Ends) -> Result<(), EngineError> {
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let (sender, folded) = sync_channel(1);
        // Parts that were written, to be used again.
        let written = Mutex::new(Vec::new());
        let work = |sender: SyncSender<Result<FoldedPart, EngineError>>| {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.parts.count() {
                    return;
                }
                let empty = lock(&written).pop().unwrap_or_default();
                // Nobody receives any more when writing failed.
                if sender.send(self.part(number, empty, &done)).is_err() {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads() {
                let sender = sender.clone();
                scope.spawn(|| work(sender));
            }
            drop(sender);
            for part in folded {
                let mut part = part?;
                file.transact(Checkpoint::default(), |writer, _| {
                    for (client, root, state) in &part.subjects {
                        writer.new_subject(*client, *root, state)?;
                    }
                    writer.load(self.source.views, &part.built)?;
                    ends.take(&mut part.built, writer)
                })?;
                part.built.clear();
                part.subjects.clear();
                lock(&written).push(part);
            }
            Ok(())
        })
    }

    /// Decodes and folds a part into an empty one, owner by owner, in the order of owners.
    fn part(&self, number: usize, mut out: FoldedPart, done: &AtomicU64) -> Result<FoldedPart, EngineError> {
        let bytes = self.parts.take(number).map_err(store)?;
        let mut entries = record::entries(&bytes)?;
        entries.sort_unstable_by_key(|entry| (entry.owner, entry.position));
        for entries in entries.chunk_by(|a, b| a.owner == b.owner) {
            let owner = entries[0].owner;
            if let (Some(moved), Some(head)) = (self.moved, self.groups.head(owner)) {
                for entry in entries {
                    moved.put(head, |out| entry.put_as(out, head)).map_err(store)?;
                }
                continue;
            }
            let decode = |entry: &record::Entry<'_>| self.source.decode(entry.read()?);
            let facts: Vec<Fact> = entries.iter().map(decode).collect::<Result<_, _>>()?;
            let of_one = || facts.first().and_then(|fact| fact.client).into_iter().collect();
            let members = self.groups.members.get(&owner.client()).cloned().unwrap_or_else(of_one);
            let group = Group::assemble(owner, members, facts, self.clocks);
            out.subjects.extend(subjects(&group, self.clocks));
            build(self.source.views, self.zone, &group, &mut out.built);
        }
        if self.moved.is_some() {
            let folded = entries.len() as u64;
            (self.progress)(self.upto + done.fetch_add(folded, Ordering::Relaxed) + folded, self.upto * 2);
        }
        Ok(out)
    }
}

/// Folds all views that are concerned by the facts of a group.
pub(super) fn build(views: &[Box<dyn View>], zone: &Zone, group: &Group, out: &mut Built) {
    let scope = if group.members.is_empty() { Scope::Definitions } else { Scope::Clients };
    let views = views.iter().map(AsRef::as_ref);
    let concerned = views.filter(|view: &&dyn View| view.scope() == scope && view.areas().meet(group.areas));
    concerned.for_each(|view| view.build(zone, group, out));
}

/// What the view file keeps about the clients of a group.
pub(super) fn subjects(group: &Group, clocks: Clocks) -> Vec<(ClientId, ClientId, SubjectState)> {
    // Somebody of whom nothing had happened yet was not there.
    if clocks.as_of.is_some() && group.folded().next().is_none() {
        return Vec::new();
    }
    let frontier = group.seen.values().copied().max().unwrap_or_default().max(group.frontier);
    let state = |client: &ClientId| SubjectState {
        identified: group.identified,
        known: group.known.contains(client),
        version: group.versions.get(client).copied().unwrap_or_default(),
        seen: group.seen.get(client).copied().unwrap_or_default(),
        frontier,
    };
    group.members.iter().map(|client| (*client, group.owner.client(), state(client))).collect()
}
