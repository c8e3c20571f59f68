//! The feed: important events of all clients, or of those one of us looks after, in one window.
//!
//! How much a type of events matters says the definition of a scale of importance; types that it does not name keep
//! their built-in importance. Which types are wanted is known before the rows are read, so each is read from its
//! index and the parts are merged here: the cost of a page grows with its length, not with the log.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::definition::{EventImportanceDefined, Importance};
use letopis_core::ids::{ClientId, EmployeeId};
use serde::Serialize;

use super::{HistoryItem, HistoryRow};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Row, cell};

pub(super) const QUESTION: Question = Question {
    name: "feed",
    path: "/v1/feed",
    view: "history",
    doc: "Important events of many clients in one window, the latest first.",
    params: &[
        Param::Page,
        Param::Entity("manager", "employee", "Of the clients whom this one of us looks after"),
        Param::Text("segment", "Of clients with this coded attribute, `name:value`; may be repeated"),
        Param::Text("importance", "notable, important (when missing) or critical, and what matters more"),
        Param::Text("scale", "Which scale of importance; `default` when missing"),
        Param::Text("type", "Of these types alone"),
    ],
    about: About::Rows(feed),
};

/// What matters when no scale says otherwise.
const BUILT_IN: &[(&str, Importance)] = &[
    ("case.answered", Importance::Notable),
    ("case.due_moved", Importance::Important),
    ("case.raised", Importance::Important),
    ("case.reopened", Importance::Critical),
    ("case.resolved", Importance::Notable),
    ("client.manager_assigned", Importance::Notable),
    ("client.registered", Importance::Notable),
    ("consent.withdrawn", Importance::Important),
    ("deal.lost", Importance::Important),
    ("deal.opened", Importance::Notable),
    ("deal.won", Importance::Important),
    ("exception.flagged", Importance::Critical),
    ("goods.returned", Importance::Important),
    ("hold.placed", Importance::Important),
    ("invoice.issued", Importance::Notable),
    ("meeting.held", Importance::Notable),
    ("meeting.missed", Importance::Important),
    ("order.adjusted", Importance::Important),
    ("order.cancelled", Importance::Important),
    ("order.placed", Importance::Important),
    ("payment.received", Importance::Notable),
    ("payment.refunded", Importance::Important),
    ("task.escalated", Importance::Critical),
];

const WORDS: &[(&str, Importance)] =
    &[("notable", Importance::Notable), ("important", Importance::Important), ("critical", Importance::Critical)];

/// An event of the feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedItem {
    /// How much it matters.
    pub importance: Importance,
    /// Who looks after the client.
    pub manager: Option<EmployeeId>,
    /// The head of the client's group.
    pub group: ClientId,
    /// The event.
    #[serde(flatten)]
    pub event: HistoryItem,
}

#[derive(Serialize)]
struct Feed {
    /// The scale it rests on: `event-importance:code@version`, or `built-in`.
    scale: String,
    items: Vec<FeedItem>,
    next: Option<String>,
}

/// Each type that matters, and how much.
fn scale(reader: &Reader<'_>, name: Option<&Code>) -> Result<(String, BTreeMap<String, Importance>), QueryError> {
    let mut importance: BTreeMap<String, Importance> =
        BUILT_IN.iter().map(|(event_type, importance)| ((*event_type).to_owned(), *importance)).collect();
    let definitions = reader.definitions(&[EventImportanceDefined::KIND])?;
    let found = definitions.latest::<EventImportanceDefined>(name.map_or("default", Code::as_str));
    match (&found, name) {
        (None, Some(name)) => Err(wrong("scale", format!("no scale of importance is called {name} at the bound"))),
        (None, None) => Ok(("built-in".into(), importance)),
        (Some(dated), _) => {
            importance.extend(dated.value.importance.iter().map(|(name, matters)| (name.to_string(), *matters)));
            Ok((dated.name(), importance))
        }
    }
}

fn segments(params: &mut Params) -> Result<Vec<(Code, Code)>, QueryError> {
    let bad = |text: &str| wrong("segment", format!("{text:?} is not `name:value` in codes"));
    let given = params.many::<String>("segment")?;
    let pairs = given.iter().map(|text| {
        let (name, value) = text.split_once(':').ok_or_else(|| bad(text))?;
        Ok((name.parse().map_err(|_| bad(text))?, value.parse().map_err(|_| bad(text))?))
    });
    pairs.collect()
}

fn feed(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let least = params.word("importance", WORDS)?.unwrap_or(Importance::Important);
    let (manager, segments) = (params.one::<EmployeeId>("manager")?, segments(params)?);
    let (scale_name, types): (Option<Code>, Vec<String>) = (params.one("scale")?, params.many("type")?);
    let (scale, importance) = scale(reader, scale_name.as_ref())?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("feed {least:?} {manager:?} {segments:?} {scale} {types:?}");
    let place = window.place(&shape, 3)?;

    let mut condition = Condition::default();
    condition.and("h.occurred_at < ?", [reader.now.put()]).is("c.manager", manager.as_ref());
    for (name, value) in &segments {
        let path = format!("$.\"{name}\"");
        condition.and("json_extract(c.attributes, ?) = ?", [path.put(), value.put()]);
    }
    if let Some(place) = place {
        condition.and("h.occurred_at <= ?", [place[0].clone()]);
        condition.and("(h.occurred_at, h.ord, h.event) < (?, ?, ?)", place);
    }
    let columns: Vec<String> = HistoryRow::COLUMNS.iter().map(|column| format!("h.{}", column.name)).collect();
    let mut found: Vec<(HistoryRow, Option<EmployeeId>, ClientId)> = Vec::new();
    let wants = |name: &String, matters: Importance| matters >= least && (types.is_empty() || types.contains(name));
    for (event_type, _) in importance.iter().filter(|(name, matters)| wants(name, **matters)) {
        let mut of_type = Condition::default();
        of_type.and("h.event_type = ?", [event_type.put()]).extend(&condition);
        let rest = format!("ORDER BY h.occurred_at DESC, h.ord DESC, h.event DESC LIMIT {wanted}");
        let sql = format!(
            "SELECT {}, c.manager, coalesce(s.root, h.client) FROM history h \
             LEFT JOIN subject s ON s.client = h.client \
             LEFT JOIN client_card c ON c.client = coalesce(s.root, h.client) {}",
            columns.join(", "),
            of_type.sql(&rest)
        );
        let mut statement = reader.conn.prepare_cached(&sql)?;
        let values = of_type.values();
        let width = columns.len();
        let rows = statement
            .query_map(&values[..], |row| Ok((HistoryRow::get(row)?, cell(row, width)?, cell(row, width + 1)?)))?;
        for row in rows {
            found.push(row?);
        }
    }
    found.sort_unstable_by_key(|(row, ..)| std::cmp::Reverse((row.occurred_at, row.ord, row.event)));
    let at = |(row, ..): &(HistoryRow, _, _)| vec![row.occurred_at.put(), row.ord.put(), row.event.put()];
    let page = Page::cut(found, limit, &shape, at);
    let item = |(row, manager, group): (HistoryRow, Option<EmployeeId>, ClientId)| {
        let importance = importance.get(&row.event_type).copied().unwrap_or(least);
        FeedItem { importance, manager, group, event: HistoryItem::new(row, reader.now, None) }
    };
    let items = page.items.into_iter().map(item).collect();
    json(Feed { scale, items, next: page.next })
}
