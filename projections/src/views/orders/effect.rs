//! What an order adds to the totals: a function of its state, dated by difference.
//!
//! Every fact that changes the effect of an order adds the difference on the fact's own day, so a day's
//! contribution depends only on what had happened by its end. The differences are kept in the row as
//! [`Move`]s; the placement needs none, because it is what remains of the present effect without them.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::number::{at_line_prices, micro};
use super::row::OrderRow;

/// Where an effect counts: at a product, or (without one) at the order as a whole; whether the order had
/// been placed, so that its channel and region are known; the currency.
pub(crate) type Place = (Option<Code>, bool, Currency);

/// Of a product: sale lines, pieces in millionths, worth ordered, returned, cancelled, pieces returned and
/// cancelled. Of an order: 1 for a sale, 1 for a cancelled sale, 1 for a purchase that was not cancelled.
pub(crate) type Sums = [i64; 7];

/// A change of an order's effect on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move(pub(crate) Day, pub(crate) Place, pub(crate) Sums);

/// The present effect of an order.
pub(crate) fn effects(row: &OrderRow) -> BTreeMap<Place, Sums> {
    let mut out: BTreeMap<Place, Sums> = BTreeMap::new();
    let placed = row.is_placed();
    let home = row.currency.filter(|_| placed);
    if let Some(currency) = home {
        for line in &row.lines.0 {
            let sums = out.entry((Some(line.product.clone()), true, currency)).or_default();
            plus(sums, [i64::from(line.is_sale()), micro(line.quantity).0, line.amount.0, 0, 0, 0, 0]);
        }
    }
    for (product, goods) in &row.goods.0 {
        for (currency, value) in &goods.returned_value {
            let Some(currency) = currency.or(home) else { continue };
            plus(out.entry((Some(product.clone()), placed, currency)).or_default(), [0, 0, 0, value.0, 0, 0, 0]);
        }
        if let Some(currency) = home {
            let value = at_line_prices(&row.lines.0, product, goods.returned_unpriced);
            let pieces = micro(goods.returned).0;
            plus(out.entry((Some(product.clone()), true, currency)).or_default(), [0, 0, 0, value.0, 0, pieces, 0]);
        }
    }
    if let Some(currency) = home {
        let cancelled = row.is_cancelled();
        if cancelled {
            // What came back is not taken off a second time: the net of a cancelled order is nothing.
            for sums in out.iter_mut().filter(|(place, _)| place.2 == currency).map(|(_, sums)| sums) {
                sums[4] = if sums[2] > 0 { sums[2].saturating_sub(sums[3]).max(0) } else { sums[2] };
                sums[6] = sums[1].saturating_sub(sums[5]).max(0);
            }
        }
        let sale = row.lines.0.iter().any(super::row::OrderLine::is_sale);
        let purchase = !cancelled && row.lines.0.iter().any(|line| line.quantity > Decimal::ZERO);
        let counts = [i64::from(sale), i64::from(sale && cancelled), i64::from(purchase), 0, 0, 0, 0];
        out.insert((None, true, currency), counts);
    }
    out
}

/// Keeps the difference that a fact made on its day.
pub(crate) fn record(row: &mut OrderRow, day: Day, before: BTreeMap<Place, Sums>) {
    let mut change = effects(row);
    for (place, sums) in before {
        plus(change.entry(place).or_default(), sums.map(|sum| sum.saturating_neg()));
    }
    for (place, sums) in change.into_iter().filter(|(_, sums)| *sums != Sums::default()) {
        match row.moves.0.iter_mut().rev().take_while(|m| m.0 == day).find(|m| m.1 == place) {
            Some(Move(_, _, known)) => plus(known, sums),
            None => row.moves.0.push(Move(day, place, sums)),
        }
    }
}

/// Everything an order added to the totals, day by day.
pub(crate) fn flows(row: &OrderRow) -> Vec<Move> {
    let mut out = row.moves.0.clone();
    if let Some(placed_on) = row.placed_on {
        let mut base = effects(row);
        for Move(_, place, sums) in &row.moves.0 {
            plus(base.entry(place.clone()).or_default(), sums.map(|sum| sum.saturating_neg()));
        }
        out.extend(base.into_iter().map(|(place, sums)| Move(placed_on, place, sums)));
    }
    out
}

pub(crate) fn plus(to: &mut Sums, other: Sums) {
    for (sum, more) in to.iter_mut().zip(other) {
        *sum = sum.saturating_add(more);
    }
}
