//! The Merkle tree of RFC 6962 over leaf hashes, kept as tiles of C2SP `tlog-tiles` (height 8).
//!
//! A tile of level `l` holds up to 256 hashes of complete subtrees of `256^l` leaves. Proofs of one leaf and
//! of consistency are those of RFC 6962. A proof of several leaves at once ([`Tree::many`]) is the same tree,
//! walked from the root, left before right: of every subtree without any of the leaves its hash, nothing of
//! the others. It has exactly one form.

use std::cell::RefCell;

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::{self, HashReader};

use crate::log::LogError;
use crate::trust::leaf::Hash;

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Bytes of a hash.
const LEN: usize = 32;

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    tlog::node_hash(tlog::Hash(left), tlog::Hash(right)).0
}

/// The hash of the tree above the hashes of a tile, a power of two of them.
pub fn tile_hash(tile: &[u8]) -> Hash {
    Tile::subtree_hash(tile).0
}

/// Where tiles lie.
pub trait Tiles {
    /// The hashes of a tile side by side, as far as it is filled.
    ///
    /// # Errors
    /// When it cannot be read.
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, LogError>;
}

/// The tiles that still grow, one of each level.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    size: u64,
    growing: Vec<Vec<u8>>,
}

impl Edge {
    /// The right edge of a tree of this size.
    ///
    /// # Errors
    /// When tiles cannot be read or are missing.
    pub fn load(size: u64, tiles: &impl Tiles) -> Result<Self, LogError> {
        let mut growing = Vec::new();
        for level in 0..8u8 {
            let count = size >> (8 * u32::from(level));
            if count == 0 {
                break;
            }
            let (index, filled) = (count >> 8, (count & 255) as usize * LEN);
            let mut data = if filled == 0 { Vec::new() } else { tiles.tile(level, index)?.unwrap_or_default() };
            if data.len() < filled {
                return Err(missing(level, index));
            }
            data.truncate(filled);
            growing.push(data);
        }
        Ok(Self { size, growing })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; every tile that it fills goes to `full` with its level and index.
    pub fn push(&mut self, leaf: Hash, full: &mut impl FnMut(u8, u64, Vec<u8>)) {
        self.push_known(leaf, None, full);
    }

    /// As [`Edge::push`], with the [`tile_hash`] of the lowest tile, if this leaf fills it and somebody has hashed
    /// it already.
    pub fn push_known(&mut self, leaf: Hash, known: Option<Hash>, full: &mut impl FnMut(u8, u64, Vec<u8>)) {
        let mut hash = leaf;
        self.size += 1;
        for level in 0u8.. {
            if self.growing.len() == usize::from(level) {
                self.growing.push(Vec::with_capacity(TILE_WIDTH * LEN));
            }
            let tile = &mut self.growing[usize::from(level)];
            tile.extend_from_slice(&hash);
            if tile.len() < TILE_WIDTH * LEN {
                return;
            }
            hash = known.filter(|_| level == 0).unwrap_or_else(|| tile_hash(tile));
            let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
            full(level, index, std::mem::take(tile));
        }
    }

    /// The tiles that are partly filled, with level and index.
    pub fn growing(&self) -> impl Iterator<Item = (u8, u64, &[u8])> {
        (0u8..).zip(&self.growing).filter(|(_, data)| !data.is_empty()).map(|(level, data)| {
            let index = self.size >> (8 * (u32::from(level) + 1));
            (level, index, data.as_slice())
        })
    }
}

/// What a tree of just this size needs for its root.
impl Tiles for Edge {
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        let found = self.growing().find(|(at, n, _)| (*at, *n) == (level, index));
        Ok(found.map(|(_, _, data)| data.to_vec()))
    }
}

fn missing(level: u8, index: u64) -> LogError {
    LogError::damage(format!("tile {index} of level {level} is missing or too short"))
}

/// A tree of a fixed size over tiles that may have grown beyond it.
#[derive(Debug)]
pub struct Tree<'a, T> {
    tiles: &'a T,
    size: u64,
}

struct Reader<'a, T> {
    tiles: &'a T,
    last: RefCell<Option<(u8, u64, Vec<u8>)>>,
}

impl<T: Tiles> Reader<'_, T> {
    fn hash(&self, index: u64) -> Result<tlog::Hash, LogError> {
        let (level, n) = tlog::split_stored_hash_index(index);
        let (tile_level, within) = (level / 8, u32::from(level % 8));
        let first = n << within;
        let (tile, from) = (first >> 8, (first & 255) as usize * LEN);
        let mut last = self.last.borrow_mut();
        if !matches!(&*last, Some((l, i, _)) if (*l, *i) == (tile_level, tile)) {
            let data = self.tiles.tile(tile_level, tile)?.ok_or_else(|| missing(tile_level, tile))?;
            *last = Some((tile_level, tile, data));
        }
        let data = last.as_ref().and_then(|(_, _, data)| data.get(from..from + (LEN << within)));
        data.map(Tile::subtree_hash).ok_or_else(|| missing(tile_level, tile))
    }
}

