//! What an order asks for, what was paid, what is open.
//!
//! In each currency of an order
//!
//! `owed = charged + services + adjusted − conceded − credited − paid + refunded`, where
//!
//! - *charged* is the sum of the invoices if there is one; else the worth of the lines; for an order
//!   that was never placed and not invoiced, the worth of what was shipped; for a cancelled order, with or
//!   without invoices, the worth of what was shipped and did not come back;
//! - *credited* is the worth of what came back (nothing for a cancelled order, which charges only what
//!   the client kept);
//! - services and adjustments stand beside invoices and lines, they are not thought to be part of them.
//!
//! The worth of lines, shipments and returns is an exact sum, rounded once per order: what an order asks
//! for is money. So a client owes exactly the sum of what is owed for his orders.
//!
//! Open invoices: payments that name an invoice pay it; all else that lowers the debt (other payments,
//! returns, adjustments, concessions, less refunds) pays the invoices in the order of their due days, those without
//! one last, then of issue. Refunds beyond that open the last ones again. The invoices of a cancelled
//! order are void.

use std::collections::BTreeSet;

use letopis_core::money::{Currency, Exact};
use letopis_core::time::Day;
use serde::Serialize;

use super::number::{add, at_line_prices, minor};
use super::row::{Invoice, OrderRow, Status};
use crate::views::orders::answer::ExactSum;

/// Goods and money in one currency: of an order, or summed over orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The currency of everything here.
    pub currency: Currency,
    /// Worth of the lines, cancelled or not.
    pub ordered: ExactSum,
    /// Worth of what left us.
    pub shipped: ExactSum,
    /// Worth of what came back.
    pub returned: ExactSum,
    /// Sum of the invoices, in minor units like all below.
    pub invoiced_minor: i64,
    /// Money that came.
    pub paid_minor: i64,
    /// Money that went back.
    pub refunded_minor: i64,
    /// Services rendered.
    pub services_minor: i64,
    /// Corrections by hand.
    pub adjusted_minor: i64,
    /// Prices lowered afterwards.
    pub conceded_minor: i64,
    /// What goods and invoices ask for.
    pub charged_minor: i64,
    /// What returns take off.
    pub credited_minor: i64,
    /// What is still to be paid; negative when we owe the client.
    pub owed_minor: i64,
}

impl Account {
    /// Nothing yet.
    pub fn new(currency: Currency) -> Self {
        Self {
            currency,
            ordered: ExactSum(0),
            shipped: ExactSum(0),
            returned: ExactSum(0),
            invoiced_minor: 0,
            paid_minor: 0,
            refunded_minor: 0,
            services_minor: 0,
            adjusted_minor: 0,
            conceded_minor: 0,
            charged_minor: 0,
            credited_minor: 0,
            owed_minor: 0,
        }
    }

    pub(crate) fn settle(&mut self) {
        self.owed_minor = [
            self.charged_minor,
            self.services_minor,
            self.adjusted_minor,
            self.conceded_minor.saturating_neg(),
            self.credited_minor.saturating_neg(),
            self.paid_minor.saturating_neg(),
            self.refunded_minor,
        ]
        .into_iter()
        .fold(0, i64::saturating_add);
    }
}

impl OrderRow {
    /// Every currency it has to do with, its own first.
    pub fn currencies(&self) -> Vec<Currency> {
        let mut others: BTreeSet<Currency> = self.money.0.keys().copied().collect();
        others.extend(self.invoices.0.iter().map(|invoice| invoice.currency));
        others.extend(
            self.goods.0.values().flat_map(|goods| &goods.returned_value).filter_map(|(currency, _)| *currency),
        );
        self.currency.into_iter().chain(others.into_iter().filter(|c| Some(*c) != self.currency)).collect()
    }

    /// Its goods and money in one currency.
    pub fn account(&self, currency: Currency) -> Account {
        let home = self.currency == Some(currency);
        let (mut ordered, mut shipped, mut returned) = (Exact(0), Exact(0), Exact(0));
        if home {
            ordered = self.lines.0.iter().fold(ordered, |sum, line| add(sum, line.amount));
        }
        for (product, goods) in &self.goods.0 {
            for (own, value) in &goods.returned_value {
                if own.map_or(home, |own| own == currency) {
                    returned = add(returned, *value);
                }
            }
            if home {
                shipped = add(shipped, goods.shipped_value);
                shipped = add(shipped, at_line_prices(&self.lines.0, product, goods.shipped_unpriced));
                returned = add(returned, at_line_prices(&self.lines.0, product, goods.returned_unpriced));
            }
        }
        let invoices = self.invoices.0.iter().filter(|invoice| invoice.currency == currency);
        let invoiced = invoices.clone().fold(0i64, |sum, invoice| sum.saturating_add(invoice.minor));
        let mut credit = returned;
        let charged = if self.is_cancelled() {
            credit = Exact(0);
            minor(Exact(shipped.0.saturating_sub(returned.0).max(0)), currency)
        } else if invoices.count() > 0 {
            invoiced
        } else {
            minor(if self.is_placed() { ordered } else { shipped }, currency)
        };
        let money = self.money.0.get(&currency).copied().unwrap_or_default();
        let mut account = Account {
            currency,
            ordered: ExactSum(ordered.0.into()),
            shipped: ExactSum(shipped.0.into()),
            returned: ExactSum(returned.0.into()),
            invoiced_minor: invoiced,
            paid_minor: money.paid,
            refunded_minor: money.refunded,
            services_minor: money.services,
            adjusted_minor: money.adjusted,
            conceded_minor: money.conceded,
            charged_minor: charged,
            credited_minor: minor(credit, currency),
            owed_minor: 0,
        };
        account.settle();
        account
    }

