//! The client card: who he is, how he is reached, who decides there, what was promised to him.
//!
//! Names, numbers and other personal values stand here and in the search index, nowhere else. One row
//! sums up a whole alias group. What is open with the client (deals, orders, cases, money) is joined from
//! the other views when the card is asked for.

mod attribute;
mod card;
mod fold;
mod open;
mod parts;
mod search;
#[cfg(test)]
pub(crate) mod testing;
mod unknown;
mod whole;

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::client::ClientKind;
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EmployeeId};
use letopis_core::time::{Day, Timestamp};

use crate::engine::projection::{Context, Contributions, EVERY_AREA, Projection};
use crate::engine::row::{Json, Total, TotalTable};
use crate::{row, total};

pub(crate) use attribute::attribute_of_all;
pub use card::{Card, Meeting, Promise, card, members, root};
pub use open::{BackOrder, MoneyState, OpenCase, OpenDeal, OpenOrder};
pub use parts::{Access, Consent, ContactPoint, NotedDate, Person, Planned, Relation};
pub use search::{ClientLine, Open, SearchQuery, name_key, search};
pub use unknown::Unidentified;
pub use whole::{QUESTIONS, Whole};

row! {
    /// A client: one person or company, with all records merged into one.
    pub struct ClientRow in "client_card", index ["name_key, client", "kind, client", "manager", "identified, first_seen, client"] {
        /// The head of his group.
        key client: ClientId,
        owner root,
        /// A person or a company.
        kind: Option<ClientKind>,
        /// Preferred language.
        language: Option<Code>,
        /// Coded attributes.
        attributes: Json<BTreeMap<Code, Code>>,
        /// Who of us looks after him.
        manager: Option<EmployeeId>,
        /// Whether anybody knows who he is: knowledge, which no date of a question takes back.
        @apart identified: bool,
        /// The earliest thing that happened with him.
        first_seen: Option<Timestamp>,
        /// The last time we spoke, wrote or met.
        last_contact_at: Option<Timestamp>,
        /// Systems of the ids by which he could not be found, in the order of their names.
        unresolved: Json<Vec<Code>>,
        /// When he was entered in the register.
        registered_at: Option<Timestamp>,
        /// What he allowed and forbade, last word by purpose and channel.
        consents: Json<Vec<Consent>>,
        /// Links to other clients that hold.
        relations: Json<Vec<Relation>>,
        /// Meetings agreed and not yet held, missed or called off.
        meetings: Json<Vec<Planned>>,
        /// Whether his personal values are open.
        @apart personal_state: Option<Access>,
        /// Full name.
        @apart name: Option<String>,
        /// The name as it is looked for, see [`name_key`].
        @apart name_key: Option<String>,
        /// Attributes in words.
        @apart profile: Json<BTreeMap<Code, String>>,
        /// How he is reached.
        @apart contact_points: Json<Vec<ContactPoint>>,
        /// Who speaks and decides for him.
        @apart people: Json<Vec<Person>>,
        /// Dates to be remembered.
        @apart noted_dates: Json<Vec<NotedDate>>,
    }
}

total! {
    /// Identified clients by the day we first met them and the day they were registered.
    pub struct ClientFlow in "client_flow" by {
        /// The day.
        day: Day,
        /// `first_seen` or `registered`.
        what: String,
    } sums {
        /// How many.
        clients,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client;

impl Projection for Client {
    const NAME: &'static str = "client_card";
    const VERSION: u32 = 3;
    const AREAS: &'static [&'static str] = EVERY_AREA;
    const OPENS: &'static [&'static str] = &["client"];
    const TOTALS: &'static [TotalTable] = &[ClientFlow::TABLE];
    type Row = ClientRow;

    fn route(&self, fact: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>) {
        if !fact.is_knowledge() {
            keys.push(cx.owner.0);
        }
    }

    fn fold(&self, row: &mut ClientRow, fact: &Fact, cx: &Context<'_>) {
        fold::fold(row, fact, cx);
    }

    fn contribute(&self, row: &ClientRow, cx: &Context<'_>, out: &mut Contributions) {
        if !cx.identified {
            return;
        }
        for (what, at) in [("first_seen", row.first_seen), ("registered", row.registered_at)] {
            if let Some(at) = at {
                out.add(&ClientFlow { day: cx.zone.day(at), what: what.to_owned(), clients: 1 });
            }
        }
    }
}

#[cfg(test)]
mod tests;
