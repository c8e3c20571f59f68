//! What can be asked about money, event by event.

use super::{ConcessionsBy, concessions};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;

/// What can be asked about money, event by event.
pub const QUESTIONS: &[Question] = &[Question {
    name: "concessions",
    path: "/v1/concessions",
    view: "ledger",
    doc: "Prices that were lowered to calm a client: sums by client, employee, manager, approver or reason, and one by one.",
    params: &[
        Param::Period,
        Param::Page,
        Param::Text("by", "client (the default), employee, manager, approver, reason"),
        Param::Client("client", "Only those to this client"),
    ],
    about: About::Rows(ask),
}];

fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = [
        ("client", ConcessionsBy::Client),
        ("employee", ConcessionsBy::Employee),
        ("manager", ConcessionsBy::Manager),
        ("approver", ConcessionsBy::Approver),
        ("reason", ConcessionsBy::Reason),
    ];
    let by = params.word("by", &by)?.unwrap_or(ConcessionsBy::Client);
    let (period, client, window) = (params.period(reader)?, params.one("client")?, params.window()?);
    json(concessions(reader, period, by, client, &window)?)
}
