//! The register, and what of it waits for an answer.

use letopis_core::code::Code;
use letopis_core::events::interaction::{Direction, LetterMedia};
use letopis_core::events::letter::Correspondent;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::{LetterRow, dossier};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::cases;
use crate::views::client::root;

const DIRECTION: Param = Param::Text("direction", "in, out");
const CORRESPONDENT: Param = Param::Text("correspondent", "client, partner, supplier");
const EMPLOYEE: Param = Param::Entity("employee", "employee", "Seen to by this one of us");

/// What can be asked about letters.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "letters",
        path: "/v1/letters",
        view: "letters",
        doc: "The register of letters, in the order in which they were registered.",
        params: &[
            Param::Page,
            Param::Text("journal", "Of this journal"),
            Param::Text("year", "Of this year of the journal"),
            Param::Text("number", "With this number"),
            DIRECTION,
            CORRESPONDENT,
            EMPLOYEE,
            Param::Client("client", "With this client"),
            Param::Entity("case", "case", "Of this case"),
        ],
        about: About::Rows(register),
    },
    Question {
        name: "letters unanswered",
        path: "/v1/letters/unanswered",
        view: "letters",
        doc: "Letters that wait for an answer and whose due day has passed, the longest overdue first.",
        params: &[
            Param::Page,
            Param::Text(
                "due",
                "past for those whose day has passed, which is meant when missing; all for every letter with a day",
            ),
            Param::Text("direction", "in, which is meant when missing; out for letters that others have not answered"),
            CORRESPONDENT,
            EMPLOYEE,
        ],
        about: About::Rows(unanswered),
    },
    Question {
        name: "case dossier",
        path: "/v1/cases/{id}/dossier",
        view: "history",
        doc: "Everything of one case in the order it happened: letters with their numbers, calls, e-mails, visits, documents, steps.",
        params: &[Param::Page],
        about: About::Thing { kind: "case", find: cases::find, ask: dossier::dossier },
    },
];

/// A registered letter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Letter {
    /// The event that registered it.
    pub(super) letter: EventId,
    /// The journal.
    pub(super) journal: Option<Code>,
    /// The year of the journal.
    pub(super) year: i32,
    /// Its number in the journal and the year.
    pub(super) number: Option<Code>,
    /// When it was registered.
    pub(super) registered_at: Option<Moment>,
    /// Whose; the head of his group.
    pub(super) client: ClientId,
    /// With whom.
    pub(super) correspondent: Option<Correspondent>,
    /// Who wrote.
    pub(super) direction: Option<Direction>,
    /// How it travelled.
    pub(super) media: Option<LetterMedia>,
    /// To be answered by the end of this day.
    pub(super) due: Option<Day>,
    /// That day has passed, and nothing answered it.
    pub(super) overdue: bool,
    /// The letter that it answers.
    pub(super) answers: Option<EventId>,
    /// When it was first answered.
    pub(super) answered_at: Option<Moment>,
    /// The letter that first answered it.
    pub(super) answered_by: Option<EventId>,
    /// The case it belongs to.
    pub(super) case: Option<CaseId>,
    /// The deal it belongs to.
    pub(super) deal: Option<DealId>,
    /// The order it belongs to.
    pub(super) order: Option<OrderId>,
    /// Who of us wrote it or sees to it.
    pub(super) employee: Option<EmployeeId>,
}

impl Letter {
    pub(super) fn new(row: LetterRow, reader: &Reader<'_>) -> Self {
        Self {
            overdue: row.answered_at.is_none() && row.due.is_some_and(|due| due < reader.zone.day(reader.now)),
            letter: row.letter,
            journal: row.journal,
            year: row.year,
            number: row.number,
            registered_at: row.registered_at.map(Moment::utc),
            client: row.client.client(),
            correspondent: row.correspondent,
            direction: row.direction,
            media: row.media,
            due: row.due,
            answers: row.answers,
            answered_at: row.answered_at.map(Moment::utc),
            answered_by: row.answered_by,
            case: row.case_id,
            deal: row.deal_id,
            order: row.order_id,
            employee: row.employee,
        }
    }
}

fn filtered(reader: &Reader<'_>, params: &mut Params, direction: Option<Direction>) -> Result<Condition, QueryError> {
    let directions = [("in", Direction::In), ("out", Direction::Out)];
    let correspondents =
        [("client", Correspondent::Client), ("partner", Correspondent::Partner), ("supplier", Correspondent::Supplier)];
    let direction = params.word("direction", &directions)?.or(direction);
    let mut condition = Condition::default();
    // Answers are known of letters that were never registered.
    condition.and("registered_at IS NOT NULL", []);
    condition.is("direction", direction.as_ref());
    condition.is("correspondent", params.word("correspondent", &correspondents)?.as_ref());
    condition.is("employee", params.one::<EmployeeId>("employee")?.as_ref());
    if let Some(client) = params.one::<ClientId>("client")? {
        condition.is("client", Some(&root(reader, client)?));
    }
    Ok(condition)
}

fn register(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let mut condition = filtered(reader, params, None)?;
    condition.is("journal", params.one::<Code>("journal")?.as_ref());
    condition.is("year", params.one::<i32>("year")?.as_ref());
    condition.is("number", params.one::<Code>("number")?.as_ref());
    condition.is("case_id", params.one::<CaseId>("case")?.as_ref());
    let shape = format!("letters {condition:?}");
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(registered_at, letter) > (?, ?)", place);
    }
    let rest = format!("ORDER BY registered_at, letter LIMIT {wanted}");
    let rows = reader.rows::<LetterRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.registered_at.put(), row.letter.put()]);
    json(page.map(|row| Letter::new(row, reader)))
}

fn unanswered(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let past = params.word("due", &[("past", true), ("all", false)])?.unwrap_or(true);
    let mut condition = filtered(reader, params, Some(Direction::In))?;
    condition.and("answered_at IS NULL AND due IS NOT NULL", []);
    let shape = format!("unanswered {past} {condition:?}");
    if past {
        condition.and("due < ?", [reader.zone.day(reader.now).put()]);
    }
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(due, letter) > (?, ?)", place);
    }
    let rest = format!("ORDER BY due, letter LIMIT {wanted}");
    let rows = reader.rows::<LetterRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.due.put(), row.letter.put()]);
    json(page.map(|row| Letter::new(row, reader)))
}
