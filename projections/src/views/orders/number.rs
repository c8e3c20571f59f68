//! Arithmetic that never panics: what is too large stays at the bound.

use letopis_core::money::Exact;
use rust_decimal::{Decimal, RoundingStrategy};

use super::row::OrderLine;
use letopis_core::code::Code;

/// `a + b`, held at the largest decimal.
pub(crate) fn plus(a: Decimal, b: Decimal) -> Decimal {
    a.checked_add(b).unwrap_or(if a.is_sign_negative() { Decimal::MIN } else { Decimal::MAX })
}

/// `a + b`, held at the largest amount.
pub(crate) fn add(a: Exact, b: Exact) -> Exact {
    Exact(a.0.saturating_add(b.0))
}

/// `value` in millionths: rounded half away from zero beyond six places, held at the largest amount.
pub(crate) fn micro(value: Decimal) -> Exact {
    let rounded = value.round_dp_with_strategy(Exact::PLACES, RoundingStrategy::MidpointAwayFromZero);
    Exact::from_decimal(rounded).unwrap_or(Exact(if value.is_sign_negative() { i64::MIN } else { i64::MAX }))
}

/// `quantity × price`, exact where [`Exact::line`] is.
pub(crate) fn times(quantity: Decimal, price: Decimal) -> Exact {
    let bound = if quantity.is_sign_negative() == price.is_sign_negative() { Decimal::MAX } else { Decimal::MIN };
    micro(quantity.checked_mul(price).unwrap_or(bound))
}

/// What `quantity` pieces of a product are worth at the prices of the lines: the pieces of the first
/// line at its price, then those of the second; pieces beyond the last line at the last price.
pub(crate) fn at_line_prices(lines: &[OrderLine], product: &Code, quantity: Decimal) -> Exact {
    let (mut rest, mut sum, mut last) = (quantity.max(Decimal::ZERO), Exact(0), Decimal::ZERO);
    for line in lines.iter().filter(|line| line.product == *product && line.quantity > Decimal::ZERO) {
        let taken = rest.min(line.quantity);
        sum = add(sum, times(taken, line.unit_price));
        rest -= taken;
        last = line.unit_price;
    }
    add(sum, times(rest, last))
}

/// To minor units, half away from zero.
pub(crate) fn minor(value: Exact, currency: letopis_core::money::Currency) -> i64 {
    value.round(currency).minor
}
