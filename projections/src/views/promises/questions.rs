//! What was promised, and who keeps it.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, EmployeeId, EventId};
use letopis_core::time::{Moment, SECOND_US, Timestamp};
use serde::Serialize;

use super::{PromiseRow, Promised, Source};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::Cell;
use crate::views::cases::start;
use crate::views::client::root;
use crate::views::definitions::{Employee, employees};
use crate::views::loyalty::ratio::Ratio;

const VIEW: &str = "promises";
const SOURCE: Param = Param::Text("source", "case, order");

/// What can be asked about promises.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "promises",
        path: "/v1/promises",
        view: VIEW,
        doc: "Every date that was promised to a client, the earliest due first, with each move and its reason.",
        params: &[
            Param::Page,
            Param::Text("state", "kept, broken, pending, void"),
            SOURCE,
            Param::Entity("employee", "employee", "Seen to by this one of us"),
            Param::Client("client", "Promised to this client"),
            Param::Text("from", "Due not before this instant or local day"),
            Param::Text("to", "Due before this instant or local day"),
        ],
        about: About::Rows(list),
    },
    Question {
        name: "promises reliability",
        path: "/v1/promises/reliability",
        view: VIEW,
        doc: "How reliable promises that came due in a period are: kept by the last date, kept by the first, moved.",
        params: &[Param::Period, Param::Text("by", "employee, department, source, reason"), SOURCE],
        about: About::Rows(reliability),
    },
];

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Done by the date.
    Kept,
    /// Done later, or not done though the date has passed.
    Broken,
    /// Still to come.
    Pending,
    /// The client cancelled.
    Void,
}

impl State {
    fn of(row: &PromiseRow, due: Timestamp, now: Timestamp) -> Self {
        match row.done_at {
            Some(done) if done <= due => Self::Kept,
            _ if row.void => Self::Void,
            None if due >= now => Self::Pending,
            _ => Self::Broken,
        }
    }
}

/// A promised date.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Date {
    /// The last instant at which it is kept.
    due: Moment,
    /// When it was promised.
    said_at: Moment,
    /// Why it was moved, as a code.
    reason: Option<Code>,
    /// The event that says so; the words of a reason stand there.
    event: EventId,
}

impl From<&Promised> for Date {
    fn from(promised: &Promised) -> Self {
        let Promised { due, said_at, reason, event } = promised.clone();
        Self { due: Moment::utc(due), said_at, reason, event }
    }
}

/// A promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Promise {
    /// The case or the order.
    id: EventId,
    /// Which of both.
    source: Source,
    /// To whom; the head of his group.
    client: ClientId,
    /// Who sees to it.
    employee: Option<EmployeeId>,
    /// Which department sees to it, by the facts or by its employee.
    department: Option<Code>,
    /// The last instant at which the last date is kept.
    due: Option<Moment>,
    /// All dates, in the order of promising.
    dates: Vec<Date>,
    /// How often it was moved.
    moves: usize,
    /// When it was done.
    done_at: Option<Moment>,
    /// Seconds after the last date; null while that is to come.
    late_s: Option<i64>,
    /// What became of it.
    state: State,
}

fn department(row: &PromiseRow, employees: &BTreeMap<EmployeeId, Employee>) -> Option<Code> {
    row.department.clone().or_else(|| employees.get(&row.employee?)?.department.clone())
}

fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let states = [("kept", State::Kept), ("broken", State::Broken), ("pending", State::Pending), ("void", State::Void)];
    let state = params.word("state", &states)?;
    let mut condition = Condition::default();
    condition.and("due IS NOT NULL", []);
    condition.is("source", source(params)?.as_ref());
    condition.is("employee", params.one::<EmployeeId>("employee")?.as_ref());
    if let Some(client) = params.one::<ClientId>("client")? {
        condition.is("client", Some(&root(reader, client)?));
    }
    if let Some(from) = start(reader, params, "from")? {
        condition.and("due >= ?", [from.put()]);
    }
    if let Some(to) = start(reader, params, "to")? {
        condition.and("due < ?", [to.put()]);
    }
    let shape = format!("promises {state:?} {condition:?}");
    let (now, kept) = (reader.now.put(), "(done_at IS NOT NULL AND done_at <= due)");
    match state {
        None => &mut condition,
        Some(State::Kept) => condition.and(kept, []),
        Some(State::Void) => condition.and(&format!("void AND NOT {kept}"), []),
        Some(State::Pending) => condition.and("NOT void AND done_at IS NULL AND due >= ?", [now]),
        Some(State::Broken) => condition.and("NOT void AND (done_at > due OR (done_at IS NULL AND due < ?))", [now]),
    };
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(due, promise) > (?, ?)", place);
    }
    let rest = format!("ORDER BY due, promise LIMIT {wanted}");
    let rows = reader.rows::<PromiseRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.due.put(), row.promise.put()]);
    let employees = employees(reader)?;
    json(page.map(|row| {
        let due = row.due.unwrap_or_default();
        let late = row.done_at.unwrap_or(reader.now).0.saturating_sub(due.0);
        let state = State::of(&row, due, reader.now);
        Promise {
            id: row.promise,
            source: row.source,
            client: row.client.client(),
            employee: row.employee,
            department: department(&row, &employees),
            due: Some(Moment::utc(due)),
            moves: row.dates.0.len().saturating_sub(1),
            dates: row.dates.0.iter().map(Date::from).collect(),
            done_at: row.done_at.map(Moment::utc),
            late_s: (state == State::Broken).then_some(late / SECOND_US),
            state,
        }
    }))
}

