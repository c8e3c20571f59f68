//! How long applications and their reviews take, and which review holds them up.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::{CaseId, ClientId, EmployeeId};
use letopis_core::time::{Moment, SECOND_US};
use serde::Serialize;

use super::{ApplicationRow, Review};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::cases::Duration;

const VIEW: &str = "applications";

/// What can be asked about applications.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "applications",
        path: "/v1/applications",
        view: VIEW,
        doc: "Applications with their reviews, the latest first.",
        params: &[Param::Page, Param::Text("decided", "true: only decided ones; false: only those that are not")],
        about: About::Rows(list),
    },
    Question {
        name: "application",
        path: "/v1/applications/{id}",
        view: VIEW,
        doc: "One application: its reviews side by side, when they joined, how long the decision took, the slowest review.",
        params: &[],
        about: About::Thing { kind: "case", find, ask: application },
    },
    Question {
        name: "applications reviews",
        path: "/v1/applications/reviews",
        view: VIEW,
        doc: "Reviews of the applications that came in a period: how long each branch takes, and how often it is the slowest.",
        params: &[Param::Period],
        about: About::Rows(reviews),
    },
];

/// A review with what it took.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Timed {
    /// The branch.
    branch: Code,
    #[serde(flatten)]
    review: Review,
    /// Elapsed seconds from asking to deciding, or until now.
    took_s: Option<i64>,
    /// It was or is open after it was to be decided.
    late: bool,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Application {
    /// The case that it is.
    case: CaseId,
    /// Whose; the head of his group.
    client: ClientId,
    /// Its reviews, by branch.
    reviews: Vec<Timed>,
    /// Reviews that are not decided.
    open: usize,
    /// When the last review was decided; null while one is open.
    joined_at: Option<Moment>,
    /// The review that took longest; one that is still open counts until now.
    slowest: Option<Code>,
    /// When it was decided.
    decided_at: Option<Moment>,
    /// What was decided.
    decision: Option<Code>,
    /// Who decided.
    employee: Option<EmployeeId>,
    /// Elapsed seconds from the first review to the decision.
    decision_s: Option<i64>,
}

fn decision_s(row: &ApplicationRow) -> Option<i64> {
    let (first, decided) = (row.first_at?, row.decided_at?);
    Some((decided.at.0 - first.0).max(0) / SECOND_US)
}

impl Application {
    fn new(row: ApplicationRow, reader: &Reader<'_>) -> Self {
        let timed = |(branch, review): (&Code, &Review)| {
            let until = review.decided_at.map_or(reader.now, |decided| decided.at);
            Timed {
                branch: branch.clone(),
                took_s: review.took_s(reader.now),
                late: review.due.is_some_and(|due| due.at < until),
                review: review.clone(),
            }
        };
        Self {
            case: row.case_id,
            client: row.client.client(),
            reviews: row.reviews.0.iter().map(timed).collect(),
            open: row.reviews.0.values().filter(|review| review.decided_at.is_none()).count(),
            joined_at: row.joined_at(),
            slowest: row.slowest(reader.now).cloned(),
            decision_s: decision_s(&row),
            decided_at: row.decided_at,
            decision: row.decision,
            employee: row.employee,
        }
    }
}

fn row(reader: &Reader<'_>, id: u128) -> Result<Option<ApplicationRow>, QueryError> {
    let rest = "WHERE case_id = ?1 ORDER BY client LIMIT 1";
    Ok(reader.rows::<ApplicationRow>(rest, &[&CaseId(id).put()])?.into_iter().next())
}

fn find(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(row(reader, id)?.map(|row| row.client.client()))
}

fn application(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    json(row(reader, id)?.map(|row| Application::new(row, reader)))
}

fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let decided = params.one::<bool>("decided")?;
    let shape = format!("applications {decided:?}");
    let mut condition = Condition::default();
    match decided {
        Some(true) => drop(condition.and("decided_at IS NOT NULL", [])),
        Some(false) => drop(condition.and("decided_at IS NULL", [])),
        None => {}
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(first_at, case_id) < (?, ?)", place);
    }
    let rest = format!("ORDER BY first_at DESC, case_id DESC LIMIT {wanted}");
    let rows = reader.rows::<ApplicationRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.first_at.put(), row.case_id.put()]);
    json(page.map(|row| Application::new(row, reader)))
}

/// Reviews of one branch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Branch {
    /// The branch.
    branch: Option<Code>,
    /// How often it was asked for.
    requested: i64,
    /// How often it was decided.
    decided: i64,
    /// How often it is open.
    open: i64,
    /// How often it took longest.
    slowest: i64,
    /// From asking to deciding, of those that are decided.
    took: Duration,
}

/// Reviews of the applications of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Reviews {
    /// Applications.
    applications: i64,
    /// Of them, decided.
    decided: i64,
    /// From the first review to the decision, of those that are decided.
    decision: Duration,
    /// By branch.
    branches: Vec<Branch>,
}

fn reviews(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let bounds = (reader.zone.start(from).put(), reader.zone.start(to).put());
    let rows = reader.rows::<ApplicationRow>("WHERE first_at >= ?1 AND first_at < ?2", &[&bounds.0, &bounds.1])?;
    let mut branches: BTreeMap<Code, (Branch, Vec<i64>)> = BTreeMap::new();
    for row in &rows {
        let slowest = row.slowest(reader.now);
        for (code, review) in &row.reviews.0 {
            let (branch, took) = branches.entry(code.clone()).or_default();
            branch.requested += i64::from(review.requested_at.is_some());
            branch.decided += i64::from(review.decided_at.is_some());
            branch.open += i64::from(review.decided_at.is_none());
            branch.slowest += i64::from(slowest == Some(code));
            took.extend(review.decided_at.and_then(|_| review.took_s(reader.now)));
        }
    }
    let decisions: Vec<i64> = rows.iter().filter_map(decision_s).collect();
    let line = |(code, (branch, took))| Branch { branch: Some(code), took: Duration::of(took), ..branch };
    json(Reviews {
        applications: rows.len() as i64,
        decided: decisions.len() as i64,
        decision: Duration::of(decisions),
        branches: branches.into_iter().map(line).collect(),
    })
}
