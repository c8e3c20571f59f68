//! Orders and what settles them: invoices, payments, shipments, returns, services.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ids::{CaseId, DealId, EmployeeId, InvoiceId, OrderId, PaymentId};
use crate::money::{Currency, Exact, Money};
use crate::time::Day;

/// A line of an order: so many of this at that price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What.
    pub product: Code,
    /// How many; an exact decimal, written as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// Price of one in the order's currency; an exact decimal, written as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
}

impl Line {
    /// `quantity × unit_price`, exact; `None` when it needs more than six decimal places or is too large.
    pub fn amount(&self) -> Option<Exact> {
        Exact::line(self.quantity, self.unit_price)
    }
}

/// Goods that moved: so many of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goods {
    /// What.
    pub product: Code,
    /// How many; an exact decimal, written as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// Price of one, where the document says it (a return at its own price).
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Decimal>,
}

area! {
    /// Orders and their settlement.
    OrderEvent in Order "order";

    /// The client ordered.
    event Placed = "order.placed" @ 1 {
        /// The order.
        order: OrderId,
        /// The currency of all its prices.
        currency: Currency,
        /// What was ordered.
        lines: Vec<Line>,
    } optional {
        /// Through which channel: `shop`, `web`, `phone` …
        channel: Code,
        /// The deal it came from.
        deal: DealId,
        /// Who took it.
        employee: EmployeeId,
        /// Promised for this day.
        promised: Day,
        /// Country or region it goes to.
        region: Code,
    } personal {
        /// The client's remark.
        note: String,
    }

    /// We promised to deliver.
    event Confirmed = "order.confirmed" @ 1 {
        /// The order.
        order: OrderId,
    } optional {
        /// Promised for this day.
        promised: Day,
    }

    /// The lines of an order were replaced.
    event Changed = "order.changed" @ 1 {
        /// The order.
        order: OrderId,
        /// What is ordered now.
        lines: Vec<Line>,
    } optional {
        /// Promised for this day.
        promised: Day,
    } personal {
        /// Why.
        reason: String,
    }

    /// The day that was promised for an order was moved.
    event PromiseMoved = "order.promise_moved" @ 1 {
        /// The order.
        order: OrderId,
        /// Promised for this day.
        promised: Day,
        /// Why, as a code.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// An invoice was sent.
    event InvoiceIssued = "invoice.issued" @ 1 {
        /// The order.
        order: OrderId,
        /// The invoice.
        invoice: InvoiceId,
        /// What is to be paid.
        amount: Money,
    } optional {
        /// To be paid by the end of this day.
        due: Day,
    } personal {
        /// Its number.
        number: String,
    }

    /// Money came.
    event PaymentReceived = "payment.received" @ 1 {
        /// How much.
        amount: Money,
    } optional {
        /// The payment.
        payment: PaymentId,
        /// For which order.
        order: OrderId,
        /// For which invoice.
        invoice: InvoiceId,
        /// How: `card`, `cash`, `transfer` …
        method: Code,
    } personal {
        /// What the payer wrote.
        reference: String,
    }

    /// Money went back.
    event PaymentRefunded = "payment.refunded" @ 1 {
        /// How much.
        amount: Money,
    } optional {
        /// The payment that is refunded.
        payment: PaymentId,
        /// For which order.
        order: OrderId,
    } personal {
        /// Why.
        reason: String,
    }

    /// Goods left us.
    event GoodsShipped = "goods.shipped" @ 1 {
        /// The order.
        order: OrderId,
        /// What left.
        lines: Vec<Goods>,
    } optional {
        /// By which carrier.
        carrier: Code,
    } personal {
        /// Waybill number.
        waybill: String,
    }

    /// Goods came back.
    event GoodsReturned = "goods.returned" @ 1 {
        /// The order, or the return document where the order is not known.
        order: OrderId,
        /// What came back.
        lines: Vec<Goods>,
    } optional {
        /// The currency of the prices in its lines.
        currency: Currency,
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// A service was rendered.
    event ServiceRendered = "service.rendered" @ 1 {
        /// Which service.
        service: Code,
        /// What it costs the client.
        amount: Money,
    } optional {
        /// For which order.
        order: OrderId,
        /// By whom.
        employee: EmployeeId,
    } personal {
        /// What was done.
        note: String,
    }

    /// What is owed was corrected by hand: a write-off, a bad debt, a rebate.
    event Adjusted = "order.adjusted" @ 1 {
        /// The order, or the adjusting document where there is no order.
        order: OrderId,
        /// By how much; negative when the client owes less.
        amount: Money,
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// What is not delivered yet is expected on another day.
    event Deferred = "order.deferred" @ 1 {
        /// The order.
        order: OrderId,
        /// The day on which it is expected.
        expected: Day,
    } optional {
        /// Which product; everything that is not delivered yet when not given.
        product: Code,
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// A price was lowered afterwards to calm the client; he owes so much less.
    event ConcessionMade = "price_concession.made" @ 1 {
        /// The order.
        order: OrderId,
        /// By how much, more than zero.
        amount: Money,
        /// Why.
        reason: Code,
        /// Who allowed it.
        approver: EmployeeId,
    } optional {
        /// Who made it.
        employee: EmployeeId,
        /// The complaint that it answers.
        case: CaseId,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// An order will not be delivered.
    event Cancelled = "order.cancelled" @ 1 {
        /// The order.
        order: OrderId,
    } optional {
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// Nothing is open any more.
    event Completed = "order.completed" @ 1 {
        /// The order.
        order: OrderId,
    }
}

impl OrderEvent {
    /// The order that it is about, if it is about one.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::Placed(e) => Some(e.order),
            Self::Confirmed(e) => Some(e.order),
            Self::Changed(e) => Some(e.order),
            Self::PromiseMoved(e) => Some(e.order),
            Self::InvoiceIssued(e) => Some(e.order),
            Self::PaymentReceived(e) => e.order,
            Self::PaymentRefunded(e) => e.order,
            Self::GoodsShipped(e) => Some(e.order),
            Self::GoodsReturned(e) => Some(e.order),
            Self::ServiceRendered(e) => e.order,
            Self::Adjusted(e) => Some(e.order),
            Self::Deferred(e) => Some(e.order),
            Self::ConcessionMade(e) => Some(e.order),
            Self::Cancelled(e) => Some(e.order),
            Self::Completed(e) => Some(e.order),
        }
    }
}
