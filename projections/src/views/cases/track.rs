//! What of a case's life changes the totals.

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CaseRow, Status, What};

/// What cases are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Labels {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CaseKind>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Code>,
    /// About which product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Code>,
    /// How it reached us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Code>,
}

/// A case after something happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// What it is counted by from here on.
    #[serde(flatten)]
    pub labels: Labels,
    /// How far it is; none before it was raised, when it is counted nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The date that was promised last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What whoever it was handed to answered; only where that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Code>,
    /// Whether they answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timely: Option<bool>,
    /// Seconds since it was raised, where an answer or a resolution ends a wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_s: Option<i64>,
}

/// Notes where the case stands after an event.
pub(super) fn mark(row: &mut CaseRow, at: Timestamp, what: What) {
    let labels =
        Labels { kind: row.kind, topic: row.topic.clone(), product: row.product.clone(), channel: row.channel.clone() };
    let forwarded = what == What::Forwarded;
    let ends_a_wait = matches!(what, What::FirstAnswered | What::Resolved);
    let waited = row.raised_at.filter(|raised| ends_a_wait && *raised <= at);
    row.track.0.push(Point {
        at,
        what,
        labels,
        status: row.raised_at.is_some().then_some(row.status),
        due: row.due,
        response: row.response.clone().filter(|_| forwarded),
        timely: row.timely.filter(|_| forwarded),
        took_s: waited.map(|raised| (at.0 - raised.0) / letopis_core::time::SECOND_US),
    });
}
