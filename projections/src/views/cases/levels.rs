//! Cases against their service levels: each with its clocks, and the shares that were in time.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, ClientId, EmployeeId};
use letopis_core::time::Moment;
use serde::Serialize;

use super::clock::{Clock, ClockState, Clocks, Levels};
use super::{CaseRow, Status};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::views::attributes::Dated;
use crate::views::loyalty::ratio::Ratio;

/// Cases that are read at once while those with a wanted state are looked for.
const CHUNK: usize = 500;

/// A case with its clocks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseClocks {
    /// The case.
    pub case: CaseId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// What it is.
    pub kind: Option<CaseKind>,
    /// How far it is.
    pub status: Status,
    /// When it was raised.
    pub raised_at: Option<Moment>,
    /// Who sees to it.
    pub employee: Option<EmployeeId>,
    /// Which department sees to it.
    pub department: Option<letopis_core::code::Code>,
    /// Its clocks; none when no level is for it.
    pub clocks: Option<Clocks>,
}

impl CaseClocks {
    fn new(row: &CaseRow, clocks: Option<Clocks>) -> Self {
        Self {
            case: row.case_id,
            client: row.client.client(),
            kind: row.kind,
            status: row.status,
            raised_at: row.raised_at.map(Moment::utc),
            employee: row.employee,
            department: row.department.clone(),
            clocks,
        }
    }
}

fn clocks_of(reader: &Reader<'_>, levels: &Levels, dated: &Dated, row: &CaseRow) -> Option<Clocks> {
    let raised = row.raised_at?;
    levels.clocks(row, &dated.at(row.client, raised), reader.now)
}

/// One case with its clocks.
pub(super) fn clock(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    let Some(row) = super::row(reader, CaseId(id))? else { return json(()) };
    let (levels, dated) = (Levels::load(reader)?, Dated::of(reader, row.client)?);
    let clocks = clocks_of(reader, &levels, &dated, &row);
    json(CaseClocks::new(&row, clocks))
}

const STATES: &[(&str, ClockState)] = &[
    ("met", ClockState::Met),
    ("breached", ClockState::Breached),
    ("at_risk", ClockState::AtRisk),
    ("running", ClockState::Running),
    ("void", ClockState::Void),
];

/// Cases that have a level, the latest first.
pub(super) fn clocks(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let states = params.words("state", STATES)?;
    let which = params.word("clock", &[("first_response", true), ("resolution", false)])?;
    let (kind, employee) = (super::kind(params)?, params.one::<EmployeeId>("employee")?);
    let open = params.one::<bool>("open")?.unwrap_or(false);
    let (limit, wanted) = window.wanted()?;
    let shape = format!("clocks {states:?} {which:?} {kind:?} {employee:?} {open}");
    let (levels, dated) = (Levels::load(reader)?, Dated::all(reader)?);
    let fits = |clocks: &Clocks| {
        let is = |clock: &Option<Clock>| clock.as_ref().is_some_and(|clock| states.contains(&clock.state));
        states.is_empty()
            || (which != Some(false) && is(&clocks.first_response))
            || (which != Some(true) && is(&clocks.resolution))
    };
    let mut place = window.place(&shape, 2)?;
    let mut found: Vec<(CaseRow, Clocks)> = Vec::new();
    while (found.len() as i64) < wanted {
        let mut condition = Condition::default();
        condition.and("raised_at IS NOT NULL", []);
        condition.is("kind", kind.as_ref()).is("employee", employee.as_ref());
        if open {
            condition.and("status IN ('open', 'answered')", []);
        }
        if let Some(place) = &place {
            condition.and("(first_at, case_id) < (?, ?)", place.iter().cloned());
        }
        let rest = format!("ORDER BY first_at DESC, case_id DESC LIMIT {CHUNK}");
        let rows = reader.rows::<CaseRow>(&condition.sql(&rest), &condition.values())?;
        let Some(last) = rows.last() else { break };
        let (more, next) = (rows.len() == CHUNK, vec![last.first_at.put(), last.case_id.put()]);
        for row in rows {
            if let Some(clocks) = clocks_of(reader, &levels, &dated, &row).filter(&fits) {
                found.push((row, clocks));
            }
        }
        if !more {
            break;
        }
        place = Some(next);
    }
    found.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    let page = Page::cut(found, limit, &shape, |(row, _)| vec![row.first_at.put(), row.case_id.put()]);
    json(page.map(|(row, clocks)| CaseClocks::new(&row, Some(clocks))))
}

