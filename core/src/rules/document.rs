//! Documents are released for what was ordered, and for no more of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Verdict, flag, order, refuse};
use crate::code::Code;
use crate::events::DocumentEvent;
use crate::ids::{DocumentId, OrderId};

/// What is known of the documents of a client.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Documents {
    /// By document; none when it is void.
    issued: BTreeMap<DocumentId, Option<(OrderId, Code)>>,
    /// What the documents of a kind say of an order's products.
    stated: BTreeMap<(OrderId, Code), BTreeMap<Code, Decimal>>,
    by_document: BTreeMap<DocumentId, Vec<(Code, Decimal)>>,
}

pub(super) fn apply(documents: &mut Documents, event: &DocumentEvent) {
    match event {
        DocumentEvent::Issued(e) => {
            documents.issued.insert(e.document, Some((e.order, e.kind.clone())));
            let stated = documents.stated.entry((e.order, e.kind.clone())).or_default();
            let lines = documents.by_document.entry(e.document).or_default();
            for line in &e.lines {
                let sum = stated.entry(line.product.clone()).or_default();
                *sum = sum.saturating_add(line.quantity);
                lines.push((line.product.clone(), line.quantity));
            }
        }
        DocumentEvent::Voided(e) => {
            let Some(Some(of)) = documents.issued.insert(e.document, None) else { return };
            let Some(stated) = documents.stated.get_mut(&of) else { return };
            for (product, quantity) in documents.by_document.remove(&e.document).unwrap_or_default() {
                let sum = stated.entry(product).or_default();
                *sum = sum.saturating_sub(quantity);
            }
        }
        DocumentEvent::TemplateDefined(_)
        | DocumentEvent::PackProduced(_)
        | DocumentEvent::EnvelopeExchanged(_)
        | DocumentEvent::EnvelopeStatusChanged(_)
        | DocumentEvent::EnvelopeMatched(_) => {}
    }
}

pub(super) fn decide(documents: &Documents, orders: &order::Orders, event: &DocumentEvent) -> Verdict {
    match event {
        DocumentEvent::Issued(e) if documents.issued.contains_key(&e.document) => {
            refuse("document.issued_twice", format!("document {} was issued already", e.document))
        }
        DocumentEvent::Issued(e) => {
            let Some(order) = orders.get(&e.order).filter(|order| order.is_placed()) else {
                return flag("order.not_placed", format!("order {} was never placed", e.order));
            };
            let nothing = BTreeMap::new();
            let stated = documents.stated.get(&(e.order, e.kind.clone())).unwrap_or(&nothing);
            for line in &e.lines {
                let ordered = order.ordered(&line.product);
                let before = stated.get(&line.product).copied().unwrap_or_default();
                if ordered.is_zero() {
                    let reason = format!("{} is not in order {}", line.product, e.order);
                    return refuse("document.not_ordered", reason);
                }
                if before.saturating_add(line.quantity) > ordered {
                    let reason = format!(
                        "{} of {} where {ordered} were ordered and {before} stand in documents of the kind {}",
                        line.quantity, line.product, e.kind
                    );
                    return refuse("document.not_ordered", reason);
                }
            }
            Ok(Vec::new())
        }
        DocumentEvent::Voided(e) => match documents.issued.get(&e.document) {
            Some(Some(_)) => Ok(Vec::new()),
            Some(None) => flag("document.voided_twice", format!("document {} is void already", e.document)),
            None => flag("document.not_issued", format!("document {} was never issued", e.document)),
        },
        DocumentEvent::TemplateDefined(_)
        | DocumentEvent::PackProduced(_)
        | DocumentEvent::EnvelopeExchanged(_)
        | DocumentEvent::EnvelopeStatusChanged(_)
        | DocumentEvent::EnvelopeMatched(_) => Ok(Vec::new()),
    }
}
