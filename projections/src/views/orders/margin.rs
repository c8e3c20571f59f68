//! Margin: net revenue less the cost of what was sold and kept, each day at the cost of that day.
//!
//! The cost of one piece is the last that was set before the end of the day. A kit without a cost of its own costs
//! what its components do. A cost in another currency is converted at the rate of the day. Pieces whose cost is not
//! known then are told apart, and their product has no margin: a guess would rank it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use letopis_core::definitions::{Definition, Definitions};
use letopis_core::events::definition::ProductDefined;
use letopis_core::events::finance::ProductCostSet;
use letopis_core::events::pricing::KitDefined;
use letopis_core::money::Currency;
use letopis_core::time::{Day, Month, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use super::answer::{ExactSum, read_wide, wide_sum};
use super::kits::take_apart;
use super::number::micro;
use crate::engine::list::{Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, cell};
use crate::views::rates::{Converted, Fine, NoRate, RateUsed, Rates};

/// What margin is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Products.
    Product,
    /// Product groups, as they are defined at the bound.
    Group,
    /// Calendar months.
    Month,
}

/// A question about margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// First day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// The breakdown.
    pub by: By,
    /// Everything in this currency; each currency for itself when none is named.
    pub report_currency: Option<Currency>,
}

/// A share of money.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Margin in minor units,
    pub numerator: i64,
    /// of this revenue.
    pub denominator: i64,
    /// The quotient; null where there is nothing to divide by.
    pub value: Option<f64>,
    /// Days with sales or returns: the size of the sample.
    pub n: i64,
    /// Whether that is fewer than 30.
    pub small: bool,
}

/// Margin of one key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The product, group or month; none where a product has no group.
    pub key: Option<String>,
    /// The currency.
    pub currency: Currency,
    /// Net revenue.
    pub revenue: Converted,
    /// Pieces sold and kept.
    pub pieces: ExactSum,
    /// What they cost; none when that is not known of all of them.
    pub cost: Option<Converted>,
    /// Revenue less cost.
    pub margin: Option<Converted>,
    /// Margin of revenue.
    pub share: Option<Share>,
    /// Pieces whose cost is not known.
    pub pieces_without_cost: ExactSum,
    /// The costs that were used.
    pub costs: BTreeSet<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Margins {
    /// The last day that is covered.
    pub as_of: Day,
    /// The keys, the highest margin first; then those without one, by revenue.
    pub page: Page<Item>,
    /// The rates it rests on.
    pub rates: Vec<RateUsed>,
    /// What no sum holds, since no rate was set by then.
    pub unconverted: Vec<NoRate>,
}

#[derive(Debug, Default)]
struct Sum {
    revenue: Fine,
    cost: Fine,
    pieces: i128,
    uncosted: i128,
    days: BTreeSet<Day>,
    costs: BTreeSet<String>,
}

/// Margin of a period.
///
/// # Errors
/// When the period is empty, the cursor is of another question or the views cannot be read.
pub fn margin(reader: &Reader<'_>, question: &Question, window: &Window) -> Result<Margins, QueryError> {
    if question.from >= question.to {
        let reason = format!("{} is not after {}", question.to, question.from);
        return Err(QueryError::Parameter { name: "to", reason });
    }
    let query = format!("margin?{question:?}&day={}", reader.day());
    let (limit, _) = window.wanted()?;
    let skip = match window.place(&query, 1)?.as_deref() {
        Some([Atom::Int(rank)]) => usize::try_from(*rank).map_err(|_| QueryError::Cursor)?,
        Some(_) => return Err(QueryError::Cursor),
        None => 0,
    };
    let mut costs = Costs::load(reader)?;
    let mut sums: BTreeMap<(Option<String>, Currency), Sum> = BTreeMap::new();
    each(reader, question, |product, currency, day, net, pieces| {
        let to = question.report_currency.unwrap_or(currency);
        let Some(revenue) = rates_to(&mut costs.rates, reader, to)?.convert(net, currency, day) else { return Ok(()) };
        let key = match question.by {
            By::Product => Some(product.to_string()),
            By::Month => Some(Month::of(day).to_string()),
            By::Group => costs
                .definitions
                .latest::<ProductDefined>(product.as_str())
                .and_then(|dated| dated.value.group.as_ref().map(Code::to_string)),
        };
        let sum = sums.entry((key, to)).or_default();
        sum.days.insert(day);
        sum.revenue.plus(revenue);
        sum.pieces += pieces;
        match costs.of(&product, pieces, day, to, &mut sum.costs)? {
            Some(cost) => sum.cost.plus(cost),
            None => sum.uncosted += pieces,
        }
        Ok(())
    })?;
    let mut items: Vec<Item> = sums.into_iter().map(|((key, currency), sum)| item(key, currency, sum)).collect();
    items.sort_by(|a, b| {
        let rank = |item: &Item| (item.margin.is_none(), std::cmp::Reverse(item.margin.unwrap_or(item.revenue).exact));
        rank(a).cmp(&rank(b)).then_with(|| (&a.key, a.currency).cmp(&(&b.key, b.currency)))
    });
    let ranked: Vec<(usize, Item)> = items.into_iter().enumerate().skip(skip).take(limit + 1).collect();
    let page = Page::cut(ranked, limit, &query, |(rank, _)| vec![Atom::Int(*rank as i64 + 1)]).map(|(_, item)| item);
    let (used, missing) = costs.done();
    Ok(Margins { as_of: reader.day(), page, rates: used, unconverted: missing })
}

