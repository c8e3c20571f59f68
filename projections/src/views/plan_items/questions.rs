//! Which clients wait for an item, and which item answers a request.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label};
use letopis_core::definitions::{Definition, Definitions};
use letopis_core::events::case::CaseKind;
use letopis_core::events::service::{PlanItemDefined, PlanItemMoved, PlanItemReleased};
use letopis_core::ids::{CaseId, ClientId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::PlanLinkRow;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};
use crate::views::cases;

/// What can be asked about items of plans.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "plan-items",
        path: "/v1/plan-items",
        view: "plan_links",
        doc: "Items of the plans, by code: planned for when, moved why, released when, and how many clients wait for them.",
        params: &[
            Param::Page,
            Param::Text("plan", "Of this plan: production, development …"),
            Param::Text("released", "true: only what is there; false: only what is to come"),
        ],
        about: About::Rows(items),
    },
    Question {
        name: "plan-items waiting",
        path: "/v1/plan-items/waiting",
        view: "plan_links",
        doc: "Clients that wait for an item of a plan, the longest waiting first.",
        params: &[Param::Page, Param::Text("item", "The item")],
        about: About::Rows(waiting),
    },
    Question {
        name: "case plan-items",
        path: "/v1/cases/{id}/plan-items",
        view: "plan_links",
        doc: "The items of plans that answer one request.",
        params: &[],
        about: About::Thing { kind: "case", find: cases::find, ask: of_case },
    },
];

/// Links that hold and whose case is not settled.
const WAITS: &str = "unlinked_at IS NULL AND EXISTS (SELECT 1 FROM client_case c WHERE c.case_id = plan_link.case_id \
                     AND c.client = plan_link.client AND c.status IN ('open', 'answered'))";

/// A planned day and why it is that one.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Planned {
    /// The day.
    day: Day,
    /// Why it was moved there; none for the first.
    reason: Option<Code>,
    /// When that was said.
    said_at: Moment,
    /// The definition that says so, `kind:code@version`.
    said_by: String,
}

/// An item of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct PlanItem {
    /// The item.
    item: Code,
    /// In which plan; none while only later facts are known.
    plan: Option<Code>,
    /// Its name.
    label: Option<Label>,
    /// The day it is planned for now.
    planned: Option<Day>,
    /// All days that it was planned for, in the order of planning.
    days: Vec<Planned>,
    /// How often it was moved.
    moves: usize,
    /// When it was there; none while it is to come.
    released_at: Option<Moment>,
    /// In which release.
    release: Option<Code>,
    /// Requests that wait for it: linked, not settled, the item not released.
    waiting_cases: i64,
    /// Their clients.
    waiting_clients: i64,
}

fn definitions(reader: &Reader<'_>) -> Result<Definitions, QueryError> {
    reader.definitions(&[PlanItemDefined::KIND])
}

fn item(definitions: &Definitions, code: &Code, waiting: (i64, i64)) -> PlanItem {
    let defined = definitions.versions::<PlanItemDefined>(code.as_str());
    let moved = definitions.versions::<PlanItemMoved>(code.as_str());
    let released = definitions.latest::<PlanItemReleased>(code.as_str());
    let moves = moved.len();
    let mut days: Vec<Planned> = moved
        .iter()
        .map(|dated| Planned {
            day: dated.value.planned,
            reason: Some(dated.value.reason.clone()),
            said_at: Moment::utc(dated.from),
            said_by: dated.name(),
        })
        .collect();
    days.extend(defined.iter().filter_map(|dated| {
        let (said_at, said_by) = (Moment::utc(dated.from), dated.name());
        Some(Planned { day: dated.value.planned?, reason: None, said_at, said_by })
    }));
    days.sort_by_key(|planned| planned.said_at.at);
    let last = defined.last().map(|dated| dated.value);
    let (waiting_cases, waiting_clients) = if released.is_some() { (0, 0) } else { waiting };
    PlanItem {
        item: code.clone(),
        plan: last.map(|last| last.plan.clone()),
        label: last.map(|last| last.label.clone()),
        planned: days.last().map(|planned| planned.day),
        days,
        moves,
        released_at: released.as_ref().map(|dated| Moment::utc(dated.from)),
        release: released.and_then(|dated| dated.value.release.clone()),
        waiting_cases,
        waiting_clients,
    }
}

