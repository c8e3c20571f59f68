//! Dates promised to clients: kept, broken, or still to come.

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, ClientId, EmployeeId};
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use super::{CaseRow, Due};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;

/// What became of a promised date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// The case was settled by then.
    Kept,
    /// The case was settled later, or is not settled though the date has passed.
    Broken,
    /// The date is still to come.
    Pending,
}

/// A case with a promised date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promise {
    /// The case.
    pub case: CaseId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// What it is.
    pub kind: Option<CaseKind>,
    /// What it is about.
    pub topic: Option<Code>,
    /// Who sees to it.
    pub employee: Option<EmployeeId>,
    /// The date that was promised last, by which it is judged.
    pub due: Option<Moment>,
    /// All dates that were promised, each with the reason of its moving.
    pub dues: Vec<Due>,
    /// How often it was moved.
    pub moves: u32,
    /// When the case was settled.
    pub settled_at: Option<Moment>,
    /// What became of it.
    pub state: PromiseState,
}

/// Which promises are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PromiseQuery {
    /// Of which this became.
    pub state: Option<PromiseState>,
    /// Of cases of this kind.
    pub kind: Option<CaseKind>,
    /// Of cases seen to by this one of us.
    pub employee: Option<EmployeeId>,
    /// Moved at least so often.
    pub min_moves: u32,
    /// Due not before.
    pub from: Option<Timestamp>,
    /// Due before.
    pub to: Option<Timestamp>,
}

/// Cases with a promised date, the earliest date first.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn promises(reader: &Reader<'_>, query: &PromiseQuery, window: &Window) -> Result<Page<Promise>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("promises {query:?}");
    let now = reader.now.put();
    let mut condition = Condition::default();
    condition.and("due IS NOT NULL", []);
    match query.state {
        None => &mut condition,
        Some(PromiseState::Kept) => condition.and("settled_at <= due", []),
        Some(PromiseState::Broken) => {
            condition.and("(settled_at > due OR (settled_at IS NULL AND due < ?))", [now.clone()])
        }
        Some(PromiseState::Pending) => condition.and("settled_at IS NULL AND due >= ?", [now.clone()]),
    };
    condition.is("kind", query.kind.as_ref()).is("employee", query.employee.as_ref());
    condition.and("moves >= ?", [query.min_moves.put()]);
    if let Some(from) = query.from {
        condition.and("due >= ?", [from.put()]);
    }
    if let Some(to) = query.to {
        condition.and("due < ?", [to.put()]);
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(due, case_id) > (?, ?)", place);
    }
    let rest = format!("ORDER BY due, case_id LIMIT {wanted}");
    let rows = reader.rows::<CaseRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.due.put(), row.case_id.put()]);
    Ok(page.map(|row| {
        let due = row.due.unwrap_or_default();
        let state = match row.settled_at {
            Some(settled) if settled <= due => PromiseState::Kept,
            None if due >= reader.now => PromiseState::Pending,
            _ => PromiseState::Broken,
        };
        Promise {
            case: row.case_id,
            client: row.client.client(),
            kind: row.kind,
            topic: row.topic,
            employee: row.employee,
            due: row.dues.0.last().map(|due| due.due),
            dues: row.dues.0,
            moves: row.moves,
            settled_at: row.settled_at.map(Moment::utc),
            state,
        }
    }))
}
