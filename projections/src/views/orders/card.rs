//! One order; the orders of a client.

use std::collections::BTreeSet;

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, DealId, EmployeeId, InvoiceId, OrderId};
use letopis_core::money::Currency;
use letopis_core::time::{Day, Moment, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use super::account::Account;
use super::answer::Page;
use super::row::{OrderLine, OrderRow, Status};
use crate::engine::list::Window;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell};

/// Everything about one order. What it was on an earlier date is the card of a copy folded to that date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderCard {
    /// The order.
    pub order: OrderId,
    /// Whose it is.
    pub client: ClientId,
    /// Others in whose streams the same order stands, by mistake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<ClientId>,
    /// How far it is.
    pub status: Status,
    /// When it was placed.
    pub placed_at: Option<Moment>,
    /// When it was confirmed.
    pub confirmed_at: Option<Moment>,
    /// When it was completed.
    pub completed_at: Option<Moment>,
    /// When it was cancelled.
    pub cancelled_at: Option<Moment>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Through which channel.
    pub channel: Option<Code>,
    /// Where it goes to.
    pub region: Option<Code>,
    /// The deal it came from.
    pub deal: Option<DealId>,
    /// Who took it.
    pub employee: Option<EmployeeId>,
    /// Promised for this day.
    pub promised: Option<Day>,
    /// What is not delivered yet is expected on this day, where that is not the promised one.
    pub expected: Option<Day>,
    /// Whether the promised day is over and the order is still open.
    pub late: bool,
    /// What is ordered.
    pub lines: Vec<OrderLine>,
    /// What moved, by product.
    pub products: Vec<ProductState>,
    /// Goods and money, its own currency first.
    pub accounts: Vec<Account>,
    /// The invoices in the order in which they are paid.
    pub invoices: Vec<InvoiceState>,
    /// Rules it breaks.
    pub flags: BTreeSet<String>,
}

/// Pieces of one product in an order; decimals as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProductState {
    /// The product.
    pub product: Code,
    /// Ordered.
    #[serde(with = "rust_decimal::serde::str")]
    pub ordered: Decimal,
    /// Shipped.
    #[serde(with = "rust_decimal::serde::str")]
    pub shipped: Decimal,
    /// Returned.
    #[serde(with = "rust_decimal::serde::str")]
    pub returned: Decimal,
    /// Ordered and not shipped yet; 0 when the order was cancelled.
    #[serde(with = "rust_decimal::serde::str")]
    pub undelivered: Decimal,
}

/// An invoice and what is open of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceState {
    /// The order.
    pub order: OrderId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The day it was sent.
    pub issued: Day,
    /// To be paid by the end of this day.
    pub due: Option<Day>,
    /// Its currency.
    pub currency: Currency,
    /// What it says, in minor units.
    pub minor: i64,
    /// What is open of it.
    pub open_minor: i64,
    /// Whether it is open after its day.
    pub overdue: bool,
}

/// One line of a list of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderItem {
    /// The order.
    pub order: OrderId,
    /// How far it is.
    pub status: Status,
    /// When it was placed, or the first thing we know of it.
    pub since: Option<Timestamp>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Its channel.
    pub channel: Option<Code>,
    /// Promised for this day.
    pub promised: Option<Day>,
    /// Worth of its lines.
    pub ordered: super::answer::ExactSum,
    /// Worth of what came back.
    pub returned: super::answer::ExactSum,
    /// Money that came, in minor units.
    pub paid_minor: i64,
    /// What is still to be paid.
    pub owed_minor: i64,
    /// Rules it breaks.
    pub flags: BTreeSet<String>,
}

