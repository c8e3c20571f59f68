//! How many products clients use, and who uses one without another.
//!
//! A client uses a product while what he bought of it, less returns and cancellations, is worth more than nothing.
//! Only identified clients are counted.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::ClientId;
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};
use crate::views::funnel::Ratio;
use crate::views::orders::answer::{ExactSum, read_wide, wide_sum};

/// Longest period, in months.
const MAX_MONTHS: usize = 240;
/// From so many products on clients are counted together.
const MANY: i64 = 10;

/// How many products clients used at the end of a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductsInUse {
    /// The last day that is covered: the end of a month, or the bound.
    pub day: Day,
    /// Clients who use at least one.
    pub clients: i64,
    /// Products in use by clients who use at least one.
    pub per_client: Ratio,
    /// Clients by the number of products they use; `10` stands for ten and more.
    pub clients_by_products: BTreeMap<i64, i64>,
}

/// A product and since when a client uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Holding {
    /// The product.
    pub product: Code,
    /// The day of the first purchase.
    pub first: Day,
    /// The day of the last purchase, return or cancellation.
    pub last: Day,
    /// Pieces bought, whatever became of them.
    pub pieces: ExactSum,
    /// Whether he uses it at the bound.
    pub in_use: bool,
}

/// Ordered − returned − cancelled.
const NET: &str = "gross_micro - returned_micro - cancelled_micro";

pub(super) fn in_use(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let product = params.one::<Code>("product")?;
    let sql = format!(
        "SELECT client, product, day, SUM({NET}) FROM revenue
         WHERE identified = 1 AND day <= ?1 AND (?2 IS NULL OR product = ?2)
         GROUP BY client, product, day HAVING SUM({NET}) <> 0 ORDER BY client, product, day"
    );
    // By day: how many clients came to use so many products more or fewer.
    let mut moves: BTreeMap<Day, BTreeMap<i64, i64>> = BTreeMap::new();
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query((reader.day().put(), product.put()))?;
    let mut of_client = OfClient::default();
    while let Some(row) = rows.next()? {
        of_client.take(cell(row, 0)?, cell(row, 1)?, cell(row, 2)?, row.get(3)?, &mut moves);
    }
    of_client.finish(&mut moves);
    let ends = month_ends(from, to, reader.day(), moves.keys().next().copied())?;
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut moves = moves.into_iter().peekable();
    let mut items = Vec::new();
    for day in ends {
        while let Some((_, changes)) = moves.next_if(|(on, _)| *on <= day) {
            changes.into_iter().for_each(|(products, change)| *counts.entry(products).or_default() += change);
        }
        let used = counts.iter().filter(|(products, clients)| **products > 0 && **clients != 0);
        let (mut clients, mut products, mut shown) = (0, 0, BTreeMap::new());
        for (many, n) in used {
            (clients, products) = (clients + n, products + many * n);
            *shown.entry((*many).min(MANY)).or_insert(0) += n;
        }
        let per_client = Ratio::of_sums(products, clients, clients);
        items.push(ProductsInUse { day, clients, per_client, clients_by_products: shown });
    }
    json(items)
}

/// Goes through the products of one client after another.
#[derive(Default)]
struct OfClient {
    client: Option<ClientId>,
    product: Option<Code>,
    worth: i64,
    /// By day: products that he came to use less those that he left.
    changes: BTreeMap<Day, i64>,
}

impl OfClient {
    fn take(
        &mut self,
        client: ClientId,
        product: Code,
        day: Day,
        net: i64,
        moves: &mut BTreeMap<Day, BTreeMap<i64, i64>>,
    ) {
        if self.client != Some(client) {
            self.finish(moves);
            (self.client, self.product) = (Some(client), None);
        }
        if self.product.as_ref() != Some(&product) {
            (self.product, self.worth) = (Some(product), 0);
        }
        let before = self.worth > 0;
        self.worth = self.worth.saturating_add(net);
        *self.changes.entry(day).or_default() += i64::from(self.worth > 0) - i64::from(before);
    }

    fn finish(&mut self, moves: &mut BTreeMap<Day, BTreeMap<i64, i64>>) {
        let mut uses = 0;
        for (day, change) in std::mem::take(&mut self.changes) {
            if change != 0 {
                let on = moves.entry(day).or_default();
                *on.entry(uses).or_default() -= 1;
                uses += change;
                *on.entry(uses).or_default() += 1;
            }
        }
    }
}

