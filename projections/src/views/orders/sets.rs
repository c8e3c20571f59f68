//! Products that are bought together: pairs in orders that were not cancelled.
//!
//! `lift = together · orders / (first · second)`; the log-likelihood ratio is that of T. Dunning (1993),
//! `2 · (H(rows) + H(columns) − H(cells))` with `H(v) = (Σv) ln Σv − Σ v ln v`, 0 where the two avoid each other.

use std::collections::{BTreeSet, HashMap};

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::pricing::KitDefined;
use letopis_core::time::Day;
use rust_decimal::Decimal;
use serde::Serialize;

use super::row::OrderLine;
use crate::engine::list::{Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, Json, cell};

/// Fewer orders than this make no set: chance would.
pub const MIN_SUPPORT: i64 = 10;

/// Two products that are bought together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The two, in order.
    pub products: [Code; 2],
    /// Orders with both.
    pub together: i64,
    /// Orders with the first.
    pub first: i64,
    /// Orders with the second.
    pub second: i64,
    /// How much oftener than by chance.
    pub lift: f64,
    /// How sure that is.
    pub likelihood_ratio: f64,
    /// Kits that hold both already.
    pub kits: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sets {
    /// All orders of the period that were not cancelled.
    pub orders: i64,
    /// Pairs in fewer orders than this are left out.
    pub min_support: i64,
    /// The pairs, the most frequent first.
    pub page: Page<Pair>,
}

/// Pairs of products in the orders of a period.
///
/// # Errors
/// When the cursor is of another query or the views cannot be read.
pub fn sets(
    reader: &Reader<'_>,
    (from, to): (Day, Day),
    min_support: i64,
    window: &Window,
) -> Result<Sets, QueryError> {
    let query = format!("sets?{from}&{to}&{min_support}&{}", reader.day());
    let (limit, _) = window.wanted()?;
    let after = match window.place(&query, 3)?.as_deref() {
        Some([Atom::Int(together), Atom::Text(a), Atom::Text(b)]) => Some((-together, a.to_string(), b.to_string())),
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let (names, orders) = orders(reader, from, to)?;
    let mut counts = vec![0i64; names.len()];
    orders.iter().flatten().for_each(|&product| counts[product as usize] += 1);
    let mut pairs: HashMap<(u32, u32), i64> = HashMap::new();
    for order in &orders {
        let frequent: Vec<u32> = order.iter().copied().filter(|&p| counts[p as usize] >= min_support).collect();
        for (n, &a) in frequent.iter().enumerate() {
            for &b in &frequent[n + 1..] {
                *pairs.entry((a, b)).or_default() += 1;
            }
        }
    }
    let mut found: Vec<(i64, [Code; 2], i64, i64)> = pairs
        .into_iter()
        .filter(|(_, together)| *together >= min_support)
        .map(|((a, b), together)| {
            let (a, b) = if names[a as usize] <= names[b as usize] { (a, b) } else { (b, a) };
            let products = [names[a as usize].clone(), names[b as usize].clone()];
            (together, products, counts[a as usize], counts[b as usize])
        })
        .collect();
    found.sort_unstable_by(|x, y| y.0.cmp(&x.0).then_with(|| x.1.cmp(&y.1)));
    let definitions = reader.definitions(&[KitDefined::KIND])?;
    let kits = definitions.all::<KitDefined>();
    let total = orders.len() as i64;
    let items = found
        .into_iter()
        .filter(|(together, [a, b], ..)| {
            let place = (-together, a.as_str(), b.as_str());
            after.as_ref().is_none_or(|after| place > (after.0, after.1.as_str(), after.2.as_str()))
        })
        .take(limit + 1)
        .map(|(together, products, first, second)| {
            let holds = |kit: &KitDefined, product: &Code| kit.components.iter().any(|part| part.product == *product);
            let both = kits.iter().filter(|kit| products.iter().all(|product| holds(kit.value, product)));
            Pair {
                kits: both.map(|kit| kit.name()).collect(),
                lift: together as f64 * total as f64 / (first as f64 * second as f64),
                likelihood_ratio: likelihood_ratio(together, first, second, total),
                products,
                together,
                first,
                second,
            }
        })
        .collect();
    let page = Page::cut(items, limit, &query, |pair: &Pair| {
        vec![Atom::Int(pair.together), pair.products[0].put(), pair.products[1].put()]
    });
    Ok(Sets { orders: total, min_support, page })
}

/// The products of each order, numbered.
fn orders(reader: &Reader<'_>, from: Day, to: Day) -> Result<(Vec<Code>, Vec<BTreeSet<u32>>), QueryError> {
    let (mut names, mut numbers, mut orders) = (Vec::new(), HashMap::<Code, u32>::new(), Vec::new());
    let sql = "SELECT lines FROM client_order
               WHERE placed_on >= ?1 AND placed_on < ?2 AND cancelled_at IS NULL ORDER BY order_id";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let mut rows = statement.query([from.put(), to.put()])?;
    while let Some(row) = rows.next()? {
        let lines: Json<Vec<OrderLine>> = cell(row, 0)?;
        let mut order = BTreeSet::new();
        for line in lines.0.into_iter().filter(|line| line.quantity > Decimal::ZERO) {
            let number = *numbers.entry(line.product.clone()).or_insert_with(|| {
                names.push(line.product);
                names.len() as u32 - 1
            });
            order.insert(number);
        }
        if !order.is_empty() {
            orders.push(order);
        }
    }
    Ok((names, orders))
}

fn likelihood_ratio(together: i64, first: i64, second: i64, orders: i64) -> f64 {
    let h = |parts: &[i64]| {
        let term = |n: i64| if n > 0 { n as f64 * (n as f64).ln() } else { 0.0 };
        term(parts.iter().sum()) - parts.iter().map(|n| term(*n)).sum::<f64>()
    };
    if together.saturating_mul(orders) <= first.saturating_mul(second) {
        return 0.0;
    }
    let cells = [together, first - together, second - together, orders - first - second + together];
    let (rows, columns) = ([first, orders - first], [second, orders - second]);
    (2.0 * (h(&rows) + h(&columns) - h(&cells))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_avoid_each_other_are_no_set() {
        assert_eq!(likelihood_ratio(1, 50, 50, 100), 0.0);
        // 10 together of 20 and 20 in 100: worked out with natural logarithms from the cells 10, 10, 10, 70 beside the expected 4, 16, 16, 64.
        assert!((likelihood_ratio(10, 20, 20, 100) - 12.07).abs() < 0.01, "{}", likelihood_ratio(10, 20, 20, 100));
    }
}
