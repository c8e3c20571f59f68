//! The history of a client: every event in the order it happened, without personal values.
//!
//! Rows stand under the client they were recorded for; a merged group's history is joined when it is
//! asked for ([`page`]). Words that were said are read from the log by the event's id; what a profile was
//! before and after each edit comes from [`changes()`].

mod changes;
mod describe;
mod feed;
mod handling;
mod query;
mod questions;
mod totals;

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::money::Currency;
use letopis_core::time::{Day, Timestamp};
use serde::Serialize;

use crate::engine::projection::{Context, Contributions, EVERY_AREA, Projection};
use crate::engine::row::{Json, TotalTable};
use crate::views::words::Blank;
use crate::{row, total};

pub use changes::{Change, changes};
pub use feed::FeedItem;
pub use handling::{Handled, Handling, HandlingRow, Unhandled, UnhandledQuery, WaitingContacts, unhandled, waiting};
pub(crate) use query::select;
pub use query::{HistoryItem, HistoryQuery, page};
pub use questions::QUESTIONS;
pub use totals::{ContactCount, ContactsBy, DEFAULT_TOPIC_LIMIT, Frequency, TopicCount, contacts, frequency, topics};

use describe::describe;

/// What an event is to somebody who reads a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// We spoke, wrote or met.
    Contact,
    /// A meeting was agreed, moved, missed or called off.
    Meeting,
    /// Something was done with a contact.
    Handling,
    /// A document was attached.
    Document,
    /// A case went on.
    Case,
    /// A lead was captured, judged, handed over or became a deal.
    Lead,
    /// A deal went on.
    Deal,
    /// An order went on.
    Order,
    /// Something was invoiced, paid, refunded or written off.
    Money,
    /// A campaign touched the client.
    Campaign,
    /// What we know of the client changed.
    Profile,
    /// The client allowed or forbade something.
    Consent,
    /// A thing of ours that the client has.
    Asset,
    /// A contract, or what serving cost.
    Contract,
    /// An article was used.
    Article,
    /// An event of a declared type.
    Custom,
    /// Something is to be done, or was.
    Task,
    /// Something exceptional happened.
    Exception,
}

row! {
    /// One event of a client.
    pub struct HistoryRow in "history", index ["client, occurred_at, ord, event", "event_type, occurred_at"] {
        /// The event.
        key event: EventId,
        owner client,
        /// When it happened.
        occurred_at: Timestamp,
        /// Minutes east of UTC as it was told.
        offset_min: i32,
        /// Its place among things that happened at one instant.
        ord: i32,
        /// When we learnt it.
        @apart recorded_at: Timestamp,
        /// Its place in the log.
        @apart position: i64,
        /// Something that happened later had been recorded before.
        @apart late: bool,
        /// Its type.
        event_type: String,
        /// What it is to a reader; always there.
        class: Option<Class>,
        /// Who began.
        direction: Option<Direction>,
        /// How: `phone`, `email`, `web` …
        channel: Option<Code>,
        /// Who of us.
        employee: Option<EmployeeId>,
        /// What it was about, first of all.
        topic: Option<Code>,
        /// Everything it was about, where that is more than one topic.
        topics: Option<Json<Vec<Code>>>,
        /// The case it belongs to.
        case_id: Option<CaseId>,
        /// The deal it belongs to.
        deal_id: Option<DealId>,
        /// The order it belongs to.
        order_id: Option<OrderId>,
        /// Length in seconds.
        duration_s: Option<u32>,
        /// The event it answers, handles or documents.
        target: Option<EventId>,
        /// Which field or attribute it changes, which stage model, service, campaign … it is about.
        field: Option<Code>,
        /// The code before.
        old: Option<Code>,
        /// The code after, or what came of it: an outcome, a stage, a resolution, a reason.
        outcome: Option<Code>,
        /// Money in it, in minor units.
        amount_minor: Option<i64>,
        /// The currency of the money.
        currency: Option<Currency>,
        /// What it says is the last correction of it.
        corrected: bool,
        /// The event that it was made for by rule.
        caused_by: Option<EventId>,
        /// The rule that made it.
        rule: Option<String>,
    }
}