fn source(params: &mut Params) -> Result<Option<Source>, crate::engine::read::QueryError> {
    params.word("source", &[("case", Source::Case), ("order", Source::Order)])
}

/// Reliability of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    /// The group; none where it is not known, and for the sum over all.
    key: Option<String>,
    /// Promises whose last date came due in the period.
    promises: i64,
    /// Still to come.
    pending: i64,
    /// Cancelled by the client.
    void: i64,
    /// Kept by the date promised last, of those that were kept or broken.
    kept: Ratio,
    /// Kept by the date promised first, of those that were kept or broken.
    kept_first: Ratio,
    /// How often they were moved.
    moves: i64,
    /// Moves by their reasons.
    reasons: BTreeMap<String, i64>,
}

/// What the lines are grouped by.
#[derive(Debug, Clone, Copy)]
enum By {
    Employee,
    Department,
    Source,
    Reason,
}

#[derive(Default)]
struct Sums {
    promises: i64,
    pending: i64,
    void: i64,
    kept: i64,
    kept_first: i64,
    decided: i64,
    moves: i64,
    reasons: BTreeMap<String, i64>,
}

fn reliability(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = params.word(
        "by",
        &[("employee", By::Employee), ("department", By::Department), ("source", By::Source), ("reason", By::Reason)],
    )?;
    let (from, to) = params.period(reader)?;
    let mut condition = Condition::default();
    condition.and("due >= ? AND due < ?", [reader.zone.start(from).put(), reader.zone.start(to).put()]);
    condition.is("source", source(params)?.as_ref());
    let employees = employees(reader)?;
    let mut groups: BTreeMap<Option<String>, Sums> = BTreeMap::new();
    for row in reader.rows::<PromiseRow>(&condition.sql(""), &condition.values())? {
        let reason = || row.dates.0.iter().rev().find_map(|date| date.reason.as_ref());
        let key = by.and_then(|by| match by {
            By::Employee => row.employee.map(|employee| employee.to_string()),
            By::Department => department(&row, &employees).map(|department| department.to_string()),
            By::Source => Some(row.source.word().to_owned()),
            By::Reason => reason().map(ToString::to_string),
        });
        let sums = groups.entry(key).or_default();
        let state = |due: Timestamp| State::of(&row, due, reader.now);
        let last = state(row.due.unwrap_or_default());
        let first = row.dates.0.first().map_or(last, |date| state(date.due));
        sums.promises += 1;
        sums.pending += i64::from(last == State::Pending);
        sums.void += i64::from(last == State::Void);
        sums.kept += i64::from(last == State::Kept);
        sums.decided += i64::from(matches!(last, State::Kept | State::Broken));
        sums.kept_first += i64::from(last == State::Kept && first == State::Kept);
        sums.moves += row.dates.0.len().saturating_sub(1) as i64;
        for date in row.dates.0.iter().skip(1) {
            let reason = date.reason.as_ref().map_or("not-told".to_owned(), ToString::to_string);
            *sums.reasons.entry(reason).or_default() += 1;
        }
    }
    let line = |(key, sums): (Option<String>, Sums)| Line {
        key,
        promises: sums.promises,
        pending: sums.pending,
        void: sums.void,
        kept: Ratio::new(sums.kept, sums.decided),
        kept_first: Ratio::new(sums.kept_first, sums.decided),
        moves: sums.moves,
        reasons: sums.reasons,
    };
    json(groups.into_iter().map(line).collect::<Vec<_>>())
}
