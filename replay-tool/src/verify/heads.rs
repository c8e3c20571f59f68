//! The heads map, followed on a thread of its own: the root that each seal states, and the heads that are kept.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use letopis_core::log::LogError;
use letopis_core::trust::audit::TrustAudit;
use letopis_core::trust::heads::{Head, LEVELS, NodeId, bucket_hash, update};
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::store::LOG;

use super::seals::Seal;
use super::{Findings, Verified};

/// Events that are handed over at once.
const BATCH: usize = 4_096;
/// Batches that wait.
const WAITING: usize = 16;

/// What is to be done when all events up to a position are in.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// The root must be that of the seal.
    Seal(Seal),
    /// The heads and nodes that are kept are those of this position.
    Kept,
    /// What is kept as changed after the last checkpoint changed up to this position.
    Pending,
}

enum Step {
    Ends(Vec<Head>),
    At(Mark),
}

/// Hands over the ends of streams, and marks.
pub(super) struct Ends<'scope> {
    sender: SyncSender<Step>,
    batch: Vec<Head>,
    /// The next marks, the first last.
    marks: Vec<(u64, Mark)>,
    at: u64,
    follower: ScopedJoinHandle<'scope, Map>,
}

impl<'scope> Ends<'scope> {
    pub(super) fn follow(scope: &'scope Scope<'scope, '_>, seals: Vec<Seal>, kept: Option<(TrustAudit, u64)>) -> Self {
        let mut marks: Vec<(u64, Mark)> = seals.into_iter().map(|seal| (seal.covered, Mark::Seal(seal))).collect();
        if let Some((audit, covered)) = &kept {
            marks.push((*covered, Mark::Kept));
            marks.extend(audit.position().ok().map(|position| (position, Mark::Pending)));
        }
        // Stable: of one position in the order in which they were added.
        marks.sort_by_key(|(at, _)| *at);
        marks.reverse();
        let (sender, receiver) = sync_channel(WAITING);
        let follower = scope.spawn(move || Map::new(kept.map(|(audit, _)| audit)).run(&receiver));
        let mut ends = Self { sender, batch: Vec::with_capacity(BATCH), marks, at: 0, follower };
        ends.pass_marks();
        ends
    }

    /// Takes the end of a stream at a position.
    pub(super) fn take(&mut self, position: u64, head: Option<Head>) {
        if self.marks.is_empty() {
            return;
        }
        // Marks at rows that are missing are passed late, with the same heads.
        self.at = position.saturating_sub(1);
        self.pass_marks();
        self.batch.extend(head);
        self.at = position;
        self.pass_marks();
        if self.batch.len() >= BATCH {
            self.send_batch();
        }
    }

    fn pass_marks(&mut self) {
        while let Some((at, mark)) = self.marks.pop() {
            if at > self.at {
                return self.marks.push((at, mark));
            }
            self.send_batch();
            // The follower ends when nobody sends any more, and in no other way.
            drop(self.sender.send(Step::At(mark)));
        }
    }

    fn send_batch(&mut self) {
        if !self.batch.is_empty() {
            drop(self.sender.send(Step::Ends(std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH)))));
        }
    }

    /// What the heads come to.
    pub(super) fn finish(self, out: &mut Verified) {
        drop(self.sender);
        match self.follower.join() {
            Ok(map) => {
                out.seals = map.seals;
                for finding in map.findings.list {
                    out.findings.add(finding.position, finding.stream, finding.what);
                }
            }
            Err(_) => out.findings.add(None, None, "the heads could not be recomputed"),
        }
    }
}

/// The heads map as the events make it.
struct Map {
    kept: Option<TrustAudit>,
    /// By the number of the node, as are the nodes: a map of so many takes longer to search than to hash.
    buckets: Vec<Vec<Head>>,
    dirty: Vec<NodeId>,
    nodes: Vec<Option<Hash>>,
    /// Streams that changed after what is kept.
    changed: Option<HashSet<Hash>>,
    seals: u64,
    /// Seals in a row that state another root, and the finding about the first.
    others: Option<(usize, u64)>,
    findings: Findings,
}

impl Map {
    fn new(kept: Option<TrustAudit>) -> Self {
        Self {
            kept,
            buckets: vec![Vec::new(); 1 << (LEVELS + 1)],
            dirty: Vec::new(),
            nodes: vec![None; 1 << (LEVELS + 1)],
            changed: None,
            seals: 0,
            others: None,
            findings: Findings::default(),
        }
    }

    fn run(mut self, steps: &Receiver<Step>) -> Self {
        for step in steps {
            match step {
                Step::Ends(heads) => heads.into_iter().for_each(|head| self.set(head)),
                Step::At(Mark::Seal(seal)) => self.seal(seal),
                Step::At(Mark::Kept) => {
                    self.settle();
                    self.compare(Self::kept_heads);
                    self.changed = Some(HashSet::new());
                }
                Step::At(Mark::Pending) => self.compare(Self::pending),
            }
        }
        self
    }

