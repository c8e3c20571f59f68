//! Pages of a history.

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::money::Money;
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use super::handling::{self, Handled};
use super::{Class, HistoryRow};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::views::client::members;

/// Which events of a client are wanted; an empty list allows all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryQuery {
    /// Of these classes.
    pub classes: Vec<Class>,
    /// Of these types, such as `call.logged`.
    pub types: Vec<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// With this one of us.
    pub employee: Option<EmployeeId>,
    /// About this, among other things.
    pub topic: Option<Code>,
    /// Of this case.
    pub case: Option<CaseId>,
    /// Of this deal.
    pub deal: Option<DealId>,
    /// Of this order.
    pub order: Option<OrderId>,
    /// Only what was learnt late.
    pub late_only: bool,
    /// The newest first; the oldest first otherwise.
    pub newest_first: bool,
}

/// One event as a reader of the history sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryItem {
    /// The event.
    pub event: EventId,
    /// The client it was recorded for; in a merged group not always the one asked for.
    pub client: ClientId,
    /// Its type.
    pub event_type: String,
    /// What it is to a reader.
    pub class: Option<Class>,
    /// When it happened.
    pub occurred_at: Moment,
    /// Its place among things that happened at one instant.
    pub order: i32,
    /// When we learnt it.
    pub recorded_at: Moment,
    /// Its place in the log.
    pub position: i64,
    /// Something that happened later had been recorded before.
    pub late: bool,
    /// What it says is the last correction of it.
    pub corrected: bool,
    /// Who began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Code>,
    /// Who of us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// What it was about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Code>,
    /// The case it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The deal it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal: Option<DealId>,
    /// The order it belongs to.
    #[serde(rename = "order_id", skip_serializing_if = "Option::is_none")]
    pub of_order: Option<OrderId>,
    /// Length in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u32>,
    /// The event it answers, handles or documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<EventId>,
    /// Which field, attribute, service, campaign … it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Code>,
    /// The code before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Code>,
    /// The code after, or what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Code>,
    /// Money in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What was done with it; none while nothing was, and for what needs no handling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<Handled>,
    /// It is a contact that waits for somebody of us.
    pub waiting: bool,
    /// The event that it was made for by rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<EventId>,
    /// The rule that made it, `automation-rule:code@version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl HistoryItem {
    pub(super) fn new(row: HistoryRow, now: Timestamp, handling: Option<handling::HandlingRow>) -> Self {
        let topics = row.all_topics().to_vec();
        let handled = handling.as_ref().and_then(|handling| handling.handled(now));
        Self {
            event: row.event,
            client: row.client.client(),
            event_type: row.event_type,
            class: row.class,
            occurred_at: moment(row.occurred_at, row.offset_min),
            order: row.ord,
            recorded_at: Moment::utc(row.recorded_at),
            position: row.position,
            late: row.late,
            corrected: row.corrected,
            direction: row.direction,
            channel: row.channel,
            employee: row.employee,
            topics,
            case: row.case_id,
            deal: row.deal_id,
            of_order: row.order_id,
            duration_s: row.duration_s,
            target: row.target,
            field: row.field,
            old: row.old,
            outcome: row.outcome,
            amount: row.amount_minor.zip(row.currency).map(|(minor, currency)| Money { minor, currency }),
            waiting: handled.is_none() && handling.is_some_and(|handling| handling.occurred_at.is_some()),
            handled,
            caused_by: row.caused_by,
            rule: row.rule,
        }
    }
}

fn moment(at: Timestamp, offset_min: i32) -> Moment {
    Moment { at, offset_min: offset_min.try_into().unwrap_or_default() }
}

impl HistoryQuery {
    fn condition(&self, now: Timestamp) -> Condition {
        let mut condition = Condition::default();
        let to = self.to.map_or(now, |to| to.min(now));
        condition.and("occurred_at < ?", [to.put()]);
        if let Some(from) = self.from {
            condition.and("occurred_at >= ?", [from.put()]);
        }
        condition.one_of("class", &self.classes).one_of("event_type", &self.types);
        condition.is("employee", self.employee.as_ref()).is("case_id", self.case.as_ref());
        condition.is("deal_id", self.deal.as_ref()).is("order_id", self.order.as_ref());
        if let Some(topic) = &self.topic {
            let listed = "(topic = ? OR EXISTS (SELECT 1 FROM json_each(topics) WHERE json_each.value = ?))";
            condition.and(listed, [topic.put(), topic.put()]);
        }
        if self.late_only {
            condition.and("late", []);
        }
        condition
    }
}

/// A page of the history of a client and of all records merged with him, strictly by
/// `(occurred_at, order, event)`.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn page(
    reader: &Reader<'_>,
    root: Owner,
    query: &HistoryQuery,
    window: &Window,
) -> Result<Page<HistoryItem>, QueryError> {
    let shape = format!("history {root} {query:?}");
    select(reader, root, &query.condition(reader.now), query.newest_first, &shape, window)
}

/// As [`page`], by any condition over the columns of a history; `shape` names the query for its cursors.
///
/// Each record of the group is read from the cursor on by its index and the parts are merged here: the
/// cost of a page grows with its length and the size of the group, not with the history or the log.
pub(crate) fn select(
    reader: &Reader<'_>,
    root: Owner,
    wanted_of: &Condition,
    newest_first: bool,
    shape: &str,
    window: &Window,
) -> Result<Page<HistoryItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let place = window.place(shape, 3)?;
    let (sign, direction) = if newest_first { ("<", "DESC") } else { (">", "ASC") };
    let mut rows: Vec<HistoryRow> = Vec::new();
    for member in members(reader, root)? {
        let mut condition = Condition::default();
        condition.extend(wanted_of).and("client = ?", [Owner::from(member).put()]);
        if let Some(place) = &place {
            condition.and(&format!("(occurred_at, ord, event) {sign} (?, ?, ?)"), place.iter().cloned());
        }
        let rest = format!("ORDER BY occurred_at {direction}, ord {direction}, event {direction} LIMIT {wanted}");
        rows.extend(reader.rows::<HistoryRow>(&condition.sql(&rest), &condition.values())?);
    }
    rows.sort_unstable_by(|a, b| {
        let order = (a.occurred_at, a.ord, a.event).cmp(&(b.occurred_at, b.ord, b.event));
        if newest_first { order.reverse() } else { order }
    });
    let page = Page::cut(rows, limit, shape, |row| vec![row.occurred_at.put(), row.ord.put(), row.event.put()]);
    let contacts: Vec<EventId> =
        page.items.iter().filter(|row| row.class == Some(Class::Contact)).map(|row| row.event).collect();
    let mut handlings = handling::of(reader, &contacts)?;
    Ok(page.map(|row| {
        let handling = handlings.remove(&row.event);
        HistoryItem::new(row, reader.now, handling)
    }))
}
