//! The market around us: what rivals offer, and how large a market is.

use crate::code::Code;
use crate::events::plan::Target;
use crate::money::Money;
use crate::time::Day;

area! {
    /// What is known of the market.
    MarketEvent in Market "market";

    /// A rival was seen to offer something, or to do something.
    event CompetitorObserved = "competitor.observed" @ 1, stream "competitor"(competitor) {
        /// The rival.
        competitor: Code,
        /// Who or what says so: `price-list`, `client`, `fair` …
        source: Code,
    } optional {
        /// The product of ours that it stands against.
        product: Code,
        /// What the rival calls his.
        rival_product: Code,
        /// What he asks for one.
        price: Money,
        /// On which terms: `prepaid`, `delivery-free` …
        terms: Code,
        /// What he does: `price-cut`, `campaign`, `new-branch` …
        activity: Code,
    }

    /// The size of a market segment was learnt: of a period that is over, or as it is expected to be.
    event FactRecorded = "market_fact.recorded" @ 1, stream "market"(segment) {
        /// The segment.
        segment: Code,
        /// The first day it speaks of.
        from: Day,
        /// The day after the last.
        to: Day,
        /// How much or how many are sold there by everybody.
        size: Target,
        /// Who says so.
        source: Code,
        /// Whether it is an expectation.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        expected: bool,
    } optional {
        /// The segment is what is sold of this product.
        product: Code,
        /// The segment is what is sold of this product group.
        product_group: Code,
        /// The segment is what is sold in this region.
        region: Code,
    }
}
