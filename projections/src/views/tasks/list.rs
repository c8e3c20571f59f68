//! Single tasks and lists of them.

use letopis_core::code::Code;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId, TaskId};
use letopis_core::time::{Moment, SECOND_US, Timestamp};
use serde::Serialize;

use super::{TaskRow, TaskStatus};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, Owner, Row, cell};

/// The attribute of a client that says how much he matters.
const CLASS: &str = "(SELECT json_extract(c.attributes, '$.class') FROM client_card c WHERE c.client = task.client)";
/// VIPs first, then the other classes by name, then who has none.
const RANK: &str = "CASE class WHEN 'vip' THEN 0 ELSE 1 END, class IS NULL, coalesce(class, '')";
/// Stands for the date of a task that has none: after all others.
const NEVER: i64 = i64::MAX;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskItem {
    /// The task.
    pub task: TaskId,
    /// For whom; the head of his group.
    pub client: ClientId,
    /// His class, as of the bound.
    pub class: Option<Code>,
    /// What is to be done.
    pub kind: Option<Code>,
    /// How far it is.
    pub status: TaskStatus,
    /// To be done before.
    pub due: Option<Moment>,
    /// That date has passed and it is open.
    pub overdue: bool,
    /// For how long, in seconds; null when it is not overdue.
    pub overdue_s: Option<i64>,
    /// Whether it was done in time; null while it is open, for what was cancelled, and without a date.
    pub in_time: Option<bool>,
    /// How often the date was moved.
    pub moves: u32,
    /// By whom.
    pub employee: Option<EmployeeId>,
    /// By which department.
    pub department: Option<Code>,
    /// How much it matters.
    pub priority: Option<Code>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The deal it belongs to.
    pub deal: Option<DealId>,
    /// The order it belongs to.
    pub order: Option<OrderId>,
    /// When it was planned.
    pub planned_at: Option<Moment>,
    /// The event that planned it; its words stand there.
    pub event: Option<EventId>,
    /// When it was done or cancelled.
    pub closed_at: Option<Moment>,
    /// What came of it, or why it was cancelled.
    pub outcome: Option<Code>,
    /// Who did it.
    pub done_by: Option<EmployeeId>,
    /// The event that it was made for by rule.
    pub caused_by: Option<EventId>,
    /// The rule that made it.
    pub rule: Option<String>,
    /// How often somebody was told that it was not done in time.
    pub escalations: u32,
    /// When somebody was told last.
    pub escalated_at: Option<Moment>,
    /// Who was told last.
    pub escalated_to: Option<EmployeeId>,
}

impl TaskItem {
    fn new((row, class): (TaskRow, Option<Code>), now: Timestamp) -> Self {
        let overdue = row.status == TaskStatus::Open && row.due.is_some_and(|due| due < now);
        let in_time = row.due.zip(row.closed_at).filter(|_| row.status == TaskStatus::Done);
        Self {
            task: row.task,
            client: row.client.client(),
            class,
            kind: row.kind,
            status: row.status,
            due: row.due.map(Moment::utc),
            overdue,
            overdue_s: row.due.filter(|_| overdue).map(|due| (now.0 - due.0) / SECOND_US),
            in_time: in_time.map(|(due, closed)| closed <= due),
            moves: row.moves,
            employee: row.employee,
            department: row.department,
            priority: row.priority,
            case: row.case_id,
            deal: row.deal_id,
            order: row.order_id,
            planned_at: row.planned_at.map(Moment::utc),
            event: row.planned_by,
            closed_at: row.closed_at.map(Moment::utc),
            outcome: row.outcome,
            done_by: row.done_by,
            caused_by: row.caused_by,
            rule: row.rule,
            escalations: row.escalations,
            escalated_at: row.escalated_at.map(Moment::utc),
            escalated_to: row.escalated_to,
        }
    }
}

/// Which tasks are wanted; an empty list allows all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskFilter {
    /// So far.
    pub status: Vec<TaskStatus>,
    /// To be done by this one of us.
    pub employee: Option<EmployeeId>,
    /// By this department.
    pub department: Option<Code>,
    /// Of this kind.
    pub kind: Option<Code>,
    /// Of this client, by the head of his group.
    pub client: Option<Owner>,
    /// Of clients of this class.
    pub class: Option<Code>,
    /// Only those whose date has passed.
    pub overdue: bool,
}

impl TaskFilter {
    pub(super) fn condition(&self, now: Timestamp) -> Condition {
        let mut condition = Condition::default();
        condition.one_of("status", &self.status).is("employee", self.employee.as_ref());
        condition.is("department", self.department.as_ref()).is("kind", self.kind.as_ref());
        condition.is("client", self.client.as_ref()).is("class", self.class.as_ref());
        if self.overdue {
            condition.and("status = 'open' AND due < ?", [now.put()]);
        }
        condition
    }
}

