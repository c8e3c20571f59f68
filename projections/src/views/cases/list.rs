//! Single cases and lists of them.

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, ClientId, EmployeeId, OrderId};
use letopis_core::time::{Moment, SECOND_US};
use serde::Serialize;

use super::{CaseRow, Due, Status};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};

/// A case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseItem {
    /// The case.
    pub case: CaseId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// What it is.
    pub kind: Option<CaseKind>,
    /// What it is about.
    pub topic: Option<Code>,
    /// About which product.
    pub product: Option<Code>,
    /// How it reached us.
    pub channel: Option<Code>,
    /// How much it matters.
    pub priority: Option<Code>,
    /// Where the client is.
    pub region: Option<Code>,
    /// The order it is about.
    pub order: Option<OrderId>,
    /// How far it is.
    pub status: Status,
    /// When it was raised; none while only later facts are known.
    pub raised_at: Option<Moment>,
    /// Who sees to it.
    pub employee: Option<EmployeeId>,
    /// Which department sees to it.
    pub department: Option<Code>,
    /// The date that was promised last.
    pub due: Option<Moment>,
    /// That date has passed and the case is not settled.
    pub overdue: bool,
    /// All dates that were promised, in the order of promising.
    pub dues: Vec<Due>,
    /// How often a promised date was moved.
    pub moves: u32,
    /// When a person first answered.
    pub first_answer_at: Option<Moment>,
    /// Elapsed seconds until then.
    pub first_response_s: Option<i64>,
    /// How often a person answered.
    pub answers: u32,
    /// When it was resolved last.
    pub resolved_at: Option<Moment>,
    /// Elapsed seconds from the raising until then.
    pub resolution_s: Option<i64>,
    /// How it was resolved.
    pub resolution: Option<Code>,
    /// Who resolved it.
    pub resolved_by: Option<EmployeeId>,
    /// How often it was reopened.
    pub reopened: u32,
    /// When it was closed.
    pub closed_at: Option<Moment>,
    /// How it ended.
    pub outcome: Option<Code>,
    /// The state of its workflow; none while it never moved.
    pub state: Option<Code>,
    /// We wait for the client.
    pub paused: bool,
    /// To whom it was handed last.
    pub forwarded_to: Option<Code>,
    /// What they answered.
    pub response: Option<Code>,
    /// Whether they answered in time.
    pub timely: Option<bool>,
    /// Rules it breaks.
    pub flags: Vec<String>,
}

impl CaseItem {
    fn new(row: CaseRow, reader: &Reader<'_>) -> Self {
        let took = |end: Option<letopis_core::time::Timestamp>| {
            let (raised, end) = (row.raised_at?, end?);
            (raised <= end).then(|| (end.0 - raised.0) / SECOND_US)
        };
        Self {
            first_response_s: took(row.first_answer_at),
            resolution_s: took(row.resolved_at),
            overdue: row.status.is_pending() && row.due.is_some_and(|due| due < reader.now),
            case: row.case_id,
            client: row.client.client(),
            kind: row.kind,
            topic: row.topic,
            product: row.product,
            channel: row.channel,
            priority: row.priority,
            region: row.region,
            order: row.order_id,
            status: row.status,
            raised_at: row.raised_at.map(Moment::utc),
            employee: row.employee,
            department: row.department,
            due: row.dues.0.last().map(|due| due.due),
            dues: row.dues.0,
            moves: row.moves,
            first_answer_at: row.first_answer_at.map(Moment::utc),
            answers: row.answers,
            resolved_at: row.resolved_at.map(Moment::utc),
            resolution: row.resolution,
            resolved_by: row.resolved_by,
            reopened: row.reopened,
            closed_at: row.closed_at.map(Moment::utc),
            outcome: row.outcome,
            state: row.state,
            paused: row.pauses.0.last().is_some_and(|pause| pause.to.is_none()),
            forwarded_to: row.forwarded_to,
            response: row.response,
            timely: row.timely,
            flags: row.flags.0,
        }
    }
}

/// Which cases are wanted; an empty list allows all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaseFilter {
    /// So far.
    pub status: Vec<Status>,
    /// Of this kind.
    pub kind: Option<CaseKind>,
    /// About this.
    pub topic: Option<Code>,
    /// About this product.
    pub product: Option<Code>,
    /// Over this channel.
    pub channel: Option<Code>,
    /// Seen to by this one of us.
    pub employee: Option<EmployeeId>,
    /// Of this client, by the head of his group.
    pub client: Option<Owner>,
    /// Only those whose promised date has passed.
    pub overdue: bool,
}

/// Cases, the latest first.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn cases(reader: &Reader<'_>, filter: &CaseFilter, window: &Window) -> Result<Page<CaseItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("cases {filter:?}");
    let mut condition = Condition::default();
    condition.one_of("status", &filter.status).is("kind", filter.kind.as_ref());
    condition.is("topic", filter.topic.as_ref()).is("product", filter.product.as_ref());
    condition.is("channel", filter.channel.as_ref()).is("employee", filter.employee.as_ref());
    condition.is("client", filter.client.as_ref());
    if filter.overdue {
        condition.and("status IN ('open', 'answered') AND due < ?", [reader.now.put()]);
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(first_at, case_id) < (?, ?)", place);
    }
    let rest = format!("ORDER BY first_at DESC, case_id DESC LIMIT {wanted}");
    let rows = reader.rows::<CaseRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.first_at.put(), row.case_id.put()]);
    Ok(page.map(|row| CaseItem::new(row, reader)))
}

/// One case; none when nothing is known of it.
///
/// # Errors
/// When the file cannot be read.
pub fn case(reader: &Reader<'_>, case: CaseId) -> Result<Option<CaseItem>, QueryError> {
    Ok(row(reader, case)?.map(|row| CaseItem::new(row, reader)))
}

/// The row of one case; none when nothing is known of it.
pub(crate) fn row(reader: &Reader<'_>, case: CaseId) -> Result<Option<CaseRow>, QueryError> {
    // An id that two clients' streams use is the case of the one who raised it.
    let rest = "WHERE case_id = ?1 ORDER BY raised_at IS NULL, raised_at, client LIMIT 1";
    Ok(reader.rows::<CaseRow>(rest, &[&case.put()])?.into_iter().next())
}
