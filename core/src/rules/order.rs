//! What may be done with an order, and what moves without one.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Flag, Verdict, flag, refuse};
use crate::code::Code;
use crate::events::OrderEvent;
use crate::events::order::{ConcessionMade, Goods, Line};
use crate::ids::OrderId;
use crate::money::{Currency, Exact};

/// What is known of an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OrderState {
    currency: Option<Currency>,
    cancelled: bool,
    completed: bool,
    ordered: BTreeMap<Code, Decimal>,
    shipped: BTreeMap<Code, Decimal>,
    worth: Exact,
    conceded_minor: i64,
}

impl OrderState {
    /// Whether it was placed.
    pub(super) fn is_placed(&self) -> bool {
        self.currency.is_some()
    }

    /// How many of a product are ordered.
    pub(super) fn ordered(&self, product: &Code) -> Decimal {
        self.ordered.get(product).copied().unwrap_or_default()
    }
}

pub(super) type Orders = BTreeMap<OrderId, OrderState>;

/// Adds a quantity; what is beyond all counting stays at the largest number there is.
fn sum(to: &mut BTreeMap<Code, Decimal>, product: Code, quantity: Decimal) {
    let sum = to.entry(product).or_default();
    *sum = sum.saturating_add(quantity);
}

fn lines(lines: &[Line]) -> BTreeMap<Code, Decimal> {
    let mut out = BTreeMap::new();
    for line in lines {
        sum(&mut out, line.product.clone(), line.quantity);
    }
    out
}

fn worth(lines: &[Line]) -> Exact {
    Exact(lines.iter().filter_map(Line::amount).fold(0, |sum, amount| sum.saturating_add(amount.0)))
}

fn add(to: &mut BTreeMap<Code, Decimal>, goods: &[Goods], sign: Decimal) {
    for line in goods {
        sum(to, line.product.clone(), line.quantity * sign);
    }
}

pub(super) fn apply(orders: &mut Orders, event: &OrderEvent) {
    let Some(id) = event.order_id() else { return };
    let order = orders.entry(id).or_default();
    match event {
        OrderEvent::Placed(e) => {
            order.currency = Some(e.currency);
            (order.ordered, order.worth) = (lines(&e.lines), worth(&e.lines));
        }
        OrderEvent::Changed(e) => (order.ordered, order.worth) = (lines(&e.lines), worth(&e.lines)),
        OrderEvent::ConcessionMade(e) => order.conceded_minor = order.conceded_minor.saturating_add(e.amount.minor),
        OrderEvent::GoodsShipped(e) => add(&mut order.shipped, &e.lines, Decimal::ONE),
        OrderEvent::GoodsReturned(e) => add(&mut order.shipped, &e.lines, Decimal::NEGATIVE_ONE),
        OrderEvent::Cancelled(_) => order.cancelled = true,
        OrderEvent::Completed(_) => order.completed = true,
        OrderEvent::Confirmed(_)
        | OrderEvent::Deferred(_)
        | OrderEvent::PromiseMoved(_)
        | OrderEvent::InvoiceIssued(_)
        | OrderEvent::PaymentReceived(_)
        | OrderEvent::PaymentRefunded(_)
        | OrderEvent::ServiceRendered(_)
        | OrderEvent::Adjusted(_) => {}
    }
}

pub(super) fn decide(orders: &Orders, event: &OrderEvent) -> Verdict {
    let Some(id) = event.order_id() else { return Ok(Vec::new()) };
    let unknown = OrderState::default();
    let order = orders.get(&id).unwrap_or(&unknown);
    let placed = order.currency.is_some();
    match event {
        OrderEvent::Placed(_) if placed => refuse("order.placed_twice", format!("order {id} was placed already")),
        OrderEvent::Placed(_) => Ok(Vec::new()),
        OrderEvent::Confirmed(_)
        | OrderEvent::Changed(_)
        | OrderEvent::PromiseMoved(_)
        | OrderEvent::Completed(_)
        | OrderEvent::Deferred(_)
        | OrderEvent::ConcessionMade(_)
        | OrderEvent::InvoiceIssued(_)
            if order.cancelled =>
        {
            refuse("order.cancelled", format!("order {id} was cancelled"))
        }
        OrderEvent::Changed(_) | OrderEvent::Deferred(_) | OrderEvent::PromiseMoved(_) | OrderEvent::Cancelled(_)
            if order.completed =>
        {
            refuse("order.completed", format!("order {id} is completed"))
        }
        OrderEvent::Cancelled(_) if order.cancelled => {
            flag("order.cancelled", format!("order {id} was cancelled already"))
        }
        OrderEvent::InvoiceIssued(e) if order.currency.is_some_and(|c| c != e.amount.currency) => refuse(
            "order.currency",
            format!(
                "order {id} is in {}, not {}",
                order.currency.map_or("?".into(), |c| c.to_string()),
                e.amount.currency
            ),
        ),
        OrderEvent::PaymentReceived(e) if order.currency.is_some_and(|c| c != e.amount.currency) => {
            flag("order.currency", format!("order {id} is not in {}", e.amount.currency))
        }
        OrderEvent::ConcessionMade(e) => concession(order, e),
        _ if !placed => flag("order.not_placed", format!("order {id} was never placed")),
        OrderEvent::GoodsShipped(_) if order.cancelled => flag("order.cancelled", format!("order {id} was cancelled")),
        OrderEvent::GoodsShipped(e) => Ok(exceeding("order.not_ordered", &e.lines, |product| {
            let shipped = order.shipped.get(product).copied().unwrap_or_default();
            order.ordered.get(product).copied().unwrap_or_default().saturating_sub(shipped)
        })),
        OrderEvent::GoodsReturned(e) => Ok(exceeding("order.not_shipped", &e.lines, |product| {
            order.shipped.get(product).copied().unwrap_or_default()
        })),
        _ => Ok(Vec::new()),
    }
}

/// A concession is allowed by another than who makes it, and takes off no more than there is.
fn concession(order: &OrderState, event: &ConcessionMade) -> Verdict {
    let Some(currency) = order.currency else {
        return flag("order.not_placed", format!("order {} was never placed", event.order));
    };
    if currency != event.amount.currency {
        return refuse(
            "order.currency",
            format!("order {} is in {currency}, not {}", event.order, event.amount.currency),
        );
    }
    if event.employee == Some(event.approver) {
        return refuse("concession.own_approval", format!("employee {} cannot allow his own", event.approver));
    }
    let (worth, before) = (order.worth.round(currency).minor, order.conceded_minor);
    if before.saturating_add(event.amount.minor) > worth {
        let reason = format!("{} beside {before} before, where the order is worth {worth}", event.amount.minor);
        return refuse("concession.too_large", reason);
    }
    Ok(Vec::new())
}

fn exceeding(rule: &'static str, goods: &[Goods], allowed: impl Fn(&Code) -> Decimal) -> Vec<Flag> {
    goods
        .iter()
        .filter(|line| line.quantity > allowed(&line.product))
        .map(|line| Flag {
            rule,
            reason: format!("{} of {} where {} were due", line.quantity, line.product, allowed(&line.product)),
        })
        .collect()
}