/// The card of one order.
///
/// # Errors
/// When the view cannot be read.
pub fn order(reader: &Reader<'_>, order: OrderId) -> Result<Option<OrderCard>, QueryError> {
    let mut rows: Vec<OrderRow> = reader.rows("WHERE order_id = ?1", &[&order.put()])?;
    // The one who placed it, the earlier first, then by id: an order in two streams is a mistake.
    rows.sort_by_key(|row| (!row.is_placed(), row.since, row.client));
    let mut rows = rows.into_iter();
    let Some(row) = rows.next() else { return Ok(None) };
    let also = rows.map(|row| row.client.client()).collect();
    let today = reader.zone.day(reader.now);
    let open = matches!(row.status, Status::Placed | Status::Confirmed);
    let mut products: BTreeSet<Code> = row.goods.0.keys().cloned().collect();
    products.extend(row.lines.0.iter().map(|line| line.product.clone()));
    Ok(Some(OrderCard {
        order: row.order_id,
        client: row.client.client(),
        also,
        status: row.status,
        placed_at: row.placed_at,
        confirmed_at: row.confirmed_at,
        completed_at: row.completed_at,
        cancelled_at: row.cancelled_at,
        currency: row.currency,
        channel: row.channel.clone(),
        region: row.region.clone(),
        deal: row.deal,
        employee: row.employee,
        promised: row.promised,
        expected: row.expected,
        late: open && row.promised.is_some_and(|day| day < today),
        products: products
            .into_iter()
            .map(|product| {
                let goods = row.goods.0.get(&product);
                let (ordered, shipped) = (row.ordered(&product), goods.map_or(Decimal::ZERO, |goods| goods.shipped));
                let due = if row.cancelled_at.is_some() { Decimal::ZERO } else { ordered.saturating_sub(shipped) };
                ProductState {
                    ordered,
                    shipped,
                    returned: goods.map_or(Decimal::ZERO, |goods| goods.returned),
                    undelivered: due.max(Decimal::ZERO),
                    product,
                }
            })
            .collect(),
        accounts: row.currencies().into_iter().map(|currency| row.account(currency)).collect(),
        invoices: invoices(&row, today),
        lines: row.lines.0,
        flags: row.flags.0,
    }))
}

pub(crate) fn invoices(row: &OrderRow, today: Day) -> Vec<InvoiceState> {
    row.open_invoices()
        .into_iter()
        .map(|(invoice, open_minor)| InvoiceState {
            order: row.order_id,
            invoice: invoice.invoice,
            issued: invoice.issued,
            due: invoice.due,
            currency: invoice.currency,
            minor: invoice.minor,
            open_minor,
            overdue: open_minor > 0 && invoice.due.is_some_and(|due| due < today),
        })
        .collect()
}

/// The orders of a client (the head of an alias group), the newest first.
///
/// # Errors
/// When the cursor is of another query or the view cannot be read.
pub fn orders_of_client(reader: &Reader<'_>, client: ClientId, window: &Window) -> Result<Page<OrderItem>, QueryError> {
    let query = format!("orders?client={client}");
    let (limit, wanted) = window.wanted()?;
    let after = match window.place(&query, 2)?.as_deref() {
        Some([Atom::Int(since), Atom::Text(order)]) => (*since, order.to_string()),
        Some(_) => return Err(QueryError::Cursor),
        None => (i64::MAX, String::new()),
    };
    let rows: Vec<OrderRow> = reader.rows(
        "WHERE client = ?1 AND (since < ?2 OR since = ?2 AND order_id > ?3) ORDER BY since DESC, order_id LIMIT ?4",
        &[&client.put(), &after.0, &after.1, &wanted],
    )?;
    let items = rows
        .into_iter()
        .map(|row| OrderItem {
            order: row.order_id,
            status: row.status,
            since: row.since,
            currency: row.currency,
            channel: row.channel,
            promised: row.promised,
            ordered: super::answer::ExactSum(row.ordered_micro.0.into()),
            returned: super::answer::ExactSum(row.returned_micro.0.into()),
            paid_minor: row.paid_minor,
            owed_minor: row.owed_minor,
            flags: row.flags.0,
        })
        .collect();
    Ok(Page::cut(items, limit, &query, |item| {
        vec![Atom::Int(item.since.unwrap_or_default().0), Atom::Text(item.order.to_string().into())]
    }))
}
