//! The verifier: says what a bundle proves, or why it proves nothing. It needs the bundle and the log's public
//! key, and shares no code with the storage.
//!
//! What a good bundle proves: the log's operator has signed a tree in which exactly these events, unaltered and
//! in this order, are those of these clients, up to what the last seal covers. Everything in the file is
//! checked; the order of the checks is part of the format, so that two verifiers name the same reason.

mod event;
mod group;
mod rejection;

use std::collections::{BTreeMap, HashSet};

use crate::ids::ClientId;
use crate::time::Timestamp;
use crate::trust::bundle::{Bundle, ClientPart, EventPart};
use crate::trust::cosign::{Cosigned, WitnessKey};
use crate::trust::heads::{self, NodeId};
use crate::trust::leaf::{Hash, Leaf, stream_tag};
use crate::trust::note::{Checkpoint, VerifierKey};
use crate::trust::tree;

pub(super) use self::event::{absorbed, erasures};
pub(super) use self::group::absorbed_after;
pub use self::rejection::Rejection;

/// What the auditor demands beyond what the bundle proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy<'a> {
    /// The present; needed with `max_age_us`.
    pub now: Timestamp,
    /// The seal may be so old, in microseconds.
    pub max_age_us: Option<i64>,
    /// Size and root of a checkpoint that was seen before.
    pub seen: Option<(u64, Hash)>,
    /// The bundle must be about this client.
    pub client: Option<ClientId>,
    /// Each of these witnesses must have cosigned the checkpoint, and nobody else.
    pub witnesses: &'a [WitnessKey],
}

/// What a bundle proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The log.
    pub origin: String,
    /// Size and root of the signed tree.
    pub tree: (u64, Hash),
    /// The clients of the group.
    pub clients: Vec<ClientId>,
    /// How many events they have, no more and no fewer.
    pub events: u64,
    /// Up to this position of the log.
    pub covered: u64,
    /// When that was sealed.
    pub sealed_at: Timestamp,
    /// The epoch of the log: one more than how often it was put back to an older state.
    pub epoch: u64,
    /// How each epoch after the first began, and what was lost then.
    pub forks: Vec<Fork>,
    /// Which witnesses saw the checkpoint, and when.
    pub cosigned: Vec<Cosigned>,
    /// Personal parts that were opened with the keys in the bundle.
    pub opened: u64,
    /// Personal parts that stayed closed.
    pub closed: u64,
    /// Personal parts that were erased.
    pub erased: u64,
}

/// The log was put back to an older state: what was signed before, and is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The epoch that began.
    pub epoch: u64,
    /// Where it is recorded: events from this position on are of the new epoch.
    pub position: u64,
    /// Size of the last tree that was signed before; events from `position` up to here are lost.
    pub last_size: u64,
    /// Its root, in hexadecimal digits.
    pub last_root: String,
    /// Why.
    pub reason: String,
}

/// An event with its leaf read and its bodies compared.
struct Checked<'a> {
    part: &'a EventPart,
    leaf: Leaf,
    hash: Hash,
}

/// Checks a bundle.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(bytes: &[u8], key: &VerifierKey, policy: &Policy<'_>) -> Result<Report, Rejection> {
    let bundle = Bundle::decode(bytes)?;
    let (checkpoint, cosigned) = check_note(&bundle.checkpoint, key, policy.witnesses)?;
    let size = checkpoint.size;
    match policy.seen {
        Some((seen, _)) if size < seen => return Err(Rejection::OlderThanSeen { size, seen }),
        Some((seen, root)) if size == seen && root != checkpoint.root => return Err(Rejection::TwoHistories { size }),
        _ => {}
    }

    let log = bundle.log.iter().map(|part| event::read(part, stream_tag("log"))).collect::<Result<Vec<_>, _>>()?;
    let seal = check_seal(&log, size)?;
    if let Some(max) = policy.max_age_us
        && policy.now.0.saturating_sub(seal.at.0) > max
    {
        return Err(Rejection::Stale { sealed_at: seal.at });
    }

    let clients: Vec<ClientId> = bundle.clients.iter().map(|part| part.client).collect();
    if clients.is_empty() || !clients.is_sorted_by(|a, b| a < b) {
        return Err(Rejection::ClientOrder);
    }
    if let Some(client) = policy.client.filter(|client| !clients.contains(client)) {
        return Err(Rejection::OtherClient { client });
    }
    let mut all = Vec::new();
    for part in &bundle.clients {
        let events = check_stream(part, seal.covered)?;
        check_heads(part, events.last(), &seal.heads_root)?;
        event::erasures(events.iter().map(|event| (event.leaf.position, event.part)))?;
        all.extend(events);
    }
    let report = Report {
        origin: checkpoint.origin,
        tree: (size, checkpoint.root),
        events: all.len() as u64,
        covered: seal.covered,
        sealed_at: seal.at,
        epoch: seal.epoch,
        forks: seal.forks,
        cosigned,
        opened: 0,
        closed: 0,
        erased: 0,
        clients,
    };
    let opened = event::open_all(&bundle, &all)?;
    group::check(&report.clients, &all)?;
    all.extend(log);
    check_tree(all, size, checkpoint.root, &bundle)?;
    Ok(Report { opened: opened.opened, closed: opened.closed, erased: opened.erased, ..report })
}

