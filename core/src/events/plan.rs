//! What we mean to sell and what we expect to: plans and forecasts, stored as they were made.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ids::EmployeeId;
use crate::money::Money;
use crate::time::Day;

/// What a plan or a forecast speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Money of orders, less returns and cancellations; money.
    Revenue,
    /// Amounts of won deals; money.
    WonAmount,
    /// Deals won; a count.
    WonDeals,
    /// Clients who buy for the first time; a count.
    NewClients,
}

impl Measure {
    /// Whether it is money.
    pub fn is_money(self) -> bool {
        matches!(self, Self::Revenue | Self::WonAmount)
    }
}

/// So much money, or so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `{"amount": {"minor": 100, "currency": "EUR"}}`.
    Amount(Money),
    /// `{"count": 7}`.
    Count(i64),
}

area! {
    /// Plans and forecasts.
    PlanEvent in Plan "plan";

    /// So much is to be reached in a period. What is narrowed by nothing is the plan of the whole house.
    event Set = "plan.set" @ 1, stream "plan"(plan) {
        /// The plan: a period and a dimension have one of their own.
        plan: Code,
        /// Of what.
        measure: Measure,
        /// The first day.
        from: Day,
        /// The day after the last.
        to: Day,
        /// What is to be reached.
        target: Target,
    } optional {
        /// By this one of us.
        employee: EmployeeId,
        /// With this product.
        product: Code,
        /// With this product group.
        product_group: Code,
        /// Through this channel.
        channel: Code,
        /// In this region.
        region: Code,
        /// The calendar whose open days are working days; Monday to Friday when there is none.
        calendar: Code,
    }

    /// Somebody or a model said what a period will bring. Each one stays as it was said.
    event ForecastMade = "forecast.made" @ 1, stream "forecast"(forecast) {
        /// Which row of forecasts it continues.
        forecast: Code,
        /// Of what.
        measure: Measure,
        /// The first day.
        from: Day,
        /// The day after the last.
        to: Day,
        /// What is expected.
        value: Target,
        /// Who or what made it: `human`, `weighted-pipeline`, `ses` …
        method: Code,
    } optional {
        /// The version of the model.
        version: Code,
        /// The log position up to which the model had read.
        input_position: u64,
    }
}