impl<T: Tiles> HashReader for Reader<'_, T> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let failed = |error: LogError| tlog::Error::InvalidInput(error.to_string());
        indexes.iter().map(|index| self.hash(*index).map_err(failed)).collect()
    }
}

fn failed(error: tlog::Error) -> LogError {
    LogError::new("reading the tree", error.to_string())
}

fn plain(hashes: Vec<tlog::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

impl<'a, T: Tiles> Tree<'a, T> {
    /// The tree of the first `size` leaves.
    pub fn new(tiles: &'a T, size: u64) -> Self {
        Self { tiles, size }
    }

    fn reader(&self) -> Reader<'a, T> {
        Reader { tiles: self.tiles, last: RefCell::new(None) }
    }

    /// The root.
    ///
    /// # Errors
    /// When tiles cannot be read or are missing.
    pub fn root(&self) -> Result<Hash, LogError> {
        tlog::tree_hash(self.size, &self.reader()).map(|hash| hash.0).map_err(failed)
    }

    /// The proof that a leaf is in the tree, counted from 0.
    ///
    /// # Errors
    /// When it is not, or tiles cannot be read or are missing.
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, LogError> {
        if index >= self.size {
            return Err(LogError::damage(format!("leaf {index} is not in a tree of {} leaves", self.size)));
        }
        tlog::prove_record(self.size, index, &self.reader()).map(plain).map_err(failed)
    }

    /// The proof that the tree of the first `old` leaves is the beginning of this one.
    ///
    /// # Errors
    /// When it is none, or tiles cannot be read or are missing.
    pub fn consistency(&self, old: u64) -> Result<Vec<Hash>, LogError> {
        if old == 0 || old > self.size {
            return Err(LogError::damage(format!("a tree of {old} leaves is not in one of {}", self.size)));
        }
        tlog::prove_tree(self.size, old, &self.reader()).map(plain).map_err(failed)
    }

    /// The proof that several leaves are in the tree; `indexes` ascending, each once, from 0.
    ///
    /// # Errors
    /// When one is not, or tiles cannot be read or are missing.
    pub fn many(&self, indexes: &[u64]) -> Result<Vec<Hash>, LogError> {
        if indexes.last().is_some_and(|last| *last >= self.size) || !indexes.is_sorted_by(|a, b| a < b) {
            return Err(LogError::damage(format!("the leaves are not those of a tree of {} leaves", self.size)));
        }
        let mut proof = Vec::new();
        self.walk(0, self.size, indexes, &self.reader(), &mut proof)?;
        Ok(proof)
    }

    fn walk(
        &self,
        lo: u64,
        hi: u64,
        indexes: &[u64],
        reader: &Reader<'_, T>,
        out: &mut Vec<Hash>,
    ) -> Result<(), LogError> {
        if hi == lo || (hi - lo == 1 && !indexes.is_empty()) {
            return Ok(());
        }
        if indexes.is_empty() {
            let parts = reader.read_hashes(&tlog::sub_tree_index(lo, hi, Vec::new())).map_err(failed)?;
            let hash = parts.into_iter().rev().reduce(|right, left| tlog::node_hash(left, right));
            out.extend(hash.map(|hash| hash.0));
            return Ok(());
        }
        let middle = lo + split(hi - lo);
        let (left, right) = indexes.split_at(indexes.partition_point(|index| *index < middle));
        self.walk(lo, middle, left, reader, out)?;
        self.walk(middle, hi, right, reader, out)
    }
}

/// The largest power of two that is smaller than `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// Whether a proof of inclusion holds.
pub fn check_inclusion(proof: &[Hash], size: u64, root: Hash, index: u64, leaf: Hash) -> bool {
    let proof = proof.iter().map(|hash| tlog::Hash(*hash)).collect();
    tlog::check_record(&proof, size, tlog::Hash(root), index, tlog::Hash(leaf)).is_ok()
}

/// Whether a proof of consistency holds.
pub fn check_consistency(proof: &[Hash], size: u64, root: Hash, old: u64, old_root: Hash) -> bool {
    let proof = proof.iter().map(|hash| tlog::Hash(*hash)).collect();
    tlog::check_tree(&proof, size, tlog::Hash(root), old, tlog::Hash(old_root)).is_ok()
}

/// The root that a proof of several leaves comes to; `leaves` ascending by index, each once.
///
/// `None` when the proof is too short or too long, or a leaf is outside the tree.
pub fn root_of_many(size: u64, leaves: &[(u64, Hash)], proof: &[Hash]) -> Option<Hash> {
    fn walk(lo: u64, hi: u64, leaves: &[(u64, Hash)], proof: &mut std::slice::Iter<'_, Hash>) -> Option<Hash> {
        match leaves {
            [] => return proof.next().copied(),
            [(_, leaf)] if hi - lo == 1 => return Some(*leaf),
            _ => {}
        }
        let middle = lo + split(hi - lo);
        let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
        Some(node_hash(walk(lo, middle, left, proof)?, walk(middle, hi, right, proof)?))
    }
    if leaves.last().is_none_or(|(last, _)| *last >= size) || !leaves.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let mut proof = proof.iter();
    let root = walk(0, size, leaves, &mut proof)?;
    proof.next().is_none().then_some(root)
}
