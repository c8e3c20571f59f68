//! [`OrderRow`]: one order with what moved and what was paid.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use letopis_core::ids::{DealId, EmployeeId, InvoiceId, OrderId};
use letopis_core::money::{Currency, Exact};
use letopis_core::time::{Day, Moment, Timestamp};
use rusqlite::types::ValueRef;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::effect::Move;
use crate::engine::row::{Atom, Cell, Json, WrongValue};

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something moved or was paid, but the order itself is not known: also a return document.
    #[default]
    Unplaced,
    /// The client ordered.
    Placed,
    /// We promised to deliver.
    Confirmed,
    /// Nothing is open any more.
    Completed,
    /// Will not be delivered; stays so, whatever comes after.
    Cancelled,
}

impl Status {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Unplaced, "unplaced"),
        (Self::Placed, "placed"),
        (Self::Confirmed, "confirmed"),
        (Self::Completed, "completed"),
        (Self::Cancelled, "cancelled"),
    ];
}

impl Cell for Status {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        Atom::Text(Self::ALL.iter().find(|(status, _)| status == self).map_or("", |(_, name)| name).into())
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        let text = value.as_str().map_err(|_| WrongValue)?;
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(status, _)| *status).ok_or(WrongValue)
    }
}

/// A line as it is ordered now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// What.
    pub product: Code,
    /// How many.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// Price of one.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
    /// `quantity × unit_price`, in millionths.
    pub amount: Exact,
}

impl OrderLine {
    /// Something sold for money: a quantity and a price above zero.
    pub fn is_sale(&self) -> bool {
        self.quantity > Decimal::ZERO && self.unit_price > Decimal::ZERO
    }
}

/// What moved of one product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Goods {
    /// How many left us.
    #[serde(with = "rust_decimal::serde::str")]
    pub shipped: Decimal,
    /// How many came back.
    #[serde(with = "rust_decimal::serde::str")]
    pub returned: Decimal,
    /// Shipped by documents without a price: worth the prices of the lines.
    #[serde(with = "rust_decimal::serde::str")]
    pub shipped_unpriced: Decimal,
    /// Worth of the other shipments.
    pub shipped_value: Exact,
    /// Returned by documents without a price: worth the prices of the lines.
    #[serde(with = "rust_decimal::serde::str")]
    pub returned_unpriced: Decimal,
    /// Worth of the other returns, by the currency that the document named.
    pub returned_value: Vec<(Option<Currency>, Exact)>,
}

/// An invoice of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The day it was sent.
    pub issued: Day,
    /// To be paid by the end of this day.
    pub due: Option<Day>,
    /// In minor units.
    pub minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// Paid by payments that named it.
    pub paid_minor: i64,
}

/// Money of an order in one currency, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amounts {
    /// Money that came.
    pub paid: i64,
    /// Money that went back.
    pub refunded: i64,
    /// Services rendered.
    pub services: i64,
    /// Corrections by hand, negative when less is owed.
    pub adjusted: i64,
    /// Prices lowered afterwards.
    pub conceded: i64,
}

crate::row! {
    /// One order, as it is now. Sums are in the order's currency; what came in another stands in
    /// `money` (payments) and `goods` (returns) with `mixed` set.
    pub struct OrderRow in "client_order", index ["client, since", "deal", "next_due"] {
        /// The order; the document, for returns and adjustments without an order.
        key order_id: OrderId,
        owner client,
        /// How far it is.
        status: Status,
        /// When it was placed, or the first thing we know of it.
        since: Option<Timestamp>,
        /// When it was placed.
        placed_at: Option<Moment>,
        /// The local day of that.
        placed_on: Option<Day>,
        /// When it was confirmed.
        confirmed_at: Option<Moment>,
        /// When it was completed.
        completed_at: Option<Moment>,
        /// When it was cancelled.
        cancelled_at: Option<Moment>,
        /// The currency it was placed in; before that, the first that any document named.
        currency: Option<Currency>,
        /// Through which channel.
        channel: Option<Code>,
        /// Where it goes to.
        region: Option<Code>,
        /// The deal it came from.
        deal: Option<DealId>,
        /// Who took it.
        employee: Option<EmployeeId>,
        /// Promised for this day, by the last promise.
        promised: Option<Day>,
        /// What is not delivered yet is expected on this day, where that is not the promised one.
        expected: Option<Day>,
        /// Lines with a quantity and a price above zero.
        sale_lines: i64,
        /// Worth of all lines, also of a cancelled order.
        ordered_micro: Exact,
        /// Worth of what left us.
        shipped_micro: Exact,
        /// Worth of what came back.
        returned_micro: Exact,
        /// Sum of the invoices.
        invoiced_minor: i64,
        /// Money that came.
        paid_minor: i64,
        /// Money that went back.
        refunded_minor: i64,
        /// Services rendered for it.
        services_minor: i64,
        /// Corrections by hand, negative when less is owed.
        adjusted_minor: i64,
        /// Prices lowered afterwards.
        conceded_minor: i64,
        /// What goods and invoices ask for, see [`super::account`].
        charged_minor: i64,
        /// What returns take off.
        credited_minor: i64,
        /// What is still to be paid; negative when we owe the client.
        owed_minor: i64,
        /// The first day by whose end an open invoice is to be paid.
        next_due: Option<Day>,
        /// Whether it has money or returns in a second currency.
        mixed: bool,
        /// The lines.
        lines: Json<Vec<OrderLine>>,
        /// What moved, by product.
        goods: Json<BTreeMap<Code, Goods>>,
        /// Products that are expected on a day of their own.
        expected_by: Json<BTreeMap<Code, Day>>,
        /// The invoices, in the order of issue.
        invoices: Json<Vec<Invoice>>,
        /// Money, by currency.
        money: Json<BTreeMap<Currency, Amounts>>,
        /// What changed its effect on the totals, but for the placement itself.
        moves: Json<Vec<Move>>,
        /// Rules it breaks: `order.not_placed`, `order.placed_twice`, `order.not_ordered` (more was shipped
        /// than ordered), `order.not_shipped` (more came back than was shipped), `order.cancelled`
        /// (shipped after that), `order.currency`, `order.inexact` (a line of more than six decimal places).
        flags: Json<BTreeSet<String>>,
    }
}

impl OrderRow {
    /// Whether it was placed.
    pub fn is_placed(&self) -> bool {
        self.placed_at.is_some()
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some()
    }

    /// Whether it has a sale line.
    pub fn is_sale(&self) -> bool {
        self.sale_lines > 0
    }

    /// Ordered pieces of a product.
    pub(crate) fn ordered(&self, product: &Code) -> Decimal {
        let lines = self.lines.0.iter().filter(|line| line.product == *product);
        lines.fold(Decimal::ZERO, |sum, line| super::number::plus(sum, line.quantity))
    }
}
