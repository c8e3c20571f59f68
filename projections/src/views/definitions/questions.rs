//! Every definition, readable as of any instant and in every version.

use letopis_core::ids::EventId;
use letopis_core::time::Moment;
use serde::Serialize;
use serde_json::value::RawValue;

use super::rows::DefinitionRow;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;

/// What can be asked about definitions.
pub const QUESTIONS: &[Question] = &[Question {
    name: "definitions",
    path: "/v1/definitions",
    view: "definitions",
    doc: "What is defined, as it counts at the bound: the last version of each definition, or all versions of them.",
    params: &[
        Param::Page,
        Param::Text("kind", "`product`, `stage-model`, `calendar` …"),
        Param::Text("code", "Which one of the kind"),
        Param::Text("versions", "`all` for every version, oldest first; the last one alone when missing"),
    ],
    about: About::Rows(definitions),
}];

/// A definition and since when it counts.
#[derive(Debug, Serialize)]
pub struct DefinitionItem {
    /// `kind:code@version`.
    pub name: String,
    /// What it defines.
    pub kind: String,
    /// Which one.
    pub code: String,
    /// Its place in the definition's stream.
    pub version: i64,
    /// From when on it counts.
    pub valid_from: Moment,
    /// The event that gave it.
    pub event: EventId,
    /// The type of that event.
    pub event_type: String,
    /// What it says.
    pub says: Box<RawValue>,
}

fn definitions(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (kind, code) = (params.one::<String>("kind")?, params.one::<String>("code")?);
    let all = params.word("versions", &[("all", true), ("last", false)])?.unwrap_or(false);
    let (limit, wanted) = window.wanted()?;
    let shape = format!("definitions {kind:?} {code:?} {all}");
    let mut condition = Condition::default();
    condition.and("valid_from < ?", [reader.now.put()]);
    condition.is("kind", kind.as_ref()).is("code", code.as_ref());
    if !all {
        // Events of one stream that say different things (defined, moved, released) are told side by side.
        condition.and(
            "NOT EXISTS (SELECT 1 FROM definition n WHERE n.kind = definition.kind AND n.code = definition.code \
             AND n.event_type = definition.event_type AND n.valid_from < ? \
             AND (n.valid_from, n.ord, n.event) > (definition.valid_from, definition.ord, definition.event))",
            [reader.now.put()],
        );
    }
    if let Some(place) = window.place(&shape, 5)? {
        condition.and("(kind, code, valid_from, ord, event) > (?, ?, ?, ?, ?)", place);
    }
    let rest = format!("ORDER BY kind, code, valid_from, ord, event LIMIT {wanted}");
    let rows = reader.rows::<DefinitionRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| {
        vec![row.kind.put(), row.code.put(), row.valid_from.put(), row.ord.put(), row.event.put()]
    });
    let items = page.items.into_iter().map(DefinitionItem::new).collect::<Result<Vec<_>, _>>()?;
    json(Page { items, next: page.next })
}

impl DefinitionItem {
    fn new(row: DefinitionRow) -> Result<Self, QueryError> {
        let says = RawValue::from_string(row.facts).map_err(|error| QueryError::Storage(Box::new(error)))?;
        Ok(Self {
            name: format!("{}:{}@{}", row.kind, row.code, row.version),
            kind: row.kind,
            code: row.code,
            version: row.version,
            valid_from: Moment::utc(row.valid_from),
            event: row.event,
            event_type: row.event_type,
            says,
        })
    }
}
