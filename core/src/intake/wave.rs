//! A wave: items that are decided one after another and appended together.
//!
//! All items of one client are one commit (a *unit*): a later one is decided as if the earlier ones were
//! stored, so it must not be stored without them. An atomic wave is one unit.

use std::collections::{BTreeMap, HashSet};

use foldhash::HashMap;
use serde_json::{Map, Value};

use super::clients::Link;
use super::ledgers::Group;
use crate::code::Code;
use crate::ids::{ClientId, EventId, Version};
use crate::log::{Commit, Expected, IndexChange, MAX_COMMIT, NewEvent, StreamName};
use crate::personal::Subject;
use crate::random::Random;
use crate::rules::Flag;
use crate::time::Clock;
use crate::trust::leaf::{Hash, Meta};
use crate::trust::seal::{self, DataKey, Place};

/// Most items that are appended together.
pub(super) const MAX_WAVE: usize = 10_000;

/// An event that waits for its commit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) event: NewEvent,
    pub(super) meta: Meta,
    /// Sealed into it by the commit.
    pub(super) part: Option<Part>,
}

/// A personal part and the key that it is sealed under.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key_id: u64,
    pub(super) key: DataKey,
    pub(super) fields: Map<String, Value>,
}

/// What is to be appended for one item.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) item: usize,
    pub(super) stream: StreamName,
    pub(super) client: Option<ClientId>,
    /// The item's event is the last.
    pub(super) entries: Vec<Entry>,
    /// How many they are, also when the commit has taken them.
    pub(super) count: usize,
    pub(super) index: Vec<IndexChange>,
    /// Versions before the wave that the decision rests on.
    pub(super) guards: Vec<(StreamName, Version)>,
    pub(super) flags: Vec<Flag>,
    /// Systems of the ids by which the client was recognised.
    pub(super) matched_by: Vec<Code>,
    pub(super) subjects: Vec<Subject>,
    pub(super) link: Option<(Link, ClientId)>,
}

/// Drafts that are one commit.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) drafts: Vec<Draft>,
    /// It is on its way to the log: nothing more goes into it.
    is_sent: bool,
    events: usize,
    guards: BTreeMap<StreamName, Version>,
}

/// Decided items and the state of the log as it will be when they are stored.
#[derive(Debug, Default)]
pub(super) struct Wave {
    /// Whether all are one commit.
    pub(super) atomic: bool,
    pub(super) units: Vec<Unit>,
    by_stream: HashMap<StreamName, usize>,
    items: usize,
    /// Of them, those that are not on their way yet.
    waiting: usize,
    /// Events that each stream gets.
    pub(super) pending: HashMap<StreamName, u64>,
    /// Which item brings this event.
    pub(super) ids: HashMap<EventId, usize>,
    /// Items that say the same as an earlier one.
    pub(super) echoes: Vec<(usize, usize)>,
    /// Identities that get an owner.
    pub(super) owners: HashMap<Hash, ClientId>,
    /// Ledgers by the client that stays.
    pub(super) groups: HashMap<ClientId, Group>,
    /// Members whose ledger cannot be told before this wave is stored.
    pub(super) barred: HashSet<ClientId>,
}

