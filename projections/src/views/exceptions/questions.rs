//! What can be asked about exceptional situations.

use letopis_core::code::Code;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::ExceptionRow;
use crate::engine::list::{Condition, Page, Window};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};

const CLASS: Param = Param::Text("class", "Of this class");
const EMPLOYEE: Param = Param::Entity("employee", "employee", "Of this one of us");

/// What can be asked about exceptional situations.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "exceptions",
        path: "/v1/exceptions",
        view: "exception",
        doc: "Exceptional situations, the latest first.",
        params: &[Param::Page, Param::Period, CLASS, EMPLOYEE, Param::Client("client", "Of this client")],
        about: About::Rows(list),
    },
    Question {
        name: "exceptions report",
        path: "/v1/exceptions/report",
        view: "exception",
        doc: "How many exceptional situations there were in a period.",
        params: &[
            Param::Period,
            Param::Text("by", "class, employee, client or month; several with commas; class when missing"),
            CLASS,
            EMPLOYEE,
            Param::Client("client", "Of this client"),
        ],
        about: About::Totals(report),
    },
    Question {
        name: "exceptions client",
        path: "/v1/clients/{id}/exceptions",
        view: "exception",
        doc: "Exceptional situations of a client, the latest first.",
        params: &[Param::Page, Param::Period, CLASS],
        about: About::Client(of_client),
    },
];

/// An exceptional situation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExceptionItem {
    /// The event that flagged it; its words stand there.
    pub event: EventId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// Of which class.
    pub class: Option<Code>,
    /// When it happened.
    pub occurred_at: Moment,
    /// The event that is exceptional.
    pub target: Option<EventId>,
    /// Whose doing or whose to see to it.
    pub employee: Option<EmployeeId>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The deal it belongs to.
    pub deal: Option<DealId>,
    /// The order it belongs to.
    pub order: Option<OrderId>,
    /// The event that it was made for by rule.
    pub caused_by: Option<EventId>,
    /// The rule that made it.
    pub rule: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    period: (Day, Day),
    class: Option<Code>,
    employee: Option<EmployeeId>,
    client: Option<Owner>,
}

fn filter(reader: &Reader<'_>, params: &mut Params) -> Result<Filter, QueryError> {
    Ok(Filter {
        period: params.period(reader)?,
        class: params.one("class")?,
        employee: params.one("employee")?,
        client: params.one::<ClientId>("client")?.map(Owner::from),
    })
}

fn page(reader: &Reader<'_>, filter: &Filter, window: &Window) -> Result<Page<ExceptionItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("exceptions {filter:?}");
    let (from, to) = (reader.zone.start(filter.period.0), reader.zone.start(filter.period.1).min(reader.now));
    let mut condition = Condition::default();
    condition.and("occurred_at >= ? AND occurred_at < ?", [from.put(), to.put()]);
    condition.is("class", filter.class.as_ref()).is("employee", filter.employee.as_ref());
    condition.is("client", filter.client.as_ref());
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(occurred_at, event) < (?, ?)", place);
    }
    let rest = format!("ORDER BY occurred_at DESC, event DESC LIMIT {wanted}");
    let rows = reader.rows::<ExceptionRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.occurred_at.put(), row.event.put()]);
    Ok(page.map(|row| ExceptionItem {
        event: row.event,
        client: row.client.client(),
        class: row.class,
        occurred_at: Moment::utc(row.occurred_at),
        target: row.target,
        employee: row.employee,
        case: row.case_id,
        deal: row.deal_id,
        order: row.order_id,
        caused_by: row.caused_by,
        rule: row.rule,
    }))
}

fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (filter, window) = (filter(reader, params)?, params.window()?);
    json(page(reader, &filter, &window)?)
}

fn of_client(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (filter, window) = (Filter { client: Some(client.into()), ..filter(reader, params)? }, params.window()?);
    json(page(reader, &filter, &window)?)
}

#[derive(Serialize)]
struct Line {
    /// What was asked for by, in that order; null where it is not known.
    key: Vec<Option<String>>,
    exceptions: i64,
}

fn report(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let words = [("class", "class"), ("employee", "employee"), ("client", "client"), ("month", "substr(day, 1, 7)")];
    let mut by = params.words("by", &words)?;
    if by.is_empty() {
        by.push("class");
    }
    let filter = filter(reader, params)?;
    let to = filter.period.1.min(Day(reader.day().0.saturating_add(1)));
    let mut condition = Condition::default();
    condition.and("day >= ? AND day < ?", [filter.period.0.put(), to.put()]);
    condition.is("class", filter.class.as_ref()).is("employee", filter.employee.as_ref());
    condition.is("client", filter.client.as_ref());
    let keys = by.join(", ");
    let rest = format!("GROUP BY {keys} HAVING n <> 0 ORDER BY n DESC, {keys}");
    let sql = format!("SELECT {keys}, SUM(exceptions) AS n FROM exception_flow {}", condition.sql(&rest));
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let values = condition.values();
    let rows = statement.query_map(&values[..], |row| {
        let key = (0..by.len()).map(|at| row.get(at).map(|text: String| Some(text).filter(|text| !text.is_empty())));
        Ok(Line { key: key.collect::<Result<_, _>>()?, exceptions: row.get(by.len())? })
    })?;
    json(rows.collect::<Result<Vec<_>, _>>()?)
}
