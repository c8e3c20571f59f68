//! The cube: revenue, counts and cost by any of its dimensions at once.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use letopis_core::ids::EmployeeId;
use letopis_core::money::Currency;
use serde::Serialize;

use super::cell::{CELL, DIMS, Dim, Filter, Joins, Spot};
use crate::engine::list::Page;
use crate::engine::question::{Answer, Param, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};
use crate::views::deals::DealRow;
use crate::views::funnel::Period;
use crate::views::orders::answer::{Amount, ExactSum, read_wide, wide_sum};
use crate::views::orders::margin::Costs;
use crate::views::presale::PresaleRow;
use crate::views::rates::{Converted, Fine, RateUsed};
use crate::views::words::Blank;

/// Parameters of the cube: those of a cell, and what it is cut by.
pub(super) const PARAMS: [Param; 13] = {
    let [a, b, c, d, e, f, g, h, i, j] = CELL;
    let by = Param::Text(
        "by",
        "What it is cut by, several with commas: employee, manager, product, product_group, channel, region, segment, month",
    );
    [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
        Param::Text("currency", "One currency; all, each for itself, when missing"),
        by,
        Param::Page,
    ]
};

/// Sales of a period, cut by some dimensions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cube {
    /// The period.
    pub period: Period,
    by: Vec<Dim>,
    /// The costs of products it rests on: `product-cost:tea@2`.
    pub costs: BTreeSet<String>,
    /// The rates it rests on.
    pub rates: Vec<RateUsed>,
    /// Sums of all cells, one per currency.
    pub totals: Vec<CubeCell>,
    /// The cells, by their keys and currency; what is not known comes last.
    #[serde(flatten)]
    pub page: Page<CubeCell>,
}

/// One cell, in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CubeCell {
    /// Id or code in each dimension; null for what is not known.
    pub keys: Vec<Option<String>>,
    /// What they are called.
    pub labels: Vec<Option<String>>,
    /// The currency.
    pub currency: Currency,
    /// Sale lines.
    pub lines: i64,
    /// Pieces, in all lines.
    pub pieces: ExactSum,
    /// Ordered.
    pub ordered: Amount,
    /// Returned.
    pub returned: Amount,
    /// Cancelled.
    pub cancelled: Amount,
    /// `ordered − returned − cancelled`.
    pub net: Amount,
    /// What the goods that were sold and kept cost, each day at the cost of that day; null where that is not known
    /// of some of them.
    pub goods_cost: Option<Converted>,
    /// Pieces sold and kept whose cost is not known.
    pub pieces_without_cost: ExactSum,
    /// What was done in the period to win deals, by who did it and the product and client of the deal.
    pub presale_cost: Amount,
    /// `net − goods_cost − presale_cost`; null where the cost of goods is.
    pub contribution: Option<Converted>,
}

