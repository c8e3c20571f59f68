//! Exchange rates, closed months, costs of products; what a client can spend.

use rust_decimal::Decimal;

use crate::code::Code;
use crate::money::{Currency, Money};
use crate::time::Month;

area! {
    /// Rates, costs and means.
    FinanceEvent in Finance "finance";

    /// One unit of a currency is worth so much of another from now on.
    event ExchangeRateSet = "exchange_rate.set" @ 1, stream "exchange-rate"(from, to) {
        /// One major unit of this currency …
        from: Currency,
        /// … in this one …
        to: Currency,
        /// … is so many; an exact decimal as text, more than zero, of at most ten decimal places.
        #[serde(with = "rust_decimal::serde::str")]
        rate: Decimal,
    } optional {
        /// Who says so, such as `central-bank`.
        source: Code,
    }

    /// A month is closed: rates that are recorded after this alter none of its reports.
    event PeriodClosed = "period.closed" @ 1, stream "period"(month) {
        /// The month, such as `2026-02`.
        month: Month,
    }

    /// One piece of a product costs us so much from now on.
    event ProductCostSet = "product_cost.set" @ 1, stream "product-cost"(product) {
        /// The product.
        product: Code,
        /// The cost of one, an exact decimal as text.
        #[serde(with = "rust_decimal::serde::str")]
        unit_cost: Decimal,
        /// The currency of the cost.
        currency: Currency,
    }

    /// What a client can spend became known, from one source; the last word of each source counts.
    event FinancialProfileRecorded = "financial_profile.recorded" @ 1 {
        /// Who says so: `client`, `credit-bureau`, `annual-report` …
        source: Code,
    } optional {
        /// What he means to spend.
        budget: Money,
        /// How far he may be in debt to us.
        credit_limit: Money,
    } personal {
        /// A remark.
        note: String,
    }
}
