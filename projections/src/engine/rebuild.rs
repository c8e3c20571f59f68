//! Rebuild: the whole log into a new view file, decoded once for all views, folded in parallel by owner.
//!
//! The owners are cut into parts by a hash, so that memory is bounded: with `parts` = n, the log is read n
//! times and about one n-th of it is decoded and held at once.

use std::collections::HashMap;
use std::path::Path;

use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{MAX_PAGE, Recorded};
use letopis_core::time::Zone;
use rayon::prelude::*;

use super::EngineError;
use super::file::{Checkpoint, SubjectState, ViewFile};
use super::group::{AliasChange, Aliases, Clocks, Group, definition_owner};
use super::live::Source;
use super::projection::Scope;
use super::row::Owner;
use super::view::{Built, Sums, View, add};

/// How a rebuild goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which facts.
    pub clocks: Clocks,
    /// Only events up to here; the head when `None`.
    pub upto: Option<Position>,
    /// About how many events are held in memory at once.
    pub events_in_memory: u64,
    /// At least this many parts; for tests.
    pub min_parts: u64,
}

/// Events that are held in memory at once when nothing else is said: about 1 GiB.
pub const EVENTS_IN_MEMORY: u64 = 2_000_000;

impl Default for Options {
    fn default() -> Self {
        Self { clocks: Clocks::default(), upto: None, events_in_memory: EVENTS_IN_MEMORY, min_parts: 1 }
    }
}

/// Told how many events were read of how many.
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
    let head = source.log.head().await.map_err(EngineError::Log)?;
    let upto = options.upto.map_or(head, |upto| upto.min(head));
    let parts = upto.0.div_ceil(options.events_in_memory.max(1)).max(options.min_parts).max(1);
    let scan = Scan { source, upto, clocks: options.clocks };

    let mut file = ViewFile::create(path, source.views, zone)?;
    // Which part a client belongs to depends on his merges. With one part they are found on the way.
    let mut changes = if parts > 1 { scan.alias_changes().await? } else { Vec::new() };
    let mut aliases = Aliases::from_changes(&changes);
    let (mut checkpoint, mut sums) = (Checkpoint::default(), Sums::new());
    for part in 0..parts {
        let mine = |owner: Owner| owner.0 % u128::from(parts) == u128::from(part);
        let report = |position: Position| progress(part * upto.0 + position.0, parts * upto.0);
        let (facts, end) = scan.facts(&aliases, &mine, &report).await?;
        checkpoint = end;
        if parts == 1 {
            changes = facts
                .values()
                .flatten()
                .filter_map(AliasChange::of)
                .filter(|c| options.clocks.knows(c.recorded_at))
                .collect();
            changes.sort_unstable_by_key(|change| change.position);
            aliases = Aliases::from_changes(&changes);
        }
        let mut folded = fold(source.views, zone, options.clocks, gather(facts, &aliases));
        for (key, values) in folded.built.sums.drain() {
            add(&mut sums, key, &values, 1);
        }
        file.transact(Checkpoint::default(), |writer, _| {
            folded.subjects.sort_unstable_by_key(|(client, ..)| *client);
            for (client, root, state) in &folded.subjects {
                writer.subject(*client, *root, state)?;
            }
            writer.load(source.views, folded.built)
        })?;
    }
    file.transact(checkpoint, |writer, _| {
        changes.iter().try_for_each(|change| writer.alias(change))?;
        writer.load_sums(sums)
    })?;
    file.index(source.views)?;
    Ok(file)
}

struct Scan<'a> {
    source: Source<'a>,
    upto: Position,
    clocks: Clocks,
}

