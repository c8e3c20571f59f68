//! What can be asked about meetings.

use letopis_core::ids::{ClientId, EmployeeId};
use letopis_core::time::Day;

use super::MeetingStatus;
use super::list::{MeetingFilter, MeetingsBy, calendar, planned_versus_held};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Owner;

const FROM: Param = Param::Text("from", "The first day on which they begin (YYYY-MM-DD)");
const TO: Param = Param::Text("to", "The day after the last (YYYY-MM-DD); those to come are told too when missing");
const STATUS: Param = Param::Text("status", "planned, held, missed or cancelled; several with commas");
const EMPLOYEE: Param = Param::Entity("employee", "employee", "With this one of us");
const CLIENT: Param = Param::Client("client", "With this client");

const WORDS: &[(&str, MeetingStatus)] = &[
    ("planned", MeetingStatus::Planned),
    ("held", MeetingStatus::Held),
    ("missed", MeetingStatus::Missed),
    ("cancelled", MeetingStatus::Cancelled),
];

/// What can be asked about meetings.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "meetings",
        path: "/v1/meetings",
        view: "meeting",
        doc: "The calendar of an employee, of a client or of all: meetings by the time at which they begin.",
        params: &[Param::Page, FROM, TO, EMPLOYEE, CLIENT, STATUS],
        about: About::Rows(all),
    },
    Question {
        name: "meetings summary",
        path: "/v1/meetings/summary",
        view: "meeting",
        doc: "Planned meetings and what became of them.",
        params: &[
            FROM,
            TO,
            EMPLOYEE,
            CLIENT,
            Param::Text("by", "employee, client or month; all together when missing"),
        ],
        about: About::Rows(summary),
    },
    Question {
        name: "meetings client",
        path: "/v1/clients/{id}/meetings",
        view: "meeting",
        doc: "The calendar of a client.",
        params: &[Param::Page, FROM, TO, STATUS],
        about: About::Client(of_client),
    },
];

fn filter(reader: &Reader<'_>, params: &mut Params) -> Result<MeetingFilter, QueryError> {
    let (from, to) = (params.one::<Day>("from")?, params.one::<Day>("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(wrong("to", format!("{to} is before {from}")));
    }
    Ok(MeetingFilter {
        status: params.words("status", WORDS)?,
        employee: params.one::<EmployeeId>("employee")?,
        client: params.one::<ClientId>("client")?.map(Owner::from),
        from: from.map(|day| reader.zone.start(day)),
        to: to.map(|day| reader.zone.start(day)),
    })
}

fn all(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (filter, window) = (filter(reader, params)?, params.window()?);
    json(calendar(reader, &filter, &window)?)
}

fn summary(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let words = [("employee", MeetingsBy::Employee), ("client", MeetingsBy::Client), ("month", MeetingsBy::Month)];
    let by = params.word("by", &words)?.unwrap_or(MeetingsBy::Nothing);
    json(planned_versus_held(reader, &filter(reader, params)?, by)?)
}

fn of_client(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (filter, window) = (filter(reader, params)?, params.window()?);
    json(calendar(reader, &MeetingFilter { client: Some(client.into()), ..filter }, &window)?)
}
