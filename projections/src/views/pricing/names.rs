//! What the conditions of price rules may ask about: the client, what he bought, the product.

use letopis_core::code::Code;
use letopis_core::events::definition::ProductDefined;
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::client::ClientRow;
use crate::views::loyalty::{Basis, summary};
use crate::views::orders::OrderRow;

/// The names of a client, as of the reader's bound: `client` and `purchases`.
///
/// # Errors
/// When the views cannot be read.
pub fn names(reader: &Reader<'_>, client: ClientId, currency: Currency) -> Result<Value, QueryError> {
    let rows = reader.rows::<ClientRow>("WHERE client = ?1", &[&client.put()])?;
    let row = rows.into_iter().next();
    let attributes = row.as_ref().map(|row| row.attributes.0.clone()).unwrap_or_default();
    let class = attributes.get("class").cloned();
    let bought = summary::summary(reader, client, Basis::Purchases)?;
    let days_ago = |day: Option<letopis_core::time::Day>| day.map(|day| reader.day().0 - day.0);
    let net = bought.as_ref().and_then(|bought| bought.values.iter().find(|value| value.currency == currency));
    let mut products: Vec<Code> = reader
        .rows::<OrderRow>("WHERE client = ?1 AND placed_at IS NOT NULL AND cancelled_at IS NULL", &[&client.put()])?
        .into_iter()
        .flat_map(|row| row.lines.0.into_iter().map(|line| line.product))
        .collect();
    products.sort_unstable();
    products.dedup();
    Ok(json!({
        "client": { "kind": row.and_then(|row| row.kind), "attributes": attributes, "class": class },
        "purchases": {
            "orders": bought.as_ref().map_or(0, |bought| bought.orders),
            "days": bought.as_ref().map_or(0, |bought| bought.x + 1),
            "net_minor": net.map_or(0, |value| value.net.rounded.minor),
            "first_days_ago": days_ago(bought.as_ref().map(|bought| bought.first_day)),
            "last_days_ago": days_ago(bought.as_ref().map(|bought| bought.last_day)),
            "products": products,
        },
        "currency": currency,
    }))
}

/// The same names with those of a line: `product` and `quantity`.
pub(super) fn with_line(names: &Value, product: &ProductDefined, quantity: Decimal) -> Value {
    let mut names = names.clone();
    names["product"] = json!({ "code": product.product, "group": product.group });
    // Conditions say yes or no: a fraction may be compared as a float, and is never reckoned with.
    names["quantity"] = match quantity.is_integer().then(|| quantity.to_i64()).flatten() {
        Some(whole) => whole.into(),
        None => quantity.to_f64().into(),
    };
    names
}
