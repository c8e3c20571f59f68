//! Values that name or describe a person: [`Personal`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{ClientId, ContactId, EmployeeId};

/// A field that is sealed under the key of its [`Subject`] when the event is recorded.
///
/// In JSON a known value is written as itself, the other states as `null`,
/// `{"sealed":true}` and `{"erased":true}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Personal<T> {
    /// The event does not carry this field.
    #[default]
    Absent,
    /// The value, opened.
    Known(T),
    /// Recorded, but no key is at hand here, or the reader did not ask to open it.
    Sealed,
    /// The key was destroyed: nobody can read it any more.
    Erased,
}

impl<T> Personal<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Sealed | Self::Erased => None,
        }
    }

    /// Whether the event carries no such field.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let state = match self {
            Self::Known(value) => return value.serialize(serializer),
            Self::Absent => return serializer.serialize_unit(),
            Self::Sealed => "sealed",
            Self::Erased => "erased",
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(state, &true)?;
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<T>::deserialize(deserializer)? {
            Some(value) => Self::Known(value),
            None => Self::Absent,
        })
    }
}

/// Whose key seals the personal fields of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The client in whose stream the event stands; the default.
    Client(ClientId),
    /// A contact person of a company.
    Contact(ContactId),
    /// An employee of ours.
    Employee(EmployeeId),
}

impl Subject {
    /// 17 bytes that name the subject: a kind and its id.
    pub fn to_bytes(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::Client(id) => (1, id.to_bytes()),
            Self::Contact(id) => (2, id.to_bytes()),
            Self::Employee(id) => (3, id.to_bytes()),
        };
        let mut out = [kind; 17];
        out[1..].copy_from_slice(&id);
        out
    }
}

/// What a decoder may know of the sealed part of an event.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Opened {
    /// The event has no personal part.
    #[default]
    Nothing,
    /// Opened: field name to value.
    Values(serde_json::Map<String, serde_json::Value>),
    /// There is a sealed part, and it stays closed.
    Sealed,
    /// The sealed part was erased.
    Erased,
}