impl Scan<'_> {
    /// Every page up to the end, cut there.
    async fn page(&self, after: Position) -> Result<Vec<Recorded>, EngineError> {
        let mut page = self.source.log.read_all(after, MAX_PAGE).await.map_err(EngineError::Log)?;
        page.truncate(page.partition_point(|recorded| recorded.position <= self.upto));
        Ok(page)
    }

    /// Merges and their undoings, without decoding anything else.
    async fn alias_changes(&self) -> Result<Vec<AliasChange>, EngineError> {
        let (mut changes, mut after) = (Vec::new(), Position(0));
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.last() else { return Ok(changes) };
            after = last.position;
            for recorded in page {
                if matches!(&*recorded.event_type, "client.merged" | "client.unmerged")
                    && self.clocks.knows(recorded.recorded_at)
                {
                    changes.extend(AliasChange::of(&self.source.decode(recorded)?));
                }
            }
        }
    }

    /// The facts of some owners, by their own stream.
    async fn facts(
        &self,
        aliases: &Aliases,
        mine: &(dyn Fn(Owner) -> bool + Sync),
        report: &(dyn Fn(Position) + Sync),
    ) -> Result<(HashMap<Owner, Vec<Fact>>, Checkpoint), EngineError> {
        let (mut facts, mut end) = (HashMap::<Owner, Vec<Fact>>::new(), Checkpoint::default());
        loop {
            let page = self.page(end.position).await?;
            let Some(last) = page.last() else { return Ok((facts, end)) };
            end = Checkpoint { position: last.position, leaf: last.leaf };
            let decoded: Vec<(Owner, Fact)> = page
                .into_par_iter()
                .with_min_len(64)
                .filter_map(|recorded| {
                    let client = recorded.stream.client_id();
                    let head =
                        client.map_or_else(|| definition_owner(&recorded.stream), |client| aliases.root(client).into());
                    mine(head)
                        .then(|| self.source.decode(recorded).map(|fact| (client.map_or(head, Owner::from), fact)))
                })
                .collect::<Result<_, _>>()?;
            for (owner, fact) in decoded {
                facts.entry(owner).or_default().push(fact);
            }
            report(end.position);
        }
    }
}

/// The streams of each alias group together.
fn gather(mut streams: HashMap<Owner, Vec<Fact>>, aliases: &Aliases) -> Vec<(Owner, Vec<ClientId>, Vec<Fact>)> {
    let mut heads: HashMap<ClientId, Vec<ClientId>> = HashMap::new();
    for (client, head) in aliases.absorbed() {
        heads.entry(head).or_default().push(client);
    }
    let mut groups = Vec::with_capacity(streams.len());
    for (head, mut members) in heads {
        members.sort_unstable();
        members.insert(0, head);
        let facts: Vec<Fact> = members.iter().filter_map(|&member| streams.remove(&member.into())).flatten().collect();
        // A group of another part has no facts here.
        if !facts.is_empty() {
            groups.push((head.into(), members, facts));
        }
    }
    groups.extend(streams.into_iter().map(|(owner, facts)| {
        let members = facts.first().and_then(|fact| fact.client).into_iter().collect();
        (owner, members, facts)
    }));
    groups
}

#[derive(Default)]
struct FoldedPart {
    built: Built,
    subjects: Vec<(ClientId, ClientId, SubjectState)>,
}

fn fold(
    views: &[Box<dyn View>],
    zone: &Zone,
    clocks: Clocks,
    groups: Vec<(Owner, Vec<ClientId>, Vec<Fact>)>,
) -> FoldedPart {
    groups
        .into_par_iter()
        .fold(FoldedPart::default, |mut part, (owner, members, facts)| {
            let group = Group::assemble(owner, members, facts, clocks);
            part.subjects.extend(subjects(&group, clocks));
            let scope = if group.members.is_empty() { Scope::Definitions } else { Scope::Clients };
            for view in views.iter().filter(|view| view.scope() == scope && view.areas().meet(group.areas)) {
                view.build(zone, &group, &mut part.built);
            }
            part
        })
        .reduce(FoldedPart::default, |mut a, b| {
            a.built.merge(b.built);
            a.subjects.extend(b.subjects);
            a
        })
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