/// How one clock stands over many cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Ended in time.
    pub met: i64,
    /// Too late.
    pub breached: i64,
    /// Still running, most of the target used up.
    pub at_risk: i64,
    /// Still running.
    pub running: i64,
    /// Closed before it ended.
    pub void: i64,
}

/// Cases of one group against their levels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelLine {
    /// The group; none where it is not known, and for the sum over all.
    pub key: Option<String>,
    /// Cases that have a level.
    pub cases: i64,
    /// Until a person answered.
    pub first_response: Standing,
    /// In time of what is decided: what still runs in time is in neither part.
    pub first_response_share: Ratio,
    /// Until it was resolved.
    pub resolution: Standing,
    /// In time of what is decided.
    pub resolution_share: Ratio,
}

/// Shares in time, with the versions that they rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelShares {
    /// By group.
    pub lines: Vec<LevelLine>,
    /// Cases that no level is for.
    pub without_level: i64,
    /// Levels and calendars that were asked, `kind:code@version`.
    pub rests_on: BTreeSet<String>,
}

/// What the lines are grouped by.
#[derive(Debug, Clone, Copy)]
enum By {
    Level,
    Kind,
    Topic,
    Priority,
    Employee,
    Department,
}

impl By {
    fn key(self, row: &CaseRow, clocks: &Clocks) -> Option<String> {
        match self {
            Self::Level => Some(clocks.level.clone()),
            Self::Kind => row.kind.map(|kind| kind.to_string()),
            Self::Topic => row.topic.as_ref().map(ToString::to_string),
            Self::Priority => row.priority.as_ref().map(ToString::to_string),
            Self::Employee => row.employee.map(|employee| employee.to_string()),
            Self::Department => row.department.as_ref().map(ToString::to_string),
        }
    }
}

impl Standing {
    fn count(&mut self, clock: Option<&Clock>) {
        match clock.map(|clock| clock.state) {
            Some(ClockState::Met) => self.met += 1,
            Some(ClockState::Breached) => self.breached += 1,
            Some(ClockState::AtRisk) => self.at_risk += 1,
            Some(ClockState::Running) => self.running += 1,
            Some(ClockState::Void) => self.void += 1,
            None => {}
        }
    }

    fn share(self) -> Ratio {
        Ratio::new(self.met, self.met + self.breached)
    }
}

/// Shares of cases raised in a period that were in time.
pub(super) fn shares(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = params.word(
        "by",
        &[
            ("level", By::Level),
            ("kind", By::Kind),
            ("topic", By::Topic),
            ("priority", By::Priority),
            ("employee", By::Employee),
            ("department", By::Department),
        ],
    )?;
    let (from, to) = params.period(reader)?;
    json(level_shares(reader, (reader.zone.start(from).0, reader.zone.start(to).0), |row, clocks| {
        by.and_then(|by| by.key(row, clocks))
    })?)
}

fn level_shares(
    reader: &Reader<'_>,
    raised: (i64, i64),
    key: impl Fn(&CaseRow, &Clocks) -> Option<String>,
) -> Result<LevelShares, QueryError> {
    let (levels, dated) = (Levels::load(reader)?, Dated::all(reader)?);
    let rows = reader.rows::<CaseRow>("WHERE raised_at >= ?1 AND raised_at < ?2", &[&raised.0, &raised.1])?;
    let mut groups: BTreeMap<Option<String>, (i64, Standing, Standing)> = BTreeMap::new();
    let mut out = LevelShares { lines: Vec::new(), without_level: 0, rests_on: BTreeSet::new() };
    for row in &rows {
        let Some(clocks) = clocks_of(reader, &levels, &dated, row) else {
            out.without_level += 1;
            continue;
        };
        let (cases, first, resolution) = groups.entry(key(row, &clocks)).or_default();
        *cases += 1;
        first.count(clocks.first_response.as_ref());
        resolution.count(clocks.resolution.as_ref());
        out.rests_on.extend(clocks.calendar.into_iter().chain([clocks.level]));
    }
    let line = |(key, (cases, first_response, resolution)): (Option<String>, (i64, Standing, Standing))| LevelLine {
        key,
        cases,
        first_response,
        first_response_share: first_response.share(),
        resolution,
        resolution_share: resolution.share(),
    };
    out.lines = groups.into_iter().map(line).collect();
    Ok(out)
}

/// The attributes of the client of one case when it was raised.
pub(super) fn client_of(reader: &Reader<'_>, client: Owner, row: &CaseRow) -> Result<serde_json::Value, QueryError> {
    Ok(Dated::of(reader, client)?.at(client, row.raised_at.unwrap_or(reader.now)))
}
