//! Which facts belong together: alias groups, the two clocks, lateness.

use std::collections::{BTreeSet, HashSet};

use foldhash::HashMap;
use letopis_core::events::{Areas, ClientEvent, Event};
use letopis_core::fact::{Fact, FoldOrder, effective};
use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::log::StreamName;
use letopis_core::time::Timestamp;

use super::row::Owner;

/// The two clocks of a question. Bounds are exclusive; `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Clocks {
    /// Only what happened before.
    pub as_of: Option<Timestamp>,
    /// Only what was recorded before.
    pub known_at: Option<Timestamp>,
}

impl Clocks {
    /// Whether both are open: everything we know.
    pub fn is_now(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a record was known.
    pub fn knows(&self, recorded_at: Timestamp) -> bool {
        self.known_at.is_none_or(|bound| recorded_at < bound)
    }

    fn holds(&self, fact: &Fact) -> bool {
        self.as_of.is_none_or(|bound| fact.occurred.at < bound) || fact.is_knowledge()
    }
}

/// A merge or its undoing, as it stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AliasChange {
    /// Where.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The record that was answered under another.
    pub absorbed: ClientId,
    /// The other; `None` when the merge was undone.
    pub into: Option<ClientId>,
}

impl AliasChange {
    /// The change that a fact makes, if it is a merge or its undoing.
    pub fn of(fact: &Fact) -> Option<Self> {
        let (absorbed, into) = match &fact.event {
            Event::Client(ClientEvent::Merged(event)) => (event.absorbed, fact.client),
            Event::Client(ClientEvent::Unmerged(event)) => (event.absorbed, None),
            _ => return None,
        };
        Some(Self { position: fact.position, recorded_at: fact.recorded_at, absorbed, into })
    }
}

/// Who is answered under whom. Merges are rare: all of them fit in memory.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    parent: HashMap<ClientId, ClientId>,
    /// The reverse.
    children: HashMap<ClientId, BTreeSet<ClientId>>,
}

impl Aliases {
    /// From changes in the order of the log.
    pub fn from_changes<'a>(changes: impl IntoIterator<Item = &'a AliasChange>) -> Self {
        let mut aliases = Self::default();
        for change in changes {
            aliases.apply(change);
        }
        aliases
    }

    /// From those changes that were known then, in the order of the log.
    pub fn known<'a>(changes: impl IntoIterator<Item = &'a AliasChange>, clocks: Clocks) -> Self {
        Self::from_changes(changes.into_iter().filter(|change| clocks.knows(change.recorded_at)))
    }

    /// Takes in one more.
    pub fn apply(&mut self, change: &AliasChange) {
        match change.into {
            // The log refuses circles; one in a damaged log must not hang us.
            Some(into) if self.root(into) != change.absorbed => {
                self.part(change.absorbed);
                self.parent.insert(change.absorbed, into);
                self.children.entry(into).or_default().insert(change.absorbed);
            }
            Some(_) => {}
            None => self.part(change.absorbed),
        }
    }

    fn part(&mut self, absorbed: ClientId) {
        let Some(parent) = self.parent.remove(&absorbed) else { return };
        if let Some(children) = self.children.get_mut(&parent) {
            children.remove(&absorbed);
        }
    }

    /// The head of a client's group.
    pub fn root(&self, client: ClientId) -> ClientId {
        let mut at = client;
        while let Some(&parent) = self.parent.get(&at) {
            at = parent;
        }
        at
    }

    /// The group of a client: the head first, then the others ascending.
    pub fn group(&self, client: ClientId) -> Vec<ClientId> {
        self.members(self.root(client))
    }

    /// The group under a head: the head first, then the others ascending.
    pub fn members(&self, root: ClientId) -> Vec<ClientId> {
        let (mut group, mut next) = (vec![root], 0);
        while let Some(member) = group.get(next) {
            group.extend(self.children.get(member).into_iter().flatten());
            next += 1;
        }
        group[1..].sort_unstable();
        group
    }

    /// Every client that is answered under another, with the head of its group.
    pub fn absorbed(&self) -> impl Iterator<Item = (ClientId, ClientId)> {
        self.parent.keys().map(|&client| (client, self.root(client)))
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }
}

/// A fact in its place, and whether it was learnt late.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The fact, corrected.
    pub fact: Fact,
    /// Whether a later fact of its stream had been recorded before it.
    pub late: bool,
}

