//! Answers about one client that do not come from the view file: strong, as of a date, as known at a time.
//!
//! The client's facts are folded in memory into a small view file, and the same queries run on it.

use std::sync::Mutex;

use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{EventLog, LogError, MAX_PAGE, StreamName, alias_group};
use letopis_core::time::{Timestamp, Zone};
use rusqlite::Connection;

use super::EngineError;
use super::built::Built;
use super::file::{Checkpoint, ViewFile};
use super::group::{AliasChange, Aliases, Clocks, Group, Placed, definition_owner};
use super::live::Source;
use super::pool::lock;
use super::projection::Scope;
use super::read::{QueryError, Reader};
use super::rebuild::{build, subjects};
use super::view::{Batch, StoreError, View};
use super::writer::Writer;

/// Files that are kept to be asked again.
const MAX_IDLE: usize = 8;

/// Empty files in memory. Making their tables takes longer than most questions: what a question puts in is taken
/// back, and the tables stay.
#[derive(Default)]
pub(super) struct Scratch {
    idle: Mutex<Vec<ViewFile>>,
}

impl Scratch {
    /// Folds groups into an empty file and asks it.
    ///
    /// # Errors
    /// When SQLite has no memory, or what the question says.
    pub(super) fn ask<T>(
        &self,
        views: &[Box<dyn View>],
        zone: &Zone,
        groups: &[Group],
        clocks: Clocks,
        ask: impl FnOnce(&Connection) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let idle = lock(&self.idle).pop();
        let file = idle.map_or_else(|| ViewFile::in_memory(views, zone), Ok)?;
        let answer = file.suppose(|writer, batch| put(views, writer, batch, groups, clocks), ask)?;
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push(file);
        }
        answer
    }
}

/// The facts of one alias group, the head first, seen through two clocks; and the last of them in the log.
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub(super) async fn group_of(
    source: Source<'_>,
    members: Vec<ClientId>,
    clocks: Clocks,
) -> Result<(Group, Position), EngineError> {
    let streams: Vec<StreamName> = members.iter().map(|&member| StreamName::client(member)).collect();
    let facts = source.streams(&streams, Position(u64::MAX)).await?;
    let last = facts.iter().map(|fact| fact.position).max().unwrap_or_default();
    let owner = members.first().copied().unwrap_or_default().into();
    Ok((Group::assemble(owner, members, facts, clocks), last))
}

/// The alias group of a client as it was known then, the head first. For a past `known_at` it reads the log up to
/// there: who was merged with whom and parted again stands in streams that the client's own does not name.
///
/// # Errors
/// When the log cannot be read or a merge is damaged.
pub async fn group_at(log: &dyn EventLog, client: ClientId, clocks: Clocks) -> Result<Vec<ClientId>, LogError> {
    if clocks.known_at.is_none() {
        return alias_group(log, client).await;
    }
    let (mut changes, mut after) = (Vec::new(), Position(0));
    loop {
        let page = log.read_all(after, MAX_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        // The clock of records never runs back: nothing behind this page was known earlier.
        let is_past = !clocks.knows(last.recorded_at);
        let merges =
            page.into_iter().filter(|event| ["client.merged", "client.unmerged"].contains(&&*event.event_type));
        for event in merges {
            changes.extend(AliasChange::of(&Fact::decode(event, Opener::Closed)?));
        }
        if is_past {
            break;
        }
    }
    Ok(Aliases::known(&changes, clocks).group(client))
}

/// Folds one alias group, the head first, seen through two clocks, into an empty file in memory.
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub async fn fold_client(
    source: Source<'_>,
    file: &mut ViewFile,
    members: Vec<ClientId>,
    clocks: Clocks,
) -> Result<(), EngineError> {
    if members.is_empty() {
        return Ok(());
    }
    let (group, last) = group_of(source, members, clocks).await?;
    let checkpoint = Checkpoint { position: last, ..Checkpoint::default() };
    file.transact(checkpoint, |writer, batch| put(source.views, writer, batch, &[group], clocks)).map_err(Into::into)
}

/// All definitions, seen through two clocks: they are nobody's, so they are not among a client's facts.
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub(super) async fn definitions(source: Source<'_>, clocks: Clocks) -> Result<Vec<Group>, EngineError> {
    let mut groups = Vec::new();
    for stream in source.log.definition_streams().await? {
        let owner = definition_owner(&stream);
        let facts = source.streams(&[stream], Position(u64::MAX)).await?;
        groups.push(Group::assemble(owner, Vec::new(), facts, clocks));
    }
    Ok(groups)
}

/// Folds all definitions, seen through two clocks, into the file of [`fold_client`].
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub async fn fold_definitions(source: Source<'_>, file: &mut ViewFile, clocks: Clocks) -> Result<(), EngineError> {
    let groups = definitions(source, clocks).await?;
    let at = file.checkpoint()?;
    file.transact(at, |writer, batch| put(source.views, writer, batch, &groups, clocks)).map_err(Into::into)
}

/// Folds the facts of one alias group one by one, seen through two clocks, and shows after each what the views
/// say. Only views that sum a client up are folded.
///
/// # Errors
/// When the log cannot be read, an event is damaged, or `see` says so.
pub async fn trace_client(
    source: Source<'_>,
    zone: &Zone,
    now: Timestamp,
    members: Vec<ClientId>,
    clocks: Clocks,
    see: &mut (dyn FnMut(&Placed, &Reader<'_>) -> Result<(), QueryError> + Send),
) -> Result<(), QueryError> {
    let storage = |error: EngineError| QueryError::Storage(Box::new(error));
    if members.is_empty() {
        return Ok(());
    }
    let (group, _) = group_of(source, members, clocks).await.map_err(storage)?;
    let mut file = ViewFile::in_memory(source.views, zone)?;
    let zone = zone.clone();
    file.transact(Checkpoint::default(), |writer, _| {
        subjects(&group, clocks).iter().try_for_each(|(client, root, state)| writer.new_subject(*client, *root, state))
    })?;
    for placed in group.folded() {
        file.transact(Checkpoint::default(), |_, batch| {
            let concerned = |view: &&dyn View| {
                view.scope() == Scope::Clients && !view.per_event() && view.areas().hold(&placed.fact.event)
            };
            let mut views = source.views.iter().map(AsRef::as_ref).filter(concerned);
            views.try_for_each(|view| view.extend(batch, group.identified, group.owner, std::slice::from_ref(placed)))
        })?;
        see(placed, &Reader::new(file.connection(), &zone, now))?;
    }
    Ok(())
}

/// Folds groups into empty tables.
fn put(
    views: &[Box<dyn View>],
    writer: &Writer<'_>,
    batch: &mut Batch<'_>,
    groups: &[Group],
    clocks: Clocks,
) -> Result<(), StoreError> {
    let mut built = Built::default();
    for group in groups {
        build(views, batch.zone, group, &mut built);
        for (client, root, state) in subjects(group, clocks) {
            writer.new_subject(client, root, &state)?;
        }
    }
    writer.load(views, &built)?;
    writer.load_sums(&built.sums)?;
    (batch.digests, batch.newly_parked) = (built.digests, built.parked);
    Ok(())
}
