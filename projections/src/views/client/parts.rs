//! The lists that belong to a client's row.

use letopis_core::code::Code;
use letopis_core::events::client::ContactKind;
use letopis_core::ids::{ClientId, ContactId, ContactPointId, EmployeeId, EventId, MeetingId, RelationId};
use letopis_core::personal::Personal;
use letopis_core::time::{Day, Moment};
use serde::{Deserialize, Serialize};

/// Whether personal values can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// All that was told is here.
    Known,
    /// Some of it is sealed: no key is at hand.
    Sealed,
    /// Some of it was erased for ever.
    Erased,
}

impl Access {
    /// The state of one value; none when the event does not carry it.
    pub(crate) fn of<T>(value: &Personal<T>) -> Option<Self> {
        match value {
            Personal::Absent => None,
            Personal::Known(_) => Some(Self::Known),
            Personal::Sealed => Some(Self::Sealed),
            Personal::Erased => Some(Self::Erased),
        }
    }
}

/// What the client allowed or forbade, for one purpose and channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// What for.
    pub purpose: Code,
    /// Only over this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Code>,
    /// Given or withdrawn.
    pub given: bool,
    /// Since when.
    pub since: Moment,
    /// Until the end of this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The event that says so.
    pub event: EventId,
}

/// A way to reach the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// The contact point.
    pub id: ContactPointId,
    /// What kind it is.
    pub kind: ContactKind,
    /// The number, address or name.
    pub value: Option<String>,
    /// What the client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether value and label are open.
    pub state: Option<Access>,
}

/// Somebody who speaks or decides for the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The person.
    pub id: ContactId,
    /// His role.
    pub role: Code,
    /// Whether he decides.
    pub decision_maker: bool,
    /// Since when.
    pub since: Moment,
    /// Full name.
    pub name: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Position in words.
    pub job_title: Option<String>,
    /// Whether his values are open: they stand under a key of his own.
    pub state: Option<Access>,
}

/// A link to another client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// The relation.
    pub id: RelationId,
    /// What kind.
    pub kind: Code,
    /// The other client.
    pub to: ClientId,
    /// Since when.
    pub since: Moment,
}

/// A date to be remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotedDate {
    /// What is remembered, such as `birthday`.
    pub kind: Code,
    /// Whether it comes back every year.
    pub yearly: bool,
    /// The date.
    pub date: Option<Day>,
    /// Whether the date is open.
    pub state: Option<Access>,
}

/// A meeting that was agreed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The meeting.
    pub id: MeetingId,
    /// When it is to begin; none when only its moving is known.
    pub starts_at: Option<Moment>,
    /// When it is to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Who of us will be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// How often it was moved.
    pub moved: u32,
}
