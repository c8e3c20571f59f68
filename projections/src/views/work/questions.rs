//! Where work is, and what departments did.

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::service::CheckListDefined;
use letopis_core::ids::{CaseId, ClientId, EmployeeId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::handovers::{self, Judged};
use super::{Visit, WorkRow};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};

const VIEW: &str = "work_items";

/// What can be asked about the way of work.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "case path",
        path: "/v1/cases/{id}/path",
        view: VIEW,
        doc: "Where one case is now, the departments that it went through, time and labour in each, and its hand-overs.",
        params: &[],
        about: About::Thing { kind: "case", find, ask: path },
    },
    Question {
        name: "work-items",
        path: "/v1/work-items",
        view: VIEW,
        doc: "Cases that are in a department, the longest there first.",
        params: &[
            Param::Page,
            Param::Text("department", "In this department"),
            Param::Entity("employee", "employee", "Done by this one of us"),
            Param::Text("overdue", "true: only those that were to be done there before now"),
        ],
        about: About::Rows(items),
    },
    Question {
        name: "departments",
        path: "/v1/departments",
        view: VIEW,
        doc: "What came into and left each department in a period, time and labour it took, and what is there at the end.",
        params: &[Param::Period],
        about: About::Totals(departments),
    },
    Question {
        name: "handovers",
        path: "/v1/handovers",
        view: VIEW,
        doc: "Hand-overs of a period between departments: the share that was complete by its check-list, what was missing, and how long work waited on its way.",
        params: &[Param::Period, Param::Text("from_department", "Given by"), Param::Text("to_department", "Given to")],
        about: About::Rows(handovers::handovers),
    },
];

fn row(reader: &Reader<'_>, id: u128) -> Result<Option<WorkRow>, QueryError> {
    let rest = "WHERE case_id = ?1 ORDER BY client LIMIT 1";
    Ok(reader.rows::<WorkRow>(rest, &[&CaseId(id).put()])?.into_iter().next())
}

fn find(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(row(reader, id)?.map(|row| row.client.client()))
}

/// A stay with what it took.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Stay {
    #[serde(flatten)]
    visit: Visit,
    /// Elapsed seconds there, until it left or until now.
    stayed_s: i64,
    /// It was there after it was to be done.
    late: bool,
}

/// The way of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Path {
    /// The case.
    case: CaseId,
    /// Where it is; none between departments and at the end.
    department: Option<Code>,
    /// The state of the workflow that began there.
    stage: Option<Code>,
    /// Who does it there.
    employee: Option<EmployeeId>,
    /// Where it has been, in order.
    stays: Vec<Stay>,
    /// Elapsed seconds in departments.
    stayed_s: i64,
    /// Labour, in seconds.
    labour_s: i64,
    /// How it was handed over, in order.
    handovers: Vec<Judged>,
}

fn path(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    let Some(row) = row(reader, id)? else { return json(()) };
    let lists = reader.definitions(&[CheckListDefined::KIND])?;
    let stay = |visit: Visit| {
        let until = visit.left_at.map_or(reader.now, |left| left.at);
        Stay { stayed_s: visit.stayed_s(reader.now), late: visit.due.is_some_and(|due| due.at < until), visit }
    };
    let stays: Vec<Stay> = row.visits.0.into_iter().map(stay).collect();
    json(Path {
        case: row.case_id,
        department: row.department,
        stage: row.stage,
        employee: row.employee,
        stayed_s: stays.iter().map(|stay| stay.stayed_s).sum(),
        labour_s: stays.iter().map(|stay| stay.visit.labour_s).sum(),
        stays,
        handovers: row.handovers.0.into_iter().map(|handover| Judged::new(handover, &lists)).collect(),
    })
}

/// A case in a department.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Item {
    /// The case.
    case: CaseId,
    /// Whose; the head of his group.
    client: ClientId,
    /// Where it is.
    department: Option<Code>,
    /// The state of the workflow that began there.
    stage: Option<Code>,
    /// Who does it.
    employee: Option<EmployeeId>,
    /// Since when it is there.
    entered_at: Option<Moment>,
    /// To be done there before.
    due: Option<Moment>,
    /// That time has passed.
    overdue: bool,
}

fn items(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let mut condition = Condition::default();
    condition.and("department IS NOT NULL", []);
    condition.is("department", params.one::<Code>("department")?.as_ref());
    condition.is("employee", params.one::<EmployeeId>("employee")?.as_ref());
    let overdue = params.one::<bool>("overdue")?.unwrap_or(false);
    let shape = format!("work items {overdue} {condition:?}");
    if overdue {
        condition.and("due < ?", [reader.now.put()]);
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(entered_at, case_id) > (?, ?)", place);
    }
    let rest = format!("ORDER BY entered_at, case_id LIMIT {wanted}");
    let rows = reader.rows::<WorkRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.entered_at.put(), row.case_id.put()]);
    json(page.map(|row| Item {
        case: row.case_id,
        client: row.client.client(),
        department: row.department,
        stage: row.stage,
        employee: row.employee,
        entered_at: row.entered_at.map(Moment::utc),
        overdue: row.due.is_some_and(|due| due < reader.now),
        due: row.due.map(Moment::utc),
    }))
}

/// What a department did.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Department {
    /// The department.
    department: Code,
    /// Cases that came in the period.
    entered: i64,
    /// Cases that left in the period.
    left: i64,
    /// Of them, after they were to be done.
    late: i64,
    /// Elapsed seconds of those that left, from coming to leaving.
    stayed_s: i64,
    /// The same for one of them; null where none left.
    mean_stay_s: Option<i64>,
    /// Labour of those that left, in seconds.
    labour_s: i64,
    /// Cases that are there at the end of the period.
    there: i64,
}

fn departments(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let to = to.min(Day(reader.day().0.saturating_add(1)));
    let mut statement = reader.conn.prepare_cached(
        "SELECT department, SUM(entered) FILTER (WHERE day >= ?1), SUM(left_it) FILTER (WHERE day >= ?1),
           SUM(late) FILTER (WHERE day >= ?1), SUM(stayed_s) FILTER (WHERE day >= ?1),
           SUM(labour_s) FILTER (WHERE day >= ?1), SUM(entered - left_it)
         FROM department_flow WHERE day < ?2 GROUP BY department ORDER BY department",
    )?;
    let rows = statement.query_map((from.put(), to.put()), |row| {
        let sum = |index: usize| row.get::<_, Option<i64>>(index).map(Option::unwrap_or_default);
        let (left, stayed_s) = (sum(2)?, sum(4)?);
        Ok(Department {
            department: cell(row, 0)?,
            entered: sum(1)?,
            left,
            late: sum(3)?,
            stayed_s,
            mean_stay_s: (left > 0).then(|| stayed_s / left.max(1)),
            labour_s: sum(5)?,
            there: sum(6)?,
        })
    })?;
    json(rows.collect::<Result<Vec<Department>, _>>()?)
}