/// What a checkpoint says, when the log and each of the witnesses signed it, and nobody else.
pub(super) fn check_note(
    note: &str,
    key: &VerifierKey,
    witnesses: &[WitnessKey],
) -> Result<(Checkpoint, Vec<Cosigned>), Rejection> {
    let (checkpoint, cosigned) = key.verify_cosigned(note, witnesses)?;
    match witnesses.iter().find(|key| cosigned.iter().all(|one| one.witness != key.name())) {
        Some(missing) => Err(Rejection::NotCosigned { witness: missing.name().to_owned() }),
        None => Ok((checkpoint, cosigned)),
    }
}

struct Seal {
    forks: Vec<Fork>,
    at: Timestamp,
    covered: u64,
    epoch: u64,
    heads_root: Hash,
}

/// The events of the stream `log`: how each epoch after the first began, then the seal at the end of the tree.
fn check_seal(log: &[Checked<'_>], size: u64) -> Result<Seal, Rejection> {
    let (last, forks) = log.split_last().ok_or(Rejection::NoSeal)?;
    if last.part.event_type != "log.sealed" || last.leaf.position.0 != size {
        return Err(Rejection::NoSeal);
    }
    let facts = event::seal_of(last.part).ok_or(Rejection::BadSeal)?;
    let heads_root = facts.root().ok_or(Rejection::BadSeal)?;
    if facts.size >= size || facts.epoch == 0 {
        return Err(Rejection::BadSeal);
    }
    let (mut before, mut found) = (0, Vec::with_capacity(forks.len()));
    for (epoch, fork) in (2..).zip(forks) {
        let position = fork.leaf.position;
        if position.0 <= before || position.0 >= size {
            return Err(Rejection::PositionOrder { position });
        }
        before = position.0;
        let record = event::fork_of(fork.part).filter(|record| record.epoch == epoch);
        let record = record.ok_or(Rejection::EpochRecord { epoch: facts.epoch, missing: epoch })?;
        let (last_root, reason) = (record.last_root.to_string(), record.reason.to_string());
        found.push(Fork { epoch, position: position.0, last_size: record.last_size, last_root, reason });
    }
    let recorded = forks.len() as u64 + 1;
    if recorded != facts.epoch {
        return Err(Rejection::EpochRecord { epoch: facts.epoch, missing: recorded + 1 });
    }
    Ok(Seal { at: last.leaf.recorded_at, covered: facts.size, epoch: facts.epoch, heads_root, forks: found })
}

/// Whether the events of a client are versions 1 to n of his stream, chained, within what is covered.
fn check_stream(part: &ClientPart, covered: u64) -> Result<Vec<Checked<'_>>, Rejection> {
    let tag = stream_tag(&format!("client/{}", part.client));
    let mut out: Vec<Checked<'_>> = Vec::with_capacity(part.events.len());
    for (event, expected) in part.events.iter().zip(1..) {
        let event = event::read(event, tag)?;
        let Leaf { position, version, prev, .. } = event.leaf;
        if version.0 != expected {
            return Err(Rejection::VersionOrder { position, found: version.0, expected });
        }
        let (before, head) = out.last().map_or((0, [0; 32]), |last| (last.leaf.position.0, last.hash));
        if position.0 <= before || position.0 > covered {
            return Err(Rejection::PositionOrder { position });
        }
        if prev != head {
            return Err(Rejection::Chain { position });
        }
        out.push(event);
    }
    Ok(out)
}

/// Whether the sealed heads know this last event, and no other.
fn check_heads(part: &ClientPart, last: Option<&Checked<'_>>, root: &Hash) -> Result<(), Rejection> {
    let client = part.client;
    let tag = stream_tag(&format!("client/{client}"));
    let bucket = NodeId::bucket_of(&tag);
    let path: Vec<Hash> = part.path.iter().map(|hash| hash.0).collect();
    let in_bucket = part.bucket.iter().all(|head| NodeId::bucket_of(&head.tag.0) == bucket && head.version > 0);
    let (true, true, Ok(path)) = (in_bucket, part.bucket.is_sorted_by(|a, b| a.tag < b.tag), path.try_into()) else {
        return Err(Rejection::BucketForm { client });
    };
    if heads::root_of(bucket, &part.bucket, &path) != *root {
        return Err(Rejection::HeadsRoot { client });
    }
    let found = last.map_or(0, |last| last.leaf.version.0);
    let head = part.bucket.iter().find(|head| head.tag.0 == tag);
    let sealed = head.map_or(0, |head| head.version);
    if found != sealed {
        return Err(Rejection::HeadVersion { client, found, sealed });
    }
    if head.map(|head| head.leaf.0) != last.map(|last| last.hash) {
        return Err(Rejection::HeadLeaf { client });
    }
    Ok(())
}

/// Whether all leaves are in the signed tree, each once, with a clock that never ran back.
fn check_tree(mut all: Vec<Checked<'_>>, size: u64, root: Hash, bundle: &Bundle) -> Result<(), Rejection> {
    all.sort_by_key(|event| event.leaf.position);
    let mut ids = HashSet::new();
    let mut leaves = BTreeMap::new();
    let mut before = Timestamp(i64::MIN);
    for event in &all {
        let Leaf { position, id, recorded_at, .. } = event.leaf;
        if !ids.insert(id) || leaves.insert(position.0.wrapping_sub(1), event.hash).is_some() {
            return Err(Rejection::Twice { id });
        }
        if recorded_at < before {
            return Err(Rejection::RecordedBack { position });
        }
        before = recorded_at;
    }
    let leaves: Vec<(u64, Hash)> = leaves.into_iter().collect();
    let proof: Vec<Hash> = bundle.proof.iter().map(|hash| hash.0).collect();
    if tree::root_of_many(size, &leaves, &proof) != Some(root) {
        return Err(Rejection::NotInTree);
    }
    Ok(())
}