impl Wave {
    pub(super) fn new(atomic: bool) -> Self {
        Self { atomic, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub(super) fn pending(&self, stream: &StreamName) -> u64 {
        self.pending.get(stream).copied().unwrap_or_default()
    }

    /// Whether so many more events for this stream would make its commit or the wave too large.
    pub(super) fn is_full(&self, stream: &StreamName, more: usize) -> bool {
        let unit = if self.atomic { self.units.first() } else { self.unit(stream) };
        self.items >= MAX_WAVE || unit.is_some_and(|unit| unit.events + more > MAX_COMMIT)
    }

    fn unit(&self, stream: &StreamName) -> Option<&Unit> {
        self.by_stream.get(stream).map(|&at| &self.units[at])
    }

    /// Items that are not on their way yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether what the wave has for this stream is on its way: until it is stored nobody can say what follows it.
    pub(super) fn is_sent(&self, stream: &StreamName) -> bool {
        !self.atomic && self.unit(stream).is_some_and(|unit| unit.is_sent)
    }

    /// Whether anything is on its way.
    pub(super) fn has_sent(&self) -> bool {
        self.waiting < self.items
    }

    /// The units that are to be sent now.
    pub(super) fn depart(&mut self) -> Vec<usize> {
        self.waiting = 0;
        let waits = |at: &usize| !self.units[*at].is_sent && !self.units[*at].drafts.is_empty();
        let due: Vec<usize> = (0..self.units.len()).filter(waits).collect();
        due.iter().for_each(|&at| self.units[at].is_sent = true);
        due
    }

    /// Makes the streams of an alias group one unit; false when they are several already, or one on its way.
    pub(super) fn join(&mut self, streams: &[(StreamName, Version)]) -> bool {
        if self.atomic {
            return true;
        }
        let mut units = streams.iter().filter_map(|(stream, _)| self.by_stream.get(stream).copied());
        let first = units.next();
        if first.is_some_and(|first| self.units[first].is_sent || units.any(|unit| unit != first)) {
            return false;
        }
        if streams.len() > 1 {
            let at = first.unwrap_or_else(|| self.add_unit());
            self.by_stream.extend(streams.iter().map(|(stream, _)| (stream.clone(), at)));
        }
        true
    }

    fn add_unit(&mut self) -> usize {
        self.units.push(Unit::default());
        self.units.len() - 1
    }

    /// Takes in a draft: from now on the wave answers as if it were stored.
    pub(super) fn push(&mut self, draft: Draft) {
        for entry in &draft.entries {
            self.ids.insert(entry.event.id, draft.item);
            *self.pending.entry(entry.event.stream.clone()).or_default() += 1;
        }
        if let Some((link, client)) = &draft.link {
            self.owners.insert(link.hash, *client);
        }
        for change in &draft.index {
            if let IndexChange::Claim { identity, client } | IndexChange::ClaimIfFree { identity, client } = change {
                self.owners.entry(*identity).or_insert(*client);
            }
        }
        let known =
            if self.atomic { self.units.len().checked_sub(1) } else { self.by_stream.get(&draft.stream).copied() };
        let at = known.unwrap_or_else(|| self.add_unit());
        self.by_stream.insert(draft.stream.clone(), at);
        self.items += 1;
        self.waiting += 1;
        let unit = &mut self.units[at];
        unit.events += draft.entries.len();
        unit.guards.extend(draft.guards.iter().cloned());
        unit.drafts.push(draft);
    }
}

impl Unit {
    /// The commit of all its drafts. What is left of them is needed to answer.
    pub(super) fn commit(&mut self, random: &Random, clock: &dyn Clock) -> Commit {
        let id = crate::ids::CommitId(random.ulid(clock));
        let count = self.events as u32;
        let expected = std::mem::take(&mut self.guards);
        let mut commit = Commit {
            id,
            expected: expected.into_iter().map(|(stream, version)| (stream, Expected::Exactly(version))).collect(),
            events: Vec::with_capacity(self.events),
            index: Vec::new(),
        };
        for draft in &mut self.drafts {
            for Entry { mut event, meta, part } in draft.entries.drain(..) {
                if let Some(Part { key_id, key, fields }) = part {
                    let NewEvent { stream, id, event_type, schema, .. } = &event;
                    let place = Place { stream, id: *id, event_type, schema: *schema };
                    event.sealed = Some(seal::seal(key_id, &key, random.bytes(), place, &fields));
                }
                let index = commit.events.len() as u32;
                event.meta = Meta { commit: id, index, count, ..meta }.encode().into();
                commit.events.push(event);
            }
            commit.index.extend(draft.index.iter().cloned());
        }
        commit
    }
}