fn select(reader: &Reader<'_>, condition: &Condition, rest: &str) -> Result<Vec<(TaskRow, Option<Code>)>, QueryError> {
    let columns: Vec<&str> = TaskRow::COLUMNS.iter().map(|column| column.name).collect();
    let columns = columns.join(", ");
    let from = format!("(SELECT {columns}, {CLASS} AS class FROM task)");
    let sql = format!("SELECT {columns}, class FROM {from} {}", condition.sql(rest));
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let values = condition.values();
    let rows = statement.query_map(&values[..], |row| Ok((TaskRow::get(row)?, cell(row, TaskRow::COLUMNS.len())?)))?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// Tasks, those that are due first first; what has no date comes last.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub(super) fn tasks(reader: &Reader<'_>, filter: &TaskFilter, window: &Window) -> Result<Page<TaskItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("tasks {filter:?}");
    let mut condition = filter.condition(reader.now);
    if let Some(place) = window.place(&shape, 2)? {
        condition.and(&format!("(coalesce(due, {NEVER}), task) > (?, ?)"), place);
    }
    let rest = format!("ORDER BY coalesce(due, {NEVER}), task LIMIT {wanted}");
    let rows = select(reader, &condition, &rest)?;
    let page = Page::cut(rows, limit, &shape, |(row, _)| {
        vec![row.due.map_or(Atom::Int(NEVER), |due| due.put()), row.task.put()]
    });
    Ok(page.map(|row| TaskItem::new(row, reader.now)))
}

/// Overdue tasks, those of VIPs first, then class by class, the longest overdue first.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub(super) fn overdue(reader: &Reader<'_>, filter: &TaskFilter, window: &Window) -> Result<Page<TaskItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("tasks overdue {filter:?}");
    let mut condition = filter.condition(reader.now);
    if let Some(place) = window.place(&shape, 5)? {
        condition.and(&format!("({RANK}, due, task) > (?, ?, ?, ?, ?)"), place);
    }
    let rows = select(reader, &condition, &format!("ORDER BY {RANK}, due, task LIMIT {wanted}"))?;
    let page = Page::cut(rows, limit, &shape, |(row, class)| {
        let word = class.as_ref().map_or("", Code::as_str);
        vec![
            Atom::Int(i64::from(word != "vip")),
            Atom::Int(i64::from(class.is_none())),
            Atom::Text(word.into()),
            row.due.put(),
            row.task.put(),
        ]
    });
    Ok(page.map(|row| TaskItem::new(row, reader.now)))
}

/// Overdue tasks of one of us, or for clients of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OverdueCount {
    /// The employee or the class; null where nobody is to do it, or the client has none.
    pub key: Option<String>,
    /// How many.
    pub overdue: i64,
    /// How long the longest is overdue, in seconds.
    pub longest_s: i64,
}

pub(super) fn count(reader: &Reader<'_>, filter: &TaskFilter, class: bool) -> Result<Vec<OverdueCount>, QueryError> {
    let condition = filter.condition(reader.now);
    let (key, order) = if class { ("class", RANK) } else { ("employee", "count(*) DESC, employee") };
    let from = format!("(SELECT *, {CLASS} AS class FROM task)");
    let sql = format!(
        "SELECT {key}, count(*), min(due) FROM {from} {}",
        condition.sql(&format!("GROUP BY {key} ORDER BY {order}"))
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let values = condition.values();
    let rows = statement.query_map(&values[..], |row| {
        let longest_s = (reader.now.0 - row.get::<_, i64>(2)?) / SECOND_US;
        Ok(OverdueCount { key: row.get(0)?, overdue: row.get(1)?, longest_s })
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// One task; none when nothing is known of it.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn task(reader: &Reader<'_>, task: TaskId) -> Result<Option<TaskItem>, QueryError> {
    let mut condition = Condition::default();
    condition.is("task", Some(&task));
    // An id that two clients' streams use is the task of the one for whom it was planned.
    let rows = select(reader, &condition, "ORDER BY planned_at IS NULL, planned_at, client LIMIT 1")?;
    Ok(rows.into_iter().next().map(|row| TaskItem::new(row, reader.now)))
}

/// The open tasks of a client, those that are due first first: at most so many.
///
/// # Errors
/// When the file cannot be read.
pub fn of_client(reader: &Reader<'_>, root: Owner, limit: u32) -> Result<Page<TaskItem>, QueryError> {
    let filter = TaskFilter { client: Some(root), status: vec![TaskStatus::Open], ..TaskFilter::default() };
    tasks(reader, &filter, &Window::first(limit))
}

/// An open task whose date passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTask {
    /// The task.
    pub task: TaskId,
    /// The head of the client's group.
    pub client: ClientId,
    /// Its date.
    pub due: Timestamp,
}

/// The open tasks whose date lies in `(after, upto]`, beyond a place among those of one instant, in the order of
/// their dates: at most so many.
///
/// # Errors
/// When the file cannot be read.
pub fn due_between(
    reader: &Reader<'_>,
    after: (Timestamp, TaskId),
    upto: Timestamp,
    limit: usize,
) -> Result<Vec<OpenTask>, QueryError> {
    let rest =
        format!("WHERE status = 'open' AND due <= ?1 AND (due, task) > (?2, ?3) ORDER BY due, task LIMIT {limit}");
    let rows = reader.rows::<TaskRow>(&rest, &[&upto.put(), &after.0.put(), &after.1.put()])?;
    let open = |row: TaskRow| Some(OpenTask { task: row.task, client: row.client.client(), due: row.due? });
    Ok(rows.into_iter().filter_map(open).collect())
}
