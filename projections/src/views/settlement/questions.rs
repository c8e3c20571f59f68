//! What can be asked about settlements.

use letopis_core::ids::ClientId;
use serde::Serialize;

use super::report::{InCurrency, in_currency};
use super::{ClientSettlement, client_settlement};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;

/// What can be asked about settlements.
pub const QUESTIONS: &[Question] = &[Question {
    name: "settlement",
    path: "/v1/clients/{id}/settlement",
    view: "settlement",
    doc: "What a client ordered, got, paid and owes, currency by currency, and on request in one currency.",
    params: &[Param::Text(
        "report_currency",
        "ISO 4217: everything in this currency too, each amount at the rate of its day",
    )],
    about: About::Client(settlement),
}];

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    settlement: ClientSettlement,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<InCurrency>,
}

fn settlement(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let to = params.one("report_currency")?;
    let report = to.map(|to| in_currency(reader, client, to)).transpose()?;
    json(Told { settlement: client_settlement(reader, client)?, report })
}
