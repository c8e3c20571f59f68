//! What can be asked about contacts, and about the events of many clients.

use letopis_core::ids::{ClientId, EmployeeId};

use super::totals::{ContactsBy, contacts, frequency, topics};
use super::{UnhandledQuery, feed, unhandled};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::Owner;

/// What can be asked about contacts.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "contacts",
        path: "/v1/contacts",
        view: "history",
        doc: "Counts contacts of a period, by any number of things.",
        params: &[Param::Period, Param::Text("by", "day, month, type, channel, topic, employee, direction")],
        about: About::Totals(count),
    },
    Question {
        name: "contacts topics",
        path: "/v1/contacts/topics",
        view: "history",
        doc: "What contacts of a period were about, the most frequent first.",
        params: &[Param::Period, Param::Text("limit", "At most so many, 1 to 1000; 50 when missing")],
        about: About::Totals(about),
    },
    Question {
        name: "unhandled",
        path: "/v1/contacts/unhandled",
        view: "contact_handling",
        doc: "Contacts that wait for somebody of us, the oldest first.",
        params: &[
            Param::Page,
            Param::Entity("employee", "employee", "Taken by this one of us"),
            Param::Text("type", "Types of events"),
            Param::Text("topic", "About this, first of all"),
        ],
        about: About::Rows(waiting),
    },
    Question {
        name: "frequency",
        path: "/v1/clients/{id}/contacts",
        view: "history",
        doc: "How often and about what we were in contact with a client, by month, topic and channel.",
        params: &[Param::Period],
        about: About::Client(often),
    },
    feed::QUESTION,
];

const BY: &[(&str, ContactsBy)] = &[
    ("day", ContactsBy::Day),
    ("month", ContactsBy::Month),
    ("type", ContactsBy::Type),
    ("channel", ContactsBy::Channel),
    ("topic", ContactsBy::Topic),
    ("employee", ContactsBy::Employee),
    ("direction", ContactsBy::Direction),
];

fn count(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (by, (from, to)) = (params.words("by", BY)?, params.period(reader)?);
    json(contacts(reader, from, to, &by)?)
}

fn about(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (limit, (from, to)) = (params.window()?.limit, params.period(reader)?);
    json(topics(reader, from, to, limit)?)
}

fn waiting(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let query = UnhandledQuery {
        employee: params.one::<EmployeeId>("employee")?,
        types: params.many("type")?,
        topic: params.one("topic")?,
    };
    json(unhandled(reader, &query, &window)?)
}

fn often(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (from, to) = params.period(reader)?;
    json(frequency(reader, Owner::from(client), reader.zone.start(from), reader.zone.start(to))?)
}
