//! Identifiers: 128-bit values written as ULIDs (26 characters of Crockford base 32).
//!
//! A front office may make them itself (any ULID), or they are derived by keyed hash from an
//! id in another system, see [`crate::identity`]. Order in the log is [`Position`], never an id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// The text is not a ULID (26 characters of Crockford base 32).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: expected a ULID of 26 characters, or `system:id-in-that-system`")]
pub struct InvalidId(pub String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u128);

        impl $name {
            /// The 16 bytes, big-endian.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// From 16 bytes, big-endian.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ulid::ULID_LEN];
                f.write_str(Ulid(self.0).array_to_str(&mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Ulid::from_string(text).map(|id| Self(id.0)).map_err(|_| InvalidId(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0; ulid::ULID_LEN];
                serializer.serialize_str(Ulid(self.0).array_to_str(&mut text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a ULID of 26 characters, or `system:id-in-that-system`")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    )*};
}

ids! {
    /// One event, for ever; also its idempotency key.
    EventId,
    /// One client: a person or a company, identified or not.
    ClientId,
    /// A contact person of a company, a subject with a key of its own.
    ContactId,
    /// One way to reach a client.
    ContactPointId,
    /// A link between two clients.
    RelationId,
    /// One meeting, from its scheduling on.
    MeetingId,
    /// One task of ours.
    TaskId,
    /// One case: complaint, question, error report, wish or incident.
    CaseId,
    /// One deal.
    DealId,
    /// One lead: a sign of interest.
    LeadId,
    /// One action to win a deal.
    PresaleActionId,
    /// One order.
    OrderId,
    /// One invoice.
    InvoiceId,
    /// One payment.
    PaymentId,
    /// One thing of ours that a client has in use.
    AssetId,
    /// One contract.
    ContractId,
    /// One document that we released.
    DocumentId,
    /// One electronic document on its way.
    EnvelopeId,
    /// One pack of documents.
    PackId,
    /// One quote.
    QuoteId,
    /// One special offer.
    OfferId,
    /// One employee of ours.
    EmployeeId,
    /// One commit: the events that were appended together.
    CommitId,
    /// One erasure, the number of its certificate.
    ErasureId,
}

/// Place of an event in the whole log: from 1, without gaps, in commit order. 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Place of an event in its stream: from 1, without gaps. 0 is the version of an empty stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_128_bit_value_reads_back_from_its_text(raw: u128) {
            let id = ClientId(raw);
            prop_assert_eq!(id.to_string().parse::<ClientId>(), Ok(id));
            prop_assert_eq!(ClientId::from_bytes(id.to_bytes()), id);
        }
    }

    #[test]
    fn text_that_is_no_ulid_is_refused_with_the_text() {
        let error = "C-1042".parse::<ClientId>().expect_err("not a ULID");
        assert!(error.to_string().contains("C-1042"));
    }
}
