//! Whether a commit is appended: the one pure decision that every implementation asks.
//!
//! It reads through [`Tables`] and writes nothing, so a refused commit leaves no trace.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::{AppendError, Commit, Expected, IndexChange, LogError, MAX_COMMIT, MAX_EVENT_BYTES, Placed, StreamName};
use crate::ids::{ClientId, EventId, Version};
use crate::trust::leaf::Hash;

/// Longest name of an event type in bytes.
const MAX_TYPE_BYTES: usize = 160;
/// Longest way from a merged record to the one that stays.
const MAX_MERGES: usize = 100_000;

/// What the decision looks at: the log as it is before the commit.
pub(super) trait Tables {
    fn placed(&mut self, id: EventId) -> Result<Option<Placed>, LogError>;
    fn version(&mut self, stream: &StreamName) -> Result<Version, LogError>;
    fn owner(&mut self, identity: &Hash) -> Result<Option<ClientId>, LogError>;
    fn parent(&mut self, client: ClientId) -> Result<Option<ClientId>, LogError>;
    fn key(&mut self, subject: &[u8; 17]) -> Result<Option<u64>, LogError>;
}

/// A commit that may be written.
#[derive(Debug)]
pub(super) struct Accepted {
    /// For each event where it stands already; `None` when it is to be written.
    pub(super) places: Vec<Option<Placed>>,
    /// What changes in the look-up tables.
    pub(super) writes: Vec<Write>,
}

impl Accepted {
    /// Whether everything is recorded already.
    pub(super) fn is_repeated(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }
}

/// One row of a look-up table as it shall be; `None` removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Owner(Hash, Option<ClientId>),
    Parent(ClientId, Option<ClientId>),
    Key([u8; 17], u64),
}

/// Decides about one commit.
pub(super) fn accept(commit: &Commit, tables: &mut impl Tables) -> Result<Accepted, AppendError> {
    check_shape(commit)?;
    let places =
        commit.events.iter().map(|event| Ok(tables.placed(event.id)?)).collect::<Result<Vec<_>, AppendError>>()?;
    let mut accepted = Accepted { places, writes: Vec::new() };
    // A commit sent again is answered before anything is expected of its streams: they have moved on since.
    if accepted.is_repeated() {
        return Ok(accepted);
    }
    for (event, place) in commit.events.iter().zip(&accepted.places) {
        if let (false, Some(placed)) = (event.if_new, place) {
            return Err(AppendError::PartlyRecorded { id: event.id, position: placed.position });
        }
    }
    for (stream, expected) in &commit.expected {
        let wanted = match *expected {
            Expected::Any => continue,
            Expected::NoStream => Version(0),
            Expected::Exactly(version) => version,
        };
        let actual = tables.version(stream)?;
        if actual != wanted {
            return Err(AppendError::Conflict { stream: stream.clone(), expected: *expected, actual });
        }
    }
    accepted.writes = decide_index(&commit.index, tables)?;
    Ok(accepted)
}

/// Refuses what no log can hold, so that it never becomes an error of the storage.
fn check_shape(commit: &Commit) -> Result<(), AppendError> {
    let refused = |reason: String| Err(AppendError::Refused(format!("commit {}: {reason}", commit.id)));
    let count = commit.events.len();
    if count == 0 || count > MAX_COMMIT || commit.index.len() > 10 * MAX_COMMIT {
        return refused(format!(
            "{count} events and {} index changes, expected 1 to {MAX_COMMIT} events and at most ten times as many changes",
            commit.index.len()
        ));
    }
    let mut ids = HashSet::new();
    for event in &commit.events {
        let bytes = event.meta.len() + event.facts.len() + event.sealed.as_ref().map_or(0, |sealed| sealed.len());
        if bytes > MAX_EVENT_BYTES {
            return refused(format!("event {} has {bytes} bytes, at most {MAX_EVENT_BYTES} are taken", event.id));
        }
        if event.event_type.is_empty() || event.event_type.len() > MAX_TYPE_BYTES {
            return refused(format!("event {} has a type name that is not 1 to {MAX_TYPE_BYTES} bytes long", event.id));
        }
        if count > 1 && !ids.insert(event.id) {
            return refused(format!("event {} stands in it twice", event.id));
        }
    }
    Ok(())
}

