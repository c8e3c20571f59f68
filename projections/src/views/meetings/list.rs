//! Calendars, and planned versus held.

use letopis_core::code::Code;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, MeetingId};
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use super::{MeetingRow, MeetingStatus};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::views::loyalty::ratio::Ratio;

/// A meeting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeetingItem {
    /// The meeting.
    pub meeting: MeetingId,
    /// With whom; the head of his group.
    pub client: ClientId,
    /// What became of it.
    pub status: MeetingStatus,
    /// Its time has passed and nobody said what became of it.
    pub past: bool,
    /// When it is to begin.
    pub starts_at: Option<Moment>,
    /// When it was to begin at first.
    pub first_starts_at: Option<Moment>,
    /// When it is to end.
    pub ends_at: Option<Moment>,
    /// Whether it was planned.
    pub planned: bool,
    /// How often it was moved.
    pub moves: u32,
    /// Who of us.
    pub employee: Option<EmployeeId>,
    /// What it is about.
    pub topics: Vec<Code>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The deal it belongs to.
    pub deal: Option<DealId>,
    /// The event whose words tell title and place.
    pub event: Option<EventId>,
    /// When it was held, missed or called off.
    pub settled_at: Option<Moment>,
    /// Length in seconds.
    pub duration_s: Option<u32>,
    /// How it ended.
    pub outcome: Option<Code>,
}

impl MeetingItem {
    fn new(row: MeetingRow, now: Timestamp) -> Self {
        Self {
            past: row.status == MeetingStatus::Planned && row.starts_at.is_some_and(|at| at < now),
            meeting: row.meeting,
            client: row.client.client(),
            status: row.status,
            starts_at: row.starts_at.map(Moment::utc),
            first_starts_at: row.first_starts_at.map(Moment::utc),
            ends_at: row.ends_at.map(Moment::utc),
            planned: row.planned,
            moves: row.moves,
            employee: row.employee,
            topics: row.topics.0,
            case: row.case_id,
            deal: row.deal_id,
            event: row.event,
            settled_at: row.settled_at.map(Moment::utc),
            duration_s: row.duration_s,
            outcome: row.outcome,
        }
    }
}

/// Which meetings are wanted; an empty list allows all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeetingFilter {
    /// What became of them.
    pub status: Vec<MeetingStatus>,
    /// With this one of us.
    pub employee: Option<EmployeeId>,
    /// With this client, by the head of his group.
    pub client: Option<Owner>,
    /// Beginning not before.
    pub from: Option<Timestamp>,
    /// Beginning before.
    pub to: Option<Timestamp>,
}

impl MeetingFilter {
    fn condition(&self) -> Condition {
        let mut condition = Condition::default();
        condition.and("starts_at IS NOT NULL", []);
        condition.one_of("status", &self.status).is("employee", self.employee.as_ref());
        condition.is("client", self.client.as_ref());
        if let Some(from) = self.from {
            condition.and("starts_at >= ?", [from.put()]);
        }
        if let Some(to) = self.to {
            condition.and("starts_at < ?", [to.put()]);
        }
        condition
    }
}

/// A calendar: meetings by the time at which they begin, those to come among them.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn calendar(reader: &Reader<'_>, filter: &MeetingFilter, window: &Window) -> Result<Page<MeetingItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("meetings {filter:?}");
    let mut condition = filter.condition();
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(starts_at, meeting) > (?, ?)", place);
    }
    let rest = format!("ORDER BY starts_at, meeting LIMIT {wanted}");
    let rows = reader.rows::<MeetingRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.starts_at.put(), row.meeting.put()]);
    Ok(page.map(|row| MeetingItem::new(row, reader.now)))
}

/// What meetings are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MeetingsBy {
    /// All together.
    Nothing,
    /// Who of us.
    Employee,
    /// With whom.
    Client,
    /// The calendar month in which they were to begin.
    Month,
}

/// Planned meetings and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PlannedVersusHeld {
    /// Employee, client or month; null for all together, and where nobody of us is named.
    pub key: Option<String>,
    /// Agreed, and to begin in the period.
    pub planned: i64,
    /// Of these, held.
    pub held: i64,
    /// Nobody came.
    pub missed: i64,
    /// Called off.
    pub cancelled: i64,
    /// Their time has passed and nobody said what became of them.
    pub silent: i64,
    /// Still to come.
    pub ahead: i64,
    /// Moved at least once.
    pub moved: i64,
    /// Held without having been planned; not among the planned.
    pub unplanned: i64,
    /// Held of those whose time has passed.
    pub held_share: Ratio,
}

/// Meetings that were to begin in a period, and what became of them.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn planned_versus_held(
    reader: &Reader<'_>,
    filter: &MeetingFilter,
    by: MeetingsBy,
) -> Result<Vec<PlannedVersusHeld>, QueryError> {
    let mut lines = std::collections::BTreeMap::<Option<String>, [i64; 8]>::new();
    let condition = filter.condition();
    let sql = format!(
        "SELECT status, planned, moves, starts_at, employee, client FROM meeting {}",
        condition.sql("ORDER BY starts_at, meeting")
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let values = condition.values();
    let mut rows = statement.query(&values[..])?;
    while let Some(row) = rows.next()? {
        use crate::engine::row::cell;
        let (status, planned, moves): (MeetingStatus, bool, u32) = (cell(row, 0)?, cell(row, 1)?, cell(row, 2)?);
        let starts_at: Timestamp = cell(row, 3)?;
        let key: Option<String> = match by {
            MeetingsBy::Nothing => None,
            MeetingsBy::Employee => cell(row, 4)?,
            MeetingsBy::Client => cell(row, 5)?,
            MeetingsBy::Month => reader.zone.day(starts_at).to_string().get(..7).map(str::to_owned),
        };
        let line = lines.entry(key).or_default();
        if !planned {
            line[7] += 1;
            continue;
        }
        line[0] += 1;
        line[6] += i64::from(moves > 0);
        line[match status {
            MeetingStatus::Held => 1,
            MeetingStatus::Missed => 2,
            MeetingStatus::Cancelled => 3,
            MeetingStatus::Planned if starts_at < reader.now => 4,
            MeetingStatus::Planned => 5,
        }] += 1;
    }
    let line = |(key, [planned, held, missed, cancelled, silent, ahead, moved, unplanned]): (_, [i64; 8])| {
        let held_share = Ratio::new(held, planned - ahead);
        PlannedVersusHeld { key, planned, held, missed, cancelled, silent, ahead, moved, unplanned, held_share }
    };
    Ok(lines.into_iter().map(line).collect())
}
