//! What the log records about itself: seals in the stream `log`, erasures in the streams that were erased, moves
//! that a workflow forbade in the streams of their clients.
//! Nobody can post it.

use crate::code::Code;
use crate::ids::{CaseId, ErasureId, Position};

/// The area of these events.
pub(crate) const AREA: &str = "log";

area! {
    /// Events about the log.
    LogEvent in Log "log";

    /// The heads of all streams were sealed. A checkpoint ends in one: with it, everything up to `size` is
    /// complete.
    event Sealed = "log.sealed" @ 1, only stream "log" {
        /// The epoch, from 1.
        epoch: u64,
        /// Root of the heads map over the first `size` events, 64 hexadecimal digits.
        heads_root: Code,
        /// How many events of the log it covers.
        size: u64,
    } optional {
        /// Position of the seal before it.
        previous: u64,
    }

    /// The log goes on from an older state than was signed: what was recorded in between is lost.
    event Forked = "log.forked" @ 1, only stream "log" {
        /// The epoch that begins.
        epoch: u64,
        /// Size of the last tree that was signed before.
        last_size: u64,
        /// Root of that tree, 64 hexadecimal digits.
        last_root: Code,
        /// Why.
        reason: Code,
    }

    /// Personal parts of this stream were destroyed: first the keys that open them, then the parts. An erasure
    /// of several streams is one of these in each.
    event Erased = "client.erased" @ 1 {
        /// The erasure: the number of its certificate.
        erasure: ErasureId,
        /// Whose: `client`, `contact` or `employee`.
        subject: Code,
        /// On which legal basis.
        basis: Code,
        /// How many sealed parts are missing from this stream by now, those of earlier erasures included.
        sealed: u64,
        /// SHA-256 over the positions of their events, ascending, 8 bytes each, big-endian; 64 hexadecimal digits.
        positions: Code,
        /// How many keys the erasure destroyed, over all its streams.
        keys: u64,
        /// How many identities it released, over all its streams.
        identities: u64,
    }

    /// Somebody tried to move a case as its workflow does not allow it. Nothing else came of it.
    event Refused = "case.move_refused" @ 1 {
        /// The case.
        case: CaseId,
        /// The type of the event that was posted.
        event_type: Code,
        /// The rule that forbade it, such as `workflow.transition`.
        rule: Code,
        /// The state that it met.
        met: Code,
        /// The state that was wanted.
        wanted: Code,
        /// The kind of cases whose workflow was asked.
        workflow: Code,
        /// The version of that workflow.
        workflow_version: u64,
    }

    /// A copy of what the log holds was handed out, and no erasure reaches it since: of a client alone in his own
    /// stream, of many in the stream `log/exports`.
    event Exported = "log.exported" @ 1 {
        /// What: `client` (a client's own export), `bundle` (his proof with the keys), `events`, `view` or `raw`.
        what: Code,
        /// SHA-256 of its bytes, 64 hexadecimal digits.
        digest: Code,
        /// It may hold events up to this position.
        upto: Position,
    }
}

impl Sealed {
    /// The heads root; `None` when it is no hash.
    pub fn root(&self) -> Option<crate::trust::leaf::Hash> {
        crate::trust::hex::decode_array(self.heads_root.as_str())
    }
}
