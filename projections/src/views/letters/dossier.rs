//! The dossier of a case.

use std::collections::HashMap;

use letopis_core::ids::{CaseId, EventId};
use serde::Serialize;

use super::LetterRow;
use super::questions::Letter;
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::Cell;
use crate::views::cases;
use crate::views::history::{self, HistoryItem, HistoryQuery};

/// Something that belongs to the case.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Sheet {
    #[serde(flatten)]
    item: HistoryItem,
    /// Its entry in the register, for a registered letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<Letter>,
}

/// Everything of one case, in the order it happened.
pub(super) fn dossier(reader: &Reader<'_>, params: &mut Params, id: u128) -> Answer {
    let window = params.window()?;
    let case = CaseId(id);
    let Some(row) = cases::row(reader, case)? else { return json(()) };
    let query = HistoryQuery { case: Some(case), ..HistoryQuery::default() };
    let page = history::page(reader, row.client, &query, &window)?;
    let letters = reader.rows::<LetterRow>("WHERE case_id = ?1", &[&case.put()])?;
    let mut letters: HashMap<EventId, LetterRow> = letters.into_iter().map(|row| (row.letter, row)).collect();
    json(page.map(|item| {
        let registered = letters.remove(&item.event).map(|row| Letter::new(row, reader));
        Sheet { item, registered }
    }))
}
