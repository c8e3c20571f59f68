//! Everything that is needed while the client is on the line, in one answer.

use letopis_core::ids::ClientId;
use serde::Serialize;

use super::card::{Card, card};
use crate::engine::list::{Page, Window};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::Owner;
use crate::views::history::{Class, HistoryItem, HistoryQuery, page};
use crate::views::meetings::{MeetingFilter, MeetingItem, MeetingStatus, calendar};
use crate::views::tasks::{TaskItem, of_client};

/// Items of each list; what there is more of has its own question.
const MOST: u32 = 10;

/// What can be asked about one client.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "client-360",
        path: "/v1/clients/{id}/360",
        view: "client_card",
        doc: "A client as he is seen while he is on the line: card, what is open, tasks, meetings, last contacts.",
        params: &[],
        about: About::Client(whole),
    },
    Question {
        name: "unidentified",
        path: "/v1/clients/unidentified",
        view: "client_card",
        doc: "Whom nobody knows yet: what came from somebody unknown and waits to be told whose it is.",
        params: &[Param::Page],
        about: About::Rows(super::unknown::unidentified),
    },
];

/// A client as he is seen while he is on the line.
#[derive(Debug, Serialize)]
pub struct Whole {
    /// Who he is, what is open with him, what he owes, what was promised to him.
    pub card: Card,
    /// His open tasks, those that are due first first.
    pub tasks: Page<TaskItem>,
    /// Meetings that are agreed, the next first.
    pub meetings: Page<MeetingItem>,
    /// The last contacts, the latest first.
    pub contacts: Page<HistoryItem>,
    /// What a caller may look for and not find here: ids in other systems are looked up by keyed hash and stand
    /// in no view.
    pub not_here: &'static [&'static str],
}

fn whole(reader: &Reader<'_>, _params: &mut Params, client: ClientId) -> Answer {
    let root = Owner::from(client);
    let Some(card) = card(reader, root)? else { return json(()) };
    let ahead = MeetingFilter { client: Some(root), status: vec![MeetingStatus::Planned], ..MeetingFilter::default() };
    let last = HistoryQuery { classes: vec![Class::Contact], newest_first: true, ..HistoryQuery::default() };
    json(Whole {
        card,
        tasks: of_client(reader, root, MOST)?,
        meetings: calendar(reader, &ahead, &Window::first(MOST))?,
        contacts: page(reader, root, &last, &Window::first(MOST))?,
        not_here: &["identities"],
    })
}
