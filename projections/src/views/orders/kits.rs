//! Kits: what orders consist of part by part, what is missing of it, and what is bought together.
//!
//! A line of a kit stands for its components, as the kit was defined when the order was placed. Kits in kits are
//! taken apart too. What leaves as a kit counts as its components.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use letopis_core::definitions::{Definition, Definitions};
use letopis_core::events::pricing::KitDefined;
use letopis_core::ids::{ClientId, OrderId};
use letopis_core::time::{Day, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use super::number::plus;
use super::row::{OrderRow, Status};
use crate::engine::list::{Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;

/// Kits in kits are taken apart so deep: a circle of definitions ends there.
const MAX_DEPTH: u32 = 8;

/// Pieces of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pieces {
    /// What.
    pub product: Code,
    /// How many, a decimal as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
}

/// A line of an order and what it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KitLine {
    /// What was ordered.
    #[serde(flatten)]
    pub line: Pieces,
    /// Its parts; itself when it is no kit.
    pub components: Vec<Pieces>,
    /// The definitions of kits that it was taken apart by.
    pub kits: BTreeSet<String>,
}

/// A part and what is missing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What.
    pub product: Code,
    /// How many the order needs.
    #[serde(with = "rust_decimal::serde::str")]
    pub needed: Decimal,
    /// How many left us.
    #[serde(with = "rust_decimal::serde::str")]
    pub shipped: Decimal,
    /// How many are missing; none of a cancelled order.
    #[serde(with = "rust_decimal::serde::str")]
    pub missing: Decimal,
    /// When they are expected.
    pub expected: Option<Day>,
}

/// An order part by part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderParts {
    /// The order.
    pub order: OrderId,
    /// How far it is.
    pub status: Status,
    /// Its lines, taken apart.
    pub lines: Vec<KitLine>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Whether nothing is missing.
    pub complete: bool,
}

/// What is missing of a product for a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingPart {
    /// What.
    pub product: Code,
    /// How many, over all his open orders.
    #[serde(with = "rust_decimal::serde::str")]
    pub missing: Decimal,
    /// Order by order.
    pub orders: Vec<MissingOf>,
}

/// What is missing of a product in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingOf {
    /// The order.
    pub order: OrderId,
    /// How many.
    #[serde(with = "rust_decimal::serde::str")]
    pub missing: Decimal,
    /// When they are expected.
    pub expected: Option<Day>,
}

/// Takes pieces apart, as kits were defined at an instant; `kits` are the definitions that were used.
pub(crate) fn take_apart(
    definitions: &Definitions,
    product: &Code,
    quantity: Decimal,
    at: Timestamp,
    kits: &mut BTreeSet<String>,
) -> BTreeMap<Code, Decimal> {
    let mut parts = BTreeMap::new();
    collect(definitions, product, quantity, at, MAX_DEPTH, &mut parts, kits);
    parts
}

fn collect(
    definitions: &Definitions,
    product: &Code,
    quantity: Decimal,
    at: Timestamp,
    depth: u32,
    parts: &mut BTreeMap<Code, Decimal>,
    kits: &mut BTreeSet<String>,
) {
    match definitions.at::<KitDefined>(product.as_str(), at).filter(|_| depth > 0) {
        Some(kit) => {
            kits.insert(kit.name());
            for component in &kit.value.components {
                let pieces = quantity.checked_mul(component.quantity).unwrap_or(Decimal::MAX);
                collect(definitions, &component.product, pieces, at, depth - 1, parts, kits);
            }
        }
        None => {
            let sum = parts.entry(product.clone()).or_default();
            *sum = plus(*sum, quantity);
        }
    }
}

impl OrderRow {
    /// When a product that is not delivered yet is expected.
    pub fn expects(&self, product: &Code) -> Option<Day> {
        self.expected_by.0.get(product).copied().or(self.expected).or(self.promised)
    }
}

