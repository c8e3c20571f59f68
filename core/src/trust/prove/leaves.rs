//! Tiles, the leaves below them, and the proof of a single leaf.

use std::collections::HashMap;

use super::{Proofs, before};
use crate::ids::Position;
use crate::log::{EventLog, LogError, Recorded, StreamName};
use crate::trust::leaf::{Hash, LEAF_LEN, Leaf};
use crate::trust::store::{self, StoredTiles};
use crate::trust::tree::{TILE_WIDTH, Tiles, Tree};
use crate::trust::{chain, cosign, receipt};

impl Proofs {
    /// The first `width` hashes of a tile, side by side; `None` when the tree of the last checkpoint has not so
    /// many there.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn tile(&self, level: u8, index: u64, width: usize) -> Result<Option<Vec<u8>>, LogError> {
        self.with(|db| {
            let size = store::last_checkpoint(db)?.map_or(0, |last| last.size);
            if width > filled(size, level, index) || width == 0 {
                return Ok(None);
            }
            let data = StoredTiles(db).tile(level, index)?;
            Ok(data.and_then(|data| data.get(..width * 32).map(<[u8]>::to_vec)))
        })
    }

    /// The leaves below the first `width` hashes of a lowest tile, each after its length (u16, big-endian); `None`
    /// when the tree of the last checkpoint has not so many there.
    ///
    /// # Errors
    /// When the files or the log cannot be read, or are damaged.
    pub async fn entries(&self, log: &dyn EventLog, index: u64, width: usize) -> Result<Option<Vec<u8>>, LogError> {
        let size = self.with(|db| Ok(store::last_checkpoint(db)?.map_or(0, |last| last.size)))?;
        if width > filled(size, 0, index) || width == 0 {
            return Ok(None);
        }
        let after = Position(index * TILE_WIDTH as u64);
        let mut out = Vec::with_capacity(width * (LEAF_LEN + 2));
        let mut ends: HashMap<StreamName, Hash> = HashMap::new();
        for event in log.read_all(after, width).await? {
            let prev = match ends.get(&event.stream) {
                Some(prev) => *prev,
                None => before(log, &event).await?,
            };
            out.extend_from_slice(&(LEAF_LEN as u16).to_be_bytes());
            out.extend_from_slice(&checked_leaf(&event, prev)?.to_bytes());
            ends.insert(event.stream, event.leaf);
        }
        Ok(Some(out))
    }

    /// The proof that an event is in the last checkpoint, in the text format of C2SP `tlog-proof`, with its leaf
    /// as extra data: see [`crate::trust::receipt`]. It carries the signature of the log alone, or those of all
    /// witnesses that answered, too. `None` when no checkpoint has it yet.
    ///
    /// # Errors
    /// When the files or the log cannot be read, or are damaged.
    pub async fn receipt(
        &self,
        log: &dyn EventLog,
        position: Position,
        cosigned: bool,
    ) -> Result<Option<String>, LogError> {
        let Some(before_it) = position.0.checked_sub(1).map(Position) else { return Ok(None) };
        let Some(event) = log.read_all(before_it, 1).await?.into_iter().next() else { return Ok(None) };
        let leaf = checked_leaf(&event, before(log, &event).await?)?;
        let receipt = self.proof(position, Some(&leaf.to_bytes()))?;
        Ok(receipt.map(|text| if cosigned { text } else { cosign::without_cosignatures(&text) }))
    }

    /// The proof that a leaf is in the last checkpoint, with other extra data or none; `None` when no checkpoint
    /// has it yet.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn proof(&self, position: Position, extra: Option<&[u8]>) -> Result<Option<String>, LogError> {
        self.with(|db| match (store::last_checkpoint(db)?, position.0.checked_sub(1)) {
            (Some(last), Some(index)) if index < last.size => {
                let proof = Tree::new(&StoredTiles(db), last.size).inclusion(index)?;
                Ok(Some(receipt::encode(extra, index, &proof, &last.note)))
            }
            _ => Ok(None),
        })
    }
}

/// How many hashes a tile has in a tree of this size.
fn filled(size: u64, level: u8, index: u64) -> usize {
    let all = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    let before = index.saturating_mul(TILE_WIDTH as u64);
    usize::try_from(all.saturating_sub(before)).map_or(TILE_WIDTH, |rest| rest.min(TILE_WIDTH))
}

fn checked_leaf(event: &Recorded, prev: Hash) -> Result<Leaf, LogError> {
    let leaf = chain::leaf_of(event, prev);
    if leaf.hash() == event.leaf {
        return Ok(leaf);
    }
    let position = event.position;
    Err(LogError::damage(format!(
        "the event at position {position} was altered: its content does not give its leaf hash"
    )))
}
