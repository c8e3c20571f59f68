//! Revenue in one currency: every fact at the rate of its own day.

use std::collections::BTreeMap;

use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use super::answer::{Page, read_wide, wide_sum};
use super::revenue::{By, Question};
use crate::engine::list::Window;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};
use crate::views::rates::{Converted, Fine, NoRate, RateUsed, Rates};

/// Revenue in the currency of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// The currency of the report.
    pub currency: Currency,
    /// Ordered.
    pub ordered: Converted,
    /// Returned.
    pub returned: Converted,
    /// Cancelled.
    pub cancelled: Converted,
    /// `ordered − returned − cancelled`.
    pub net: Converted,
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
pub struct Report {
    /// The last day that is covered.
    pub as_of: Day,
    /// Sums of the whole period, whatever the page and the breakdown.
    pub totals: Sums,
    /// The breakdown, by key.
    pub page: Page<Item>,
    /// The rates it rests on.
    pub rates: Vec<RateUsed>,
    /// What no sum holds, since no rate was set by then.
    pub unconverted: Vec<NoRate>,
}

/// Ordered, returned, cancelled.
#[derive(Debug, Clone, Copy, Default)]
struct Parts([Fine; 3]);

impl Parts {
    fn plus(&mut self, other: [Fine; 3]) {
        self.0.iter_mut().zip(other).for_each(|(sum, more)| sum.plus(more));
    }

    fn sums(self, currency: Currency) -> Sums {
        let [ordered, returned, cancelled] = self.0;
        let net = ordered.minus(returned).minus(cancelled);
        let [ordered, returned, cancelled, net] =
            [ordered, returned, cancelled, net].map(|sum| Converted::new(sum, currency));
        Sums { currency, ordered, returned, cancelled, net }
    }
}

/// Answers a question about revenue in one currency.
///
/// # Errors
/// When the cursor is of another question or the views cannot be read.
pub fn report(reader: &Reader<'_>, question: &Question, to: Currency, window: &Window) -> Result<Report, QueryError> {
    let query = format!("revenue in {to}?{question:?}&day={}", reader.day());
    let (limit, _) = window.wanted()?;
    let after = match window.place(&query, 1)?.as_deref() {
        Some([Atom::Text(key)]) => Some(key.to_string()),
        Some(_) => return Err(QueryError::Cursor),
        None => None,
    };
    let mut rates = Rates::load(reader, to)?;
    let mut total = Parts::default();
    let mut keys: BTreeMap<String, Parts> = BTreeMap::new();
    days(reader, question, |key, currency, day, micro| {
        let parts = micro.map(|micro| rates.convert(micro, currency, day));
        if let [Some(ordered), Some(returned), Some(cancelled)] = parts {
            total.plus([ordered, returned, cancelled]);
            keys.entry(key).or_default().plus([ordered, returned, cancelled]);
        }
    })?;
    let items = keys
        .into_iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
        .take(limit + 1)
        .map(|(key, parts)| Item { key: Some(key).filter(|key| !key.is_empty()), sums: parts.sums(to) })
        .collect();
    let page =
        Page::cut(items, limit, &query, |item: &Item| vec![Atom::Text(item.key.clone().unwrap_or_default().into())]);
    let (rates, unconverted) = rates.done();
    Ok(Report { as_of: reader.day(), totals: total.sums(to), page, rates, unconverted })
}

/// Every sum of a key, a currency and a day.
fn days(
    reader: &Reader<'_>,
    question: &Question,
    mut see: impl FnMut(String, Currency, Day, [i128; 3]),
) -> Result<(), QueryError> {
    let (table, day, key, _) = question.by.source();
    let key = if question.by == By::Day { "day" } else { key };
    let sums = ["gross_micro", "returned_micro", "cancelled_micro"].map(wide_sum).join(", ");
    let sql = format!(
        "SELECT {key}, currency, {day}, {sums} FROM {table} WHERE {day} >= ?1 AND {day} < ?2 AND {day} <= ?3
         AND (?4 IS NULL OR currency = ?4) AND (?5 IS NULL OR identified = ?5) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    );
    let params = [
        question.from.put(),
        question.to.put(),
        reader.day().put(),
        question.currency.put(),
        question.identified.put(),
    ];
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let micro = [read_wide(row, 3)?, read_wide(row, 5)?, read_wide(row, 7)?];
        see(row.get::<_, Option<String>>(0)?.unwrap_or_default(), cell(row, 1)?, cell(row, 2)?, micro);
    }
    Ok(())
}
