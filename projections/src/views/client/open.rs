//! What is open with a client, from the tables of the other views; nothing where there is no such table.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::ids::{CaseId, DealId, EmployeeId, OrderId};
use letopis_core::money::{Currency, Exact, Money};
use letopis_core::time::{Day, Moment, Timestamp};
use rusqlite::types::ValueRef;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner, cell};
use crate::views::cases::Status;
use crate::views::orders::OrderRow;

/// A deal that is neither won nor lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenDeal {
    /// The deal.
    pub deal: DealId,
    /// The stage it is in.
    pub stage: Option<Code>,
    /// What it may be worth.
    pub amount: Option<Money>,
    /// Who leads it.
    pub agent: Option<EmployeeId>,
    /// When it was opened.
    pub opened_at: Option<Moment>,
}

/// An order neither completed nor cancelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenOrder {
    /// The order.
    pub order: OrderId,
    /// When it was placed.
    pub placed_at: Option<Moment>,
    /// Promised for this day.
    pub promised: Option<Day>,
    /// Worth of its lines.
    pub ordered: Option<Money>,
    /// What is still to be paid.
    pub owed: Option<Money>,
    /// By the end of this day.
    pub next_due: Option<Day>,
}

/// Pieces that were ordered and are not delivered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackOrder {
    /// The order.
    pub order: OrderId,
    /// What.
    pub product: Code,
    /// How many, a decimal as text.
    pub undelivered: String,
    /// Promised for this day.
    pub promised: Option<Day>,
    /// Expected on this day.
    pub expected: Option<Day>,
    /// Whether that day is over.
    pub late: bool,
}

/// A case neither resolved nor closed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenCase {
    /// The case.
    pub case: CaseId,
    /// What it is.
    pub kind: Option<CaseKind>,
    /// What it is about.
    pub topic: Option<Code>,
    /// How far it is.
    pub status: Status,
    /// When it was raised.
    pub raised_at: Option<Moment>,
    /// The date that was promised last.
    pub due: Option<Moment>,
    /// That date has passed.
    pub overdue: bool,
    /// Who sees to it.
    pub employee: Option<EmployeeId>,
}

/// Money between us and a client in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MoneyState {
    /// Worth of the lines of all orders that were not cancelled.
    pub ordered: Money,
    /// Sum of the invoices.
    pub invoiced: Money,
    /// Money that came, less what went back.
    pub paid: Money,
    /// What is still to be paid; negative when we owe the client.
    pub owed: Money,
}

/// Whether the file holds this view.
pub(super) fn has(reader: &Reader<'_>, table: &str) -> Result<bool, QueryError> {
    let mut statement = reader.conn.prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?;
    Ok(statement.exists([table])?)
}

fn list<T>(
    reader: &Reader<'_>,
    table: &str,
    sql: &str,
    root: Owner,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, QueryError> {
    if !has(reader, table)? {
        return Ok(Vec::new());
    }
    let mut statement = reader.conn.prepare_cached(sql)?;
    let rows = statement.query_map([root.put()], read)?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// A moment that its view keeps either as an instant or as told.
fn moment(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Option<Moment>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Integer(_) => cell::<Option<Timestamp>>(row, index)?.map(Moment::utc),
        _ => cell(row, index)?,
    })
}

fn money_of(minor: Option<i64>, currency: Option<Currency>) -> Option<Money> {
    minor.zip(currency).map(|(minor, currency)| Money { minor, currency })
}

/// Deals that are neither won nor lost, the latest first.
pub(super) fn deals(reader: &Reader<'_>, root: Owner) -> Result<Vec<OpenDeal>, QueryError> {
    let sql = "SELECT deal, stage, amount_minor, currency, agent, opened_at FROM deal
               WHERE client = ?1 AND status = 'open' ORDER BY opened_at DESC, deal";
    list(reader, "deal", sql, root, |row| {
        let amount = money_of(cell(row, 2)?, cell(row, 3)?);
        let (deal, stage, agent) = (cell(row, 0)?, cell(row, 1)?, cell(row, 4)?);
        Ok(OpenDeal { deal, stage, amount, agent, opened_at: moment(row, 5)? })
    })
}

/// Orders neither completed nor cancelled, the latest first.
pub(super) fn orders(reader: &Reader<'_>, root: Owner) -> Result<Vec<OpenOrder>, QueryError> {
    let sql = "SELECT order_id, placed_at, promised, ordered_micro, owed_minor, next_due, currency FROM client_order
               WHERE client = ?1 AND placed_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL
               ORDER BY since DESC, order_id";
    list(reader, "client_order", sql, root, |row| {
        let currency: Option<Currency> = cell(row, 6)?;
        let ordered: Exact = cell(row, 3)?;
        Ok(OpenOrder {
            order: cell(row, 0)?,
            placed_at: moment(row, 1)?,
            promised: cell(row, 2)?,
            ordered: currency.map(|currency| ordered.round(currency)),
            owed: money_of(cell(row, 4)?, currency),
            next_due: cell(row, 5)?,
        })
    })
}

