//! The card: everything about one client in one answer.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::client::ClientKind;
use letopis_core::ids::{CaseId, ClientId, EmployeeId, MeetingId, OrderId};
use letopis_core::time::{Day, Moment, Timestamp};
use serde::Serialize;

use super::open::{self, BackOrder, MoneyState, OpenCase, OpenDeal, OpenOrder};
use super::{Access, ClientRow, Consent, ContactPoint, NotedDate, Person, Relation};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner, cell};

/// A meeting that was agreed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meeting {
    /// The meeting.
    pub id: MeetingId,
    /// When it is to begin.
    pub starts_at: Option<Moment>,
    /// When it is to end.
    pub ends_at: Option<Moment>,
    /// Who of us will be there.
    pub employee: Option<EmployeeId>,
    /// How often it was moved.
    pub moved: u32,
    /// Its time has passed and nobody said what became of it.
    pub past: bool,
}

/// Something promised to the client for a date.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Promise {
    /// A meeting.
    Meeting {
        /// The meeting.
        meeting: MeetingId,
        /// When it is to begin.
        at: Moment,
    },
    /// A case is to be settled.
    Case {
        /// The case.
        case: CaseId,
        /// Before this.
        at: Moment,
    },
    /// An order is to be delivered.
    Order {
        /// The order.
        order: OrderId,
        /// On this day.
        on: Day,
    },
}

impl Promise {
    fn place(&self, reader: &Reader<'_>) -> Timestamp {
        match self {
            Self::Meeting { at, .. } | Self::Case { at, .. } => at.at,
            Self::Order { on, .. } => Timestamp(reader.zone.end(*on).0 - 1),
        }
    }
}

/// A client's card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// The head of his group.
    pub client: ClientId,
    /// All records of the group, the head among them.
    pub members: Vec<ClientId>,
    /// A person or a company.
    pub kind: Option<ClientKind>,
    /// Preferred language.
    pub language: Option<Code>,
    /// Full name.
    pub name: Option<String>,
    /// Attributes in words.
    pub profile: BTreeMap<Code, String>,
    /// Whether his personal values are open; none when nothing personal is known.
    pub personal: Option<Access>,
    /// Coded attributes.
    pub attributes: BTreeMap<Code, Code>,
    /// Who of us looks after him.
    pub manager: Option<EmployeeId>,
    /// Whether anybody knows who he is.
    pub identified: bool,
    /// The earliest thing that happened with him.
    pub first_seen: Option<Moment>,
    /// The last time we spoke, wrote or met.
    pub last_contact_at: Option<Moment>,
    /// When he was entered in the register.
    pub registered_at: Option<Moment>,
    /// How he is reached.
    pub contact_points: Vec<ContactPoint>,
    /// Who speaks and decides for him.
    pub people: Vec<Person>,
    /// Links to other clients.
    pub relations: Vec<Relation>,
    /// What he allowed and forbade, last word by purpose and channel.
    pub consents: Vec<Consent>,
    /// Dates to be remembered.
    pub noted_dates: Vec<NotedDate>,
    /// Meetings agreed, the next first.
    pub meetings: Vec<Meeting>,
    /// Deals that are neither won nor lost.
    pub deals: Vec<OpenDeal>,
    /// Orders neither completed nor cancelled.
    pub orders: Vec<OpenOrder>,
    /// What was promised or deferred and is not delivered yet, with the day on which it is expected.
    pub back_orders: Vec<BackOrder>,
    /// Cases neither resolved nor closed.
    pub cases: Vec<OpenCase>,
    /// What was ordered, invoiced, paid and is owed, by currency.
    pub money: Vec<MoneyState>,
    /// What was promised to him and is still to come or overdue, the next first.
    pub promises: Vec<Promise>,
}

/// The records that are answered under this one, itself among them; in ascending order.
///
/// # Errors
/// When the file cannot be read.
pub fn members(reader: &Reader<'_>, root: Owner) -> Result<Vec<ClientId>, QueryError> {
    let mut statement = reader.conn.prepare_cached("SELECT client FROM subject WHERE root = ?1 ORDER BY client")?;
    let rows = statement.query_map([root.put()], |row| cell(row, 0))?;
    let members: Vec<ClientId> = rows.collect::<Result<_, _>>()?;
    Ok(if members.is_empty() { vec![root.client()] } else { members })
}

/// The head of the group of a client.
///
/// # Errors
/// When the file cannot be read.
pub fn root(reader: &Reader<'_>, client: ClientId) -> Result<Owner, QueryError> {
    let mut statement = reader.conn.prepare_cached("SELECT root FROM subject WHERE client = ?1")?;
    let mut rows = statement.query([client.put()])?;
    Ok(match rows.next()? {
        Some(row) => cell::<ClientId>(row, 0)?.into(),
        None => client.into(),
    })
}

/// The card of a client, by the head of his group; none when nothing is known of him.
///
/// # Errors
/// When the file cannot be read.
pub fn card(reader: &Reader<'_>, root: Owner) -> Result<Option<Card>, QueryError> {
    let rows = reader.rows::<ClientRow>("WHERE client = ?1", &[&root.put()])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let (deals, orders, cases) = (open::deals(reader, root)?, open::orders(reader, root)?, open::cases(reader, root)?);
    let mut meetings: Vec<Meeting> = row
        .meetings
        .0
        .into_iter()
        .map(|planned| Meeting {
            id: planned.id,
            starts_at: planned.starts_at,
            ends_at: planned.ends_at,
            employee: planned.employee,
            moved: planned.moved,
            past: planned.starts_at.is_some_and(|at| at.at < reader.now),
        })
        .collect();
    meetings.sort_by_key(|meeting| (meeting.starts_at.map(|at| at.at), meeting.id));
    let mut promises: Vec<Promise> = meetings
        .iter()
        .filter(|meeting| !meeting.past)
        .filter_map(|meeting| Some(Promise::Meeting { meeting: meeting.id, at: meeting.starts_at? }))
        .chain(cases.iter().filter_map(|case| Some(Promise::Case { case: case.case, at: case.due? })))
        .chain(orders.iter().filter_map(|order| Some(Promise::Order { order: order.order, on: order.promised? })))
        .collect();
    promises.sort_by_key(|promise| promise.place(reader));
    Ok(Some(Card {
        client: row.client,
        members: members(reader, root)?,
        kind: row.kind,
        language: row.language,
        name: row.name,
        profile: row.profile.0,
        personal: row.personal_state,
        attributes: row.attributes.0,
        manager: row.manager,
        identified: row.identified,
        first_seen: row.first_seen.map(Moment::utc),
        last_contact_at: row.last_contact_at.map(Moment::utc),
        registered_at: row.registered_at.map(Moment::utc),
        contact_points: row.contact_points.0,
        people: row.people.0,
        relations: row.relations.0,
        consents: row.consents.0,
        noted_dates: row.noted_dates.0,
        meetings,
        deals,
        orders,
        back_orders: open::back_orders(reader, root)?,
        cases,
        money: open::money(reader, root)?,
        promises,
    }))
}