    /// Its invoices with what is open of each, in the order in which they are paid.
    pub fn open_invoices(&self) -> Vec<(Invoice, i64)> {
        let mut out: Vec<(Invoice, i64)> = Vec::new();
        for currency in self.currencies() {
            let mut own: Vec<(Invoice, i64)> = self
                .invoices
                .0
                .iter()
                .filter(|invoice| invoice.currency == currency)
                .map(|invoice| (invoice.clone(), invoice.paid_minor.clamp(0, invoice.minor.max(0))))
                .collect();
            own.sort_by_key(|(i, _)| (i.due.is_none(), i.due, i.issued, i.invoice));
            let account = self.account(currency);
            let paid = i128::from(account.paid_minor)
                + i128::from(account.credited_minor)
                + i128::from(account.conceded_minor)
                - i128::from(account.refunded_minor)
                - i128::from(account.adjusted_minor);
            let mut rest = paid - own.iter().map(|(_, settled)| i128::from(*settled)).sum::<i128>();
            for (invoice, settled) in &mut own {
                let more = rest.clamp(0, i128::from(invoice.minor.saturating_sub(*settled).max(0)));
                *settled = settled.saturating_add(more as i64);
                rest -= more;
            }
            for (_, settled) in own.iter_mut().rev() {
                let less = (-rest).clamp(0, i128::from(*settled));
                *settled -= less as i64;
                rest += less;
            }
            out.extend(own.into_iter().map(|(invoice, settled)| {
                let open = if self.is_cancelled() { 0 } else { invoice.minor.saturating_sub(settled) };
                (invoice, open)
            }));
        }
        out
    }

    /// Brings the columns in line with what was folded.
    pub(crate) fn derive(&mut self) {
        self.status = match self {
            _ if !self.is_placed() => Status::Unplaced,
            _ if self.is_cancelled() => Status::Cancelled,
            _ if self.completed_at.is_some() => Status::Completed,
            _ if self.confirmed_at.is_some() => Status::Confirmed,
            _ => Status::Placed,
        };
        self.sale_lines = self.lines.0.iter().filter(|line| line.is_sale()).count() as i64;
        self.mixed = self.currencies().len() > 1;
        self.next_due = match self.invoices.0.len() {
            0 => None,
            _ => self.open_invoices().iter().filter(|(_, open)| *open > 0).filter_map(|(i, _)| i.due).min(),
        };
        if let Some(currency) = self.currency {
            let account = self.account(currency);
            self.ordered_micro = account.ordered.saturated();
            self.shipped_micro = account.shipped.saturated();
            self.returned_micro = account.returned.saturated();
            self.invoiced_minor = account.invoiced_minor;
            self.paid_minor = account.paid_minor;
            self.refunded_minor = account.refunded_minor;
            self.services_minor = account.services_minor;
            self.adjusted_minor = account.adjusted_minor;
            self.conceded_minor = account.conceded_minor;
            self.charged_minor = account.charged_minor;
            self.credited_minor = account.credited_minor;
            self.owed_minor = account.owed_minor;
        }
        self.flag_state();
    }

    fn flag_state(&mut self) {
        let placed = self.is_placed();
        let beyond = |more: &dyn Fn(&Self, &letopis_core::code::Code, &super::row::Goods) -> bool| {
            placed && self.goods.0.iter().any(|(product, goods)| more(self, product, goods))
        };
        let states = [
            ("order.not_placed", !placed),
            ("order.not_ordered", beyond(&|row, product, goods| goods.shipped > row.ordered(product))),
            ("order.not_shipped", beyond(&|_, _, goods| goods.returned > goods.shipped)),
            ("order.currency", self.mixed),
        ];
        for (rule, broken) in states {
            if broken {
                self.flags.0.insert(rule.to_owned());
            } else {
                self.flags.0.remove(rule);
            }
        }
    }

    /// Invoices that are open after the day by whose end they were to be paid, seen on `today`.
    pub fn overdue(&self, today: Day) -> impl Iterator<Item = (Invoice, i64)> {
        self.open_invoices().into_iter().filter(move |(i, open)| *open > 0 && i.due.is_some_and(|due| due < today))
    }
}
