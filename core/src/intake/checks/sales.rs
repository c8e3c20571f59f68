//! Chances, plans, forecasts, and what is said of the market.

use super::{Check, ensure, fault, fits};
use crate::events::deal::{Estimator, ProbabilitySet};
use crate::events::plan::{Measure, Target};
use crate::events::{MarketEvent, PlanEvent};
use crate::money::Money;
use crate::time::Day;

pub(super) fn probability(event: &ProbabilitySet) -> Check {
    let bp = event.probability_bp;
    ensure(bp <= 10_000, "probability_bp", || format!("{bp} is more than 10000 basis points"))?;
    ensure(event.by == Estimator::Human || event.version.is_some(), "version", || "a model names its version".into())
}

/// An amount that may be missing and is not below zero.
pub(super) fn money(field: &str, amount: Option<Money>) -> Check {
    match amount {
        Some(amount) => {
            ensure(amount.minor >= 0, field, || format!("{} is negative", amount.minor))?;
            fits(amount)
        }
        None => Ok(()),
    }
}

fn period(from: Day, to: Day) -> Check {
    ensure(from < to, "to", || format!("{to} is not after {from}"))
}

/// A money measure takes an amount, a counted one a count; neither is below zero.
fn target(field: &str, measure: Measure, target: Target) -> Check {
    match target {
        Target::Amount(amount) if measure.is_money() => money(&format!("{field}.amount.minor"), Some(amount)),
        Target::Count(count) if !measure.is_money() => {
            ensure(count >= 0, &format!("{field}.count"), || format!("{count} is negative"))
        }
        Target::Amount(_) => fault(field, "this measure is counted: expected count, not amount"),
        Target::Count(_) => fault(field, "this measure is money: expected amount, not count"),
    }
}

pub(super) fn plan(event: &PlanEvent) -> Check {
    match event {
        PlanEvent::Set(e) => {
            period(e.from, e.to)?;
            let deals = matches!(e.measure, Measure::WonAmount | Measure::WonDeals);
            ensure(!deals || e.channel.is_none(), "channel", || "deals have no channel".into())?;
            let narrowed = [&e.product, &e.product_group, &e.channel, &e.region].into_iter().any(Option::is_some);
            let narrowed = narrowed || e.employee.is_some();
            ensure(e.measure != Measure::NewClients || !narrowed, "measure", || {
                "new clients are planned for the whole house only".into()
            })?;
            target("target", e.measure, e.target)
        }
        PlanEvent::ForecastMade(e) => {
            period(e.from, e.to)?;
            target("value", e.measure, e.value)
        }
    }
}

pub(super) fn market(event: &MarketEvent) -> Check {
    match event {
        MarketEvent::CompetitorObserved(e) => {
            money("price.minor", e.price)?;
            ensure(e.price.is_none() || e.product.is_some() || e.rival_product.is_some(), "product", || {
                "a price is that of a product".into()
            })?;
            let says = e.price.is_some() || e.terms.is_some() || e.activity.is_some() || e.rival_product.is_some();
            ensure(says, "price", || "neither a product, a price, terms nor an activity is given".into())
        }
        MarketEvent::FactRecorded(e) => {
            period(e.from, e.to)?;
            match e.size {
                Target::Amount(amount) => money("size.amount.minor", Some(amount)),
                Target::Count(count) => ensure(count >= 0, "size.count", || format!("{count} is negative")),
            }
        }
    }
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
    fn plans_and_chances_without_sense_are_refused_by_path() {
        let plan = |measure: &str, to: &str, target: Value| json!({ "plan": "p", "measure": measure, "from": "2026-01-01", "to": to, "target": target });
        let amount = json!({ "amount": { "minor": 5, "currency": "EUR" } });
        assert_eq!(field("plan.set", plan("revenue", "2026-01-01", amount.clone())), "to");
        assert_eq!(field("plan.set", plan("won_deals", "2026-02-01", amount)), "target");
        assert_eq!(field("plan.set", plan("revenue", "2026-02-01", json!({ "count": 5 }))), "target");
        assert_eq!(field("plan.set", plan("won_deals", "2026-02-01", json!({ "count": -5 }))), "target.count");
        let deal = "01J00000000000000000000000";
        let chance = |bp: u32, by: &str| json!({ "deal": deal, "probability_bp": bp, "by": by });
        assert_eq!(field("probability.set", chance(10_001, "human")), "probability_bp");
        assert_eq!(field("probability.set", chance(10, "model")), "version");
        assert_eq!(field("competitor.observed", json!({ "competitor": "acme", "source": "fair" })), "price");
    }
}
