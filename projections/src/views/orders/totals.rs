//! The totals of orders. All are dated; sums up to a day are the answer as of its end.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;

use super::effect::{self, Move, Sums};
use super::row::OrderRow;
use crate::engine::projection::Contributions;

crate::total! {
    /// Revenue per day, client and product: the smallest cells that every breakdown of sales is summed from.
    pub struct Revenue in "revenue" by {
        /// The day on which it was ordered, changed, returned or cancelled.
        day: Day,
        /// The client; the head of his alias group.
        client: ClientId,
        /// The product.
        product: Code,
        /// Who took the order; empty where nobody is known.
        employee: String,
        /// The order's channel; empty where none is known.
        channel: String,
        /// The order's region; empty where none is known.
        region: String,
        /// The currency.
        currency: Currency,
        /// Whether anybody knows who the client is.
        identified: bool,
    } sums {
        /// Lines with a quantity and a price above zero, also of cancelled orders.
        sale_lines,
        /// Pieces in all lines, in millionths, also of cancelled orders.
        quantity_micro,
        /// Ordered, in millionths like the next two.
        gross_micro,
        /// Returned.
        returned_micro,
        /// Ordered, not returned, then cancelled.
        cancelled_micro,
        /// Pieces returned of orders that were placed, in millionths like the next.
        returned_quantity_micro,
        /// Pieces ordered, not returned, then cancelled.
        cancelled_quantity_micro,
    }
}

crate::total! {
    /// Orders per day.
    pub struct OrderCount in "order_count" by {
        /// As in [`Revenue`].
        day: Day,
        /// As in [`Revenue`].
        channel: String,
        /// As in [`Revenue`].
        region: String,
        /// The currency.
        currency: Currency,
        /// Whether anybody knows who the client is.
        identified: bool,
    } sums {
        /// Orders with a sale line.
        orders,
        /// Those of them that were cancelled, on the day of the cancellation.
        cancelled_orders,
        /// As in [`Revenue`].
        sale_lines,
        /// As in [`Revenue`].
        gross_micro,
        /// As in [`Revenue`].
        returned_micro,
        /// As in [`Revenue`].
        cancelled_micro,
    }
}

crate::total! {
    /// What a client bought on a day, by the day on which we came to count it so: what loyalty is computed from.
    pub struct PurchaseDay in "purchase_day" by {
        /// The client; the head of his alias group.
        client: ClientId,
        /// The day of the order; for returns without an order their own.
        order_day: Day,
        /// The day of the order, its change, return or cancellation.
        effect_day: Day,
        /// The currency.
        currency: Currency,
        /// Whether anybody knows who the client is.
        identified: bool,
    } sums {
        /// Orders that were not cancelled, also free ones.
        purchases,
        /// As in [`OrderCount`].
        orders,
        /// As in [`OrderCount`].
        cancelled_orders,
        /// As in [`Revenue`].
        gross_micro,
        /// As in [`Revenue`].
        returned_micro,
        /// As in [`Revenue`].
        cancelled_micro,
    }
}

pub(crate) fn contribute(row: &OrderRow, identified: bool, out: &mut Contributions) {
    let place = |known: bool, code: &Option<Code>| code.iter().filter(|_| known).map(Code::to_string).collect();
    let employee = |placed: bool| row.employee.filter(|_| placed).map(|id| id.to_string()).unwrap_or_default();
    // By day, whether it was placed by then, and currency: counts of the order, then sums of its products.
    let mut days: BTreeMap<(Day, bool, Currency), (Sums, Sums)> = BTreeMap::new();
    for Move(day, (product, placed, currency), sums) in effect::flows(row) {
        let (counts, worth) = days.entry((day, placed, currency)).or_default();
        let Some(product) = product else {
            effect::plus(counts, sums);
            continue;
        };
        effect::plus(worth, sums);
        let [sale_lines, quantity_micro, gross_micro, returned_micro, cancelled_micro, returned, cancelled] = sums;
        out.add(&Revenue {
            day,
            client: row.client.client(),
            product,
            employee: employee(placed),
            channel: place(placed, &row.channel),
            region: place(placed, &row.region),
            currency,
            identified,
            sale_lines,
            quantity_micro,
            gross_micro,
            returned_micro,
            cancelled_micro,
            returned_quantity_micro: returned,
            cancelled_quantity_micro: cancelled,
        });
    }
    for ((day, placed, currency), (counts, worth)) in days {
        let [orders, cancelled_orders, purchases, ..] = counts;
        let [sale_lines, _, gross_micro, returned_micro, cancelled_micro, ..] = worth;
        out.add(&OrderCount {
            day,
            channel: place(placed, &row.channel),
            region: place(placed, &row.region),
            currency,
            identified,
            orders,
            cancelled_orders,
            sale_lines,
            gross_micro,
            returned_micro,
            cancelled_micro,
        });
        out.add(&PurchaseDay {
            client: row.client.client(),
            order_day: row.placed_on.filter(|_| placed).unwrap_or(day),
            effect_day: day,
            currency,
            identified,
            purchases,
            orders,
            cancelled_orders,
            gross_micro,
            returned_micro,
            cancelled_micro,
        });
    }
}
