//! From revenue to what is owed, step by step, to the cent.
//!
//! Revenue comes from the dated totals, everything else from the orders themselves; what is owed at the end is the
//! sum of the settlements of all clients. The two ways meet, or `difference` says by how much they do not.

use std::collections::BTreeMap;

use letopis_core::money::{Currency, Exact};
use serde::Serialize;

use super::answer::{ExactSum, read_wide, wide_sum};
use super::effect;
use super::row::OrderRow;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};
use crate::views::settlement::UnallocatedRow;

/// The way from revenue to debt in one currency. All amounts are exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// The currency.
    pub currency: Currency,
    /// Net revenue: ordered, less what was returned and cancelled.
    pub revenue: ExactSum,
    /// What clients kept of cancelled orders.
    pub kept_of_cancelled: ExactSum,
    /// Invoices beyond the lines of their orders.
    pub invoiced_beyond: ExactSum,
    /// What was shipped or came back without an order.
    pub unplaced: ExactSum,
    /// What rounding each order to minor units comes to.
    pub rounding: ExactSum,
    /// Services rendered.
    pub services: ExactSum,
    /// Corrections by hand.
    pub adjusted: ExactSum,
    /// Prices lowered afterwards.
    pub conceded: ExactSum,
    /// Money that came.
    pub paid: ExactSum,
    /// Money that went back.
    pub refunded: ExactSum,
    /// The sum of all of these, concessions and money that came taken off.
    pub owed: ExactSum,
    /// The sum of what the settlements say.
    pub settled: ExactSum,
    /// Nothing, or something is wrong.
    pub difference: ExactSum,
}

impl Reconciliation {
    fn new(currency: Currency) -> Self {
        let nothing = ExactSum(0);
        Self {
            currency,
            revenue: nothing,
            kept_of_cancelled: nothing,
            invoiced_beyond: nothing,
            unplaced: nothing,
            rounding: nothing,
            services: nothing,
            adjusted: nothing,
            conceded: nothing,
            paid: nothing,
            refunded: nothing,
            owed: nothing,
            settled: nothing,
            difference: nothing,
        }
    }

    fn close(&mut self) {
        let plus = [&self.revenue, &self.kept_of_cancelled, &self.invoiced_beyond, &self.unplaced, &self.rounding];
        let more = [&self.services, &self.adjusted, &self.refunded];
        let minus = [&self.conceded, &self.paid];
        let sum = |parts: &[&ExactSum]| parts.iter().map(|part| part.0).sum::<i128>();
        self.owed = ExactSum(sum(&plus) + sum(&more) - sum(&minus));
        self.difference = ExactSum(self.owed.0 - self.settled.0);
    }
}

fn exact(minor: i64, currency: Currency) -> i128 {
    i128::from(minor) * 10i128.pow(Exact::PLACES.saturating_sub(currency.exponent()))
}

/// The way from revenue to debt, for each currency.
///
/// # Errors
/// When the views cannot be read.
pub fn reconciliation(reader: &Reader<'_>) -> Result<Vec<Reconciliation>, QueryError> {
    let mut by: BTreeMap<Currency, Reconciliation> = BTreeMap::new();
    revenue(reader, &mut by)?;
    let columns: Vec<&str> = <OrderRow as crate::engine::row::Row>::COLUMNS.iter().map(|column| column.name).collect();
    let mut statement = reader.conn.prepare_cached(&format!("SELECT {} FROM client_order", columns.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        order(&<OrderRow as crate::engine::row::Row>::get(row)?, &mut by);
    }
    for row in reader.rows::<UnallocatedRow>("", &[])? {
        let Some(currency) = row.currency.0 else { continue };
        let own = by.entry(currency).or_insert_with(|| Reconciliation::new(currency));
        own.paid.0 += exact(row.paid_minor, currency);
        own.refunded.0 += exact(row.refunded_minor, currency);
        own.services.0 += exact(row.services_minor, currency);
        own.settled.0 +=
            exact(row.services_minor, currency) - exact(row.paid_minor, currency) + exact(row.refunded_minor, currency);
    }
    by.values_mut().for_each(Reconciliation::close);
    Ok(by.into_values().collect())
}

fn revenue(reader: &Reader<'_>, by: &mut BTreeMap<Currency, Reconciliation>) -> Result<(), QueryError> {
    let sums = ["gross_micro", "returned_micro", "cancelled_micro"].map(wide_sum).join(", ");
    let sql = format!("SELECT currency, {sums} FROM order_count WHERE day <= ?1 GROUP BY currency");
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query([reader.day().put()])?;
    while let Some(row) = rows.next()? {
        let currency = cell(row, 0)?;
        let own = by.entry(currency).or_insert_with(|| Reconciliation::new(currency));
        own.revenue.0 += read_wide(row, 1)? - read_wide(row, 3)? - read_wide(row, 5)?;
    }
    Ok(())
}

fn order(row: &OrderRow, by: &mut BTreeMap<Currency, Reconciliation>) {
    let effects = effect::effects(row);
    for currency in row.currencies() {
        let own = by.entry(currency).or_insert_with(|| Reconciliation::new(currency));
        let account = row.account(currency);
        let products = effects.iter().filter(|(place, _)| place.0.is_some() && place.2 == currency);
        let net: i128 = products.map(|(_, sums)| i128::from(sums[2]) - i128::from(sums[3]) - i128::from(sums[4])).sum();
        let charged = exact(account.charged_minor, currency) - exact(account.credited_minor, currency);
        let invoiced = row.invoices.0.iter().any(|invoice| invoice.currency == currency);
        let step = match () {
            () if row.is_cancelled() => &mut own.kept_of_cancelled,
            () if invoiced => &mut own.invoiced_beyond,
            () if !row.is_placed() => &mut own.unplaced,
            () => &mut own.rounding,
        };
        step.0 += charged - net;
        own.services.0 += exact(account.services_minor, currency);
        own.adjusted.0 += exact(account.adjusted_minor, currency);
        own.conceded.0 += exact(account.conceded_minor, currency);
        own.paid.0 += exact(account.paid_minor, currency);
        own.refunded.0 += exact(account.refunded_minor, currency);
        own.settled.0 += exact(account.owed_minor, currency);
    }
}
