//! The way of cases through departments: where each is now, where it has been, what it took, and how completely
//! it was handed over.

mod handovers;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::{Event, ProcessEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EmployeeId, EventId};
use letopis_core::time::{Day, Moment, SECOND_US, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::row::{Json, Total, TotalTable};
use crate::{row, total};

pub use questions::QUESTIONS;

/// A stay in a department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The department.
    pub department: Code,
    /// The state of the workflow that began with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Code>,
    /// When it came; none when only its leaving is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_at: Option<Moment>,
    /// When it left; none while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Moment>,
    /// To be done before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Moment>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// Labour spent, in seconds.
    #[serde(default)]
    pub labour_s: i64,
}

impl Visit {
    /// Elapsed seconds until it left, or until now.
    pub fn stayed_s(&self, now: Timestamp) -> i64 {
        let until = self.left_at.map_or(now, |left| left.at);
        self.entered_at.map_or(0, |entered| (until.0 - entered.at.0).max(0) / SECOND_US)
    }
}

/// A hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// When.
    pub at: Moment,
    /// Who gave it.
    pub from: Code,
    /// Who gets it.
    pub to: Code,
    /// The check-list.
    pub list: Code,
    /// What of the list was there.
    pub checked: Vec<Code>,
    /// When the case came there; none while it is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Moment>,
    /// The event that says so.
    pub event: EventId,
}

row! {
    /// A case on its way.
    pub struct WorkRow in "work_item", index ["department, entered_at, case_id", "entered_at, case_id"] {
        /// The case.
        key case_id: CaseId,
        owner client,
        /// Where it is; none between departments and at the end.
        department: Option<Code>,
        /// The state of the workflow that began there.
        stage: Option<Code>,
        /// Who does it there.
        employee: Option<EmployeeId>,
        /// Since when it is there.
        entered_at: Option<Timestamp>,
        /// To be done there before.
        due: Option<Timestamp>,
        /// Where it has been, in fold order.
        visits: Json<Vec<Visit>>,
        /// How it was handed over, in fold order.
        handovers: Json<Vec<Handover>>,
    }
}

total! {
    /// What came into and left departments on a day.
    pub struct DepartmentFlow in "department_flow" by {
        /// The day.
        day: Day,
        /// The department.
        department: Code,
    } sums {
        /// Cases that came.
        entered,
        /// Cases that left.
        left_it,
        /// Elapsed seconds of those that left, since they came.
        stayed_s,
        /// Labour of those that left, in seconds.
        labour_s,
        /// Cases that left after they were to be done.
        late,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work;

impl Projection for Work {
    const NAME: &'static str = "work_items";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["process"];
    const TOTALS: &'static [TotalTable] = &[DepartmentFlow::TABLE];
    type Row = WorkRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Process(event) = &fact.event
            && matches!(event, ProcessEvent::WorkEntered(_) | ProcessEvent::WorkLeft(_) | ProcessEvent::HandedOver(_))
        {
            keys.push(event.case_id().0);
        }
    }

    fn fold(&self, row: &mut WorkRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Process(event) = &fact.event else { return };
        let at = fact.occurred;
        match event {
            ProcessEvent::WorkEntered(e) => {
                let waits = |handover: &&mut Handover| handover.to == e.department && handover.received_at.is_none();
                if let Some(handover) = row.handovers.0.iter_mut().rev().find(waits) {
                    handover.received_at = Some(at);
                }
                row.visits.0.push(Visit {
                    department: e.department.clone(),
                    stage: e.stage.clone(),
                    entered_at: Some(at),
                    left_at: None,
                    due: e.due,
                    employee: e.employee,
                    labour_s: 0,
                });
            }
            ProcessEvent::WorkLeft(e) => {
                let there = |visit: &&mut Visit| visit.department == e.department && visit.left_at.is_none();
                let visits = &mut row.visits.0;
                let labour_s = e.labour_s.map_or(0, i64::from);
                match visits.iter_mut().rev().find(there) {
                    Some(visit) => {
                        (visit.left_at, visit.labour_s) = (Some(at), labour_s);
                        visit.employee = e.employee.or(visit.employee);
                    }
                    None => visits.push(Visit {
                        department: e.department.clone(),
                        stage: None,
                        entered_at: None,
                        left_at: Some(at),
                        due: None,
                        employee: e.employee,
                        labour_s,
                    }),
                }
            }
            ProcessEvent::HandedOver(e) => row.handovers.0.push(Handover {
                at,
                from: e.from.clone(),
                to: e.to.clone(),
                list: e.list.clone(),
                checked: e.checked.clone(),
                received_at: None,
                event: fact.id,
            }),
            _ => {}
        }
        let here = row.visits.0.iter().rev().find(|visit| visit.left_at.is_none());
        row.department = here.map(|visit| visit.department.clone());
        row.stage = here.and_then(|visit| visit.stage.clone());
        row.employee = here.and_then(|visit| visit.employee);
        row.entered_at = here.and_then(|visit| visit.entered_at).map(|at| at.at);
        row.due = here.and_then(|visit| visit.due).map(|due| due.at);
    }

    fn contribute(&self, row: &WorkRow, cx: &Context<'_>, out: &mut Contributions) {
        for visit in &row.visits.0 {
            let flow = |day| DepartmentFlow {
                day,
                department: visit.department.clone(),
                entered: 0,
                left_it: 0,
                stayed_s: 0,
                labour_s: 0,
                late: 0,
            };
            if let Some(entered) = visit.entered_at {
                out.add(&DepartmentFlow { entered: 1, ..flow(cx.zone.day(entered.at)) });
            }
            if let Some(left) = visit.left_at {
                // Who was never seen coming is not counted as gone: stocks would fall below nothing.
                let left_it = i64::from(visit.entered_at.is_some());
                let (stayed_s, labour_s) = (visit.stayed_s(left.at), visit.labour_s);
                let late = i64::from(visit.due.is_some_and(|due| due.at < left.at));
                out.add(&DepartmentFlow { left_it, stayed_s, labour_s, late, ..flow(cx.zone.day(left.at)) });
            }
        }
    }
}
