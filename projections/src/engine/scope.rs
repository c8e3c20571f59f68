//! Answers about one client that do not come from the view file: strong, as of a date, as known at a time.
//!
//! The client's facts are folded in memory into a small view file of its own, and the same queries run on it.

use letopis_core::ids::{ClientId, Position};
use letopis_core::log::StreamName;
use letopis_core::time::{Timestamp, Zone};

use super::EngineError;
use super::file::{Checkpoint, ViewFile};
use super::group::{Clocks, Group, Placed, definition_owner};
use super::live::Source;
use super::projection::Scope;
use super::read::{QueryError, Reader};
use super::rebuild::subjects;
use super::view::{Built, View, add};

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
    let Some(&root) = members.first() else { return Ok(()) };
    let streams: Vec<StreamName> = members.iter().map(|&member| StreamName::client(member)).collect();
    let facts = source.streams(&streams, Position(u64::MAX)).await?;
    let last = facts.iter().map(|fact| fact.position).max().unwrap_or_default();
    let group = Group::assemble(root.into(), members, facts, clocks);
    fold_group(source, file, &group, clocks, last)
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
    let Some(&root) = members.first() else { return Ok(()) };
    let streams: Vec<StreamName> = members.iter().map(|&member| StreamName::client(member)).collect();
    let facts = source.streams(&streams, Position(u64::MAX)).await.map_err(storage)?;
    let group = Group::assemble(root.into(), members, facts, clocks);
    let mut file = ViewFile::in_memory(source.views, zone)?;
    let zone = zone.clone();
    file.transact(Checkpoint::default(), |writer, _| {
        subjects(&group, clocks).iter().try_for_each(|(client, root, state)| writer.subject(*client, *root, state))
    })?;
    for placed in group.folded() {
        file.transact(Checkpoint::default(), |_, batch| {
            let concerned = |view: &&Box<dyn View>| {
                view.scope() == Scope::Clients && !view.per_event() && view.areas().hold(&placed.fact.event)
            };
            source
                .views
                .iter()
                .filter(concerned)
                .try_for_each(|view| view.extend(batch, group.identified, group.owner, std::slice::from_ref(placed)))
        })?;
        see(placed, &Reader::new(file.connection(), &zone, now))?;
    }
    Ok(())
}

/// Folds all definitions, seen through two clocks, into the file of [`fold_client`]: they are nobody's, so they
/// are not among the client's facts.
///
/// # Errors
/// When the log cannot be read or an event is damaged.
pub async fn fold_definitions(source: Source<'_>, file: &mut ViewFile, clocks: Clocks) -> Result<(), EngineError> {
    let zone: Zone = file.zone().clone();
    let mut built = Built::default();
    for stream in source.log.definition_streams().await.map_err(EngineError::Log)? {
        let owner = definition_owner(&stream);
        let facts = source.streams(&[stream], Position(u64::MAX)).await?;
        let group = Group::assemble(owner, Vec::new(), facts, clocks);
        for view in source.views.iter().filter(|view| view.scope() == Scope::Definitions) {
            view.build(&zone, &group, &mut built);
        }
    }
    let at = file.checkpoint()?;
    file.transact(at, |writer, _| writer.load(source.views, built)).map_err(Into::into)
}

fn fold_group(
    source: Source<'_>,
    file: &mut ViewFile,
    group: &Group,
    clocks: Clocks,
    last: Position,
) -> Result<(), EngineError> {
    let mut built = Built::default();
    let zone: Zone = file.zone().clone();
    for view in source.views.iter().filter(|view| view.scope() == Scope::Clients && view.areas().meet(group.areas)) {
        view.build(&zone, group, &mut built);
    }
    let sums = std::mem::take(&mut built.sums);
    file.transact(Checkpoint { position: last, ..Checkpoint::default() }, |writer, batch| {
        for (client, root, state) in subjects(group, clocks) {
            writer.subject(client, root, &state)?;
        }
        writer.load(source.views, built)?;
        for (key, values) in sums {
            add(&mut batch.sums, key, &values, 1);
        }
        Ok(())
    })
    .map_err(Into::into)
}
