//! Cases in numbers, from the dated totals alone: right as of any past day on the live file.

use std::collections::BTreeMap;

use letopis_core::time::{Day, Timestamp};
use serde::Serialize;

use super::buckets::percentile;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};
use crate::views::words::Blank;

/// What cases are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CasesBy {
    /// Complaint, question, error report, wish, incident.
    Kind,
    /// What they are about.
    Topic,
    /// How they reached us.
    Channel,
    /// About which product.
    Product,
}

impl CasesBy {
    fn column(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Topic => "topic",
            Self::Channel => "channel",
            Self::Product => "product",
        }
    }
}

/// How long something took, in elapsed seconds; at most 1 % off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Duration {
    /// Of how many cases.
    pub n: i64,
    /// Half took no longer, by nearest rank; none of none.
    pub median_s: Option<i64>,
    /// Nine of ten took no longer.
    pub p90_s: Option<i64>,
    /// Fewer than 30 cases: not to be ranked by.
    pub small: bool,
}

impl Duration {
    /// Of single times, exact.
    pub fn of(mut seconds: Vec<i64>) -> Self {
        seconds.sort_unstable();
        let n = seconds.len();
        // Nearest rank: of ten, the ninth is the ninetieth percentile.
        let rank = |percent: usize| seconds.get((n * percent).div_ceil(100).max(1) - 1).copied();
        Self { n: n as i64, median_s: rank(50), p90_s: rank(90), small: n < 30 }
    }
}

/// Cases of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaseOverview {
    /// The group; none where it is not known, and for the sum over all.
    pub key: Option<String>,
    /// Raised in the window.
    pub raised: i64,
    /// Answered by a person for the first time in the window.
    pub first_answered: i64,
    /// Answers by a person in the window, the first ones among them.
    pub answers: i64,
    /// Resolutions in the window.
    pub resolved: i64,
    /// Reopened in the window.
    pub reopened: i64,
    /// Closed in the window.
    pub closed: i64,
    /// Promised dates moved in the window.
    pub due_moved: i64,
    /// Handed to somebody outside in the window.
    pub forwarded: i64,
    /// Of them, answered too late.
    pub untimely: i64,
    /// Settled in the window by the date promised last.
    pub kept: i64,
    /// Settled in the window after the date promised last.
    pub broken: i64,
    /// Waiting for a first answer at the end of the window.
    pub open: i64,
    /// Answered and not settled at the end of the window.
    pub answered: i64,
    /// Of both, past the date promised last.
    pub overdue: i64,
    /// From the raising to the first answer, of those answered in the window.
    pub first_response: Duration,
    /// From the raising to the last resolution, of those resolved in the window and not reopened since.
    pub resolution: Duration,
}

type Lines = BTreeMap<Option<String>, CaseOverview>;

/// Buckets in ascending order, each with its count.
type Buckets = Vec<(i32, i64)>;

/// Counts cases over the days `[from, to)`, stocks at their end or now, whichever comes first. Without
/// `by` there is one line.
///
/// # Errors
/// When the window is turned round, or the file cannot be read.
pub fn overview(reader: &Reader<'_>, from: Day, to: Day, by: Option<CasesBy>) -> Result<Vec<CaseOverview>, QueryError> {
    if from > to {
        return Err(QueryError::Parameter { name: "to", reason: format!("{to} is before {from}") });
    }
    let key = by.map_or("NULL", CasesBy::column);
    let to = to.min(Day(reader.day().0.saturating_add(1)));
    let mut lines = Lines::new();
    if by.is_none() {
        lines.insert(None, CaseOverview::default());
    }
    let mut sums = |sql: &str, add: &mut dyn FnMut(&mut CaseOverview, &str, i64)| -> Result<(), QueryError> {
        let mut statement = reader.conn.prepare_cached(sql)?;
        let mut rows = statement.query((from.put(), to.put()))?;
        while let Some(row) = rows.next()? {
            let (Blank(group), what, cases) = (cell::<Blank<String>>(row, 0)?, cell::<String>(row, 1)?, row.get(2)?);
            if cases != 0 {
                let line = lines.entry(group.clone()).or_default();
                line.key = group;
                add(line, &what, cases);
            }
        }
        Ok(())
    };
    sums(
        &format!("SELECT {key}, what, SUM(cases) FROM case_flow WHERE day >= ?1 AND day < ?2 GROUP BY {key}, what"),
        &mut |line, what, cases| match what {
            "raised" => line.raised = cases,
            "first_answered" => {
                line.first_answered = cases;
                line.answers += cases;
            }
            "answered" => line.answers += cases,
            "resolved" => line.resolved = cases,
            "reopened" => line.reopened = cases,
            "closed" => line.closed = cases,
            "due_moved" => line.due_moved = cases,
            "forwarded" => line.forwarded = cases,
            "untimely" => line.untimely = cases,
            "kept" => line.kept = cases,
            "broken" => line.broken = cases,
            _ => {}
        },
    )?;
    sums(
        &format!(
            "SELECT {key}, state, SUM(cases) FROM case_stock WHERE ?1 IS NOT NULL AND day < ?2 GROUP BY {key}, state"
        ),
        &mut |line, state, cases| match state {
            "open" => line.open = cases,
            "answered" => line.answered = cases,
            "overdue" => line.overdue = cases,
            _ => {}
        },
    )?;
    due_later_today(reader, key, to, &mut lines)?;
    durations(reader, key, from, to, &mut lines)?;
    Ok(lines.into_values().collect())
}

