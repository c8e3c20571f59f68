//! What may be done with an order, and what moves without one.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Flag, Verdict, flag, refuse};
use crate::code::Code;
use crate::events::OrderEvent;
use crate::events::order::{Goods, Line};
use crate::ids::OrderId;
use crate::money::Currency;

/// What is known of an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OrderState {
    currency: Option<Currency>,
    cancelled: bool,
    completed: bool,
    ordered: BTreeMap<Code, Decimal>,
    shipped: BTreeMap<Code, Decimal>,
}

type Orders = BTreeMap<OrderId, OrderState>;

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
            order.ordered = lines(&e.lines);
        }
        OrderEvent::Changed(e) => order.ordered = lines(&e.lines),
        OrderEvent::GoodsShipped(e) => add(&mut order.shipped, &e.lines, Decimal::ONE),
        OrderEvent::GoodsReturned(e) => add(&mut order.shipped, &e.lines, Decimal::NEGATIVE_ONE),
        OrderEvent::Cancelled(_) => order.cancelled = true,
        OrderEvent::Completed(_) => order.completed = true,
        OrderEvent::Confirmed(_)
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
        OrderEvent::Confirmed(_) | OrderEvent::Changed(_) | OrderEvent::Completed(_) | OrderEvent::InvoiceIssued(_)
            if order.cancelled =>
        {
            refuse("order.cancelled", format!("order {id} was cancelled"))
        }
        OrderEvent::Changed(_) | OrderEvent::Cancelled(_) if order.completed => {
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
