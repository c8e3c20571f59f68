//! What really came: the fact that plans and forecasts are held against.

use letopis_core::code::Code;
use letopis_core::events::plan::{Measure, Target};
use letopis_core::ids::EmployeeId;
use letopis_core::money::{Currency, Money};
use letopis_core::time::Day;

use crate::engine::list::Condition;
use crate::engine::question::{Params, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};
use crate::views::definitions::{employees, products};
use crate::views::orders::answer::{ExactSum, narrow, read_wide, wide_sum};

/// What a fact is narrowed to.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) employee: Option<EmployeeId>,
    pub(super) product: Option<Code>,
    pub(super) product_group: Option<Code>,
    pub(super) channel: Option<Code>,
    pub(super) region: Option<Code>,
}

/// How much came, and from how many cases: lines, deals, clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fact {
    /// In minor units for money.
    pub(super) value: i64,
    pub(super) n: i64,
}

/// What came of a measure in `[from, to)` up to the bound, in one currency where it is money.
pub(super) fn fact(
    reader: &Reader<'_>,
    measure: Measure,
    currency: Option<Currency>,
    (from, to): (Day, Day),
    scope: &Scope,
) -> Result<Fact, QueryError> {
    let mut found = Fact::default();
    each_day(reader, measure, currency, (from, to), scope, |_, day| {
        found.value += day.value;
        found.n += day.n;
    })?;
    match currency.filter(|_| measure == Measure::Revenue) {
        // Days are summed in millionths and rounded once.
        Some(currency) => Ok(Fact { value: ExactSum(i128::from(found.value)).round(currency).minor, n: found.n }),
        None => Ok(found),
    }
}

/// The same day by day, ascending; revenue is in millionths.
pub(super) fn each_day(
    reader: &Reader<'_>,
    measure: Measure,
    currency: Option<Currency>,
    period: (Day, Day),
    scope: &Scope,
    take: impl FnMut(Day, Fact),
) -> Result<(), QueryError> {
    match measure {
        Measure::Revenue => revenue(reader, currency, period, scope, take),
        Measure::WonAmount | Measure::WonDeals => won(reader, measure, currency, period, scope, take),
        Measure::NewClients => new_clients(reader, period, take),
    }
}

fn within(reader: &Reader<'_>, column: &str, (from, to): (Day, Day), changed: &str) -> Condition {
    let mut condition = Condition::default();
    let sql = format!("{column} >= ? AND {column} < ? AND {changed} <= ?");
    condition.and(&sql, [from.put(), to.put(), reader.day().put()]);
    condition
}

fn revenue(
    reader: &Reader<'_>,
    currency: Option<Currency>,
    period: (Day, Day),
    scope: &Scope,
    mut take: impl FnMut(Day, Fact),
) -> Result<(), QueryError> {
    let group = match &scope.product_group {
        Some(group) => Some((group, products(reader)?)),
        None => None,
    };
    let mut condition = within(reader, "day", period, "day");
    condition.is("currency", currency.as_ref()).is("employee", scope.employee.as_ref());
    condition.is("product", scope.product.as_ref()).is("channel", scope.channel.as_ref());
    condition.is("region", scope.region.as_ref());
    let sums = ["sale_lines", "gross_micro", "returned_micro", "cancelled_micro"].map(wide_sum).join(", ");
    let rest = condition.sql("GROUP BY day, product ORDER BY day, product");
    let mut statement = reader.conn.prepare_cached(&format!("SELECT day, product, {sums} FROM revenue {rest}"))?;
    let mut rows = statement.query(condition.values().as_slice())?;
    while let Some(row) = rows.next()? {
        let product: Code = cell(row, 1)?;
        if let Some((group, products)) = &group
            && products.get(&product).and_then(|known| known.group.as_ref()) != Some(*group)
        {
            continue;
        }
        let sum = |index: usize| read_wide(row, 2 + 2 * index);
        let net = sum(1)? - sum(2)? - sum(3)?;
        take(cell(row, 0)?, Fact { value: narrow(net), n: narrow(sum(0)?) });
    }
    Ok(())
}