/// The ends of the months of a period, the bound last; from the first day with anything in it.
fn month_ends(from: Day, to: Day, bound: Day, first: Option<Day>) -> Result<Vec<Day>, QueryError> {
    let Some(first) = first else { return Ok(Vec::new()) };
    let last = Day(to.0 - 1).min(bound);
    let mut day = first.max(from);
    let mut ends = Vec::new();
    while day <= last {
        if ends.len() >= MAX_MONTHS {
            return Err(wrong("from", format!("more than {MAX_MONTHS} months are asked about")));
        }
        let end = Day::from_date(day.date().last_of_month());
        ends.push(end.min(last));
        day = Day(end.0 + 1);
    }
    Ok(ends)
}

pub(super) fn of_client(reader: &Reader<'_>, _: &mut Params, client: ClientId) -> Answer {
    let sql = format!(
        "SELECT product, MIN(day), MAX(day), {}, SUM({NET}) > 0 FROM revenue WHERE client = ?1 AND day <= ?2
         GROUP BY product HAVING SUM(quantity_micro) <> 0 OR SUM({NET}) <> 0 ORDER BY product",
        wide_sum("quantity_micro")
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let rows = statement.query_map((client.put(), reader.day().put()), |row| {
        Ok(Holding {
            product: cell(row, 0)?,
            first: cell(row, 1)?,
            last: cell(row, 2)?,
            pieces: ExactSum(read_wide(row, 3)?),
            in_use: row.get(5)?,
        })
    })?;
    json(rows.collect::<Result<Vec<_>, _>>()?)
}

#[derive(Serialize)]
struct Without {
    /// Who uses the one.
    clients: i64,
    /// Who uses both, out of them.
    both: Ratio,
    /// How much likelier the other is with the one than in general: `both × all / (one × other)`; null below 10 who
    /// use both.
    lift: Option<f64>,
    #[serde(flatten)]
    page: Page<WithoutItem>,
}

#[derive(Serialize)]
struct WithoutItem {
    client: ClientId,
    /// Since when he uses the one.
    since: Day,
}

/// Fewest clients with both products for a lift.
const MIN_SUPPORT: i64 = 10;

pub(super) fn with_without(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (with, without) = (params.required::<Code>("with")?, params.required::<Code>("without")?);
    if with == without {
        return Err(wrong("without", format!("{without} cannot be both with and without")));
    }
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("with {with} without {without} {}", reader.day());
    let after = match window.place(&shape, 1)?.as_deref() {
        Some([Atom::Text(client)]) => client.to_string(),
        Some(_) => return Err(QueryError::Cursor),
        None => String::new(),
    };
    let users = |n: u8| {
        format!(
            "SELECT client, MIN(day) AS since FROM revenue WHERE product = ?{n} AND identified = 1 AND day <= ?3
             GROUP BY client HAVING SUM({NET}) > 0"
        )
    };
    let (one, other) = (users(1), users(2));
    let day = reader.day().put();
    let all = format!(
        "SELECT COUNT(DISTINCT client) FROM (SELECT client FROM revenue WHERE identified = 1 AND day <= ?3
         AND ?1 <> ?2 GROUP BY client, product HAVING SUM({NET}) > 0)"
    );
    let count = |sql: &str| -> Result<i64, QueryError> {
        let mut statement = reader.conn.prepare_cached(sql)?;
        Ok(statement.query_row((with.put(), without.put(), &day), |row| row.get(0))?)
    };
    let clients = count(&format!("SELECT COUNT(*) FROM ({one}) WHERE ?2 <> ''"))?;
    let others = count(&format!("SELECT COUNT(*) FROM ({other}) WHERE ?1 <> ''"))?;
    let both = count(&format!("SELECT COUNT(*) FROM ({one}) JOIN ({other}) USING (client)"))?;
    let base = clients.saturating_mul(others);
    let lift = (both >= MIN_SUPPORT).then_some(count(&all)?).map(|all| both as f64 * all as f64 / base as f64);
    let sql = format!(
        "SELECT client, since FROM ({one}) WHERE client NOT IN (SELECT client FROM ({other})) AND client > ?4
         ORDER BY client LIMIT {wanted}"
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let rows = statement.query_map((with.put(), without.put(), &day, after), |row| {
        Ok(WithoutItem { client: cell(row, 0)?, since: cell(row, 1)? })
    })?;
    let items = rows.collect::<Result<Vec<_>, _>>()?;
    let page = Page::cut(items, limit, &shape, |item| vec![item.client.put()]);
    json(Without { clients, both: Ratio::of_cases(both, clients), lift, page })
}
