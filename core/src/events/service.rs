//! How service is regulated: calendars, service levels, workflows, check-lists, known problems and their solutions,
//! items of plans. All are definitions.

use serde::{Deserialize, Serialize};

use super::case::CaseKind;
use crate::calendar::{DayHours, WeekHours};
use crate::code::{Code, Label};
use crate::condition::Condition;
use crate::time::Day;

/// A state of a [`WorkflowDefined`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The state.
    pub state: Code,
    /// Its name in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// The department that works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Code>,
    /// How long a case may stay in it, in seconds of the calendar of its service level; of any time without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<u32>,
}

/// A move that a [`WorkflowDefined`] allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// From this state
    pub from: Code,
    /// to this one.
    pub to: Code,
    /// Only when this holds of `case` (`kind`, `topic`, `product`, `priority`, `channel`, `region`, `answers`, `state`)
    /// and `employee` (`role`, `department`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Only by employees of one of these roles; by everybody when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Code>,
}

area! {
    /// Definitions of service.
    ServiceEvent in Service "service";

    /// When we work.
    event CalendarDefined = "calendar.defined" @ 1, stream "calendar"(calendar) {
        /// The calendar.
        calendar: Code,
        /// The IANA time zone of its hours.
        zone: Code,
        /// Hours of every week; those of several entries add up.
        weekly: Vec<WeekHours>,
        /// Days without hours.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holidays: Vec<Day>,
        /// Days with hours of their own, holidays or not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exceptions: Vec<DayHours>,
    }

    /// What is promised to whom. A case gets the first level, by rank, whose condition holds of it, in the version
    /// that counted when the case was raised; it keeps that version for ever.
    event ServiceLevelDefined = "service_level.defined" @ 1, stream "service-level"(level) {
        /// The level.
        level: Code,
        /// Levels are asked in the order of their ranks, the smallest first.
        rank: u32,
        /// The calendar in which its clocks run, in the version that counted when the case was raised.
        calendar: Code,
    } optional {
        /// Whom it is for, asked of `case` (`kind`, `topic`, `product`, `priority`, `channel`, `region`) and `client`
        /// (his coded attributes when the case was raised); for everybody when missing.
        when: Condition,
        /// A person answers within so many seconds.
        first_response_s: u32,
        /// The case is resolved within so many seconds, without the time that we wait for the client.
        resolution_s: u32,
        /// From so many percent of a target on it is at risk; 80 when missing.
        at_risk_percent: u32,
    }

    /// How cases of a kind are handled. A case runs under the version that counted when it was raised.
    event WorkflowDefined = "workflow.defined" @ 1, stream "workflow"(kind) {
        /// The kind of cases.
        kind: CaseKind,
        /// Its states; a case begins in the first.
        states: Vec<State>,
        /// The moves it allows.
        transitions: Vec<Transition>,
    }

    /// What must be there when work is handed over.
    event CheckListDefined = "check_list.defined" @ 1, stream "check-list"(list) {
        /// The list.
        list: Code,
        /// What must be there.
        items: Vec<Code>,
    }

    /// A problem is known that cases have in common.
    event ProblemIdentified = "problem.identified" @ 1, stream "problem"(problem) {
        /// The problem.
        problem: Code,
        /// Its name.
        label: Label,
    } optional {
        /// What it is about.
        topic: Code,
        /// With which product.
        product: Code,
    }

    /// There is a way to solve a problem.
    event SolutionRecorded = "solution.recorded" @ 1, stream "solution"(solution) {
        /// The solution.
        solution: Code,
        /// What it solves.
        problem: Code,
        /// Its name.
        label: Label,
    }

    /// Something is planned in production or development.
    event PlanItemDefined = "plan_item.defined" @ 1, stream "plan-item"(item) {
        /// The item.
        item: Code,
        /// In which plan: `production`, `development` …
        plan: Code,
        /// Its name.
        label: Label,
    } optional {
        /// Planned for this day.
        planned: Day,
    }

    /// An item of a plan was put on another day.
    event PlanItemMoved = "plan_item.moved" @ 1, stream "plan-item"(item) {
        /// The item.
        item: Code,
        /// Planned for this day.
        planned: Day,
        /// Why.
        reason: Code,
    }

    /// An item of a plan is there.
    event PlanItemReleased = "plan_item.released" @ 1, stream "plan-item"(item) {
        /// The item.
        item: Code,
    } optional {
        /// In which release.
        release: Code,
    }
}
