//! What was done with each contact that came to us, and what still waits.

use std::collections::HashMap;

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::events::{Event, InteractionEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EmployeeId, EventId};
use letopis_core::time::{Day, Moment, Timestamp};
use serde::Serialize;

use super::Class;
use super::describe::describe;
use crate::engine::list::{Condition, Page, Window};
use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Total, TotalTable, cell};
use crate::views::words::Blank;
use crate::{row, total};

row! {
    /// A contact that came to us, or one that somebody handled.
    pub struct HandlingRow in "contact_handling", index ["handled_at, occurred_at, contact"] {
        /// The contact.
        key contact: EventId,
        owner client,
        /// When the client came; none when only its handling is known, or it was we who began.
        occurred_at: Option<Timestamp>,
        /// Its type.
        event_type: Option<String>,
        /// How.
        channel: Option<Code>,
        /// What it was about, first of all.
        topic: Option<Code>,
        /// Who of us took it.
        employee: Option<EmployeeId>,
        /// When it was first handled.
        handled_at: Option<Timestamp>,
        /// What came of it in the end.
        outcome: Option<Code>,
        /// Who handled it last.
        handled_by: Option<EmployeeId>,
        /// When to come back to it.
        follow_up_on: Option<Day>,
    }
}

total! {
    /// Contacts that wait: running sums by day.
    pub struct WaitingContacts in "contacts_waiting" by {
        /// The day they began or ceased to wait.
        day: Day,
        /// `call.logged`, `letter.logged` …
        event_type: String,
        /// Who of us took them.
        employee: Blank<EmployeeId>,
    } sums {
        /// How many more.
        contacts,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Handling;

impl Projection for Handling {
    const NAME: &'static str = "contact_handling";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["interaction"];
    const TOTALS: &'static [TotalTable] = &[WaitingContacts::TABLE];
    type Row = HandlingRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        let Event::Interaction(event) = &fact.event else { return };
        if let InteractionEvent::InteractionHandled(handled) = event {
            keys.push(handled.interaction.0);
        } else if comes_to_us(&fact.event) {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut HandlingRow, fact: &Fact, _cx: &Context<'_>) {
        if let Event::Interaction(InteractionEvent::InteractionHandled(handled)) = &fact.event {
            row.handled_at.get_or_insert(fact.occurred.at);
            row.outcome = Some(handled.outcome.clone());
            row.handled_by = handled.employee;
            row.follow_up_on = handled.follow_up_on;
        } else {
            let told = describe(&fact.event);
            row.occurred_at = Some(fact.occurred.at);
            row.event_type = Some(fact.event.type_name().to_owned());
            row.channel = told.channel;
            row.topic = told.topics.first().cloned();
            row.employee = told.employee;
        }
    }

    fn contribute(&self, row: &HandlingRow, cx: &Context<'_>, out: &mut Contributions) {
        let (Some(since), Some(event_type)) = (row.occurred_at, &row.event_type) else { return };
        let (event_type, employee) = (event_type.clone(), Blank(row.employee));
        let begun = cx.zone.day(since);
        let ended = row.handled_at.map(|at| cx.zone.day(at));
        if ended.is_none_or(|ended| ended > begun) {
            out.add(&WaitingContacts {
                day: begun,
                event_type: event_type.clone(),
                employee: employee.clone(),
                contacts: 1,
            });
            if let Some(day) = ended {
                out.add(&WaitingContacts { day, event_type, employee, contacts: -1 });
            }
        }
    }
}

fn comes_to_us(event: &Event) -> bool {
    let told = describe(event);
    told.class == Class::Contact && told.direction == Some(Direction::In)
}

/// What was done with a contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Handled {
    /// When it was first handled.
    pub at: Moment,
    /// What came of it.
    pub outcome: Option<Code>,
    /// Who did it.
    pub by: Option<EmployeeId>,
    /// When to come back to it.
    pub follow_up_on: Option<Day>,
}

impl HandlingRow {
    /// What was done with it before `now`.
    pub(super) fn handled(&self, now: Timestamp) -> Option<Handled> {
        let at = self.handled_at.filter(|at| *at < now)?;
        let (outcome, by, follow_up_on) = (self.outcome.clone(), self.handled_by, self.follow_up_on);
        Some(Handled { at: Moment::utc(at), outcome, by, follow_up_on })
    }
}

/// What is known of the handling of these contacts.
pub(super) fn of(reader: &Reader<'_>, contacts: &[EventId]) -> Result<HashMap<EventId, HandlingRow>, QueryError> {
    let mut out = HashMap::with_capacity(contacts.len());
    for contact in contacts {
        let rows = reader.rows::<HandlingRow>("WHERE contact = ?1 ORDER BY occurred_at IS NULL", &[&contact.put()])?;
        out.extend(rows.into_iter().next().map(|row| (*contact, row)));
    }
    Ok(out)
}

/// Which waiting contacts are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UnhandledQuery {
    /// Taken by this one of us.
    pub employee: Option<EmployeeId>,
    /// Of these types; an empty list allows all.
    pub types: Vec<String>,
    /// About this, first of all.
    pub topic: Option<Code>,
}

