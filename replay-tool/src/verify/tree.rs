//! The tree over all leaves: its tiles as they are kept, and the roots that were signed.

use std::collections::BTreeMap;

use letopis_core::trust::audit::TrustAudit;
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::tree::{Edge, TILE_WIDTH, Tree};

use super::{Findings, Verified, seals};

/// Follows the tree leaf by leaf.
pub(super) struct Trees {
    edge: Edge,
    kept: Option<TrustAudit>,
    /// The last leaf that is in the tiles that are kept, and how many tiles were found.
    upto: u64,
    found: u64,
    signed: BTreeMap<u64, Vec<seals::Tree>>,
    /// Signed trees in a row whose roots are others, and the finding about the first.
    others: Option<(usize, u64)>,
    /// From here on a leaf is not known.
    lost: Option<u64>,
}

impl Trees {
    pub(super) fn new(kept: Option<TrustAudit>, signed: BTreeMap<u64, Vec<seals::Tree>>) -> Self {
        let upto = kept.as_ref().and_then(|kept| kept.position().ok()).unwrap_or_default();
        Self { edge: Edge::default(), kept, upto, found: 0, signed, others: None, lost: None }
    }

    /// Adds the leaf at a position, with the hash of the tile that it fills, if somebody made it.
    pub(super) fn take(&mut self, position: u64, leaf: Option<Hash>, tile: Option<Hash>, out: &mut Verified) {
        // Rows that are missing are reported by the chains; their leaves may be in the tiles.
        while self.edge.size() + 1 < position && self.lost.is_none() {
            self.push(self.edge.size() + 1, None, None, out);
        }
        if self.edge.size() + 1 == position && self.lost.is_none() {
            self.push(position, leaf, tile, out);
        }
    }

    fn push(&mut self, position: u64, leaf: Option<Hash>, tile: Option<Hash>, out: &mut Verified) {
        let Some(leaf) = leaf.or_else(|| self.leaf_kept(position)) else {
            self.lost = Some(position);
            if !self.signed.is_empty() {
                let what = "without this leaf the tree cannot be recomputed from here on";
                out.findings.add(position, None, what);
            }
            return;
        };
        let mut full = Vec::new();
        let tile = tile.filter(|_| position.is_multiple_of(TILE_WIDTH as u64));
        self.edge.push_known(leaf, tile, &mut |level, index, data| full.push((level, index, data)));
        for (level, index, data) in full {
            if position <= self.upto {
                self.compare(level, index, &data, &mut out.findings);
            }
        }
        if position == self.upto {
            let growing: Vec<_> = self.edge.growing().map(|(l, index, data)| (l, index, data.to_vec())).collect();
            for (level, index, data) in growing {
                self.compare(level, index, &data, &mut out.findings);
            }
        }
        if let Some(signed) = self.signed.remove(&position) {
            self.root(position, &signed, out);
        }
    }

    fn leaf_kept(&self, position: u64) -> Option<Hash> {
        let (index, within) = ((position - 1) / TILE_WIDTH as u64, (position - 1) as usize % TILE_WIDTH * 32);
        let tile = self.kept.as_ref()?.tile(0, index).ok()??;
        tile.get(within..within + 32)?.try_into().ok()
    }

    /// Compares a tile with the one that is kept.
    fn compare(&mut self, level: u8, index: u64, data: &[u8], findings: &mut Findings) {
        let Some(kept) = &self.kept else { return };
        let first = (index << (8 * (u32::from(level) + 1))) + 1;
        let name = format!("tile {index} of level {level} in trust.db");
        let tile = match kept.tile(level, index) {
            Err(error) => return findings.add(first, None, format!("{name} cannot be read: {error}")),
            Ok(None) => return findings.add(first, None, format!("{name} is missing")),
            Ok(Some(tile)) => tile,
        };
        self.found += 1;
        if tile.len() != data.len() {
            let what = format!("{name} has {} bytes, its leaves make {}", tile.len(), data.len());
            return findings.add(first, None, what);
        }
        for (at, _) in tile.chunks(32).zip(data.chunks(32)).enumerate().filter(|(_, (kept, made))| kept != made) {
            let position = first + ((at as u64) << (8 * u32::from(level)));
            findings.add(position, None, format!("{name} has another hash here than the log"));
        }
    }

    fn root(&mut self, size: u64, signed: &[seals::Tree], out: &mut Verified) {
        let root = match Tree::new(&self.edge, size).root() {
            Ok(root) => root,
            Err(error) => return out.findings.add(size, None, format!("no root: {error}")),
        };
        out.checkpoints += 1;
        out.signed = out.signed.max(size);
        let Some(other) = signed.iter().find(|tree| tree.root != root) else {
            self.others = None;
            return;
        };
        match &mut self.others {
            Some((finding, more)) => {
                *more += 1;
                if let Some(finding) = out.findings.list.get_mut(*finding) {
                    finding.what = format!("{}, and of {more} after it", others(other.by));
                }
            }
            None => {
                self.others = Some((out.findings.list.len(), 0));
                out.findings.add(size, None, others(other.by));
            }
        }
    }

    /// What can be said when all rows were taken.
    pub(super) fn finish(&mut self, last: u64, out: &mut Verified) {
        if self.edge.size() < last && self.lost.is_none() {
            self.take(last + 1, None, None, out);
        }
        let Some(kept) = &self.kept else { return };
        if self.upto > last && self.signed.keys().all(|size| *size <= last) {
            let what = format!("the log ends at position {last}, but trust.db has leaves up to {}", self.upto);
            out.findings.add(last + 1, None, what);
        }
        match kept.tiles() {
            Ok(all) if all > self.found && self.lost.is_none() && self.upto <= last => {
                let what = format!("trust.db has {} tiles that are no part of the tree", all - self.found);
                out.findings.add(None, None, what);
            }
            Ok(_) => {}
            Err(error) => out.findings.add(None, None, format!("trust.db cannot be read: {error}")),
        }
    }
}

fn others(by: &str) -> String {
    format!("the root of the tree up to here is not the one that was signed, says {by}")
}
