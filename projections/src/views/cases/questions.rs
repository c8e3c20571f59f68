//! What can be asked about cases.

use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, ClientId, EmployeeId};
use letopis_core::time::{Day, Moment, Timestamp};

use super::{CaseFilter, CasesBy, PromiseQuery, PromiseState, Status, levels, workflow};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::views::client::root;

const VIEW: &str = "client_case";
const KIND: Param = Param::Text("kind", "complaint, question, error_report, wish, incident, application");
const EMPLOYEE: Param = Param::Entity("employee", "employee", "Seen to by this one of us");

/// What can be asked about cases.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "cases list",
        path: "/v1/cases",
        view: VIEW,
        doc: "Cases, the latest first.",
        params: &[
            Param::Page,
            Param::Text("status", "open, answered, resolved, closed; may be given several times"),
            KIND,
            Param::Text("topic", "About this"),
            Param::Text("product", "About this product"),
            Param::Text("channel", "Over this channel"),
            EMPLOYEE,
            Param::Client("client", "Of this client"),
            Param::Text("overdue", "true: only those whose promised date has passed"),
        ],
        about: About::Rows(list),
    },
    Question {
        name: "case",
        path: "/v1/cases/{id}",
        view: VIEW,
        doc: "One case with every date that was promised and why it was moved.",
        params: &[],
        about: About::Thing { kind: "case", find, ask: case },
    },
    Question {
        name: "case clock",
        path: "/v1/cases/{id}/clock",
        view: VIEW,
        doc: "One case against its service level: first response and resolution in business time, with the versions they rest on.",
        params: &[],
        about: About::Thing { kind: "case", find, ask: levels::clock },
    },
    Question {
        name: "case workflow",
        path: "/v1/cases/{id}/workflow",
        view: VIEW,
        doc: "One case in its workflow: its state, where it can go, where it has been, which moves were refused.",
        params: &[],
        about: About::Thing { kind: "case", find, ask: workflow::course },
    },
    Question {
        name: "cases overview",
        path: "/v1/cases/overview",
        view: VIEW,
        doc: "Counts over a period: raised, answered, resolved, moved, kept, broken; what is open and overdue at its end.",
        params: &[Param::Period, Param::Text("by", "kind, topic, channel, product")],
        about: About::Totals(overview),
    },
    Question {
        name: "cases responses",
        path: "/v1/cases/responses",
        view: VIEW,
        doc: "Cases that were handed to somebody outside, by the answer.",
        params: &[],
        about: About::Totals(|reader, _| json(super::responses(reader)?)),
    },
    Question {
        name: "cases promises",
        path: "/v1/cases/promises",
        view: VIEW,
        doc: "Cases with a promised date, the earliest date first.",
        params: &[
            Param::Page,
            Param::Text("state", "kept, broken, pending"),
            KIND,
            EMPLOYEE,
            Param::Text("min_moves", "Moved at least so often"),
            Param::Text("from", "Due not before this instant or local day"),
            Param::Text("to", "Due before this instant or local day"),
        ],
        about: About::Rows(promises),
    },
    Question {
        name: "cases clocks",
        path: "/v1/cases/clocks",
        view: VIEW,
        doc: "Cases against their service levels, the latest first.",
        params: &[
            Param::Page,
            Param::Text("state", "met, breached, at_risk, running, void; may be given several times"),
            Param::Text("clock", "first_response or resolution: only that one is to have the state"),
            Param::Text("open", "true: only those that are not settled"),
            KIND,
            EMPLOYEE,
        ],
        about: About::Rows(levels::clocks),
    },
    Question {
        name: "cases service-levels",
        path: "/v1/cases/service-levels",
        view: VIEW,
        doc: "Shares of the cases raised in a period that were answered and resolved in time.",
        params: &[Param::Period, Param::Text("by", "level, kind, topic, priority, employee, department")],
        about: About::Rows(levels::shares),
    },
    Question {
        name: "cases states",
        path: "/v1/cases/states",
        view: VIEW,
        doc: "Open cases by the state of their workflow, with those that are there for too long.",
        params: &[KIND],
        about: About::Rows(workflow::board),
    },
];

/// Whose case it is.
pub(crate) fn find(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(super::row(reader, CaseId(id))?.map(|row| row.client.client()))
}

/// The kind of cases that is wanted.
pub(crate) fn kind(params: &mut Params) -> Result<Option<CaseKind>, QueryError> {
    const KINDS: &[(&str, CaseKind)] = &[
        ("complaint", CaseKind::Complaint),
        ("question", CaseKind::Question),
        ("error_report", CaseKind::ErrorReport),
        ("wish", CaseKind::Wish),
        ("incident", CaseKind::Incident),
        ("application", CaseKind::Application),
    ];
    params.word("kind", KINDS)
}

/// An instant, or the beginning of a local day.
pub(crate) fn start(
    reader: &Reader<'_>,
    params: &mut Params,
    name: &'static str,
) -> Result<Option<Timestamp>, QueryError> {
    let Some(text) = params.one::<String>(name)? else { return Ok(None) };
    if let Ok(day) = text.parse::<Day>() {
        return Ok(Some(reader.zone.start(day)));
    }
    // A plus sign that was not escaped arrives as a blank.
    let moment = text.replace(' ', "+").parse::<Moment>();
    moment.map(|moment| Some(moment.at)).map_err(|error| wrong(name, error.to_string()))
}

fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let statuses = [
        ("open", Status::Open),
        ("answered", Status::Answered),
        ("resolved", Status::Resolved),
        ("closed", Status::Closed),
    ];
    let filter = CaseFilter {
        status: params.words("status", &statuses)?,
        kind: kind(params)?,
        topic: params.one("topic")?,
        product: params.one("product")?,
        channel: params.one("channel")?,
        employee: params.one::<EmployeeId>("employee")?,
        client: params.one::<ClientId>("client")?.map(|client| root(reader, client)).transpose()?,
        overdue: params.one("overdue")?.unwrap_or_default(),
    };
    json(super::cases(reader, &filter, &window)?)
}

fn case(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    json(super::case(reader, CaseId(id))?)
}

fn overview(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = [
        ("kind", CasesBy::Kind),
        ("topic", CasesBy::Topic),
        ("channel", CasesBy::Channel),
        ("product", CasesBy::Product),
    ];
    let (by, (from, to)) = (params.word("by", &by)?, params.period(reader)?);
    json(super::overview(reader, from, to, by)?)
}

fn promises(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let states = [("kept", PromiseState::Kept), ("broken", PromiseState::Broken), ("pending", PromiseState::Pending)];
    let query = PromiseQuery {
        state: params.word("state", &states)?,
        kind: kind(params)?,
        employee: params.one("employee")?,
        min_moves: params.one("min_moves")?.unwrap_or_default(),
        from: start(reader, params, "from")?,
        to: start(reader, params, "to")?,
    };
    json(super::promises(reader, &query, &window)?)
}