fn item(key: Option<String>, currency: Currency, sum: Sum) -> Item {
    let known = sum.uncosted == 0;
    let revenue = Converted::new(sum.revenue, currency);
    let margin = known.then(|| Converted::new(sum.revenue.minus(sum.cost), currency));
    let share = margin.map(|margin| {
        let (numerator, denominator) = (margin.rounded.minor, revenue.rounded.minor);
        let (n, value) = (sum.days.len() as i64, (denominator > 0).then(|| numerator as f64 / denominator as f64));
        Share { numerator, denominator, value, n, small: n < 30 }
    });
    Item {
        key,
        currency,
        revenue,
        pieces: ExactSum(sum.pieces),
        cost: known.then(|| Converted::new(sum.cost, currency)),
        margin,
        share,
        pieces_without_cost: ExactSum(sum.uncosted),
        costs: sum.costs,
    }
}

/// What pieces cost on a day: costs, kits and rates as they are set at the reader's bound.
pub(crate) struct Costs<'a> {
    reader: Reader<'a>,
    definitions: Definitions,
    rates: BTreeMap<Currency, Rates<'a>>,
}

impl<'a> Costs<'a> {
    pub(crate) fn load(reader: &Reader<'a>) -> Result<Self, QueryError> {
        let definitions = reader.definitions(&[ProductCostSet::KIND, KitDefined::KIND, ProductDefined::KIND])?;
        Ok(Self { reader: *reader, definitions, rates: BTreeMap::new() })
    }

    /// Whether the cost of anything is known.
    pub(crate) fn any(&self) -> bool {
        !self.definitions.all::<ProductCostSet>().is_empty()
    }

    /// What pieces (in millionths) of a day cost in a currency; none when that is not known of all of them.
    pub(crate) fn of(
        &mut self,
        product: &Code,
        pieces: i128,
        day: Day,
        to: Currency,
        used: &mut BTreeSet<String>,
    ) -> Result<Option<Fine>, QueryError> {
        if pieces == 0 {
            return Ok(Some(Fine(0)));
        }
        let at = Timestamp(self.reader.zone.end(day).0 - 1);
        let definitions = &self.definitions;
        let rates = rates_to(&mut self.rates, &self.reader, to)?;
        let mut convert = |unit: Decimal, currency| rates.convert_product(pieces, micro(unit).0.into(), currency, day);
        if let Some(cost) = definitions.at::<ProductCostSet>(product.as_str(), at) {
            used.insert(cost.name());
            return Ok(convert(cost.value.unit_cost, cost.value.currency));
        }
        let parts = take_apart(definitions, product, Decimal::ONE, at, used);
        if parts.len() == 1 && parts.contains_key(product) {
            return Ok(None);
        }
        let mut sum = Fine::default();
        for (part, quantity) in parts {
            let Some(cost) = definitions.at::<ProductCostSet>(part.as_str(), at) else { return Ok(None) };
            used.insert(cost.name());
            let own = quantity.checked_mul(cost.value.unit_cost);
            match own.and_then(|own| convert(own, cost.value.currency)) {
                Some(cost) => sum.plus(cost),
                None => return Ok(None),
            }
        }
        Ok(Some(sum))
    }

    /// The rates that were used, and what could not be converted.
    pub(crate) fn done(self) -> (Vec<RateUsed>, Vec<NoRate>) {
        let (mut used, mut missing) = (Vec::new(), Vec::new());
        for (own, none) in self.rates.into_values().map(Rates::done) {
            used.extend(own);
            missing.extend(none);
        }
        (used, missing)
    }
}

/// The rates into a currency, loaded when they are first asked for.
fn rates_to<'m, 'a>(
    known: &'m mut BTreeMap<Currency, Rates<'a>>,
    reader: &Reader<'a>,
    to: Currency,
) -> Result<&'m mut Rates<'a>, QueryError> {
    Ok(match known.entry(to) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => free.insert(Rates::load(reader, to)?),
    })
}

/// Every product, currency and day: net revenue in millionths, pieces sold and kept in millionths.
fn each(
    reader: &Reader<'_>,
    question: &Question,
    mut see: impl FnMut(Code, Currency, Day, i128, i128) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let columns = [
        "gross_micro",
        "returned_micro",
        "cancelled_micro",
        "quantity_micro",
        "returned_quantity_micro",
        "cancelled_quantity_micro",
    ];
    let sql = format!(
        "SELECT product, currency, day, {} FROM revenue WHERE day >= ?1 AND day < ?2 AND day <= ?3
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        columns.map(wide_sum).join(", ")
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query([question.from.put(), question.to.put(), reader.day().put()])?;
    while let Some(row) = rows.next()? {
        let sum = |index: usize| read_wide(row, 3 + 2 * index);
        let (net, pieces) = (sum(0)? - sum(1)? - sum(2)?, sum(3)? - sum(4)? - sum(5)?);
        see(cell(row, 0)?, cell(row, 1)?, cell(row, 2)?, net, pieces)?;
    }
    Ok(())
}