/// A contact that waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unhandled {
    /// The contact.
    pub event: EventId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// Its type.
    pub event_type: String,
    /// When the client came.
    pub occurred_at: Moment,
    /// For how long he has been waiting, in seconds.
    pub age_s: i64,
    /// How.
    pub channel: Option<Code>,
    /// What it was about, first of all.
    pub topic: Option<Code>,
    /// Who of us took it.
    pub employee: Option<EmployeeId>,
}

/// Contacts that came to us and that nobody has handled yet, the longest waiting first.
///
/// # Errors
/// When the limit is out of range, the cursor is another query's, or the file cannot be read.
pub fn unhandled(reader: &Reader<'_>, query: &UnhandledQuery, window: &Window) -> Result<Page<Unhandled>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("unhandled {query:?}");
    let place = window.place(&shape, 2)?;
    let mut rows: Vec<HandlingRow> = Vec::new();
    // Two ranges of one index: what nobody handled, and what was handled after the date of the question.
    for handled in ["handled_at IS NULL", "handled_at >= ?"] {
        let mut condition = Condition::default();
        condition.and(handled, handled.contains('?').then(|| reader.now.put()));
        condition.and("occurred_at < ?", [reader.now.put()]);
        condition.is("employee", query.employee.as_ref()).is("topic", query.topic.as_ref());
        condition.one_of("event_type", &query.types);
        if let Some(place) = &place {
            condition.and("(occurred_at, contact) > (?, ?)", place.iter().cloned());
        }
        let rest = format!("ORDER BY occurred_at, contact LIMIT {wanted}");
        rows.extend(reader.rows::<HandlingRow>(&condition.sql(&rest), &condition.values())?);
    }
    rows.sort_unstable_by_key(|row| (row.occurred_at, row.contact));
    let page = Page::cut(rows, limit, &shape, |row| vec![row.occurred_at.put(), row.contact.put()]);
    Ok(page.map(|row| {
        let at = row.occurred_at.unwrap_or_default();
        Unhandled {
            event: row.contact,
            client: row.client.client(),
            event_type: row.event_type.unwrap_or_default(),
            occurred_at: Moment::utc(at),
            age_s: reader.now.0.saturating_sub(at.0) / letopis_core::time::SECOND_US,
            channel: row.channel,
            topic: row.topic,
            employee: row.employee,
        }
    }))
}

/// How many contacts waited at the end of the last day of the answer, by who took them.
///
/// # Errors
/// When the file cannot be read.
pub fn waiting(reader: &Reader<'_>) -> Result<Vec<(Option<EmployeeId>, i64)>, QueryError> {
    let mut statement = reader.conn.prepare_cached(
        "SELECT employee, SUM(contacts) FROM contacts_waiting WHERE day <= ?1 GROUP BY employee
         HAVING SUM(contacts) <> 0 ORDER BY employee",
    )?;
    let rows = statement.query_map([reader.day().put()], |row| Ok((cell::<Blank<_>>(row, 0)?.0, row.get(1)?)))?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
