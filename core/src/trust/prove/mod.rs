//! Reads proofs of a data folder: checkpoints, tiles, proofs of single events, bundles. It writes nothing and
//! works beside a running server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::bundle::{Bundle, ClientPart, EventPart, FORMAT, KeyPart, SealedState};
use super::heads::{self, NodeId};
use super::hex::Hex;
use super::leaf::{Hash, Leaf, stream_tag};
use super::missing::Misfit;
use super::store::{self, StoredCheckpoint, StoredTiles};
use super::tree::Tree;
use super::vault::Vault;
use super::{check, cosign, seal};
use crate::ids::{ClientId, Position, Version};
use crate::log::{EventLog, LogError, MAX_PAGE, Recorded, StreamName, alias_group};

mod leaves;

/// How often a bundle is tried again because a new checkpoint came in between.
const TRIES: usize = 10;

/// The proofs of one data folder.
pub struct Proofs {
    db: Mutex<Connection>,
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs")
    }
}

/// Whether personal parts can be read in a bundle.
#[derive(Debug, Clone, Copy)]
pub enum Personal<'a> {
    /// They stay closed.
    Closed,
    /// The bundle carries the keys that open them.
    Opened(&'a Vault),
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no checkpoint.
    #[error("nothing is sealed yet: seal the log first")]
    NotSealed,
    /// A sealed part is missing that the last seal covers, and the record of its erasure does not lie before that seal:
    /// no verifier takes such a bundle. The next seal has the record, as soon as the erasure has come so far.
    #[error("the sealed part of the event at position {0} is missing, and the last seal has no record of its erasure")]
    Unrecorded(Position),
    /// The log or the files cannot be read, or are damaged.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A checkpoint that goes on from an earlier tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// Its size.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// The proof of consistency; none when the earlier tree is the larger one.
    pub proof: Option<Vec<Hash>>,
}

impl Proofs {
    /// Opens the proofs of a folder.
    ///
    /// # Errors
    /// When the folder has none yet: its log was never followed.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Ok(Self { db: Mutex::new(store::open_reader(&dir.join(store::FILE))?) })
    }

    /// Reads at one state of the files.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, LogError>) -> Result<T, LogError> {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = db.transaction().map_err(store::failed)?;
        read(&tx)
    }

    /// The last checkpoint: a signed note.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, LogError> {
        self.with(|db| Ok(store::last_checkpoint(db)?.map(|last| last.note)))
    }

    /// The proof that a tree of `old` events is the beginning of the one in the last checkpoint; `None` when
    /// there is no such tree.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn consistency(&self, old: u64) -> Result<Option<Vec<Hash>>, LogError> {
        self.with(|db| match store::last_checkpoint(db)? {
            Some(last) if (1..=last.size).contains(&old) => {
                Tree::new(&StoredTiles(db), last.size).consistency(old).map(Some)
            }
            _ => Ok(None),
        })
    }

    /// The last checkpoint, and how it goes on from a tree of `old` events; `None` before the first.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn continuation(&self, old: u64) -> Result<Option<Continuation>, LogError> {
        self.with(|db| {
            let Some(StoredCheckpoint { size, note, .. }) = store::last_checkpoint(db)? else { return Ok(None) };
            let proof = match old {
                0 => Some(Vec::new()),
                _ if old > size => None,
                _ => Some(Tree::new(&StoredTiles(db), size).consistency(old)?),
            };
            Ok(Some(Continuation { size, note, proof }))
        })
    }

    /// A bundle about a client and all records merged with it, at the last checkpoint. It carries the signature of
    /// the log alone, so that who checks it needs no other key.
    ///
    /// # Errors
    /// When nothing is sealed yet, the last seal lacks the record of an erasure, the log or the files cannot be read, or
    /// are damaged.
    pub async fn bundle(
        &self,
        log: &dyn EventLog,
        personal: Personal<'_>,
        client: ClientId,
    ) -> Result<Vec<u8>, BundleError> {
        let mut bundle = self.cosigned_bundle(log, personal, client).await?;
        bundle.checkpoint = cosign::without_cosignatures(&bundle.checkpoint);
        Ok(bundle.encode())
    }

    /// As [`Proofs::bundle`], with the cosignatures of all witnesses that answered for the last checkpoint.
    ///
    /// # Errors
    /// As [`Proofs::bundle`].
    pub async fn cosigned_bundle(
        &self,
        log: &dyn EventLog,
        personal: Personal<'_>,
        client: ClientId,
    ) -> Result<Bundle, BundleError> {
        for _ in 0..TRIES {
            let found = self.with(|db| {
                let Some(last) = store::last_checkpoint(db)? else { return Ok(None) };
                let forks = store::forks(db, last.covered)?;
                Ok(Some((last, forks)))
            })?;
            let (last, forks) = found.ok_or(BundleError::NotSealed)?;
            let group = read_group(log, client, last.covered).await?;
            group.values().try_for_each(|events| accounted(events))?;
            let mut own = Vec::new();
            for position in forks.into_iter().chain([Position(last.size)]) {
                own.push(read_own(log, position).await?);
            }
            if let Some(bundle) = self.assemble(&last, group, own, personal)? {
                return Ok(bundle);
            }
        }
        Err(LogError::damage("new checkpoints come faster than a bundle is made").transient().into())
    }

    /// The bundle; `None` when there is a newer checkpoint.
    fn assemble(
        &self,
        last: &StoredCheckpoint,
        group: BTreeMap<ClientId, Vec<EventPart>>,
        log: Vec<EventPart>,
        personal: Personal<'_>,
    ) -> Result<Option<Bundle>, LogError> {
        let events = group.values().flatten().chain(&log);
        let mut indexes: Vec<u64> = events.filter_map(|event| leaf(event)?.position.0.checked_sub(1)).collect();
        indexes.sort_unstable();
        self.with(|db| {
            if store::last_checkpoint(db)?.as_ref() != Some(last) {
                return Ok(None);
            }
            let keys = keys(group.values().flatten(), personal)?;
            let mut clients = Vec::with_capacity(group.len());
            for (client, events) in group {
                let bucket = NodeId::bucket_of(&stream_tag(StreamName::client(client).as_str()));
                let beside = |id| Ok(Hex(store::node(db, id)?.unwrap_or_else(|| id.empty())));
                let path = heads::beside(bucket).map(beside).collect::<Result<_, LogError>>()?;
                clients.push(ClientPart { client, bucket: store::bucket(db, bucket)?, path, events });
            }
            let proof = Tree::new(&StoredTiles(db), last.size).many(&indexes)?.into_iter().map(Hex).collect();
            Ok(Some(Bundle { format: FORMAT.to_owned(), checkpoint: last.note.clone(), clients, keys, log, proof }))
        })
    }
}