/// The tables with the changes of this commit so far.
struct Overlay<'a, T> {
    tables: &'a mut T,
    owners: HashMap<Hash, Option<ClientId>>,
    parents: HashMap<ClientId, Option<ClientId>>,
    keys: HashMap<[u8; 17], u64>,
}

impl<T: Tables> Overlay<'_, T> {
    fn owner(&mut self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        self.owners.get(identity).map_or_else(|| self.tables.owner(identity), |owner| Ok(*owner))
    }

    fn parent(&mut self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        self.parents.get(&client).map_or_else(|| self.tables.parent(client), |parent| Ok(*parent))
    }

    fn key(&mut self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.keys.get(subject).map_or_else(|| self.tables.key(subject), |key| Ok(Some(*key)))
    }

    /// Whether `below` is answered under `client`, directly or through others.
    fn is_under(&mut self, below: ClientId, client: ClientId) -> Result<bool, LogError> {
        let mut at = below;
        for _ in 0..MAX_MERGES {
            match self.parent(at)? {
                None => return Ok(false),
                Some(parent) if parent == client => return Ok(true),
                Some(parent) => at = parent,
            }
        }
        Err(LogError::damage(format!("the merges of client {below} go round in a circle")))
    }
}

fn decide_index(changes: &[IndexChange], tables: &mut impl Tables) -> Result<Vec<Write>, AppendError> {
    let mut overlay = Overlay { tables, owners: HashMap::new(), parents: HashMap::new(), keys: HashMap::new() };
    let mut writes = Vec::new();
    for change in changes {
        let Some(write) = decide_change(change, &mut overlay)? else { continue };
        match write {
            Write::Owner(identity, owner) => drop(overlay.owners.insert(identity, owner)),
            Write::Parent(member, parent) => drop(overlay.parents.insert(member, parent)),
            Write::Key(subject, key) => drop(overlay.keys.insert(subject, key)),
        }
        writes.push(write);
    }
    Ok(writes)
}

fn decide_change<T: Tables>(change: &IndexChange, now: &mut Overlay<'_, T>) -> Result<Option<Write>, AppendError> {
    Ok(match *change {
        IndexChange::Claim { identity, client } => match now.owner(&identity)? {
            None => Some(Write::Owner(identity, Some(client))),
            Some(owner) if owner == client => None,
            Some(owner) => return Err(AppendError::IdentityTaken { owner }),
        },
        IndexChange::ClaimIfFree { identity, client } => match now.owner(&identity)? {
            None => Some(Write::Owner(identity, Some(client))),
            Some(_) => None,
        },
        IndexChange::Release { identity, client } => {
            (now.owner(&identity)? == Some(client)).then_some(Write::Owner(identity, None))
        }
        IndexChange::Merge { absorbed, into } => {
            let refused = |reason| Err(AppendError::Alias { absorbed, reason });
            if absorbed == into {
                return refused("a record cannot be merged into itself");
            }
            match now.parent(absorbed)? {
                Some(parent) if parent == into => return refused("it is merged into that record already"),
                Some(_) => return refused("it is merged into another record, un-merge it first"),
                None if now.is_under(into, absorbed)? => return refused("the other record is merged into it"),
                None => Some(Write::Parent(absorbed, Some(into))),
            }
        }
        IndexChange::Unmerge { absorbed, from } => {
            if now.parent(absorbed)? != Some(from) {
                return Err(AppendError::Alias { absorbed, reason: "it is not merged into that record" });
            }
            Some(Write::Parent(absorbed, None))
        }
        IndexChange::AssignKey { subject, key } => match now.key(&subject)? {
            None => Some(Write::Key(subject, key)),
            Some(assigned) if assigned == key => None,
            Some(assigned) => return Err(AppendError::KeyTaken { key: assigned }),
        },
    })
}
