//! The heads map: the last version and leaf hash of every stream but `log`, committed to by one hash.
//!
//! A stream lies in the bucket that the first 16 bits of its tag number (big-endian). A bucket's content is
//! the concatenation of `tag [32] ‖ version u64 big-endian ‖ leaf hash [32]`, ascending by tag.
//!
//! - bucket hash = `SHA-256("letopis/heads/bucket/v1" ‖ content)`
//! - node hash = `SHA-256("letopis/heads/node/v1" ‖ left ‖ right)`
//!
//! Sixteen levels of nodes lie above the 65,536 buckets. A proof is the whole content of a bucket and the 16
//! hashes beside its path, the lowest first: it shows a stream with its version and head, or that there is
//! none.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::trust::hex::Hex;
use crate::trust::leaf::Hash;

/// Levels of nodes above the buckets.
pub const LEVELS: usize = 16;
const FIRST_BUCKET: u32 = 1 << LEVELS;
const BUCKET: &[u8] = b"letopis/heads/bucket/v1";
const NODE: &[u8] = b"letopis/heads/node/v1";

/// The last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The stream's tag.
    pub tag: Hex<32>,
    /// The last version.
    pub version: u64,
    /// Its leaf hash.
    pub leaf: Hex<32>,
}

/// A node of the tree by number: the root is 1, the children of `n` are `2n` and `2n + 1`, the buckets follow
/// from 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The bucket in which a stream lies.
    pub fn bucket_of(tag: &Hash) -> Self {
        Self(FIRST_BUCKET + u32::from(u16::from_be_bytes([tag[0], tag[1]])))
    }

    /// The first two bytes of every tag in this bucket.
    pub fn prefix(self) -> [u8; 2] {
        (self.0 as u16).to_be_bytes()
    }

    /// The hash of this node when there is nothing below it.
    pub fn empty(self) -> Hash {
        static EMPTY: LazyLock<Vec<Hash>> = LazyLock::new(|| {
            let next = |hash: &Hash| Some(node_hash(hash, hash));
            std::iter::successors(Some(bucket_hash(&[])), next).take(LEVELS + 1).collect()
        });
        EMPTY[LEVELS.saturating_sub(self.0.max(1).ilog2() as usize)]
    }
}

/// The hash of a bucket; `heads` ascending by tag.
pub fn bucket_hash(heads: &[Head]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(BUCKET);
    for head in heads {
        hasher.update(head.tag.0);
        hasher.update(head.version.to_be_bytes());
        hasher.update(head.leaf.0);
    }
    hasher.finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix(NODE).chain_update(left).chain_update(right).finalize().into()
}

/// All nodes that change with these buckets (ascending), the buckets first, the root last; `read` gives the others as
/// they were.
///
/// # Errors
/// When `read` fails.
pub fn update<E>(
    buckets: Vec<(NodeId, Hash)>,
    mut read: impl FnMut(NodeId) -> Result<Option<Hash>, E>,
) -> Result<Vec<(NodeId, Hash)>, E> {
    let (mut changed, mut from) = (buckets, 0);
    for _ in 0..LEVELS {
        let to = changed.len();
        let mut at = from;
        while at < to {
            let (id, hash) = changed[at];
            let beside = NodeId(id.0 ^ 1);
            at += 1;
            let is_left = id.0.is_multiple_of(2);
            let sibling = match changed[at..to].first() {
                Some((next, hash)) if is_left && *next == beside => {
                    at += 1;
                    *hash
                }
                _ => read(beside)?.unwrap_or_else(|| beside.empty()),
            };
            let (left, right) = if is_left { (hash, sibling) } else { (sibling, hash) };
            changed.push((NodeId(id.0 / 2), node_hash(&left, &right)));
        }
        from = to;
    }
    Ok(changed)
}

/// The nodes beside the path of a bucket, the lowest first.
pub fn beside(bucket: NodeId) -> impl Iterator<Item = NodeId> {
    (0..LEVELS).map(move |level| NodeId((bucket.0 >> level) ^ 1))
}

/// The root that the content of a bucket and the hashes beside its path come to.
pub fn root_of(bucket: NodeId, content: &[Head], path: &[Hash; LEVELS]) -> Hash {
    let mut hash = bucket_hash(content);
    for (level, sibling) in path.iter().enumerate() {
        let is_left = (bucket.0 >> level) & 1 == 0;
        hash = if is_left { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) };
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    fn head(tag: [u8; 3], version: u64) -> Head {
        let mut full = [7; 32];
        full[..3].copy_from_slice(&tag);
        Head { tag: Hex(full), version, leaf: Hex([version as u8; 32]) }
    }

    #[test]
    fn kept_by_difference_the_root_is_the_one_of_all_buckets_at_once_and_every_path_leads_to_it() {
        let heads = [head([0, 0, 1], 1), head([0, 0, 2], 3), head([0, 1, 0], 2), head([255, 255, 9], 8)];
        let mut nodes: BTreeMap<NodeId, Hash> = BTreeMap::new();
        let mut content: BTreeMap<NodeId, Vec<Head>> = BTreeMap::new();
        for one in heads {
            let bucket = NodeId::bucket_of(&one.tag.0);
            content.entry(bucket).or_default().push(one);
            let dirty = vec![(bucket, bucket_hash(&content[&bucket]))];
            let changed = update(dirty, |id| Ok::<_, Infallible>(nodes.get(&id).copied())).expect("infallible");
            nodes.extend(changed);
        }
        let mut all: Vec<Hash> = (FIRST_BUCKET..2 * FIRST_BUCKET)
            .map(|id| bucket_hash(content.get(&NodeId(id)).map_or(&[], Vec::as_slice)))
            .collect();
        while all.len() > 1 {
            all = all.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        let root = nodes[&NodeId(1)];
        assert_eq!(root, all[0]);
        for bucket in [FIRST_BUCKET, FIRST_BUCKET + 1, FIRST_BUCKET + 2, 2 * FIRST_BUCKET - 1].map(NodeId) {
            let hash = |id: NodeId| nodes.get(&id).copied().unwrap_or_else(|| id.empty());
            let path: Vec<Hash> = beside(bucket).map(hash).collect();
            let content = content.get(&bucket).map_or(&[][..], Vec::as_slice);
            assert_eq!(root_of(bucket, content, &path.try_into().expect("16")), root, "{bucket:?}");
        }
        assert_ne!(NodeId(1).empty(), root);
    }
}
