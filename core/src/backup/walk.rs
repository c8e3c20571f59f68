//! Reads a copied log through: every event gives its leaf, follows its stream's last one, and all of them the tree
//! that was signed.

use std::collections::HashMap;
use std::path::Path;

use crate::ids::Position;
use crate::log::sqlite::SqliteLog;
use crate::log::sqlite::audit::Audit;
use crate::log::{EventLog, LogError, MAX_PAGE};
use crate::trust::audit::TrustAudit;
use crate::trust::chain::{self, End, Tail};
use crate::trust::leaf::Hash;
use crate::trust::note::Checkpoint;
use crate::trust::signer;
use crate::trust::tree::node_hash;

/// The right edge of a tree: the roots of its whole parts, the largest first, each with its height.
#[derive(Default)]
struct Edge(Vec<(u32, Hash)>);

impl Edge {
    fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(top, _)| *top == height) {
            hash = node_hash(left, hash);
            height += 1;
        }
        self.0.push((height, hash));
    }

    fn root(&self) -> Option<Hash> {
        self.0.iter().rev().map(|(_, hash)| *hash).reduce(|right, left| node_hash(left, right))
    }
}

/// Reads the log of a copy through. Returns its last event and that one's leaf hash.
///
/// # Errors
/// What is damaged, and where.
pub(super) async fn walk(dir: &Path) -> Result<(Position, Hash), LogError> {
    let path = dir.join(super::LOG);
    let damaged = Audit::open(&path)?.integrity(true);
    if let Some(line) = damaged.first() {
        return Err(LogError::damage(format!("{}: {line}", path.display())));
    }
    let signed = signed(dir)?;
    let log = SqliteLog::open_read_only(&path)?;
    let (mut tail, mut leaf, mut edge) = (Tail::default(), [0; 32], Edge::default());
    let mut ends: HashMap<Hash, End> = HashMap::new();
    loop {
        let page = log.read_all(tail.position, MAX_PAGE).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            let tag = crate::trust::leaf::stream_tag(event.stream.as_str());
            let end = ends.entry(tag).or_default();
            chain::next(&event, tail, *end)?;
            *end = End { version: event.version, leaf: event.leaf };
            tail = Tail { position: event.position, recorded_at: event.recorded_at };
            leaf = event.leaf;
            edge.push(leaf);
            if let Some(note) = signed.as_ref().filter(|note| note.size == tail.position.0)
                && edge.root() != Some(note.root)
            {
                let size = note.size;
                return Err(LogError::damage(format!("the first {size} events are not those that were signed")));
            }
        }
    }
    match signed {
        Some(note) if note.size > tail.position.0 => Err(LogError::damage(format!(
            "the log ends at position {}, and {} events were signed",
            tail.position, note.size
        ))),
        _ => Ok((tail.position, leaf)),
    }
}

/// The last checkpoint in a copy, its signature checked.
fn signed(dir: &Path) -> Result<Option<Checkpoint>, LogError> {
    let Some(trust) = TrustAudit::open(dir)? else { return Ok(None) };
    let Some(last) = trust.checkpoints()?.pop() else { return Ok(None) };
    let read = signer::public_key(dir)?.verify(&last.note);
    read.map(Some).map_err(|error| LogError::new(format!("the checkpoint of {} events", last.size), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::tree::root_of_many;

    #[test]
    fn the_edge_gives_the_root_of_the_tree() {
        let leaf = |n: u64| -> Hash { std::array::from_fn(|i| (n as u8).wrapping_mul(i as u8 + 1)) };
        let mut edge = Edge::default();
        assert_eq!(edge.root(), None);
        for size in 1..70 {
            edge.push(leaf(size - 1));
            let all: Vec<(u64, Hash)> = (0..size).map(|n| (n, leaf(n))).collect();
            assert_eq!(edge.root(), root_of_many(size, &all, &[]), "{size}");
        }
    }
}