/// The facts of one owner: a client's alias group, or a definition stream.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// The head of the alias group, or the definition stream.
    pub owner: Owner,
    /// The clients of the group; empty for a definition stream.
    pub members: Vec<ClientId>,
    /// Whether anybody knows who this is.
    pub identified: bool,
    /// The facts in fold order, corrected, knowledge included.
    pub facts: Vec<Placed>,
    /// The areas of the facts that folds see: no other view has rows of this owner.
    pub areas: Areas,
    /// The members whose own stream tells who they are.
    pub known: HashSet<ClientId>,
    /// For each member the greatest place among its facts as recorded.
    pub seen: HashMap<ClientId, FoldOrder>,
    /// For each member the last event of its stream.
    pub versions: HashMap<ClientId, Version>,
    /// The greatest place among the facts as corrected.
    pub frontier: FoldOrder,
}

impl Group {
    /// Puts recorded facts of one owner in order. They may come in any order.
    pub fn assemble(owner: Owner, members: Vec<ClientId>, mut facts: Vec<Fact>, clocks: Clocks) -> Self {
        facts.retain(|fact| clocks.knows(fact.recorded_at));
        facts.sort_unstable_by_key(|fact| fact.position);
        let mut group = Self { owner, members, ..Self::default() };
        let mut late = HashSet::new();
        for fact in facts.iter().filter(|fact| !fact.is_knowledge()) {
            let Some(client) = fact.client else { continue };
            if !see(&mut group.seen, client, fact.fold_order()) {
                late.insert(fact.id);
            }
        }
        for fact in &facts {
            if let Some(client) = fact.client {
                let last = group.versions.entry(client).or_default();
                *last = fact.version.max(*last);
            }
        }
        let (facts, broken) = effective(facts);
        for id in broken {
            tracing::warn!(correction = %id, "a correction cannot be read and is left out");
        }
        group.frontier = facts.iter().filter(|f| !f.is_knowledge()).map(Fact::fold_order).max().unwrap_or_default();
        group.known = facts.iter().filter(|fact| identifies(fact)).filter_map(|fact| fact.client).collect();
        group.identified = !group.known.is_empty();
        group.facts = facts
            .into_iter()
            .filter(|fact| clocks.holds(fact))
            .map(|fact| Placed { late: late.contains(&fact.id), fact })
            .collect();
        group.areas = Areas::of(group.folded().map(|placed| &placed.fact.event));
        group
    }

    /// The facts that folds see: knowledge about merges and identities acts through the group itself.
    pub fn folded(&self) -> impl Iterator<Item = &Placed> {
        self.facts.iter().filter(|placed| !placed.fact.is_knowledge())
    }
}

/// Records that a fact was seen; false when a later one had been seen before.
pub(super) fn see(seen: &mut HashMap<ClientId, FoldOrder>, client: ClientId, order: FoldOrder) -> bool {
    let last = seen.entry(client).or_insert(order);
    let in_time = *last <= order;
    *last = (*last).max(order);
    in_time
}

/// Whether a fact tells who a client is.
pub(super) fn identifies(fact: &Fact) -> bool {
    matches!(&fact.event, Event::Client(ClientEvent::Registered(_) | ClientEvent::IdentityLinked(_)))
}

/// The owner that stands for a definition stream.
pub fn definition_owner(stream: &StreamName) -> Owner {
    let hash = blake3::hash(stream.as_str().as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    Owner(u128::from_be_bytes(id))
}

/// Bytes of a fold order that sort as it does.
pub(super) fn order_bytes((at, order, id): FoldOrder) -> [u8; 28] {
    let mut out = [0; 28];
    out[..8].copy_from_slice(&((at.0 as u64) ^ (1 << 63)).to_be_bytes());
    out[8..12].copy_from_slice(&((order as u32) ^ (1 << 31)).to_be_bytes());
    out[12..].copy_from_slice(&id.to_bytes());
    out
}

/// The reverse of [`order_bytes`].
pub(super) fn order_from(bytes: &[u8]) -> Option<FoldOrder> {
    let at = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?) ^ (1 << 63);
    let order = u32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?) ^ (1 << 31);
    let id = bytes.get(12..28)?.try_into().ok()?;
    Some((Timestamp(at as i64), order as i32, EventId::from_bytes(id)))
}