    fn set(&mut self, head: Head) {
        let id = NodeId::bucket_of(&head.tag.0);
        let bucket = &mut self.buckets[id.0 as usize];
        match bucket.binary_search_by(|one| one.tag.cmp(&head.tag)) {
            Ok(at) => bucket[at] = head,
            Err(at) => bucket.insert(at, head),
        }
        self.dirty.push(id);
        if let Some(changed) = &mut self.changed {
            changed.insert(head.tag.0);
        }
    }

    fn settle(&mut self) -> Hash {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        if !dirty.is_empty() {
            let hash = |id: NodeId| (id, bucket_hash(&self.buckets[id.0 as usize]));
            let dirty = dirty.into_iter().map(hash).collect();
            let Ok(changed) = update(dirty, |id| Ok::<_, Infallible>(self.nodes[id.0 as usize]));
            changed.into_iter().for_each(|(id, hash)| self.nodes[id.0 as usize] = Some(hash));
        }
        self.nodes[1].unwrap_or_else(|| NodeId(1).empty())
    }

    fn seal(&mut self, seal: Seal) {
        self.seals += 1;
        if self.settle() == seal.root {
            self.others = None;
            return;
        }
        let what = format!("the heads root of this seal is not that of the first {} events", seal.covered);
        match &mut self.others {
            Some((first, more)) => {
                *more += 1;
                if let Some(finding) = self.findings.list.get_mut(*first) {
                    let what = finding.what.split(", nor ").next().unwrap_or_default().to_owned();
                    finding.what = format!("{what}, nor are those of {more} seals after it");
                }
            }
            None => {
                self.others = Some((self.findings.list.len(), 0));
                self.findings.add(seal.position, Some(LOG.to_owned()), what);
            }
        }
    }

    fn compare(&mut self, compare: fn(&mut Self, &TrustAudit) -> Result<(), LogError>) {
        let Some(audit) = self.kept.take() else { return };
        if let Err(error) = compare(self, &audit) {
            self.findings.add(None, None, format!("the heads in trust.db cannot be read: {error}"));
        }
        self.kept = Some(audit);
    }

    /// The heads and nodes that are kept must be these.
    fn kept_heads(&mut self, audit: &TrustAudit) -> Result<(), LogError> {
        let Self { buckets, nodes, findings, .. } = self;
        let mut found = 0;
        audit.heads(&mut |head| {
            found += 1;
            compare_head(buckets, head, "head", findings);
        })?;
        let all: usize = buckets.iter().map(Vec::len).sum();
        if found < all {
            findings.add(None, None, format!("{} heads are missing in trust.db", all - found));
        }
        let (mut found, mut wrong) = (0, 0_u64);
        audit.nodes(&mut |id, hash| {
            found += 1;
            wrong += u64::from(nodes.get(id.0 as usize).copied().flatten() != Some(hash));
        })?;
        let all = nodes.iter().flatten().count();
        if wrong > 0 || found != all {
            let missing = all.saturating_sub(found);
            findings.add(
                None,
                None,
                format!("{wrong} nodes of the heads map in trust.db are others, {missing} missing"),
            );
        }
        Ok(())
    }

    /// What is kept as changed since must be what changed.
    fn pending(&mut self, audit: &TrustAudit) -> Result<(), LogError> {
        let Self { buckets, findings, changed, .. } = self;
        let mut changed = changed.take().unwrap_or_default();
        audit.pending(&mut |head| {
            changed.remove(&head.tag.0);
            compare_head(buckets, head, "head that waits for the next seal", findings);
        })?;
        if !changed.is_empty() {
            let what = format!("{} heads that wait for the next seal are missing in trust.db", changed.len());
            findings.add(None, None, what);
        }
        Ok(())
    }
}

fn compare_head(buckets: &[Vec<Head>], kept: Head, what: &str, findings: &mut Findings) {
    let bucket = &buckets[NodeId::bucket_of(&kept.tag.0).0 as usize];
    match bucket.binary_search_by(|one| one.tag.cmp(&kept.tag)) {
        Ok(at) if bucket[at] == kept => {}
        Ok(at) => {
            let (tag, version) = (kept.tag, bucket[at].version);
            let what = format!(
                "the {what} of stream {tag:?} in trust.db is version {} with another leaf than version {version} of the log",
                kept.version
            );
            findings.add(None, None, what);
        }
        Err(_) => findings.add(None, None, format!("a {what} in trust.db is of no stream: {:?}", kept.tag)),
    }
}
