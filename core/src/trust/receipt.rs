//! Receipts: the proof that one event stands in the log, in the text format of C2SP `tlog-proof`.
//!
//! The leaf of the event (201 bytes) is the extra data, so that a receipt needs nothing beside it: it names the
//! event, its place in the log and in its stream, and when it was recorded. What the event says is not in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tlog_tiles::tlog;

use crate::ids::{EventId, Position, Version};
use crate::time::Timestamp;
use crate::trust::bundle::FormatError;
use crate::trust::check::Rejection;
use crate::trust::cosign::{Cosigned, WitnessKey};
use crate::trust::leaf::{Hash, Leaf};
use crate::trust::note::VerifierKey;
use crate::trust::tree;

/// The first line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The text of a proof.
pub fn encode(extra: Option<&[u8]>, index: u64, proof: &[Hash], checkpoint: &str) -> String {
    let extra = extra.map(|extra| format!("extra {}\n", STANDARD.encode(extra))).unwrap_or_default();
    let hashes: String = proof.iter().map(|hash| format!("{}\n", tlog::Hash(*hash))).collect();
    format!("{HEADER}\n{extra}index {index}\n{hashes}\n{checkpoint}")
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The log.
    pub origin: String,
    /// Size and root of the signed tree.
    pub tree: (u64, Hash),
    /// The event.
    pub id: EventId,
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream.
    pub version: Version,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who saw the tree.
    pub cosigned: Vec<Cosigned>,
}

/// Whether a text is meant to be a receipt.
pub fn is_receipt(bytes: &[u8]) -> bool {
    bytes.starts_with(HEADER.as_bytes())
}

/// Checks a receipt; every one of the witnesses must have cosigned it.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(bytes: &[u8], key: &VerifierKey, witnesses: &[WitnessKey]) -> Result<Receipt, Rejection> {
    let wrong = |what: &str| Rejection::from(FormatError::Fields(what.to_owned()));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("a receipt is text"))?;
    let (head, note) = text.split_once("\n\n").ok_or_else(|| wrong("a receipt has a checkpoint after a blank line"))?;
    let (checkpoint, cosigned) = super::check::check_note(note, key, witnesses)?;
    let mut lines = head.split('\n').skip(1);
    let extra = lines.next().and_then(|line| STANDARD.decode(line.strip_prefix("extra ")?).ok());
    let leaf = extra.as_ref().and_then(|extra| extra.as_slice().try_into().ok());
    let leaf = leaf.ok_or_else(|| wrong("the extra data of a receipt are the 201 bytes of a leaf"))?;
    let leaf = Leaf::from_bytes(leaf).ok_or(Rejection::LeafVersion)?;
    let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse::<u64>().ok());
    let index = index.ok_or_else(|| wrong("a receipt names the index of its event"))?;
    let proof = lines.map(|line| tlog::Hash::parse_hash(line).map(|hash| hash.0));
    let proof: Vec<Hash> = proof.collect::<Result<_, _>>().map_err(|_| wrong("a hash of the proof cannot be read"))?;
    if encode(extra.as_deref(), index, &proof, note) != text {
        return Err(FormatError::Encoding.into());
    }
    let (size, root) = (checkpoint.size, checkpoint.root);
    if leaf.position.0 != index + 1 || !tree::check_inclusion(&proof, size, root, index, leaf.hash()) {
        return Err(Rejection::NotInTree);
    }
    let Leaf { position, version, id, recorded_at, .. } = leaf;
    Ok(Receipt { origin: checkpoint.origin, tree: (size, root), id, position, version, recorded_at, cosigned })
}