/// Totals know days. When the question stands within a day, what is due later on that day is not overdue yet.
fn due_later_today(reader: &Reader<'_>, key: &str, to: Day, lines: &mut Lines) -> Result<(), QueryError> {
    let end: Timestamp = reader.zone.end(reader.day());
    if reader.now >= end || to <= reader.day() {
        return Ok(());
    }
    let sql = format!(
        "SELECT {key}, COUNT(*) FROM client_case WHERE raised_at IS NOT NULL AND status IN ('open', 'answered')
         AND due >= ?1 AND due < ?2 GROUP BY 1"
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query((reader.now.put(), end.put()))?;
    while let Some(row) = rows.next()? {
        if let Some(line) = lines.get_mut(&cell::<Option<String>>(row, 0)?) {
            line.overdue -= row.get::<_, i64>(1)?;
        }
    }
    Ok(())
}

fn durations(reader: &Reader<'_>, key: &str, from: Day, to: Day, lines: &mut Lines) -> Result<(), QueryError> {
    let sql = format!(
        "SELECT {key}, which, bucket, SUM(cases) AS n FROM case_duration
         WHERE ended_on >= ?1 AND ended_on < ?2 AND day <= ?3 GROUP BY {key}, which, bucket HAVING n <> 0
         ORDER BY {key}, which, bucket"
    );
    let mut counts: BTreeMap<(Option<String>, String), Buckets> = BTreeMap::new();
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query((from.put(), to.put(), reader.day().put()))?;
    while let Some(row) = rows.next()? {
        counts.entry((cell::<Blank<_>>(row, 0)?.0, cell(row, 1)?)).or_default().push((row.get(2)?, row.get(3)?));
    }
    for ((group, which), counts) in counts {
        let n = counts.iter().map(|(_, count)| count).sum();
        let (median_s, p90_s) = (percentile(&counts, 50), percentile(&counts, 90));
        let line = lines.entry(group.clone()).or_default();
        line.key = group;
        let duration = Duration { n, median_s, p90_s, small: n < 30 };
        if which == "resolution" { line.resolution = duration } else { line.first_response = duration }
    }
    Ok(())
}

/// Cases by what whoever they were handed to answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Responses {
    /// What was answered last.
    pub response: Option<String>,
    /// Whether it was in time.
    pub timely: Option<bool>,
    /// How many cases.
    pub cases: i64,
}

/// All cases that were handed to somebody outside, by the last answer, as of the end of the last day.
///
/// # Errors
/// When the file cannot be read.
pub fn responses(reader: &Reader<'_>) -> Result<Vec<Responses>, QueryError> {
    let mut statement = reader.conn.prepare_cached(
        "SELECT response, timely, SUM(cases) AS n FROM case_response WHERE day <= ?1
         GROUP BY response, timely HAVING n <> 0 ORDER BY n DESC, response, timely",
    )?;
    let rows = statement.query_map([reader.day().put()], |row| {
        let timely: Blank<String> = cell(row, 1)?;
        let timely = timely.0.map(|timely| timely == "yes");
        Ok(Responses { response: cell::<Blank<_>>(row, 0)?.0, timely, cases: row.get(2)? })
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
