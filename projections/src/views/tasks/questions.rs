//! What can be asked about tasks.

use letopis_core::ids::{ClientId, EmployeeId, TaskId};
use serde::Serialize;

use super::list::{OverdueCount, TaskFilter, TaskItem, count, overdue, task, tasks};
use super::{TaskRow, TaskStatus};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};

const EMPLOYEE: Param = Param::Entity("employee", "employee", "To be done by this one of us");
const DEPARTMENT: Param = Param::Text("department", "To be done by this department");
const KIND: Param = Param::Text("kind", "What is to be done");
const CLASS: Param = Param::Text("class", "Of clients whose attribute `class` is this, such as `vip`");
const STATUS: Param = Param::Text("status", "open, done or cancelled; several with commas");

const WORDS: &[(&str, TaskStatus)] =
    &[("open", TaskStatus::Open), ("done", TaskStatus::Done), ("cancelled", TaskStatus::Cancelled)];

/// What can be asked about tasks.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "tasks",
        path: "/v1/tasks",
        view: "task",
        doc: "Tasks, also those that are done or cancelled, by their dates.",
        params: &[
            Param::Page,
            STATUS,
            EMPLOYEE,
            DEPARTMENT,
            KIND,
            CLASS,
            Param::Client("client", "For this client"),
            Param::Text("overdue", "true for those alone whose date has passed"),
        ],
        about: About::Rows(all),
    },
    Question {
        name: "tasks overdue",
        path: "/v1/tasks/overdue",
        view: "task",
        doc: "Tasks whose date has passed, those for VIPs first, and how many they are by employee and class.",
        params: &[Param::Page, EMPLOYEE, DEPARTMENT, KIND, CLASS],
        about: About::Rows(late),
    },
    Question {
        name: "task",
        path: "/v1/tasks/{id}",
        view: "task",
        doc: "One task.",
        params: &[],
        about: About::Thing { kind: "task", find, ask: one },
    },
    Question {
        name: "tasks client",
        path: "/v1/clients/{id}/tasks",
        view: "task",
        doc: "The tasks of a client, by their dates.",
        params: &[Param::Page, STATUS, KIND],
        about: About::Client(of_client),
    },
];

fn filter(params: &mut Params) -> Result<TaskFilter, QueryError> {
    Ok(TaskFilter {
        status: params.words("status", WORDS)?,
        employee: params.one::<EmployeeId>("employee")?,
        department: params.one("department")?,
        kind: params.one("kind")?,
        class: params.one("class")?,
        client: params.one::<ClientId>("client")?.map(Owner::from),
        overdue: params.one("overdue")?.unwrap_or_default(),
    })
}

fn all(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (filter, window) = (filter(params)?, params.window()?);
    json(tasks(reader, &filter, &window)?)
}

#[derive(Serialize)]
struct Overdue {
    by_employee: Vec<OverdueCount>,
    by_class: Vec<OverdueCount>,
    items: Vec<TaskItem>,
    next: Option<String>,
}

fn late(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (filter, window) = (TaskFilter { overdue: true, ..filter(params)? }, params.window()?);
    let page = overdue(reader, &filter, &window)?;
    let (by_employee, by_class) = (count(reader, &filter, false)?, count(reader, &filter, true)?);
    json(Overdue { by_employee, by_class, items: page.items, next: page.next })
}

fn find(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    let rest = "WHERE task = ?1 ORDER BY planned_at IS NULL, planned_at, client LIMIT 1";
    let rows = reader.rows::<TaskRow>(rest, &[&TaskId(id).put()])?;
    Ok(rows.first().map(|row| row.client.client()))
}

fn one(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    json(task(reader, TaskId(id))?)
}

fn of_client(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (filter, window) = (TaskFilter { client: Some(client.into()), ..filter(params)? }, params.window()?);
    json(tasks(reader, &filter, &window)?)
}