/// Known keys first, in ascending order.
type Key = (Vec<(bool, String)>, Currency);
/// Lines; pieces, ordered, returned, cancelled, cost of actions in millionths; cost of goods as [`Fine`]; pieces
/// without a cost in millionths.
type Sums = [i128; 8];

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = params.words("by", DIMS)?;
    let filter = Filter::read(reader, params)?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("cube {by:?} {filter:?} {}", reader.day());
    let place = window.place(&shape, by.len() * 2 + 1)?;
    let dims: Vec<Dim> = by.iter().copied().chain(filter.dims()).collect();
    let joins = Joins::load(reader, &dims, filter.attribute.as_ref())?;
    let mut cells: BTreeMap<Key, Sums> = BTreeMap::new();
    let mut totals: BTreeMap<Currency, Sums> = BTreeMap::new();
    let (mut costs, mut used) = (Costs::load(reader)?, BTreeSet::new());
    // A cost is that of a product on a day.
    let costed = costs.any();
    each(reader, &filter, &dims, costed, |spot, currency, mut sums| {
        if !filter.holds(&joins, spot) {
            return Ok(());
        }
        if let Some(product) = spot.product.as_ref().filter(|_| costed)
            && let Some(cost) = costs.of(product, sums[7], spot.day, currency, &mut used)?
        {
            (sums[6], sums[7]) = (cost.0, 0);
        }
        let key = |dim: &Dim| joins.key(*dim, spot).map_or((true, String::new()), |key| (false, key));
        let cell = cells.entry((by.iter().map(key).collect(), currency)).or_default();
        cell.iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
        totals.entry(currency).or_default().iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
        Ok(())
    })?;
    let (rates, _) = costs.done();
    let from = place.map(|place| position(&place)).transpose()?;
    let keep = |(key, _): &(Key, Sums)| from.as_ref().is_none_or(|from| key > from);
    let chosen: Vec<(Key, Sums)> = cells.into_iter().filter(keep).take(limit + 1).collect();
    let page = Page::cut(chosen, limit, &shape, |((keys, currency), _)| atoms(keys, *currency));
    let page = page.map(|((keys, currency), sums)| {
        let known: Vec<Option<String>> = keys.into_iter().map(|(unknown, key)| (!unknown).then_some(key)).collect();
        let label = |(dim, key): (&Dim, &Option<String>)| joins.label(*dim, key.as_deref()?);
        CubeCell { labels: by.iter().zip(&known).map(label).collect(), keys: known, ..CubeCell::of(currency, sums) }
    });
    let totals = totals.into_iter().map(|(currency, sums)| CubeCell::of(currency, sums)).collect();
    json(Cube { period: filter.period, by, costs: used, rates, totals, page })
}

impl CubeCell {
    fn of(currency: Currency, sums: Sums) -> Self {
        let [lines, pieces, ordered, returned, cancelled, presale, goods, uncosted] = sums;
        let net = ordered - returned - cancelled;
        let known = |fine: i128| (uncosted == 0).then(|| Converted::new(Fine(fine), currency));
        Self {
            keys: Vec::new(),
            labels: Vec::new(),
            currency,
            lines: i64::try_from(lines).unwrap_or(i64::MAX),
            pieces: ExactSum(pieces),
            ordered: Amount::new(ordered, currency),
            returned: Amount::new(returned, currency),
            cancelled: Amount::new(cancelled, currency),
            net: Amount::new(net, currency),
            goods_cost: known(goods),
            pieces_without_cost: ExactSum(uncosted),
            presale_cost: Amount::new(presale, currency),
            contribution: known(Fine::of_micro(net - presale).0.saturating_sub(goods)),
        }
    }
}

fn atoms(keys: &[(bool, String)], currency: Currency) -> Vec<Atom> {
    let key = |(unknown, key): &(bool, String)| [unknown.put(), Atom::Text(key.as_str().into())];
    keys.iter().flat_map(key).chain([currency.put()]).collect()
}

fn position(place: &[Atom]) -> Result<Key, QueryError> {
    let (currency, keys) = place.split_last().ok_or(QueryError::Cursor)?;
    let key = |pair: &[Atom]| match pair {
        [Atom::Int(unknown), Atom::Text(key)] => Ok((*unknown != 0, key.to_string())),
        _ => Err(QueryError::Cursor),
    };
    let Atom::Text(currency) = currency else { return Err(QueryError::Cursor) };
    let keys = keys.chunks(2).map(key).collect::<Result<_, _>>()?;
    Ok((keys, currency.parse().map_err(|_| QueryError::Cursor)?))
}

