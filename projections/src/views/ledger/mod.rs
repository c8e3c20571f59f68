//! Money of clients, one row per event: invoices, payments, refunds, services, corrections, concessions.
//!
//! What is summed up by order stands in [`super::orders`]; here every amount keeps its day, so that it can be told
//! in another currency, and its event, so that a sum can be taken apart.

mod concessions;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::{Event, OrderEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{EmployeeId, EventId, OrderId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Projection};
use crate::row;

pub use concessions::{ConcessionsBy, concessions};
pub use questions::QUESTIONS;

/// What an amount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An invoice asks for it.
    Invoiced,
    /// It came.
    Paid,
    /// It went back.
    Refunded,
    /// A service costs it.
    Service,
    /// What is owed was corrected by hand.
    Adjusted,
    /// A price was lowered afterwards.
    Conceded,
}

row! {
    /// An amount of a client.
    pub struct MoneyRow in "money_entry", index ["client, day", "kind, day"] {
        /// The event.
        key event: EventId,
        owner client,
        /// The day it happened on.
        day: Day,
        /// When it happened.
        occurred_at: Timestamp,
        /// What the amount is; always there.
        kind: Option<Kind>,
        /// The order it is for.
        order_id: Option<OrderId>,
        /// The amount in minor units.
        minor: i64,
        /// Its currency; always there.
        currency: Option<Currency>,
        /// Why.
        reason: Option<Code>,
        /// Who of us did it.
        employee: Option<EmployeeId>,
        /// Who allowed it.
        approver: Option<EmployeeId>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ledger;

fn amount(event: &OrderEvent) -> Option<(Kind, Money)> {
    match event {
        OrderEvent::InvoiceIssued(e) => Some((Kind::Invoiced, e.amount)),
        OrderEvent::PaymentReceived(e) => Some((Kind::Paid, e.amount)),
        OrderEvent::PaymentRefunded(e) => Some((Kind::Refunded, e.amount)),
        OrderEvent::ServiceRendered(e) => Some((Kind::Service, e.amount)),
        OrderEvent::Adjusted(e) => Some((Kind::Adjusted, e.amount)),
        OrderEvent::ConcessionMade(e) => Some((Kind::Conceded, e.amount)),
        OrderEvent::Placed(_)
        | OrderEvent::Confirmed(_)
        | OrderEvent::Changed(_)
        | OrderEvent::Deferred(_)
        | OrderEvent::PromiseMoved(_)
        | OrderEvent::GoodsShipped(_)
        | OrderEvent::GoodsReturned(_)
        | OrderEvent::Cancelled(_)
        | OrderEvent::Completed(_) => None,
    }
}

impl Projection for Ledger {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["order"];
    type Row = MoneyRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Order(event) = &fact.event
            && amount(event).is_some()
        {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut MoneyRow, fact: &Fact, cx: &Context<'_>) {
        let Event::Order(event) = &fact.event else { return };
        let Some((kind, money)) = amount(event) else { return };
        (row.day, row.occurred_at) = (cx.zone.day(fact.occurred.at), fact.occurred.at);
        (row.kind, row.order_id) = (Some(kind), event.order_id());
        (row.minor, row.currency) = (money.minor, Some(money.currency));
        match event {
            OrderEvent::ConcessionMade(e) => {
                (row.reason, row.employee, row.approver) = (Some(e.reason.clone()), e.employee, Some(e.approver));
            }
            OrderEvent::Adjusted(e) => row.reason = Some(e.reason.clone()),
            OrderEvent::ServiceRendered(e) => {
                (row.reason, row.employee) = (Some(e.service.clone()), e.employee);
            }
            _ => {}
        }
    }
}
