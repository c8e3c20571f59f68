//! The walk over all rows in order: places, times, leaves, and the chain of every stream.

use std::collections::HashMap;

use letopis_core::ids::{EventId, Position, Version};
use letopis_core::time::Timestamp;
use letopis_core::trust::heads;
use letopis_core::trust::hex::Hex;
use letopis_core::trust::leaf::{Hash, Leaf, stream_tag};
use letopis_core::trust::missing::Missing;
use letopis_core::trust::store::LOG;

use super::bodies::Checked;
use super::{Findings, Verified, hex};

/// The end of a stream.
struct Head {
    tag: Hash,
    version: u64,
    /// As it is stored, and as it was recomputed.
    stored: Hash,
    computed: Hash,
    /// The finding about its leaf that the next event may make clearer.
    unclear: Option<usize>,
}

/// What the walk saw at a position.
pub(super) struct Seen {
    pub(super) position: u64,
    pub(super) leaf: Option<Hash>,
    /// The end of its stream; none for the stream `log`, which has no head.
    pub(super) head: Option<heads::Head>,
}

pub(super) struct Chains<'a> {
    names: &'a HashMap<i64, String>,
    heads: foldhash::HashMap<i64, Head>,
    keys_used: foldhash::HashSet<u64>,
    /// Streams with sealed parts that are missing, or with erasures.
    missing: HashMap<i64, Missing>,
    ids: Vec<[u8; 16]>,
    next: u64,
    recorded_at: i64,
    last_leaf: Hash,
}

impl<'a> Chains<'a> {
    pub(super) fn new(names: &'a HashMap<i64, String>) -> Self {
        Self {
            names,
            heads: foldhash::HashMap::default(),
            keys_used: foldhash::HashSet::default(),
            missing: HashMap::new(),
            ids: Vec::new(),
            next: 1,
            recorded_at: i64::MIN,
            last_leaf: Hash::default(),
        }
    }

    /// The position that was taken last.
    pub(super) fn at(&self) -> u64 {
        self.next - 1
    }

    /// The names of streams without events, and of all others.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'a str, bool)> {
        self.names.iter().map(|(key, name)| (name.as_str(), self.heads.contains_key(key)))
    }

    /// The numbers of the keys under which sealed parts that are there were sealed.
    pub(super) fn keys_used(&self) -> impl Iterator<Item = u64> {
        self.keys_used.iter().copied()
    }

    fn gap(&self, upto: u64, findings: &mut Findings) {
        match upto.saturating_sub(self.next) {
            0 => {}
            1 => findings.add(self.next, None, "the row is missing"),
            n => findings.add(self.next, None, format!("{n} rows are missing, up to position {}", upto - 1)),
        }
    }

    /// Takes the next row; gives its leaf hash and the end of its stream, as far as they can be read.
    pub(super) fn take(&mut self, row: Result<Checked, (u64, String)>, out: &mut Verified) -> Seen {
        let position = row.as_ref().map_or_else(|(position, _)| *position, |row| row.position);
        self.gap(position, &mut out.findings);
        self.next = position + 1;
        let row = match row {
            Ok(row) => row,
            Err((position, reason)) => {
                out.findings.add(position, None, format!("the row cannot be read: {reason}"));
                return Seen { position, leaf: None, head: None };
            }
        };
        out.events += 1;
        out.sealed += u64::from(row.has_sealed);
        out.erased += u64::from(row.erased);
        out.hashed_bytes += row.bytes;
        self.keys_used.extend(row.sealed_under);
        let name = self.names.get(&row.stream);
        for problem in &row.problems {
            out.findings.add(position, name.cloned(), problem.clone());
        }
        if row.recorded_at < self.recorded_at {
            out.findings.add(position, name.cloned(), "it was recorded before the event before it");
        }
        self.recorded_at = self.recorded_at.max(row.recorded_at);
        self.ids.push(row.id);
        self.last_leaf = row.leaf;
        let Some(name) = name else {
            let what = format!("its stream, number {}, is not in the table of streams", row.stream);
            out.findings.add(position, None, what);
            return Seen { position, leaf: Some(row.leaf), head: None };
        };
        if row.erased {
            self.missing.entry(row.stream).or_default().gap(Position(position));
        }
        if let Some(record) = &row.erasure
            && let Err(misfit) = self.missing.entry(row.stream).or_default().erasure(Position(position), Some(record))
        {
            out.findings.add(position, Some(name.clone()), misfit.to_string());
        }
        let head = self.heads.entry(row.stream).or_insert_with(|| Head {
            tag: stream_tag(name),
            version: 0,
            stored: Hash::default(),
            computed: Hash::default(),
            unclear: None,
        });
        let leaf = |prev| {
            let (position, version) = (Position(position), Version(row.version));
            let (id, recorded_at) = (EventId::from_bytes(row.id), Timestamp(row.recorded_at));
            let (meta, facts, sealed) = (row.meta, row.facts, row.sealed);
            Leaf { position, stream_tag: head.tag, version, prev, id, recorded_at, meta, facts, sealed }.hash()
        };
        let mut unclear = None;
        let mut computed = leaf(head.stored);
        if row.version != head.version + 1 {
            let what = format!("version {} of its stream follows version {}", row.version, head.version);
            out.findings.add(position, Some(name.clone()), what + ": its chain cannot be checked here");
            computed = row.leaf;
        } else if computed == row.leaf {
            clear(head.unclear, "its contents are not those that were recorded", &mut out.findings);
        } else if head.stored != head.computed && leaf(head.computed) == row.leaf {
            computed = row.leaf;
            clear(head.unclear, "its stored leaf hash is not the one that was recorded", &mut out.findings);
        } else {
            let what = "its leaf hash is not that of its contents";
            unclear = Some(out.findings.list.len());
            out.findings.add(position, Some(name.clone()), what);
        }
        *head = Head { tag: head.tag, version: row.version, stored: row.leaf, computed, unclear };
        let end = heads::Head { tag: Hex(head.tag), version: row.version, leaf: Hex(row.leaf) };
        Seen { position, leaf: Some(row.leaf), head: (name != LOG).then_some(end) }
    }

    /// What can be said when all rows were taken.
    pub(super) fn finish(&mut self, last: u64, out: &mut Verified) {
        self.gap(last + 1, &mut out.findings);
        out.last_position = last;
        out.last_leaf = hex(&self.last_leaf);
        out.streams = self.heads.len() as u64;
        self.ids.sort_unstable();
        for pair in self.ids.windows(2).filter(|pair| pair[0] == pair[1]) {
            let what = format!("event id {} is recorded twice", EventId::from_bytes(pair[0]));
            out.findings.add(None, None, what);
        }
        self.ids = Vec::new();
        for (stream, missing) in std::mem::take(&mut self.missing) {
            if let Err(misfit) = missing.finish() {
                out.findings.add(misfit.position().0, self.names.get(&stream).cloned(), misfit.to_string());
            }
        }
        for (key, name) in self.names {
            if !self.heads.contains_key(key) {
                out.findings.add(None, Some(name.clone()), "the stream has no events");
            }
        }
    }
}

/// The next event of the stream was made from the true leaf: now it can be said what was altered.
fn clear(unclear: Option<usize>, what: &str, findings: &mut Findings) {
    if let Some(finding) = unclear.and_then(|at| findings.list.get_mut(at)) {
        finding.what = what.to_owned();
    }
}