fn won(
    reader: &Reader<'_>,
    measure: Measure,
    currency: Option<Currency>,
    period: (Day, Day),
    scope: &Scope,
    mut take: impl FnMut(Day, Fact),
) -> Result<(), QueryError> {
    let products = if scope.product_group.is_some() { products(reader)? } else { Default::default() };
    let employees = if scope.region.is_some() { employees(reader)? } else { Default::default() };
    let mut condition = within(reader, "closed_on", period, "day");
    condition.and("outcome = 'won'", []).is("currency", currency.as_ref());
    condition.is("agent", scope.employee.as_ref()).is("product", scope.product.as_ref());
    let rest =
        condition.sql("GROUP BY closed_on, agent, product HAVING SUM(deals) <> 0 OR SUM(amount) <> 0 ORDER BY 1, 2, 3");
    let sql = format!("SELECT closed_on, agent, product, SUM(deals), SUM(amount) FROM deal_close {rest}");
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(condition.values().as_slice())?;
    while let Some(row) = rows.next()? {
        let (agent, product): (String, String) = (row.get(1)?, row.get(2)?);
        let region = || employees.get(&agent.parse::<EmployeeId>().ok()?)?.region.as_ref();
        let group = || products.get(product.as_str())?.group.as_ref();
        if (scope.region.is_some() && region() != scope.region.as_ref())
            || (scope.product_group.is_some() && group() != scope.product_group.as_ref())
        {
            continue;
        }
        let (deals, amount): (i64, i64) = (row.get(3)?, row.get(4)?);
        take(cell(row, 0)?, Fact { value: if measure == Measure::WonDeals { deals } else { amount }, n: deals });
    }
    Ok(())
}

/// Identified clients by the day of their first purchase that was not cancelled.
fn new_clients(reader: &Reader<'_>, (from, to): (Day, Day), mut take: impl FnMut(Day, Fact)) -> Result<(), QueryError> {
    let sql = "SELECT first, COUNT(*) FROM (
                   SELECT client, MIN(order_day) AS first FROM (
                       SELECT client, order_day FROM purchase_day WHERE effect_day <= ?3 AND identified = 1
                       GROUP BY client, order_day HAVING SUM(purchases) > 0)
                   GROUP BY client)
               WHERE first >= ?1 AND first < ?2 GROUP BY first ORDER BY first";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let mut rows = statement.query([from.put(), to.put(), reader.day().put()])?;
    while let Some(row) = rows.next()? {
        let n: i64 = row.get(1)?;
        take(cell(row, 0)?, Fact { value: n, n });
    }
    Ok(())
}

/// The days `[from, to)` of [`Param::Period`](crate::engine::question::Param::Period), open where they are missing:
/// plans and forecasts speak of days after the bound.
pub(super) fn any_period(params: &mut Params) -> Result<(Day, Day), QueryError> {
    let (from, to) = (params.one("from")?.unwrap_or(Day(i32::MIN)), params.one("to")?.unwrap_or(Day(i32::MAX)));
    if from > to {
        return Err(wrong("to", format!("{to} is before {from}")));
    }
    Ok((from, to))
}

/// The words that name a measure.
pub(super) const MEASURES: &[(&str, Measure)] = &[
    ("revenue", Measure::Revenue),
    ("won_amount", Measure::WonAmount),
    ("won_deals", Measure::WonDeals),
    ("new_clients", Measure::NewClients),
];

/// The currency of a target, and its figure.
pub(super) fn figure(target: Target) -> (Option<Currency>, i64) {
    match target {
        Target::Amount(amount) => (Some(amount.currency), amount.minor),
        Target::Count(count) => (None, count),
    }
}

/// A figure as it was asked for: money where a currency is known.
pub(super) fn target(currency: Option<Currency>, value: i64) -> Target {
    match currency {
        Some(currency) => Target::Amount(Money { minor: value, currency }),
        None => Target::Count(value),
    }
}

/// The currency that a money measure needs.
pub(super) fn currency_for(measure: Measure, named: Option<Currency>) -> Result<Option<Currency>, QueryError> {
    match (measure.is_money(), named) {
        (true, None) => Err(wrong("currency", "a measure of money needs one")),
        (false, Some(_)) => Err(wrong("currency", "this measure is counted and has none")),
        (_, named) => Ok(named),
    }
}
