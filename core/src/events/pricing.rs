//! What things cost a client and why: kits, price rules, quotes, offers, advice.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::condition::Condition;
use crate::ids::{EmployeeId, OfferId, OrderId, QuoteId};
use crate::money::{Currency, Money};
use crate::time::Day;

/// A part of a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What.
    pub product: Code,
    /// How many in one kit; an exact decimal, written as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
}

/// What a price rule does to the price of one piece. Basis points are hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceChange {
    /// Less, in basis points of the price so far.
    DiscountBp(u32),
    /// More, in basis points of the price so far.
    MarkupBp(u32),
    /// Less by an amount; in quotes of other currencies the rule does not count.
    Discount(Money),
    /// More by an amount; in quotes of other currencies the rule does not count.
    Markup(Money),
}

/// What one rule did to the price of one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceStep {
    /// The rule.
    pub rule: Code,
    /// Its version.
    pub version: u64,
    /// The price before.
    #[serde(with = "rust_decimal::serde::str")]
    pub before: Decimal,
    /// The price after.
    #[serde(with = "rust_decimal::serde::str")]
    pub after: Decimal,
}

/// A line of a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteLine {
    /// What.
    pub product: Code,
    /// How many; an exact decimal, written as text.
    #[serde(with = "rust_decimal::serde::str")]
    pub quantity: Decimal,
    /// The list price of one.
    #[serde(with = "rust_decimal::serde::str")]
    pub list_price: Decimal,
    /// What one costs the client: what the last step gives, rounded to the minor unit, half away from zero.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
    /// The rules that were applied, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PriceStep>,
}

fn yes() -> bool {
    true
}

area! {
    /// Prices.
    PricingEvent in Pricing "pricing";

    /// A product is sold as a set of others.
    event KitDefined = "kit.defined" @ 1, stream "kit"(product) {
        /// The kit.
        product: Code,
        /// What it consists of; kits may be parts of kits.
        components: Vec<Component>,
    }

    /// A discount or a mark-up and when it counts.
    event PriceRuleDefined = "price_rule.defined" @ 1, stream "price-rule"(rule) {
        /// The rule.
        rule: Code,
        /// When it counts. Names: `product.code`, `product.group`, `quantity`, `currency`, `client.kind`,
        /// `client.attributes`, `client.class`, `purchases.orders`, `purchases.days`, `purchases.net_minor`,
        /// `purchases.first_days_ago`, `purchases.last_days_ago`, `purchases.products`.
        when: Condition,
        /// What it does.
        change: PriceChange,
        /// Higher ones come first; equal ones by code.
        priority: i32,
        /// Whether rules of lower priority may count beside it.
        stacks: bool,
        /// False when it no longer counts.
        #[serde(default = "yes")]
        active: bool,
    }

    /// The client was told prices.
    event QuoteMade = "quote.made" @ 1 {
        /// The quote.
        quote: QuoteId,
        /// The currency of its prices.
        currency: Currency,
        /// What for, and how each price came about.
        lines: Vec<QuoteLine>,
    } optional {
        /// Good until the end of this day.
        until: Day,
        /// By whom.
        employee: EmployeeId,
    } personal {
        /// A remark.
        note: String,
    }

    /// A special offer was made to the client.
    event OfferMade = "offer.made" @ 1 {
        /// The offer.
        offer: OfferId,
        /// Which kind of offer, such as `spring-sale`.
        kind: Code,
        /// What it takes off the price when it is accepted.
        discount: Money,
    } optional {
        /// For which product.
        product: Code,
        /// Good until the end of this day.
        until: Day,
        /// By whom.
        employee: EmployeeId,
    } personal {
        /// In words.
        text: String,
    }

    /// The client took an offer.
    event OfferAccepted = "offer.accepted" @ 1 {
        /// The offer.
        offer: OfferId,
    } optional {
        /// With this order.
        order: OrderId,
    }

    /// An offer is no longer good.
    event OfferExpired = "offer.expired" @ 1 {
        /// The offer.
        offer: OfferId,
    }

    /// Advice about a price or the service of a client was taken.
    event AdviceAccepted = "price_advice.accepted" @ 1 {
        /// What was advised: `price`, `prepayment` …
        advice: Code,
    } optional {
        /// For which product.
        product: Code,
        /// The price of one that was advised.
        unit_price: rust_decimal::Decimal,
        /// Its currency.
        currency: Currency,
        /// Who decided.
        employee: EmployeeId,
    }

    /// Advice about a price or the service of a client was not taken.
    event AdviceRejected = "price_advice.rejected" @ 1 {
        /// What was advised: `price`, `prepayment` …
        advice: Code,
        /// Why not.
        reason: Code,
    } optional {
        /// For which product.
        product: Code,
        /// The price of one that was advised.
        unit_price: rust_decimal::Decimal,
        /// Its currency.
        currency: Currency,
        /// Who decided.
        employee: EmployeeId,
    } personal {
        /// Why not, in words.
        reason_text: String,
    }
}
