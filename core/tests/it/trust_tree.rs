//! The tree against the vectors of certificate transparency and against a tree by other hands.

use std::collections::HashMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use letopis_core::ids::{EventId, Position, Version};
use letopis_core::log::LogError;
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::hex;
use letopis_core::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, sealed_hash, stream_tag};
use letopis_core::trust::tree::{Edge, Tiles, Tree, check_consistency, check_inclusion, root_of_many};
use proptest::prelude::*;
use sha2_next::{Digest, Sha256};

/// Tiles in memory.
#[derive(Default)]
pub(crate) struct Grown {
    tiles: HashMap<(u8, u64), Vec<u8>>,
    edge: Edge,
}

impl Tiles for Grown {
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.tiles.get(&(level, index)).cloned())
    }
}

impl Grown {
    pub(crate) fn of(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut grown = Self::default();
        leaves.into_iter().for_each(|leaf| grown.push(leaf));
        grown
    }

    fn push(&mut self, leaf: Hash) {
        let tiles = &mut self.tiles;
        self.edge.push(leaf, &mut |level, index, data| drop(tiles.insert((level, index), data)));
        for (level, index, data) in self.edge.growing() {
            self.tiles.insert((level, index), data.to_vec());
        }
    }
}

fn leaf_hash(content: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(content).finalize().into()
}

fn numbered(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

#[test]
fn leaves_have_the_frozen_bytes_of_version_one() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../fixtures/trust/leaf-v1-bytes.json")).expect("JSON");
    for v in vectors["leaves"].as_array().expect("a list") {
        let text = |name: &str| v[name].as_str().expect("text");
        let bytes = |name: &str| hex::decode(text(name)).expect("hex");
        let int = |name: &str| v[name].as_i64().expect("a number");
        let occurred = Moment { at: Timestamp(int("occurred_at")), offset_min: int("offset_min") as i16 };
        let leaf = Leaf {
            position: Position(int("position") as u64),
            stream_tag: stream_tag(text("stream")),
            version: Version(int("version") as u64),
            prev: bytes("prev").try_into().expect("32 bytes"),
            id: EventId(int("id") as u128),
            recorded_at: Timestamp(int("recorded_at")),
            meta: meta_hash(text("type"), int("schema") as u16, occurred, int("order") as i32, &bytes("meta")),
            facts: facts_hash(&bytes("salt").try_into().expect("16 bytes"), text("facts").as_bytes()),
            sealed: sealed_hash(v["envelope"].as_str().map(|_| bytes("envelope")).as_deref()),
        };
        assert_eq!(hex::encode(&leaf.to_bytes()), text("leaf"));
        assert_eq!(hex::encode(&leaf.hash()), text("leaf_hash"));
    }
}

#[test]
fn the_well_known_leaves_of_certificate_transparency_have_their_well_known_roots() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../fixtures/trust/rfc6962.json")).expect("JSON");
    let strings = |name: &str| -> Vec<Vec<u8>> {
        let list = vectors[name].as_array().expect("a list");
        list.iter().map(|text| hex::decode(text.as_str().expect("text")).expect("hex")).collect()
    };
    let (leaves, roots) = (strings("leaves"), strings("roots"));
    let grown = Grown::of(leaves.iter().map(|leaf| leaf_hash(leaf)));
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(Tree::new(&grown, size as u64).root().expect("root").as_slice(), root, "size {size}");
    }
}

#[test]
fn roots_and_proofs_are_those_of_a_tree_by_other_hands_for_0_to_2049_leaves() {
    let (mut ours, mut theirs) = (Grown::default(), MemoryBackedTree::<Sha256, [u8; 8]>::new());
    let (mut roots, mut pairs, mut seed) = (Vec::new(), 0, 7u64);
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for size in 0..=2049u64 {
        if size > 0 {
            ours.push(leaf_hash(&numbered(size - 1)));
            theirs.push(numbered(size - 1));
        }
        let tree = Tree::new(&ours, size);
        let root = tree.root().expect("root");
        assert_eq!(root.as_slice(), theirs.root().as_bytes().as_slice(), "size {size}");
        roots.push(root);
        for _ in 0..size.min(5) {
            let index = random(size);
            let proof = tree.inclusion(index).expect("proof");
            assert_eq!(proof.concat(), theirs.prove_inclusion(index as usize).as_bytes(), "leaf {index} of {size}");
            assert!(check_inclusion(&proof, size, root, index, leaf_hash(&numbered(index))));
            assert!(!check_inclusion(&proof, size, root, index, leaf_hash(b"another")));
            let old = 1 + random(size);
            let proof = tree.consistency(old).expect("proof");
            let additions = (size - old) as usize;
            assert_eq!(proof.concat(), theirs.prove_consistency(additions).as_bytes(), "{old} of {size}");
            assert!(check_consistency(&proof, size, root, old, roots[old as usize]));
            assert!(!check_consistency(&proof, size, root, old, [3; 32]));
            pairs += 1;
        }
    }
    assert!(pairs > 10_000, "{pairs} pairs");
    let edge = Edge::load(2049, &ours).expect("loads");
    assert_eq!(edge.growing().collect::<Vec<_>>(), ours.edge.growing().collect::<Vec<_>>());
    for old in [0, 2050] {
        Tree::new(&ours, 2049).consistency(old).expect_err("not in the tree");
    }
    Tree::new(&ours, 2049).inclusion(2049).expect_err("not in the tree");
    Tree::new(&ours, 5000).root().expect_err("tiles are missing");
}

proptest! {
    #[test]
    fn several_leaves_are_proved_at_once_and_the_proof_has_one_form(
        size in 1u64..700,
        picks in prop::collection::btree_set(0u64..700, 1..40),
        spoilt: prop::sample::Index,
    ) {
        let grown = Grown::of((0..size).map(|n| leaf_hash(&numbered(n))));
        let tree = Tree::new(&grown, size);
        let indexes: Vec<u64> = picks.into_iter().filter(|pick| *pick < size).collect();
        prop_assume!(!indexes.is_empty());
        let root = tree.root().expect("root");
        let mut leaves: Vec<(u64, Hash)> = indexes.iter().map(|n| (*n, leaf_hash(&numbered(*n)))).collect();
        let mut proof = tree.many(&indexes).expect("proof");
        prop_assert_eq!(root_of_many(size, &leaves, &proof), Some(root));
        proof.push([0; 32]);
        prop_assert_eq!(root_of_many(size, &leaves, &proof), None);
        proof.pop();
        let at = spoilt.index(leaves.len());
        leaves[at].1[0] ^= 1;
        prop_assert_ne!(root_of_many(size, &leaves, &proof), Some(root));
        leaves.remove(at);
        prop_assert_ne!(root_of_many(size, &leaves, &proof), Some(root));
    }
}