fn parts_of(row: &OrderRow, definitions: &Definitions) -> OrderParts {
    let at = row.placed_at.map(|moment| moment.at).or(row.since).unwrap_or_default();
    let apart = |product: &Code, quantity: Decimal, kits: &mut BTreeSet<String>| {
        take_apart(definitions, product, quantity, at, kits)
    };
    let (mut lines, mut needed) = (Vec::new(), BTreeMap::<Code, (Decimal, Option<Day>)>::new());
    for line in row.lines.0.iter().filter(|line| line.quantity > Decimal::ZERO) {
        let mut kits = BTreeSet::new();
        let components = apart(&line.product, line.quantity, &mut kits);
        for (product, quantity) in &components {
            let (sum, expected) = needed.entry(product.clone()).or_default();
            *sum = plus(*sum, *quantity);
            let day = row.expected_by.0.get(product).copied().or_else(|| row.expects(&line.product));
            *expected = (*expected).max(day);
        }
        let components = components.into_iter().map(|(product, quantity)| Pieces { product, quantity }).collect();
        let line = Pieces { product: line.product.clone(), quantity: line.quantity };
        lines.push(KitLine { line, components, kits });
    }
    let mut shipped = BTreeMap::<Code, Decimal>::new();
    for (product, goods) in &row.goods.0 {
        for (part, quantity) in apart(product, goods.shipped, &mut BTreeSet::new()) {
            let sum = shipped.entry(part).or_default();
            *sum = plus(*sum, quantity);
        }
    }
    let parts: Vec<Part> = needed
        .into_iter()
        .map(|(product, (needed, expected))| {
            let shipped = shipped.get(&product).copied().unwrap_or_default();
            let due = if row.is_cancelled() { Decimal::ZERO } else { needed.saturating_sub(shipped) };
            let missing = due.max(Decimal::ZERO);
            let expected = expected.filter(|_| missing > Decimal::ZERO);
            Part { product, needed, shipped, missing, expected }
        })
        .collect();
    let complete = parts.iter().all(|part| part.missing.is_zero());
    OrderParts { order: row.order_id, status: row.status, lines, parts, complete }
}

/// An order part by part; none when nothing is known of it.
///
/// # Errors
/// When the views cannot be read.
pub fn order_parts(reader: &Reader<'_>, order: OrderId) -> Result<Option<OrderParts>, QueryError> {
    let mut rows: Vec<OrderRow> = reader.rows("WHERE order_id = ?1", &[&order.put()])?;
    rows.sort_by_key(|row| (!row.is_placed(), row.since, row.client));
    let definitions = reader.definitions(&[KitDefined::KIND])?;
    Ok(rows.first().map(|row| parts_of(row, &definitions)))
}

/// What is missing for a client (the head of an alias group) in his open orders, by product.
///
/// # Errors
/// When the cursor is of another query or the views cannot be read.
pub fn missing_parts(reader: &Reader<'_>, client: ClientId, window: &Window) -> Result<Page<MissingPart>, QueryError> {
    let query = format!("missing-parts?client={client}");
    let (limit, _) = window.wanted()?;
    let after = match window.place(&query, 1)?.as_deref() {
        Some([crate::engine::row::Atom::Text(product)]) => Some(product.to_string()),
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let rows: Vec<OrderRow> = reader.rows(
        "WHERE client = ?1 AND placed_at IS NOT NULL AND completed_at IS NULL AND cancelled_at IS NULL
         ORDER BY since, order_id",
        &[&client.put()],
    )?;
    let definitions = reader.definitions(&[KitDefined::KIND])?;
    let mut by: BTreeMap<Code, MissingPart> = BTreeMap::new();
    for row in &rows {
        for part in parts_of(row, &definitions).parts.into_iter().filter(|part| part.missing > Decimal::ZERO) {
            let own = by.entry(part.product.clone()).or_insert_with(|| MissingPart {
                product: part.product,
                missing: Decimal::ZERO,
                orders: Vec::new(),
            });
            own.missing = plus(own.missing, part.missing);
            own.orders.push(MissingOf { order: row.order_id, missing: part.missing, expected: part.expected });
        }
    }
    let later = |part: &MissingPart| after.as_deref().is_none_or(|after| part.product.as_str() > after);
    let items = by.into_values().filter(later).take(limit + 1).collect();
    Ok(Page::cut(items, limit, &query, |part| vec![part.product.put()]))
}
