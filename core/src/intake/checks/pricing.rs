//! Checks of prices, rates and costs.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Check, ensure, fault, moved, not_negative, positive};
use crate::events::pricing::{Component, PriceChange, QuoteLine};
use crate::events::{FinanceEvent, PricingEvent};
use crate::money::{Currency, Exact};

/// Most decimal places of an exchange rate: conversions of exact sums stay exact.
pub(super) const MAX_RATE_PLACES: u32 = 10;
/// Largest rate, and largest mark-up in basis points.
const MAX_RATE: i64 = 1_000_000_000;
/// A hundred percent.
const WHOLE_BP: u32 = 10_000;

pub(super) fn finance(event: &FinanceEvent) -> Check {
    match event {
        FinanceEvent::ExchangeRateSet(e) => {
            ensure(e.from != e.to, "to", || format!("a rate from {} to itself", e.from))?;
            let plain = e.rate.normalize().scale() <= MAX_RATE_PLACES && e.rate <= Decimal::from(MAX_RATE);
            ensure(e.rate > Decimal::ZERO && plain, "rate", || {
                format!(
                    "{} is not a rate: expected more than zero, at most {MAX_RATE}, {MAX_RATE_PLACES} decimal places",
                    e.rate
                )
            })
        }
        FinanceEvent::ProductCostSet(e) => price("unit_cost", e.unit_cost),
        FinanceEvent::FinancialProfileRecorded(e) => {
            let given = e.budget.is_some() || e.credit_limit.is_some();
            ensure(given, "budget", || "neither a budget nor a credit limit is given".into())?;
            not_negative(e.budget)
                .map_err(|fault| super::Fault { field: fault.field.replace("amount", "budget"), ..fault })?;
            not_negative(e.credit_limit)
                .map_err(|fault| super::Fault { field: fault.field.replace("amount", "credit_limit"), ..fault })
        }
        FinanceEvent::PeriodClosed(_) => Ok(()),
    }
}

pub(super) fn pricing(event: &PricingEvent) -> Check {
    match event {
        PricingEvent::KitDefined(e) => {
            ensure(!e.components.is_empty(), "components", || "a kit has at least one component".into())?;
            for (i, Component { product, quantity }) in e.components.iter().enumerate() {
                let field = format!("components[{i}].product");
                ensure(*product != e.product, &field, || format!("{product} cannot be a part of itself"))?;
                let twice = e.components[..i].iter().any(|other| other.product == *product);
                ensure(!twice, &field, || format!("{product} stands in it twice"))?;
                moved(i, *quantity, None)
                    .map_err(|fault| super::Fault { field: fault.field.replace("lines", "components"), ..fault })?;
            }
            Ok(())
        }
        PricingEvent::PriceRuleDefined(e) => match e.change {
            PriceChange::DiscountBp(bp) => ensure((1..=WHOLE_BP).contains(&bp), "change.discount_bp", || {
                format!("{bp} is outside 1 to {WHOLE_BP} basis points")
            }),
            PriceChange::MarkupBp(bp) => ensure((1..=100 * WHOLE_BP).contains(&bp), "change.markup_bp", || {
                format!("{bp} is outside 1 to {} basis points", 100 * WHOLE_BP)
            }),
            PriceChange::Discount(amount) => within("discount", positive(amount)),
            PriceChange::Markup(amount) => within("markup", positive(amount)),
        },
        PricingEvent::QuoteMade(e) => {
            ensure(!e.lines.is_empty(), "lines", || "a quote has at least one line".into())?;
            e.lines.iter().enumerate().try_for_each(|(i, line)| quoted(i, line, e.currency))
        }
        PricingEvent::OfferMade(e) => {
            let at = |fault: super::Fault| super::Fault { field: fault.field.replace("amount", "discount"), ..fault };
            positive(e.discount).map_err(at)
        }
        PricingEvent::AdviceAccepted(e) => advised(e.unit_price, e.currency),
        PricingEvent::AdviceRejected(e) => advised(e.unit_price, e.currency),
        PricingEvent::OfferAccepted(_) | PricingEvent::OfferExpired(_) => Ok(()),
    }
}

fn within(name: &str, check: Check) -> Check {
    check.map_err(|fault| super::Fault { field: fault.field.replace("amount", &format!("change.{name}")), ..fault })
}

fn price(field: &str, price: Decimal) -> Check {
    let exact = Exact::from_decimal(price).is_some();
    ensure(price >= Decimal::ZERO && exact, field, || {
        format!("{price} is not a price: expected zero or more, at most {} decimal places", Exact::PLACES)
    })
}

fn advised(unit_price: Option<Decimal>, currency: Option<Currency>) -> Check {
    match (unit_price, currency) {
        (Some(_), None) => fault("currency", "the price has no currency"),
        (Some(given), Some(_)) => price("unit_price", given),
        (None, _) => Ok(()),
    }
}

/// The steps of a line lead from its list price to its price.
fn quoted(i: usize, line: &QuoteLine, currency: Currency) -> Check {
    moved(i, line.quantity, Some(line.unit_price))?;
    price(&format!("lines[{i}].list_price"), line.list_price)?;
    let mut last = line.list_price;
    for (n, step) in line.steps.iter().enumerate() {
        ensure(step.before == last, &format!("lines[{i}].steps[{n}].before"), || {
            format!("{} is not {last}, which the step before gives", step.before)
        })?;
        last = step.after;
    }
    let rounded = last.round_dp_with_strategy(currency.exponent(), RoundingStrategy::MidpointAwayFromZero);
    ensure(line.unit_price == rounded, &format!("lines[{i}].unit_price"), || {
        format!("{} is not {rounded}, which its steps give", line.unit_price)
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::events::Event;
    use serde_json::{Value, json};

    fn field(name: &str, data: Value) -> String {
        let event = Event::from_input(name, data).expect("decodes");
        check(&event, "2026-03-01T12:00:00+03:00".parse().expect("time")).expect_err("refused").field
    }

    #[test]
    fn rates_without_sense_are_refused() {
        let rate = |to: &str, rate: &str| json!({ "from": "USD", "to": to, "rate": rate });
        assert_eq!(field("exchange_rate.set", rate("USD", "1")), "to");
        assert_eq!(field("exchange_rate.set", rate("EUR", "0")), "rate");
        assert_eq!(field("exchange_rate.set", rate("EUR", "0.00000000001")), "rate");
    }

    #[test]
    fn a_quote_whose_steps_do_not_lead_to_its_price_is_refused() {
        let step = |before: &str, after: &str| json!({ "rule": "vip", "version": 1, "before": before, "after": after });
        let quote = |price: &str, steps: Vec<Value>| {
            let line =
                json!({ "product": "p", "quantity": "1", "list_price": "10", "unit_price": price, "steps": steps });
            json!({ "quote": "01J00000000000000000000000", "currency": "EUR", "lines": [line] })
        };
        assert_eq!(field("quote.made", quote("9", vec![])), "lines[0].unit_price");
        assert_eq!(field("quote.made", quote("9", vec![step("11", "9")])), "lines[0].steps[0].before");
        assert_eq!(
            field("quote.made", quote("9.01", vec![step("10", "9.005"), step("9.005", "9")])),
            "lines[0].unit_price"
        );
    }

    #[test]
    fn a_rule_that_does_not_parse_is_told_by_line_and_column() {
        let rule = json!({ "rule": "r", "when": "quantity >", "change": { "discount_bp": 500 }, "priority": 1, "stacks": true });
        let error = Event::from_input("price_rule.defined", rule).expect_err("no condition").to_string();
        assert!(error.contains("line 1, column"), "{error}");
    }
}
