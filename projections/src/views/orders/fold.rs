//! How an order changes with what happens.

use std::collections::BTreeMap;

use letopis_core::events::OrderEvent;
use letopis_core::events::order::{Goods as Moved, Line, PaymentReceived, Placed};
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Moment};

use super::effect;
use super::number::{add, plus, times};
use super::row::{Amounts, Goods, Invoice, OrderLine, OrderRow};

pub(crate) fn fold(row: &mut OrderRow, event: &OrderEvent, at: Moment, day: Day) {
    let was_placed = row.is_placed();
    // The first placement needs no record: it is what remains of the present effect without the others.
    let counts = match event {
        OrderEvent::Placed(_) => was_placed,
        OrderEvent::Changed(_) | OrderEvent::GoodsReturned(_) | OrderEvent::Cancelled(_) => true,
        OrderEvent::Confirmed(_)
        | OrderEvent::PromiseMoved(_)
        | OrderEvent::InvoiceIssued(_)
        | OrderEvent::PaymentReceived(_)
        | OrderEvent::PaymentRefunded(_)
        | OrderEvent::GoodsShipped(_)
        | OrderEvent::ServiceRendered(_)
        | OrderEvent::Adjusted(_)
        | OrderEvent::Deferred(_)
        | OrderEvent::ConcessionMade(_)
        | OrderEvent::Completed(_) => false,
    };
    let before = counts.then(|| effect::effects(row));
    row.since.get_or_insert(at.at);
    apply(row, event, at, day);
    if let Some(before) = before {
        effect::record(row, day, before);
    }
    row.derive();
}

fn apply(row: &mut OrderRow, event: &OrderEvent, at: Moment, day: Day) {
    match event {
        OrderEvent::Placed(e) if row.is_placed() => {
            flag(row, "order.placed_twice");
            if row.currency == Some(e.currency) {
                set_lines(row, &e.lines);
                row.promised = e.promised.or(row.promised);
            }
        }
        OrderEvent::Placed(e) => place(row, e, at, day),
        OrderEvent::Confirmed(e) => {
            row.confirmed_at.get_or_insert(at);
            row.promised = e.promised.or(row.promised);
        }
        OrderEvent::Changed(e) => {
            set_lines(row, &e.lines);
            row.promised = e.promised.or(row.promised);
        }
        OrderEvent::PromiseMoved(e) => row.promised = Some(e.promised),
        OrderEvent::InvoiceIssued(e) => {
            name(row, e.amount.currency);
            let (minor, currency) = (e.amount.minor, e.amount.currency);
            match row.invoices.0.iter_mut().find(|known| known.invoice == e.invoice) {
                // Issued again: what it says now counts.
                Some(known) => (known.issued, known.due, known.minor, known.currency) = (day, e.due, minor, currency),
                None => row.invoices.0.push(Invoice {
                    invoice: e.invoice,
                    issued: day,
                    due: e.due,
                    minor,
                    currency,
                    paid_minor: 0,
                }),
            }
        }
        OrderEvent::PaymentReceived(e) => receive(row, e),
        OrderEvent::PaymentRefunded(e) => pay(row, e.amount, |money| &mut money.refunded),
        OrderEvent::ServiceRendered(e) => pay(row, e.amount, |money| &mut money.services),
        OrderEvent::Adjusted(e) => pay(row, e.amount, |money| &mut money.adjusted),
        OrderEvent::ConcessionMade(e) => pay(row, e.amount, |money| &mut money.conceded),
        OrderEvent::Deferred(e) => match &e.product {
            Some(product) => drop(row.expected_by.0.insert(product.clone(), e.expected)),
            None => {
                row.expected = Some(e.expected);
                row.expected_by.0.clear();
            }
        },
        OrderEvent::GoodsShipped(e) => {
            if row.is_cancelled() {
                flag(row, "order.cancelled");
            }
            for line in &e.lines {
                ship(row, line);
            }
        }
        OrderEvent::GoodsReturned(e) => {
            if let Some(currency) = e.currency {
                name(row, currency);
            }
            for line in &e.lines {
                take_back(row, line, e.currency);
            }
        }
        OrderEvent::Cancelled(_) => drop(row.cancelled_at.get_or_insert(at)),
        OrderEvent::Completed(_) => drop(row.completed_at.get_or_insert(at)),
    }
}

fn place(row: &mut OrderRow, event: &Placed, at: Moment, day: Day) {
    row.since = Some(at.at);
    row.placed_at = Some(at);
    row.placed_on = Some(day);
    row.currency = Some(event.currency);
    row.channel.clone_from(&event.channel);
    row.region.clone_from(&event.region);
    row.deal = event.deal;
    row.employee = event.employee;
    row.promised = event.promised.or(row.promised);
    set_lines(row, &event.lines);
}

fn set_lines(row: &mut OrderRow, lines: &[Line]) {
    if lines.iter().any(|line| line.amount().is_none()) {
        flag(row, "order.inexact");
    }
    row.lines.0 = lines
        .iter()
        .map(|line| OrderLine {
            product: line.product.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount: times(line.quantity, line.unit_price),
        })
        .collect();
}

fn flag(row: &mut OrderRow, rule: &str) {
    row.flags.0.insert(rule.to_owned());
}

/// Until it is placed, an order's currency is the first that anything named.
fn name(row: &mut OrderRow, currency: Currency) {
    row.currency.get_or_insert(currency);
}

fn pay(row: &mut OrderRow, amount: Money, field: fn(&mut Amounts) -> &mut i64) {
    name(row, amount.currency);
    let sum = field(row.money.0.entry(amount.currency).or_default());
    *sum = sum.saturating_add(amount.minor);
}

fn receive(row: &mut OrderRow, event: &PaymentReceived) {
    pay(row, event.amount, |money| &mut money.paid);
    let named = |known: &&mut Invoice| Some(known.invoice) == event.invoice && known.currency == event.amount.currency;
    if let Some(invoice) = row.invoices.0.iter_mut().find(named) {
        invoice.paid_minor = invoice.paid_minor.saturating_add(event.amount.minor);
    }
}

fn ship(row: &mut OrderRow, line: &Moved) {
    let goods = entry(&mut row.goods.0, line);
    goods.shipped = plus(goods.shipped, line.quantity);
    match line.unit_price {
        Some(price) => goods.shipped_value = add(goods.shipped_value, times(line.quantity, price)),
        None => goods.shipped_unpriced = plus(goods.shipped_unpriced, line.quantity),
    }
}

fn take_back(row: &mut OrderRow, line: &Moved, currency: Option<Currency>) {
    let goods = entry(&mut row.goods.0, line);
    goods.returned = plus(goods.returned, line.quantity);
    let Some(price) = line.unit_price else {
        goods.returned_unpriced = plus(goods.returned_unpriced, line.quantity);
        return;
    };
    let value = times(line.quantity, price);
    match goods.returned_value.iter_mut().find(|(known, _)| *known == currency) {
        Some((_, sum)) => *sum = add(*sum, value),
        None => goods.returned_value.push((currency, value)),
    }
}

fn entry<'a>(goods: &'a mut BTreeMap<letopis_core::code::Code, Goods>, line: &Moved) -> &'a mut Goods {
    goods.entry(line.product.clone()).or_default()
}
