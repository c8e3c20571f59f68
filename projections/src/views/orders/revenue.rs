//! Revenue of a period, by day, month, product, channel, region or client.

use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::answer::{Amount, ExactSum, Page, read_wide, wide_sum};
use crate::engine::list::Window;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};

/// What revenue is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Local days.
    Day,
    /// Calendar months, `2011-03`.
    Month,
    /// Products.
    Product,
    /// Channels.
    Channel,
    /// Regions.
    Region,
    /// Clients.
    Client,
}

impl By {
    /// Table, column of the day, the key, and whether it counts orders, lines and pieces.
    pub(crate) fn source(self) -> (&'static str, &'static str, &'static str, [bool; 3]) {
        match self {
            Self::Day => ("order_count", "day", "day", [true, true, false]),
            Self::Month => ("order_count", "day", "substr(day, 1, 7)", [true, true, false]),
            Self::Product => ("revenue", "day", "product", [false, true, true]),
            Self::Channel => ("order_count", "day", "channel", [true, true, false]),
            Self::Region => ("order_count", "day", "region", [true, true, false]),
            Self::Client => ("purchase_day", "effect_day", "client", [true, false, false]),
        }
    }
}

/// A question about revenue. Days beyond the bound of the reader count for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// First day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// The breakdown.
    pub by: By,
    /// One currency, or all, each for itself.
    pub currency: Option<Currency>,
    /// Only clients that somebody knows, or only the others, or all.
    pub identified: Option<bool>,
}

/// Revenue in one currency. What happened counts on its own day: an order when placed, the difference
/// of a change, a return, a cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// The currency.
    pub currency: Currency,
    /// Orders with a sale line; none by product, where an order would count more than once.
    pub orders: Option<i64>,
    /// Those of them cancelled in the period, whenever they were placed.
    pub cancelled_orders: Option<i64>,
    /// Sale lines; none by client.
    pub sale_lines: Option<i64>,
    /// Pieces, by product alone.
    pub quantity: Option<ExactSum>,
    /// Ordered.
    pub ordered: Amount,
    /// Returned.
    pub returned: Amount,
    /// Cancelled.
    pub cancelled: Amount,
    /// `ordered − returned − cancelled`.
    pub net: Amount,
}

/// Revenue of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The day, month, product, channel, region or client; none where it is not known.
    pub key: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The last day that is covered.
    pub as_of: Day,
    /// Sums of the whole period, one per currency, whatever the page and the breakdown; pieces of
    /// different products are not added.
    pub totals: Vec<Sums>,
    /// The breakdown, by key and currency.
    pub page: Page<Item>,
}

/// Answers a question about revenue.
///
/// # Errors
/// When the cursor is of another question or the view cannot be read.
pub fn revenue(reader: &Reader<'_>, question: &Question, window: &Window) -> Result<Answer, QueryError> {
    if question.from >= question.to {
        let reason = format!("{} is not after {}", question.to, question.from);
        return Err(QueryError::Parameter { name: "to", reason });
    }
    let query = format!("revenue?{question:?}&day={}", reader.day());
    let (limit, _) = window.wanted()?;
    let after = window.place(&query, 2)?;
    let totals = select(reader, question, None)?.into_iter().map(|item| item.sums).collect();
    let items = select(reader, question, Some((after, limit)))?;
    let page = Page::cut(items, limit, &query, |item| {
        vec![Atom::Text(item.key.clone().unwrap_or_default().into()), Atom::Text(item.sums.currency.as_str().into())]
    });
    Ok(Answer { as_of: reader.day(), totals, page })
}

fn select(
    reader: &Reader<'_>,
    question: &Question,
    page: Option<(Option<Vec<Atom>>, usize)>,
) -> Result<Vec<Item>, QueryError> {
    // Every breakdown adds up to the days, which are the smallest table.
    let by = if page.is_some() { question.by } else { By::Day };
    let (table, day, key, [counts_orders, counts_lines, counts_pieces]) = by.source();
    let key = if page.is_some() { key } else { "''" };
    let columns = [
        (counts_orders, "orders"),
        (counts_orders, "cancelled_orders"),
        (counts_lines, "sale_lines"),
        (counts_pieces, "quantity_micro"),
        (true, "gross_micro"),
        (true, "returned_micro"),
        (true, "cancelled_micro"),
    ];
    let sums = columns.map(|(counted, name)| if counted { wide_sum(name) } else { "0, 0".into() }).join(", ");
    let mut sql = format!(
        "SELECT {key}, currency, {sums} FROM {table} WHERE {day} >= ?1 AND {day} < ?2 AND {day} <= ?3
         AND (?4 IS NULL OR currency = ?4) AND (?5 IS NULL OR identified = ?5)"
    );
    let mut params = vec![
        question.from.put(),
        question.to.put(),
        reader.day().put(),
        question.currency.put(),
        question.identified.put(),
    ];
    if let Some((after, _)) = &page
        && let Some(place) = after
    {
        sql.push_str(&format!(" AND ({key}, currency) > (?6, ?7)"));
        params.extend(place.iter().cloned());
    }
    // What comes to nothing in every respect is left out, whether or not a row of zeros was kept.
    let nonzero: Vec<String> = columns
        .iter()
        .filter(|(counted, _)| *counted)
        .map(|(_, name)| format!("SUM({name} / 1000000) <> 0 OR SUM({name} % 1000000) <> 0"))
        .collect();
    sql.push_str(&format!(" GROUP BY 1, 2 HAVING {} ORDER BY 1, 2", nonzero.join(" OR ")));
    if let Some((_, limit)) = page {
        sql.push_str(&format!(" LIMIT {}", limit + 1));
    }
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(params), |row| {
        let currency: Currency = cell(row, 1)?;
        let sum = |index: usize| read_wide(row, 2 + 2 * index);
        let count = |counted: bool, index: usize| counted.then(|| sum(index).map(super::answer::narrow)).transpose();
        let (gross, returned, cancelled) = (sum(4)?, sum(5)?, sum(6)?);
        Ok(Item {
            key: row.get::<_, Option<String>>(0)?.filter(|key| !key.is_empty()),
            sums: Sums {
                currency,
                orders: count(counts_orders, 0)?,
                cancelled_orders: count(counts_orders, 1)?,
                sale_lines: count(counts_lines, 2)?,
                quantity: if counts_pieces { Some(ExactSum(sum(3)?)) } else { None },
                ordered: Amount::new(gross, currency),
                returned: Amount::new(returned, currency),
                cancelled: Amount::new(cancelled, currency),
                net: Amount::new(gross - returned - cancelled, currency),
            },
        })
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