/// What was promised or deferred and is not delivered yet of orders neither completed nor cancelled, the next
/// expected first. Orders without any day are among the open ones, and told part by part elsewhere.
pub(super) fn back_orders(reader: &Reader<'_>, root: Owner) -> Result<Vec<BackOrder>, QueryError> {
    if !has(reader, "client_order")? {
        return Ok(Vec::new());
    }
    let rows = reader.rows::<OrderRow>(
        "WHERE client = ?1 AND placed_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL
         AND (promised IS NOT NULL OR expected IS NOT NULL OR expected_by <> '{}')",
        &[&root.put()],
    )?;
    let (today, mut out) = (reader.zone.day(reader.now), Vec::new());
    for row in &rows {
        let products: BTreeSet<&Code> = row.lines.0.iter().map(|line| &line.product).collect();
        for product in products {
            let shipped = row.goods.0.get(product).map_or(Decimal::ZERO, |goods| goods.shipped);
            let undelivered = row.ordered(product).saturating_sub(shipped);
            let expected = row.expects(product);
            if undelivered > Decimal::ZERO && expected.is_some() {
                out.push(BackOrder {
                    order: row.order_id,
                    product: product.clone(),
                    undelivered: undelivered.normalize().to_string(),
                    promised: row.promised,
                    expected,
                    late: expected.is_some_and(|day| day < today),
                });
            }
        }
    }
    out.sort_by(|a, b| {
        let place = |of: &BackOrder| (of.expected, of.order);
        place(a).cmp(&place(b)).then_with(|| a.product.cmp(&b.product))
    });
    Ok(out)
}

/// Money between us and the client, by currency: his orders, and what names no order.
pub(super) fn money(reader: &Reader<'_>, root: Owner) -> Result<Vec<MoneyState>, QueryError> {
    let orders = "SELECT currency, SUM(CASE WHEN cancelled_at IS NULL THEN ordered_micro ELSE 0 END),
                         SUM(invoiced_minor), SUM(paid_minor - refunded_minor), SUM(owed_minor)
                  FROM client_order WHERE client = ?1 AND currency IS NOT NULL GROUP BY currency";
    let rest = "SELECT currency, 0, 0, paid_minor - refunded_minor, services_minor - paid_minor + refunded_minor
                FROM unallocated WHERE client = ?1 AND currency IS NOT NULL";
    let mut sums: BTreeMap<Currency, (Exact, [i64; 3])> = BTreeMap::new();
    for (table, sql) in [("client_order", orders), ("unallocated", rest)] {
        let lines = list(reader, table, sql, root, |row| {
            Ok((cell::<Currency>(row, 0)?, cell::<Exact>(row, 1)?, [row.get(2)?, row.get(3)?, row.get(4)?]))
        })?;
        for (currency, ordered, minor) in lines {
            let sum = sums.entry(currency).or_default();
            sum.0.0 = sum.0.0.saturating_add(ordered.0);
            sum.1.iter_mut().zip(minor).for_each(|(sum, minor): (&mut i64, i64)| *sum = sum.saturating_add(minor));
        }
    }
    let states = sums.into_iter().map(|(currency, (ordered, [invoiced, paid, owed]))| {
        let money = |minor| Money { minor, currency };
        let ordered = ordered.round(currency);
        MoneyState { ordered, invoiced: money(invoiced), paid: money(paid), owed: money(owed) }
    });
    Ok(states.collect())
}

/// Cases neither resolved nor closed, the longest waiting first.
pub(super) fn cases(reader: &Reader<'_>, root: Owner) -> Result<Vec<OpenCase>, QueryError> {
    let sql = "SELECT case_id, kind, topic, status, raised_at, due, employee FROM client_case
               WHERE client = ?1 AND status IN ('open', 'answered') ORDER BY first_at, case_id";
    list(reader, "client_case", sql, root, |row| {
        let due: Option<Moment> = moment(row, 5)?;
        Ok(OpenCase {
            case: cell(row, 0)?,
            kind: cell(row, 1)?,
            topic: cell(row, 2)?,
            status: cell(row, 3)?,
            raised_at: moment(row, 4)?,
            due,
            overdue: due.is_some_and(|due| due.at < reader.now),
            employee: cell(row, 6)?,
        })
    })
}
