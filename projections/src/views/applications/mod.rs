//! Applications with parallel reviews: they join when all are decided.

mod questions;

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::{Event, ProcessEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EmployeeId};
use letopis_core::time::{Moment, SECOND_US, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Projection};
use crate::engine::row::Json;
use crate::row;

pub use questions::QUESTIONS;

/// A review of an application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Review {
    /// When it was asked for; none when only its decision is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Moment>,
    /// To be decided before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Moment>,
    /// Who decides or decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Moment>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Code>,
}

impl Review {
    /// Elapsed seconds from asking to deciding, or until now.
    pub fn took_s(&self, now: Timestamp) -> Option<i64> {
        let until = self.decided_at.map_or(now, |decided| decided.at);
        self.requested_at.map(|requested| (until.0 - requested.at.0).max(0) / SECOND_US)
    }
}

row! {
    /// An application.
    pub struct ApplicationRow in "application", index ["first_at, case_id"] {
        /// The case that it is.
        key case_id: CaseId,
        owner client,
        /// The first that we know of its reviews or its decision.
        first_at: Option<Timestamp>,
        /// Its reviews, by branch.
        reviews: Json<BTreeMap<Code, Review>>,
        /// When it was decided.
        decided_at: Option<Moment>,
        /// What was decided.
        decision: Option<Code>,
        /// Who decided.
        employee: Option<EmployeeId>,
    }
}

impl ApplicationRow {
    /// When the last review was decided; none while one is open or there are none.
    pub fn joined_at(&self) -> Option<Moment> {
        let mut joined: Option<Moment> = None;
        for review in self.reviews.0.values() {
            let decided = review.decided_at?;
            joined = joined.filter(|joined| joined.at >= decided.at).or(Some(decided));
        }
        joined
    }

    /// The review that took longest; one that is still open counts until now.
    pub fn slowest(&self, now: Timestamp) -> Option<&Code> {
        let took = |(branch, review): (_, &Review)| review.took_s(now).map(|took| (took, branch));
        self.reviews.0.iter().filter_map(took).max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1))).map(|(_, branch)| branch)
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Applications;

impl Projection for Applications {
    const NAME: &'static str = "applications";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["process"];
    type Row = ApplicationRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        use ProcessEvent as P;
        if let Event::Process(event) = &fact.event
            && matches!(event, P::ReviewRequested(_) | P::ReviewDecided(_) | P::ApplicationDecided(_))
        {
            keys.push(event.case_id().0);
        }
    }

    fn fold(&self, row: &mut ApplicationRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Process(event) = &fact.event else { return };
        row.first_at.get_or_insert(fact.occurred.at);
        match event {
            ProcessEvent::ReviewRequested(e) => {
                let review = row.reviews.0.entry(e.branch.clone()).or_default();
                review.requested_at.get_or_insert(fact.occurred);
                review.due = e.due.or(review.due);
                review.employee = e.employee.or(review.employee);
            }
            ProcessEvent::ReviewDecided(e) => {
                let review = row.reviews.0.entry(e.branch.clone()).or_default();
                (review.decided_at, review.decision) = (Some(fact.occurred), Some(e.decision.clone()));
                review.employee = e.employee.or(review.employee);
            }
            ProcessEvent::ApplicationDecided(e) => {
                (row.decided_at, row.decision) = (Some(fact.occurred), Some(e.decision.clone()));
                row.employee = e.employee;
            }
            _ => {}
        }
    }
}
