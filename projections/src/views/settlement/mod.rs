//! What a client owes: the sum over his orders, and money that names no order.
//!
//! The orders' part is in [`super::orders`]; this view keeps only what belongs to no order, so that the
//! two always add up: `owed = Σ owed of orders + services − paid + refunded` of the unallocated. One
//! currency never pays for another.

use std::collections::BTreeMap;

use letopis_core::events::{Event, OrderEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::ClientId;
use letopis_core::money::{Currency, Money};
use serde::Serialize;

use super::orders::OrderRow;
use super::orders::account::Account;
use super::orders::answer::{ExactSum, narrow, read_wide, wide_sum};
use super::orders::card::{InvoiceState, invoices};
use crate::engine::projection::{Context, Projection};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};

mod questions;
pub mod report;
#[cfg(test)]
mod tests;

pub use questions::QUESTIONS;

/// Stands in a row's key for the currency: its three letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CurrencyKey(pub Option<Currency>);

impl CurrencyKey {
    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if let Some(currency) = self.0 {
            bytes[13..].copy_from_slice(currency.as_str().as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(std::str::from_utf8(&bytes[13..]).ok().and_then(|text| text.parse().ok()))
    }
}

impl Cell for CurrencyKey {
    const SQL: &'static str = Currency::SQL;
    fn put(&self) -> crate::engine::row::Atom {
        self.0.put()
    }
    fn get(value: rusqlite::types::ValueRef<'_>) -> Result<Self, crate::engine::row::WrongValue> {
        Cell::get(value).map(Self)
    }
}

crate::row! {
    /// Money of a client that names no order, in one currency and its minor units.
    pub struct UnallocatedRow in "unallocated", index ["client"] {
        /// The currency.
        key currency: CurrencyKey,
        owner client,
        /// Money that came.
        paid_minor: i64,
        /// Money that went back.
        refunded_minor: i64,
        /// Services rendered.
        services_minor: i64,
    }
}

/// The settlement view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settlement;

/// The sum of a row that an amount is added to.
type Field = fn(&mut UnallocatedRow) -> &mut i64;

fn unallocated(event: &OrderEvent) -> Option<(Money, Field)> {
    if event.order_id().is_some() {
        return None;
    }
    match event {
        OrderEvent::PaymentReceived(e) => Some((e.amount, |row| &mut row.paid_minor)),
        OrderEvent::PaymentRefunded(e) => Some((e.amount, |row| &mut row.refunded_minor)),
        OrderEvent::ServiceRendered(e) => Some((e.amount, |row| &mut row.services_minor)),
        OrderEvent::Placed(_)
        | OrderEvent::Confirmed(_)
        | OrderEvent::Changed(_)
        | OrderEvent::InvoiceIssued(_)
        | OrderEvent::GoodsShipped(_)
        | OrderEvent::GoodsReturned(_)
        | OrderEvent::Adjusted(_)
        | OrderEvent::Deferred(_)
        | OrderEvent::ConcessionMade(_)
        | OrderEvent::Cancelled(_)
        | OrderEvent::PromiseMoved(_)
        | OrderEvent::Completed(_) => None,
    }
}

impl Projection for Settlement {
    const NAME: &'static str = "settlement";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["order"];

    type Row = UnallocatedRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Order(event) = &fact.event
            && let Some((money, _)) = unallocated(event)
        {
            keys.push(u128::from_be_bytes(CurrencyKey(Some(money.currency)).to_bytes()));
        }
    }

    fn fold(&self, row: &mut UnallocatedRow, fact: &Fact, _cx: &Context<'_>) {
        if let Event::Order(event) = &fact.event
            && let Some((money, field)) = unallocated(event)
        {
            let sum = field(row);
            *sum = sum.saturating_add(money.minor);
        }
    }
}

/// What a client owes in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CurrencySettlement {
    /// Everything: orders and what names none.
    #[serde(flatten)]
    pub total: Account,
    /// Orders, without return documents and the like.
    pub orders: i64,
    /// The part that names no order: payments,
    pub unallocated_paid_minor: i64,
    /// refunds,
    pub unallocated_refunded_minor: i64,
    /// and services.
    pub unallocated_services_minor: i64,
}

/// What a client owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientSettlement {
    /// The client, the head of his alias group.
    pub client: ClientId,
    /// By currency.
    pub currencies: Vec<CurrencySettlement>,
    /// Invoices that are open after their day, the oldest first.
    pub overdue: Vec<InvoiceState>,
}