fn items(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (plan, released) = (params.one::<Code>("plan")?, params.one::<bool>("released")?);
    let (limit, wanted) = window.wanted()?;
    let shape = format!("plan items {plan:?} {released:?}");
    let after = match window.place(&shape, 1)?.as_deref() {
        Some([crate::engine::row::Atom::Text(code)]) => Some(code.to_string()),
        _ => None,
    };
    let sql = format!("SELECT item, COUNT(*), COUNT(DISTINCT client) FROM plan_link WHERE {WAITS} GROUP BY item");
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let counted = statement.query_map([], |row| Ok((cell::<Code>(row, 0)?, (row.get(1)?, row.get(2)?))))?;
    let counted: BTreeMap<Code, (i64, i64)> = counted.collect::<Result<_, _>>()?;
    let definitions = definitions(reader)?;
    let codes = definitions.all::<PlanItemDefined>().into_iter().map(|dated| dated.value.item.clone());
    let items = codes
        .filter(|code| after.as_deref().is_none_or(|after| code.as_str() > after))
        .map(|code| item(&definitions, &code, counted.get(&code).copied().unwrap_or_default()))
        .filter(|item| plan.is_none() || item.plan == plan)
        .filter(|item| released.is_none_or(|released| item.released_at.is_some() == released))
        .take(usize::try_from(wanted).unwrap_or(usize::MAX));
    json(Page::cut(items.collect(), limit, &shape, |item: &PlanItem| vec![item.item.put()]))
}

/// A client who waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Waiting {
    /// Who; the head of his group.
    client: ClientId,
    /// With which request.
    case: Option<CaseId>,
    /// What the request is.
    kind: Option<CaseKind>,
    /// Since when it is linked.
    linked_at: Option<Moment>,
}

/// Who waits for an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct WaitingPage {
    /// The item.
    item: PlanItem,
    /// Who waits, the longest first.
    items: Vec<Waiting>,
    /// The cursor of the next page; none at the end.
    next: Option<String>,
}

fn waiting(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let code = params.required::<Code>("item")?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("waiting {code}");
    let sql = format!("SELECT COUNT(*), COUNT(DISTINCT client) FROM plan_link WHERE item = ?1 AND {WAITS}");
    let counted = reader.conn.query_row(&sql, [code.put()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let item = item(&definitions(reader)?, &code, counted);
    if item.released_at.is_some() {
        return json(WaitingPage { item, items: Vec::new(), next: None });
    }
    let mut condition = Condition::default();
    condition.is("item", Some(&code)).and(WAITS, []);
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(linked_at, link) > (?, ?)", place);
    }
    let rest = format!("ORDER BY linked_at, link LIMIT {wanted}");
    let rows = reader.rows::<PlanLinkRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.linked_at.put(), row.link.put()]);
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let case = row.case_id.map(|case| cases::row(reader, case)).transpose()?.flatten();
        items.push(Waiting {
            client: row.client.client(),
            case: row.case_id,
            kind: case.and_then(|case| case.kind),
            linked_at: row.linked_at.map(Moment::utc),
        });
    }
    json(WaitingPage { item, items, next: page.next })
}

/// A request and the items that answer it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Answered {
    /// The request.
    case: CaseId,
    /// The items, in the order of linking; waiting clients are not counted here.
    items: Vec<AnsweringItem>,
}

/// An item that answers a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct AnsweringItem {
    /// Since when it is linked.
    linked_at: Option<Moment>,
    /// The item.
    item: Code,
    /// Its name.
    label: Option<Label>,
    /// The day it is planned for now.
    planned: Option<Day>,
    /// All days that it was planned for.
    days: Vec<Planned>,
    /// When it was there; none while it is to come.
    released_at: Option<Moment>,
}

fn of_case(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    let case = CaseId(id);
    if cases::row(reader, case)?.is_none() {
        return json(());
    }
    let rest = "WHERE case_id = ?1 AND unlinked_at IS NULL ORDER BY linked_at, link";
    let definitions = definitions(reader)?;
    let rows = reader.rows::<PlanLinkRow>(rest, &[&case.put()])?;
    let answering = |row: PlanLinkRow| {
        let found = item(&definitions, &row.item?, (0, 0));
        let PlanItem { item, label, planned, days, released_at, .. } = found;
        Some(AnsweringItem { linked_at: row.linked_at.map(Moment::utc), item, label, planned, days, released_at })
    };
    json(Answered { case, items: rows.into_iter().filter_map(answering).collect() })
}