/// Sums of revenue and cost, place by place; what no dimension asks for is summed over by the database.
fn each(
    reader: &Reader<'_>,
    filter: &Filter,
    dims: &[Dim],
    costed: bool,
    mut take: impl FnMut(&Spot, Currency, Sums) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let any = |wanted: &[Dim]| dims.iter().any(|dim| wanted.contains(dim));
    let column = |needed: bool, name: &'static str, other: &'static str| if needed { name } else { other };
    let columns = [
        column(costed, "day", column(any(&[Dim::Month]), "substr(day, 1, 7) || '-01'", "'1970-01-01'")),
        column(any(&[Dim::Segment]), "client", "'00000000000000000000000000'"),
        column(costed || any(&[Dim::Product, Dim::ProductGroup]), "product", "''"),
        column(any(&[Dim::Employee, Dim::Manager]), "employee", "''"),
        column(any(&[Dim::Channel]), "channel", "''"),
        column(any(&[Dim::Region]), "region", "''"),
    ];
    let sums = [
        "sale_lines",
        "quantity_micro",
        "gross_micro",
        "returned_micro",
        "cancelled_micro",
        "returned_quantity_micro",
        "cancelled_quantity_micro",
    ];
    let sums = sums.map(wide_sum);
    let condition = filter.condition(reader);
    let rest = condition.sql("GROUP BY 1, 2, 3, 4, 5, 6, 7");
    let sql = format!("SELECT {}, currency, {} FROM revenue {rest}", columns.join(", "), sums.join(", "));
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(condition.values().as_slice())?;
    while let Some(row) = rows.next()? {
        let sum = |index: usize| read_wide(row, 7 + 2 * index);
        let kept = sum(1)? - sum(5)? - sum(6)?;
        let sums = [sum(0)?, sum(1)?, sum(2)?, sum(3)?, sum(4)?, 0, 0, kept];
        if sums != Sums::default() {
            take(&spot(row)?, cell(row, 6)?, sums)?;
        }
    }
    presale(reader, filter, take)
}

/// The place of a row whose first six columns are day, client, product, employee, channel and region.
pub(super) fn spot(row: &rusqlite::Row<'_>) -> Result<Spot, QueryError> {
    Ok(Spot {
        day: cell(row, 0)?,
        client: cell(row, 1)?,
        product: cell::<Blank<Code>>(row, 2)?.0,
        employee: cell::<Blank<EmployeeId>>(row, 3)?.0,
        channel: cell::<Blank<String>>(row, 4)?.0,
        region: cell::<Blank<String>>(row, 5)?.0,
    })
}

/// The place of what an action to win a deal cost.
pub(super) fn cost_spot(reader: &Reader<'_>, row: &PresaleRow) -> Result<Option<Spot>, QueryError> {
    let Some(done) = row.done_at.filter(|_| row.cost_minor.is_some()) else { return Ok(None) };
    let rest = "WHERE deal = ?1 AND client = ?2";
    let deal = reader.rows::<DealRow>(rest, &[&row.deal.put(), &row.client.put()])?.into_iter().next();
    Ok(Some(Spot {
        day: reader.zone.day(done),
        client: row.client.client(),
        product: deal.and_then(|deal| deal.product),
        employee: row.doer,
        channel: None,
        region: None,
    }))
}

/// The actions to win deals that cost something in the filter's period.
pub(super) fn costly(reader: &Reader<'_>, filter: &Filter) -> Result<Vec<PresaleRow>, QueryError> {
    let Period { from, to } = filter.period;
    let (from, to) = (reader.zone.start(from), reader.zone.start(to).min(reader.now));
    let rest = "WHERE done_at >= ?1 AND done_at < ?2 AND cost_minor IS NOT NULL ORDER BY action";
    let mut rows = reader.rows::<PresaleRow>(rest, &[&from.0, &to.0])?;
    rows.retain(|row| filter.currency.is_none_or(|currency| Some(currency) == row.cost_currency));
    Ok(rows)
}

fn presale(
    reader: &Reader<'_>,
    filter: &Filter,
    mut take: impl FnMut(&Spot, Currency, Sums) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    for row in costly(reader, filter)? {
        if let (Some(spot), Some(cost)) = (cost_spot(reader, &row)?, row.cost()) {
            let micro = cost.exact().map_or(0, |exact| i128::from(exact.0));
            take(&spot, cost.currency, [0, 0, 0, 0, 0, micro, 0, 0])?;
        }
    }
    Ok(())
}
