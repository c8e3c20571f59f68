//! [`Rejection`]: every way in which a bundle is not good.

use crate::ids::{ClientId, EventId, Position};
use crate::time::Timestamp;
use crate::trust::bundle::FormatError;
use crate::trust::missing::Misfit;
use crate::trust::note::NoteError;

macro_rules! rejections {
    ($( $(#[$meta:meta])* $name:ident $({ $($(#[doc = $doc:literal])* $field:ident : $ty:ty),* $(,)? })? $(($inner:ty))? = $code:literal, )*) => {
        /// Why a bundle is rejected. Another verifier names the same reason by [`Rejection::code`].
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {
            $( $(#[$meta])* $name $({ $($(#[doc = $doc])* $field: $ty),* })? $((#[from] $inner))?, )*
        }

        impl Rejection {
            /// The name of the reason.
            pub fn code(&self) -> &'static str {
                match self {
                    Self::Format(FormatError::Fields(_)) => "format",
                    Self::Note(NoteError::UnknownSigner) => "unknown-signer",
                    Self::Note(NoteError::BadSignature) => "bad-signature",
                    $( Self::$name { .. } => $code, )*
                }
            }
        }
    };
}

impl From<Misfit> for Rejection {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::NotErased(position) => Self::NotErased { position },
            Misfit::Record(position) => Self::ErasureRecord { position },
        }
    }
}

rejections! {
    /// Not a bundle, or not in its one encoding.
    #[error("{0}")]
    Format(FormatError) = "encoding",
    /// The checkpoint does not count.
    #[error("the checkpoint is {0}")]
    Note(NoteError) = "checkpoint",
    /// A witness that was named did not cosign the checkpoint.
    #[error("the checkpoint is not cosigned by {witness}")]
    NotCosigned {
        /// Its name.
        witness: String,
    } = "not-cosigned",
    /// The checkpoint is older than one that was seen before.
    #[error("the checkpoint has {size} events, one of {seen} was seen before")]
    OlderThanSeen {
        /// Events of the checkpoint.
        size: u64,
        /// Events of the one that was seen.
        seen: u64,
    } = "older-than-seen",
    /// Another checkpoint of the same size was seen before: the log has two histories.
    #[error("another checkpoint of {size} events was seen before: the log shows different histories")]
    TwoHistories {
        /// Events of both.
        size: u64,
    } = "two-histories",
    /// The checkpoint is too old.
    #[error("the checkpoint was sealed at {sealed_at}, that is too long ago")]
    Stale {
        /// When.
        sealed_at: Timestamp,
    } = "stale",
    /// The checkpoint does not end in a seal.
    #[error("the checkpoint does not end in a seal")]
    NoSeal = "no-seal",
    /// The last event of the log is no seal that can be read, or covers more than lies before it.
    #[error("the seal says nothing that makes sense")]
    BadSeal = "bad-seal",
    /// The records of the epochs do not fit the epoch of the seal.
    #[error("the log is in epoch {epoch}, but the record of how epoch {missing} began is missing")]
    EpochRecord {
        /// The epoch of the seal.
        epoch: u64,
        /// The first that is not recorded.
        missing: u64,
    } = "epoch-record",
    /// Bundles name clients ascending, each once, and at least one.
    #[error("the clients are not named once each, ascending")]
    ClientOrder = "client-order",
    /// The bundle is about others than was asked for.
    #[error("client {client} is not among those the bundle is about")]
    OtherClient {
        /// Who was asked for.
        client: ClientId,
    } = "other-client",
    /// A leaf of an unknown version.
    #[error("an event has a leaf of an unknown version")]
    LeafVersion = "leaf-version",
    /// An event of another stream.
    #[error("the event at position {position} belongs to another stream")]
    OtherStream {
        /// Where.
        position: Position,
    } = "other-stream",
    /// Events are missing, doubled or in another order.
    #[error("the event at position {position} has version {found}, version {expected} was to come")]
    VersionOrder {
        /// Where.
        position: Position,
        /// Its version.
        found: u64,
        /// The one that was to come.
        expected: u64,
    } = "version-order",
    /// The event does not follow the one before it in its stream.
    #[error("the event at position {position} follows another event than the one before it")]
    Chain {
        /// Where.
        position: Position,
    } = "chain",
    /// Type, time, order or metadata are not those of the leaf.
    #[error("type, time or metadata of the event at position {position} were altered")]
    MetaAltered {
        /// Where.
        position: Position,
    } = "meta-altered",
    /// Facts or salt are not those of the leaf.
    #[error("the facts of the event at position {position} were altered")]
    FactsAltered {
        /// Where.
        position: Position,
    } = "facts-altered",
    /// The envelope is not that of the leaf, missing, or one too many.
    #[error("the sealed part of the event at position {position} was altered or left out")]
    SealedAltered {
        /// Where.
        position: Position,
    } = "sealed-altered",
    /// A sealed part is missing, and no erasure of this stream names it.
    #[error("the sealed part of the event at position {position} is missing, and no erasure is recorded that names it")]
    NotErased {
        /// Where.
        position: Position,
    } = "not-erased",
    /// An erasure cannot be read, or names sealed parts that are here.
    #[error("the erasure recorded at position {position} cannot be read, or names sealed parts that are not missing")]
    ErasureRecord {
        /// Where.
        position: Position,
    } = "erasure-record",
    /// Positions within a stream do not ascend, or lie beyond what is covered.
    #[error("the event at position {position} is out of its place")]
    PositionOrder {
        /// Where.
        position: Position,
    } = "position-order",
    /// Two events at one place, or one event at two.
    #[error("event {id} stands twice, or shares its place")]
    Twice {
        /// Which.
        id: EventId,
    } = "twice",
    /// The clock ran back.
    #[error("the event at position {position} was recorded before one that stands before it")]
    RecordedBack {
        /// Where.
        position: Position,
    } = "recorded-back",
    /// A bucket is not in its one form.
    #[error("the heads of client {client} are not a bucket of the heads map")]
    BucketForm {
        /// Whose.
        client: ClientId,
    } = "bucket-form",
    /// The bucket is not the one that was sealed.
    #[error("the heads of client {client} are not those that were sealed")]
    HeadsRoot {
        /// Whose.
        client: ClientId,
    } = "heads-root",
    /// The sealed heads know more or fewer events of the client.
    #[error("{found} events of client {client} are here, {sealed} were sealed")]
    HeadVersion {
        /// Whose.
        client: ClientId,
        /// Events in the bundle.
        found: u64,
        /// Events by the seal.
        sealed: u64,
    } = "head-version",
    /// The last event is not the one that was sealed.
    #[error("the last event of client {client} is not the one that was sealed")]
    HeadLeaf {
        /// Whose.
        client: ClientId,
    } = "head-leaf",
    /// The leaves are not those of the signed tree.
    #[error("the events are not those of the signed tree")]
    NotInTree = "not-in-tree",
    /// A merged record is left out.
    #[error("client {client} was merged into this one, and is left out")]
    GroupIncomplete {
        /// Who.
        client: ClientId,
    } = "group-incomplete",
    /// A client that does not belong to the group.
    #[error("client {client} was not merged with the others")]
    NotInGroup {
        /// Who.
        client: ClientId,
    } = "not-in-group",
    /// A merge that cannot be read.
    #[error("the merge at position {position} cannot be read")]
    BadMerge {
        /// Where.
        position: Position,
    } = "bad-merge",
    /// Keys are named ascending, each once, and each opens something.
    #[error("data key {id} opens nothing here, or is named twice")]
    KeyOrder {
        /// Which.
        id: u64,
    } = "key-order",
    /// The key is not the one the envelope was sealed under.
    #[error("the key of the event at position {position} is another one than it was sealed under")]
    OtherKey {
        /// Where.
        position: Position,
    } = "other-key",
    /// The envelope does not open.
    #[error("the sealed part of the event at position {position} does not open in its place")]
    DoesNotOpen {
        /// Where.
        position: Position,
    } = "does-not-open",
}
