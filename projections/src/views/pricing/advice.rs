//! Advice about a price and the service of a client, each with the facts behind it.
//!
//! - `price`: what to ask for one piece. It is the price by the rules, but what he paid last where that was less, and
//!   never less than it costs us.
//! - `prepayment`: to ask for money first, because invoices are overdue or the credit limit is used up.
//! - `settle-complaint`: to settle his open complaints before selling more.
//! - `no-concession`: to lower no price again, because three or more were lowered in the last 365 days.

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::finance::ProductCostSet;
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::price::{Wanted, price};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::cases::CaseRow;
use crate::views::finances::finances;
use crate::views::ledger::{Kind, MoneyRow};
use crate::views::orders::OrderRow;
use crate::views::settlement::client_settlement;

/// So many concessions in [`CONCESSION_DAYS`] are enough.
const ENOUGH_CONCESSIONS: usize = 3;
/// How far back concessions count, in days.
const CONCESSION_DAYS: i32 = 365;

/// A fact behind an advice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// What it is: `rules`, `last-paid`, `cost`, `overdue` …
    pub fact: &'static str,
    /// What it says.
    pub says: Value,
    /// Where it stands: a definition, an order, an event, a case.
    pub source: Option<String>,
}

/// An advice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// What is advised.
    pub advice: &'static str,
    /// The price of one, as text, for `price`.
    pub unit_price: Option<String>,
    /// The facts behind it.
    pub because: Vec<Fact>,
}

/// All advice about a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advised {
    /// The client.
    pub client: ClientId,
    /// The product.
    pub product: Code,
    /// The currency of prices.
    pub currency: Currency,
    /// The advice, the price first.
    pub advice: Vec<Advice>,
}

/// Advice about a client (the head of an alias group), as of the reader's bound; none about the price of a product
/// without a list price in the currency.
///
/// # Errors
/// When the views cannot be read.
pub fn advice(
    reader: &Reader<'_>,
    client: ClientId,
    product: &Code,
    currency: Currency,
) -> Result<Advised, QueryError> {
    let mut all: Vec<Advice> = about_price(reader, client, product, currency)?.into_iter().collect();
    all.extend(prepayment(reader, client)?);
    all.extend(complaints(reader, client)?);
    all.extend(concessions(reader, client)?);
    Ok(Advised { client, product: product.clone(), currency, advice: all })
}

fn about_price(
    reader: &Reader<'_>,
    client: ClientId,
    product: &Code,
    currency: Currency,
) -> Result<Option<Advice>, QueryError> {
    let wanted = Wanted { product: product.clone(), quantity: Decimal::ONE };
    let priced = price(reader, client, &[wanted], currency)?;
    let Some((line, why)) = priced.lines.first().zip(priced.why.first()) else { return Ok(None) };
    let applied: Vec<&String> = why.iter().filter(|why| why.applied).map(|why| &why.rule).collect();
    let mut because = vec![
        Fact { fact: "list-price", says: json!(line.list_price), source: None },
        Fact { fact: "rules", says: json!({ "unit_price": line.unit_price, "applied": applied }), source: None },
    ];
    let mut advised = line.unit_price;
    if let Some((paid, order, day)) = last_paid(reader, client, product, currency)? {
        because.push(Fact {
            fact: "last-paid",
            says: json!({ "unit_price": paid, "day": day }),
            source: Some(format!("order:{order}")),
        });
        advised = advised.min(paid);
    }
    let definitions = reader.definitions(&[ProductCostSet::KIND])?;
    let cost = definitions.latest::<ProductCostSet>(product.as_str()).filter(|cost| cost.value.currency == currency);
    if let Some(cost) = cost {
        because.push(Fact { fact: "cost", says: json!(cost.value.unit_cost), source: Some(cost.name()) });
        advised = advised.max(cost.value.unit_cost);
    }
    Ok(Some(Advice { advice: "price", unit_price: Some(advised.normalize().to_string()), because }))
}

/// What the client paid last for one piece, in which order, on which day.
fn last_paid(
    reader: &Reader<'_>,
    client: ClientId,
    product: &Code,
    currency: Currency,
) -> Result<Option<(Decimal, String, Option<Day>)>, QueryError> {
    let rows = reader.rows::<OrderRow>(
        "WHERE client = ?1 AND currency = ?2 AND placed_at IS NOT NULL AND cancelled_at IS NULL
         ORDER BY since DESC, order_id DESC",
        &[&client.put(), &currency.put()],
    )?;
    Ok(rows.into_iter().find_map(|row| {
        let line = row.lines.0.iter().find(|line| line.product == *product && line.is_sale())?;
        Some((line.unit_price, row.order_id.to_string(), row.placed_on))
    }))
}

fn prepayment(reader: &Reader<'_>, client: ClientId) -> Result<Option<Advice>, QueryError> {
    let mut because: Vec<Fact> = client_settlement(reader, client)?
        .overdue
        .into_iter()
        .map(|invoice| Fact {
            fact: "overdue",
            says: json!({ "open_minor": invoice.open_minor, "currency": invoice.currency, "due": invoice.due }),
            source: Some(format!("invoice:{}", invoice.invoice)),
        })
        .collect();
    let means = finances(reader, client)?;
    if let Some(left) = means.credit_left.filter(|left| left.minor <= 0) {
        let says = json!({ "credit_limit": means.credit_limit, "left": left });
        because.push(Fact { fact: "credit-limit", says, source: None });
    }
    Ok((!because.is_empty()).then_some(Advice { advice: "prepayment", unit_price: None, because }))
}

fn complaints(reader: &Reader<'_>, client: ClientId) -> Result<Option<Advice>, QueryError> {
    let rows = reader.rows::<CaseRow>(
        "WHERE client = ?1 AND kind = 'complaint' AND status IN ('open', 'answered') ORDER BY first_at, case_id",
        &[&client.put()],
    )?;
    let because: Vec<Fact> = rows
        .into_iter()
        .map(|row| Fact {
            fact: "open-complaint",
            says: json!({ "topic": row.topic }),
            source: Some(format!("case:{}", row.case_id)),
        })
        .collect();
    Ok((!because.is_empty()).then_some(Advice { advice: "settle-complaint", unit_price: None, because }))
}

fn concessions(reader: &Reader<'_>, client: ClientId) -> Result<Option<Advice>, QueryError> {
    let since = Day(reader.day().0 - CONCESSION_DAYS);
    let rows = reader.rows::<MoneyRow>(
        "WHERE client = ?1 AND kind = ?2 AND day > ?3 ORDER BY occurred_at, event",
        &[&client.put(), &Kind::Conceded.put(), &since.put()],
    )?;
    let because: Vec<Fact> = rows
        .into_iter()
        .map(|row| Fact {
            fact: "concession",
            says: json!({ "minor": row.minor, "currency": row.currency, "day": row.day, "reason": row.reason }),
            source: Some(format!("event:{}", row.event)),
        })
        .collect();
    let enough = because.len() >= ENOUGH_CONCESSIONS;
    Ok(enough.then_some(Advice { advice: "no-concession", unit_price: None, because }))
}
