//! What rules know of the clients that were asked about last.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;

use super::Intake;
use super::wave::Wave;
use crate::events::{ClientEvent, Event};
use crate::fact::{Fact, Opener, effective};
use crate::ids::{ClientId, Position, Version};
use crate::log::{LogError, StreamName, alias_group};
use crate::reader::read_stream;
use crate::rules::Ledger;

/// Most ledgers that are kept in memory.
const CACHE: usize = 10_000;

/// The ledger of an alias group and how far it was read.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) streams: Vec<(StreamName, Version)>,
    pub(super) ledger: Ledger,
    pub(super) last: Position,
}

/// Ledgers by the client that stays.
#[derive(Debug, Default)]
pub(super) struct Ledgers(Mutex<HashMap<ClientId, Group>>);

impl Ledgers {
    fn map(&self) -> MutexGuard<'_, HashMap<ClientId, Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a ledger out: whoever has it may change it.
    fn take(&self, root: ClientId) -> Option<Group> {
        self.map().remove(&root)
    }

    fn put(&self, root: ClientId, group: Group) {
        let mut map = self.map();
        if map.len() >= CACHE {
            map.clear();
        }
        map.insert(root, group);
    }
}

/// Whether a ledger cannot take this fact in by itself.
fn changes_the_past(fact: &Fact) -> bool {
    matches!(fact.event, Event::Knowledge(_) | Event::Client(ClientEvent::Merged(_) | ClientEvent::Unmerged(_)))
}

impl Intake {
    /// Makes sure that the wave has the ledger of the client's alias group, and returns its key; `None`
    /// when the wave must be stored first.
    pub(super) async fn load_group(&self, wave: &mut Wave, client: ClientId) -> Result<Option<ClientId>, LogError> {
        let members = alias_group(&*self.log, client).await?;
        let root = members[0];
        if wave.groups.contains_key(&root) {
            return Ok(Some(root));
        }
        let streams: Vec<StreamName> = members.into_iter().map(StreamName::client).collect();
        let group = match self.ledgers.take(root) {
            Some(group) if group.streams.iter().map(|(stream, _)| stream).eq(&streams) => {
                match self.advance(group).await? {
                    Some(group) => group,
                    None => self.read_group(&streams).await?,
                }
            }
            _ => self.read_group(&streams).await?,
        };
        if !wave.join(&group.streams) {
            return Ok(None);
        }
        wave.groups.insert(root, group);
        Ok(Some(root))
    }

    /// Reads what came since; `None` when it changes what was read before.
    async fn advance(&self, mut group: Group) -> Result<Option<Group>, LogError> {
        let mut facts = Vec::new();
        for (stream, version) in &mut group.streams {
            if self.log.version(stream).await? > *version {
                *version = read_stream(&*self.log, Opener::Closed, stream, *version, &mut facts).await?;
            }
        }
        facts.sort_unstable_by_key(|fact| fact.position);
        let behind = facts.first().is_some_and(|fact| fact.position <= group.last);
        if behind || facts.iter().any(changes_the_past) {
            return Ok(None);
        }
        for fact in &facts {
            group.ledger.apply(fact);
            group.last = fact.position;
        }
        Ok(Some(group))
    }

    async fn read_group(&self, streams: &[StreamName]) -> Result<Group, LogError> {
        let mut facts = Vec::new();
        let mut group = Group { streams: Vec::new(), ledger: Ledger::default(), last: Position(0) };
        for stream in streams {
            let version = read_stream(&*self.log, Opener::Closed, stream, Version(0), &mut facts).await?;
            group.streams.push((stream.clone(), version));
        }
        group.last = facts.iter().map(|fact| fact.position).max().unwrap_or_default();
        // Rules judge in the order in which we learnt the facts, each as it is known to be now.
        let (mut facts, _) = effective(facts);
        facts.sort_unstable_by_key(|fact| fact.position);
        for fact in &facts {
            group.ledger.apply(fact);
        }
        Ok(group)
    }

    /// Keeps the ledgers of a wave that was stored exactly as it was decided.
    ///
    /// `stored` is the last version and position that each stream got.
    pub(super) fn keep_groups(&self, wave: &mut Wave, stored: &HashMap<StreamName, (Version, Position)>) {
        for (root, mut group) in std::mem::take(&mut wave.groups) {
            let mut as_decided = true;
            for (stream, version) in &mut group.streams {
                let pending = wave.pending.get(stream).copied().unwrap_or_default();
                if pending == 0 {
                    continue;
                }
                version.0 += pending;
                let (last, position) = stored.get(stream).copied().unwrap_or_default();
                as_decided &= last == *version;
                group.last = group.last.max(position);
            }
            let told = group.streams.iter().filter_map(|(stream, _)| stream.client_id());
            if as_decided && !told.into_iter().any(|member| wave.barred.contains(&member)) {
                self.ledgers.put(root, group);
            }
        }
    }
}