fn leaf(event: &EventPart) -> Option<Leaf> {
    Leaf::from_bytes(&event.leaf.0)
}

/// Whether the erasures among these events of a stream name every sealed part that is missing.
fn accounted(events: &[EventPart]) -> Result<(), BundleError> {
    let placed = events.iter().filter_map(|event| Some((leaf(event)?.position, event)));
    check::erasures(placed).map_err(|misfit| match misfit {
        Misfit::NotErased(position) => BundleError::Unrecorded(position),
        Misfit::Record(_) => LogError::damage(misfit.to_string()).into(),
    })
}

/// The leaf hash of the stream's event before this one.
async fn before(log: &dyn EventLog, event: &Recorded) -> Result<Hash, LogError> {
    let Some(version) = event.version.0.checked_sub(2) else { return Ok([0; 32]) };
    let page = log.read_stream(&event.stream, Version(version), 1).await?;
    let missing = || LogError::damage(format!("the event before the one at position {} is missing", event.position));
    page.first().map(|event| event.leaf).ok_or_else(missing)
}

/// The events of the alias group as the sealed part of the log knows it.
async fn read_group(
    log: &dyn EventLog,
    client: ClientId,
    covered: u64,
) -> Result<BTreeMap<ClientId, Vec<EventPart>>, LogError> {
    let live = alias_group(log, client).await?;
    let mut streams = BTreeMap::new();
    let mut due = live.clone();
    // What was un-merged after the seal is found in the streams themselves.
    while let Some(member) = due.pop() {
        if streams.contains_key(&member) {
            continue;
        }
        let events = read_stream(log, &StreamName::client(member), covered).await?;
        due.extend(merges(&events).map(|(_, _, absorbed)| absorbed));
        streams.insert(member, events);
    }
    let into = |into: ClientId| {
        let streams = &streams;
        let all = streams.get(&into).map(|events| merges(events).collect()).unwrap_or_default();
        check::absorbed_after(all)
    };
    // Up to the record that stays, then down to all that are merged into it.
    let mut root = client;
    for _ in 0..streams.len() {
        let Some(above) = streams.keys().copied().find(|&above| into(above).contains(&root)) else { break };
        root = above;
    }
    let mut group = BTreeSet::new();
    let mut due = vec![root];
    while let Some(member) = due.pop() {
        if group.insert(member) {
            due.extend(into(member));
        }
    }
    Ok(streams.into_iter().filter(|(member, _)| group.contains(member)).collect())
}

fn merges(events: &[EventPart]) -> impl Iterator<Item = (u64, bool, ClientId)> {
    events.iter().filter_map(|event| {
        let merged = match event.event_type.as_str() {
            "client.merged" => true,
            "client.unmerged" => false,
            _ => return None,
        };
        Some((leaf(event)?.position.0, merged, check::absorbed(&event.facts)?))
    })
}

async fn read_stream(log: &dyn EventLog, stream: &StreamName, covered: u64) -> Result<Vec<EventPart>, LogError> {
    let mut out = Vec::new();
    let (mut at, mut prev) = (Version(0), [0; 32]);
    loop {
        let page = log.read_stream(stream, at, MAX_PAGE).await?;
        let full = page.len() == MAX_PAGE;
        for event in page {
            if event.position.0 > covered {
                return Ok(out);
            }
            out.push(EventPart::of(&event, prev)?);
            (at, prev) = (event.version, event.leaf);
        }
        if !full {
            return Ok(out);
        }
    }
}

/// An event of the stream `log`, after the one before it in that stream.
async fn read_own(log: &dyn EventLog, position: Position) -> Result<EventPart, LogError> {
    let first = |page: Vec<Recorded>| page.into_iter().next();
    let missing = || LogError::damage(format!("the event at position {position} is missing"));
    let event = first(log.read_all(Position(position.0.saturating_sub(1)), 1).await?).ok_or_else(missing)?;
    let prev = before(log, &event).await?;
    EventPart::of(&event, prev)
}

fn keys<'e>(events: impl Iterator<Item = &'e EventPart>, personal: Personal<'_>) -> Result<Vec<KeyPart>, LogError> {
    let Personal::Opened(vault) = personal else { return Ok(Vec::new()) };
    let mut found = BTreeMap::new();
    for event in events {
        let SealedState::Envelope(envelope) = &event.sealed else { continue };
        let id = seal::key_id(envelope).map_err(|error| LogError::new("a sealed part", error))?;
        if let Some(key) = vault.key(id)? {
            found.insert(id, KeyPart { id, key: Hex(*key.bytes()) });
        }
    }
    Ok(found.into_values().collect())
}