/// What a client (the head of an alias group) owes, over all his orders.
///
/// # Errors
/// When the view cannot be read.
pub fn client_settlement(reader: &Reader<'_>, client: ClientId) -> Result<ClientSettlement, QueryError> {
    let mut by: BTreeMap<Currency, CurrencySettlement> = BTreeMap::new();
    let columns = [
        "ordered_micro",
        "shipped_micro",
        "returned_micro",
        "invoiced_minor",
        "paid_minor",
        "refunded_minor",
        "services_minor",
        "adjusted_minor",
        "charged_minor",
        "credited_minor",
        "placed_at IS NOT NULL",
        "conceded_minor",
    ];
    let sums = columns.map(|column| wide_sum(&format!("({column})"))).join(", ");
    let mut statement = reader.conn.prepare_cached(&format!(
        "SELECT currency, {sums} FROM client_order WHERE client = ?1 AND currency IS NOT NULL GROUP BY currency"
    ))?;
    let mut rows = statement.query([client.put()])?;
    while let Some(row) = rows.next()? {
        let sum = |index: usize| read_wide(row, 1 + 2 * index);
        let minor = |index: usize| sum(index).map(narrow);
        let own = entry(&mut by, cell(row, 0)?);
        (own.total.ordered, own.total.shipped) = (ExactSum(sum(0)?), ExactSum(sum(1)?));
        own.total.returned = ExactSum(sum(2)?);
        (own.total.invoiced_minor, own.total.paid_minor) = (minor(3)?, minor(4)?);
        (own.total.refunded_minor, own.total.services_minor) = (minor(5)?, minor(6)?);
        (own.total.adjusted_minor, own.total.charged_minor) = (minor(7)?, minor(8)?);
        (own.total.credited_minor, own.orders) = (minor(9)?, minor(10)?);
        own.total.conceded_minor = minor(11)?;
    }
    for row in reader.rows::<OrderRow>("WHERE client = ?1 AND mixed = 1", &[&client.put()])? {
        for currency in row.currencies().into_iter().skip(1) {
            add(&mut entry(&mut by, currency).total, &row.account(currency));
        }
    }
    for row in reader.rows::<UnallocatedRow>("WHERE client = ?1", &[&client.put()])? {
        let Some(currency) = row.currency.0 else { continue };
        let own = entry(&mut by, currency);
        (own.unallocated_paid_minor, own.unallocated_refunded_minor) = (row.paid_minor, row.refunded_minor);
        own.unallocated_services_minor = row.services_minor;
        own.total.paid_minor = own.total.paid_minor.saturating_add(row.paid_minor);
        own.total.refunded_minor = own.total.refunded_minor.saturating_add(row.refunded_minor);
        own.total.services_minor = own.total.services_minor.saturating_add(row.services_minor);
    }
    by.values_mut().for_each(|own| own.total.settle());
    let today = reader.zone.day(reader.now);
    let late = reader.rows::<OrderRow>("WHERE client = ?1 AND next_due < ?2", &[&client.put(), &today.put()])?;
    let mut overdue: Vec<InvoiceState> =
        late.iter().flat_map(|row| invoices(row, today)).filter(|invoice| invoice.overdue).collect();
    overdue.sort_by_key(|invoice| (invoice.due, invoice.order, invoice.invoice));
    Ok(ClientSettlement { client, currencies: by.into_values().collect(), overdue })
}

fn entry(by: &mut BTreeMap<Currency, CurrencySettlement>, currency: Currency) -> &mut CurrencySettlement {
    by.entry(currency).or_insert_with(|| CurrencySettlement {
        total: Account::new(currency),
        orders: 0,
        unallocated_paid_minor: 0,
        unallocated_refunded_minor: 0,
        unallocated_services_minor: 0,
    })
}

fn add(to: &mut Account, other: &Account) {
    to.ordered.0 += other.ordered.0;
    to.shipped.0 += other.shipped.0;
    to.returned.0 += other.returned.0;
    for (sum, more) in [
        (&mut to.invoiced_minor, other.invoiced_minor),
        (&mut to.paid_minor, other.paid_minor),
        (&mut to.refunded_minor, other.refunded_minor),
        (&mut to.services_minor, other.services_minor),
        (&mut to.adjusted_minor, other.adjusted_minor),
        (&mut to.conceded_minor, other.conceded_minor),
        (&mut to.charged_minor, other.charged_minor),
        (&mut to.credited_minor, other.credited_minor),
    ] {
        *sum = sum.saturating_add(more);
    }
}