total! {
    /// Contacts and their length.
    pub struct Contacts in "contacts" by {
        /// The day they happened on.
        day: Day,
        /// `call.logged`, `visit.logged` …
        event_type: String,
        /// How.
        channel: Blank<Code>,
        /// What they were about, first of all.
        topic: Blank<Code>,
        /// Who of us.
        employee: Blank<EmployeeId>,
        /// Who began.
        direction: Blank<Direction>,
    } sums {
        /// How many.
        contacts,
        /// How long, in seconds.
        duration_s,
    }
}

total! {
    /// Contacts by everything they were about: one with two topics counts under both.
    pub struct ContactTopics in "contact_topics" by {
        /// The day they happened on.
        day: Day,
        /// The topic.
        topic: Code,
        /// How.
        channel: Blank<Code>,
    } sums {
        /// How many.
        contacts,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct History;

impl Projection for History {
    const NAME: &'static str = "history";
    const VERSION: u32 = 2;
    const AREAS: &'static [&'static str] = EVERY_AREA;
    const PER_EVENT: bool = true;
    const TOTALS: &'static [TotalTable] =
        &[<Contacts as crate::engine::row::Total>::TABLE, <ContactTopics as crate::engine::row::Total>::TABLE];
    type Row = HistoryRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if !fact.is_knowledge() && fact.client.is_some() {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut HistoryRow, fact: &Fact, cx: &Context<'_>) {
        let told = describe(&fact.event);
        row.occurred_at = fact.occurred.at;
        row.offset_min = fact.occurred.offset_min.into();
        row.ord = fact.order;
        row.recorded_at = fact.recorded_at;
        row.position = i64::try_from(fact.position.0).unwrap_or(i64::MAX);
        row.late = cx.late;
        row.event_type = fact.event.type_name().to_owned();
        row.class = Some(told.class);
        row.direction = told.direction;
        row.channel = told.channel;
        row.employee = told.employee;
        row.topic = told.topics.first().cloned();
        row.topics = (told.topics.len() > 1).then(|| Json(told.topics.to_vec()));
        row.case_id = told.case;
        row.deal_id = told.deal;
        row.order_id = told.order;
        row.duration_s = told.duration_s;
        row.target = told.target;
        row.field = told.field;
        row.old = told.old;
        row.outcome = told.outcome;
        row.amount_minor = told.amount.map(|money| money.minor);
        row.currency = told.amount.map(|money| money.currency);
        row.corrected = fact.corrected_by.is_some();
        row.caused_by = told.caused_by;
        row.rule = fact.event.made_by().map(ToString::to_string);
    }

    fn contribute(&self, row: &HistoryRow, cx: &Context<'_>, out: &mut Contributions) {
        if row.class != Some(Class::Contact) {
            return;
        }
        let day = cx.zone.day(row.occurred_at);
        out.add(&Contacts {
            day,
            event_type: row.event_type.clone(),
            channel: row.channel.clone().into(),
            topic: row.topic.clone().into(),
            employee: row.employee.into(),
            direction: row.direction.into(),
            contacts: 1,
            duration_s: row.duration_s.map_or(0, i64::from),
        });
        for (n, topic) in row.all_topics().iter().enumerate() {
            if !row.all_topics()[..n].contains(topic) {
                let (topic, channel) = (topic.clone(), row.channel.clone().into());
                out.add(&ContactTopics { day, topic, channel, contacts: 1 });
            }
        }
    }
}

impl HistoryRow {
    /// Everything it was about.
    pub fn all_topics(&self) -> &[Code] {
        match (&self.topics, &self.topic) {
            (Some(Json(topics)), _) => topics,
            (None, Some(topic)) => std::slice::from_ref(topic),
            (None, None) => &[],
        }
    }
}

#[cfg(test)]
mod tests;
