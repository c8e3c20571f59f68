//! Who and what brings most of the revenue.
//!
//! By net revenue of a window, descending: class A while the share *before* the item is below 80 %, B
//! below 95 %, else C, so the item that crosses a line stays in the higher class. Only what is above
//! zero is in the denominator; the rest is class N. Compared in integers.

use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::days::{Which, each};
use super::{Basis, Window, one_currency};
use crate::engine::list;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell};
use crate::views::orders::answer::{Amount, Page, read_wide, wide_sum};

/// What is classed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Identified clients.
    Clients,
    /// Products, whoever bought them.
    Products,
}

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Class {
    /// The first 80 %.
    A,
    /// Up to 95 %.
    B,
    /// The rest.
    C,
    /// Nothing or less.
    N,
}

/// A client or a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// From 1.
    pub rank: i64,
    /// Its id or code.
    pub id: String,
    /// Its class.
    pub class: Class,
    /// Orders with a sale line, placed in the window and not cancelled; none for products.
    pub orders: Option<i64>,
    /// Ordered less cancelled.
    pub ordered: Amount,
    /// Returned.
    pub returned: Amount,
    /// The difference.
    pub net: Amount,
    /// Net of all items before this one.
    pub before: Amount,
}

/// What a class comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassSum {
    /// The class.
    pub class: Class,
    /// How many items.
    pub items: i64,
    /// Their net revenue.
    pub net: Amount,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Abc {
    /// The currency; none when nothing was bought.
    pub currency: Option<Currency>,
    /// The last day that is covered.
    pub as_of: Day,
    /// Net revenue of classes A to C: the denominator.
    pub total: Option<Amount>,
    /// The classes.
    pub classes: Vec<ClassSum>,
    /// The items by descending net revenue.
    pub page: Page<Item>,
}

/// A question for classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Clients or products.
    pub of: Of,
    /// Which days.
    pub window: Window,
    /// Which currency; may be left out where there is only one.
    pub currency: Option<Currency>,
}

struct Sum {
    id: String,
    orders: Option<i64>,
    ordered: i128,
    returned: i128,
}

/// Classes of clients or products.
///
/// # Errors
/// When a parameter is wrong, a currency has to be named, or the view cannot be read.
pub fn abc(reader: &Reader<'_>, question: &Question, paging: &list::Window) -> Result<Abc, QueryError> {
    question.window.check()?;
    let query = format!("abc?{question:?}&day={}", reader.day());
    let (limit, _) = paging.wanted()?;
    let after = match paging.place(&query, 2)?.as_deref() {
        Some([Atom::Text(net), Atom::Text(id)]) => {
            Some((-net.parse::<i128>().map_err(|_| QueryError::Cursor)?, id.to_string()))
        }
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let as_of = reader.day();
    let Some(currency) = one_currency(reader, question.currency)? else {
        let page = Page { items: Vec::new(), next: None };
        return Ok(Abc { currency: None, as_of, total: None, classes: Vec::new(), page });
    };
    let mut sums = match question.of {
        Of::Clients => clients(reader, question.window, currency)?,
        Of::Products => products(reader, question.window, currency)?,
    };
    sums.sort_by(|a, b| (b.ordered - b.returned).cmp(&(a.ordered - a.returned)).then_with(|| a.id.cmp(&b.id)));
    let total: i128 = sums.iter().map(|sum| (sum.ordered - sum.returned).max(0)).sum();
    let mut classes = [Class::A, Class::B, Class::C, Class::N].map(|class| (class, 0i64, 0i128));
    let (mut before, mut items) = (0, Vec::new());
    for (index, sum) in sums.into_iter().enumerate() {
        let net = sum.ordered - sum.returned;
        let class = match () {
            () if net <= 0 => Class::N,
            () if before * 100 < total * 80 => Class::A,
            () if before * 100 < total * 95 => Class::B,
            () => Class::C,
        };
        let (_, count, worth) = &mut classes[class as usize];
        *count += 1;
        *worth += net;
        if items.len() <= limit && after.as_ref().is_none_or(|after| (-net, &sum.id) > (after.0, &after.1)) {
            items.push(Item {
                rank: index as i64 + 1,
                id: sum.id,
                class,
                orders: sum.orders,
                ordered: Amount::new(sum.ordered, currency),
                returned: Amount::new(sum.returned, currency),
                net: Amount::new(net, currency),
                before: Amount::new(before, currency),
            });
        }
        before += net;
    }
    let classes = classes.map(|(class, items, net)| ClassSum { class, items, net: Amount::new(net, currency) });
    let page = Page::cut(items, limit, &query, |item| {
        vec![Atom::Text(item.net.exact.0.to_string().into()), Atom::Text(item.id.clone().into())]
    });
    let total = Some(Amount::new(total, currency));
    Ok(Abc { currency: Some(currency), as_of, total, classes: classes.into(), page })
}

fn clients(reader: &Reader<'_>, window: Window, currency: Currency) -> Result<Vec<Sum>, QueryError> {
    let mut out = Vec::new();
    each(reader, Which { client: None, currency: Some(currency) }, |client: ClientId, entries| {
        let inside = || entries.iter().filter(|entry| window.holds(entry.effect_day));
        let placed = entries.iter().filter(|entry| window.holds(entry.order_day));
        let sum = Sum {
            id: client.to_string(),
            orders: Some(placed.map(|entry| entry.count(Basis::Sales)).sum()),
            ordered: inside().map(|entry| i128::from(entry.ordered)).sum(),
            returned: inside().map(|entry| i128::from(entry.returned)).sum(),
        };
        if inside().next().is_some() {
            out.push(sum);
        }
    })?;
    Ok(out)
}

fn products(reader: &Reader<'_>, window: Window, currency: Currency) -> Result<Vec<Sum>, QueryError> {
    let mut statement = reader.conn.prepare_cached(&format!(
        "SELECT product, {}, {}, {} FROM revenue
         WHERE currency = ?1 AND day >= ?2 AND day < ?3 AND day <= ?4 GROUP BY product",
        wide_sum("gross_micro"),
        wide_sum("cancelled_micro"),
        wide_sum("returned_micro"),
    ))?;
    let params = [currency.put(), window.from.put(), window.to.put(), reader.day().put()];
    let rows = statement.query_map(params, |row| {
        Ok(Sum {
            id: row.get(0)?,
            orders: None,
            ordered: read_wide(row, 1)? - read_wide(row, 3)?,
            returned: read_wide(row, 5)?,
        })
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
