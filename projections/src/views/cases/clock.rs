//! Clocks of the service level: first response and resolution, in business time, from events alone.
//!
//! A case keeps the level, and the calendar, in the versions that counted when it was raised: what is defined later
//! explains nothing that came before. The first response takes from the raising to the first answer by a person;
//! the resolution from the raising to the last resolution, without the times in which we waited for the client, and
//! a reopened case goes on. Both are seconds of the calendar; whatever lies outside its hours counts nothing.

use std::collections::BTreeMap;

use letopis_core::calendar::Calendar;
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::service::{CalendarDefined, ServiceLevelDefined};
use letopis_core::ids::Version;
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{CaseRow, Pause};
use crate::engine::read::{QueryError, Reader};

/// From so many percent of the target on, where the level does not say.
const AT_RISK_PERCENT: u32 = 80;

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It ended in time.
    Met,
    /// It ended too late, or still runs though the target is used up.
    Breached,
    /// It runs, and most of the target is used up.
    AtRisk,
    /// It runs.
    Running,
    /// The case was closed without an answer or resolution before the target was used up.
    Void,
}

/// One clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Seconds that were promised.
    pub target_s: i64,
    /// Seconds that passed, until it ended or until now.
    pub elapsed_s: i64,
    /// When the target is used up; none while it stands still before that.
    pub due: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// How it stands.
    pub state: ClockState,
}

/// The clocks of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// The level that was promised, `kind:code@version`.
    pub level: String,
    /// The calendar in which the clocks run; none when its code was never defined, and all time counts.
    pub calendar: Option<String>,
    /// We wait for the client now.
    pub paused: bool,
    /// Seconds of the calendar in which we waited for the client.
    pub paused_s: i64,
    /// Until a person answered.
    pub first_response: Option<Clock>,
    /// Until it was resolved.
    pub resolution: Option<Clock>,
}

/// Levels and calendars, in all their versions.
#[derive(Debug)]
pub struct Levels {
    definitions: Definitions,
    calendars: BTreeMap<(String, Version), Calendar>,
    always: Calendar,
}

impl Levels {
    /// As the answer's bound allows.
    ///
    /// # Errors
    /// When the view file cannot be read.
    pub fn load(reader: &Reader<'_>) -> Result<Self, QueryError> {
        Ok(Self::new(reader.definitions(&[CalendarDefined::KIND, ServiceLevelDefined::KIND])?))
    }

    pub(super) fn new(definitions: Definitions) -> Self {
        let mut calendars = BTreeMap::new();
        for last in definitions.all::<CalendarDefined>() {
            for dated in definitions.versions::<CalendarDefined>(last.code) {
                if let Ok(calendar) = Calendar::new(dated.value) {
                    calendars.insert((dated.code.to_owned(), dated.version), calendar);
                }
            }
        }
        Self { definitions, calendars, always: Calendar::always() }
    }

    /// The level that a case got when it was raised, and its calendar.
    pub(crate) fn of(&self, row: &CaseRow, client: &Value) -> Option<Chosen<'_>> {
        let raised = row.raised_at?;
        let names = json!({ "case": case_names(row), "client": client });
        let mut levels = self.definitions.all_at::<ServiceLevelDefined>(raised);
        levels.sort_by_key(|level| (level.value.rank, level.code));
        let holds = |level: &Dated<'_, ServiceLevelDefined>| {
            // What cannot be decided, for want of an attribute, does not hold.
            level.value.when.as_ref().is_none_or(|when| when.holds(&names).unwrap_or(false))
        };
        let level = levels.into_iter().find(holds)?;
        let dated = self.definitions.at::<CalendarDefined>(level.value.calendar.as_str(), raised);
        let found = dated.and_then(|dated| {
            let calendar = self.calendars.get(&(dated.code.to_owned(), dated.version))?;
            Some((Some(dated.name()), calendar))
        });
        let (calendar_name, calendar) = found.unwrap_or((None, &self.always));
        Some(Chosen { level, calendar_name, calendar })
    }

    /// The clocks of a case at an instant; none when it was never raised or no level is for it.
    pub fn clocks(&self, row: &CaseRow, client: &Value, now: Timestamp) -> Option<Clocks> {
        let raised = row.raised_at?;
        let Chosen { level, calendar_name, calendar } = self.of(row, client)?;
        let percent = i64::from(level.value.at_risk_percent.unwrap_or(AT_RISK_PERCENT));
        let closed = row.closed_at;
        let measure = |target: Option<u32>, ended: Option<Timestamp>, pauses: &[Pause]| {
            let run = Run { calendar, raised, pauses, ended, stopped: ended.or(closed), now };
            target.map(|target| run.clock(i64::from(target), percent))
        };
        let pauses = &row.pauses.0;
        let until = row.resolved_at.or(closed).unwrap_or(now);
        Some(Clocks {
            level: level.name(),
            calendar: calendar_name,
            paused: row.settled_at.is_none() && pauses.last().is_some_and(|pause| pause.to.is_none()),
            paused_s: paused_s(calendar, pauses, raised, until),
            first_response: measure(level.value.first_response_s, row.first_answer_at, &[]),
            resolution: measure(level.value.resolution_s, row.resolved_at, pauses),
        })
    }
}

/// A level in the version that a case keeps.
pub(crate) struct Chosen<'a> {
    pub(crate) level: Dated<'a, ServiceLevelDefined>,
    pub(crate) calendar_name: Option<String>,
    pub(crate) calendar: &'a Calendar,
}

fn case_names(row: &CaseRow) -> Value {
    json!({
        "kind": row.kind, "topic": row.topic, "product": row.product, "priority": row.priority,
        "channel": row.channel, "region": row.region,
    })
}

fn paused_s(calendar: &Calendar, pauses: &[Pause], raised: Timestamp, until: Timestamp) -> i64 {
    let of = |pause: &Pause| calendar.seconds(pause.from.max(raised), pause.to.unwrap_or(until).min(until));
    pauses.iter().map(of).sum()
}

/// How long something ran.
struct Run<'a> {
    calendar: &'a Calendar,
    raised: Timestamp,
    pauses: &'a [Pause],
    /// When what was promised was done.
    ended: Option<Timestamp>,
    /// When nothing more was to be waited for.
    stopped: Option<Timestamp>,
    now: Timestamp,
}

impl Run<'_> {
    fn clock(&self, target_s: i64, percent: i64) -> Clock {
        let until = self.stopped.unwrap_or(self.now);
        let whole = self.calendar.seconds(self.raised, until);
        let elapsed_s = (whole - paused_s(self.calendar, self.pauses, self.raised, until)).max(0);
        let state = match (self.ended, self.stopped) {
            (Some(_), _) if elapsed_s <= target_s => ClockState::Met,
            _ if elapsed_s > target_s => ClockState::Breached,
            (None, Some(_)) => ClockState::Void,
            _ if elapsed_s * 100 >= percent * target_s => ClockState::AtRisk,
            _ => ClockState::Running,
        };
        let (due, ended_at) = (self.due(target_s).map(Moment::utc), self.ended.map(Moment::utc));
        Clock { target_s, elapsed_s, due, ended_at, state }
    }

    /// When the target is used up, if the clock does not stand still before.
    fn due(&self, target_s: i64) -> Option<Timestamp> {
        let (mut from, mut left) = (self.raised, target_s);
        for pause in self.pauses {
            let open = self.calendar.seconds(from, pause.from);
            if open >= left {
                break;
            }
            left -= open;
            from = pause.to?.max(from);
        }
        self.calendar.after(from, left)
    }
}
