//! What can be asked about orders and revenue.

use letopis_core::ids::{ClientId, OrderId};

use super::margin::{self, By as MarginBy};
use super::revenue::{self, By};
use super::{card, convert, kits, reconcile, sets};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};

const REPORT_CURRENCY: Param =
    Param::Text("report_currency", "ISO 4217: everything in this currency, each day at its own rate");

/// What can be asked about orders and revenue.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "order",
        path: "/v1/orders/{id}",
        view: "orders",
        doc: "One order: lines, shipments, invoices, payments, what is open.",
        params: &[],
        about: About::Thing { kind: "order", find, ask: order },
    },
    Question {
        name: "order parts",
        path: "/v1/orders/{id}/parts",
        view: "orders",
        doc: "An order part by part: kits are taken apart, and what is missing is told.",
        params: &[],
        about: About::Thing { kind: "order", find, ask: order_parts },
    },
    Question {
        name: "orders",
        path: "/v1/clients/{id}/orders",
        view: "orders",
        doc: "The orders of a client, the newest first.",
        params: &[Param::Page],
        about: About::Client(orders),
    },
    Question {
        name: "missing parts",
        path: "/v1/clients/{id}/missing-parts",
        view: "orders",
        doc: "What is missing in the open orders of a client, kits taken apart.",
        params: &[Param::Page],
        about: About::Client(missing_parts),
    },
    Question {
        name: "revenue",
        path: "/v1/revenue",
        view: "orders",
        doc: "Revenue of a period: every fact counts on its own day.",
        params: &[
            Param::Period,
            Param::Page,
            Param::Text("by", "day, month (the default), product, channel, region, client"),
            Param::Text("currency", "ISO 4217; all, each for itself, when missing"),
            Param::Text("identified", "Only clients somebody knows (true), or only the others (false)"),
            REPORT_CURRENCY,
        ],
        about: About::Totals(revenue),
    },
    Question {
        name: "reconciliation",
        path: "/v1/revenue/reconciliation",
        view: "orders",
        doc: "From revenue to what clients owe, step by step, to the cent.",
        params: &[],
        about: About::Rows(|reader, _| json(reconcile::reconciliation(reader)?)),
    },
    Question {
        name: "margin",
        path: "/v1/margin",
        view: "orders",
        doc: "Net revenue less cost, by product, group or month; the most profitable first.",
        params: &[
            Param::Period,
            Param::Page,
            Param::Text("by", "product (the default), group, month"),
            REPORT_CURRENCY,
        ],
        about: About::Totals(margin),
    },
    Question {
        name: "sets",
        path: "/v1/products/sets",
        view: "orders",
        doc: "Products that are bought together: pairs in orders that were not cancelled.",
        params: &[
            Param::Period,
            Param::Page,
            Param::Text("min_support", "Only pairs in at least so many orders; 10 when missing, and not less"),
        ],
        about: About::Rows(sets),
    },
];

/// Whose order it is.
pub(crate) fn find(reader: &Reader<'_>, order: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(card::order(reader, OrderId(order))?.map(|card| card.client))
}

fn order(reader: &Reader<'_>, _: &mut Params, order: u128) -> Answer {
    json(card::order(reader, OrderId(order))?)
}

fn order_parts(reader: &Reader<'_>, _: &mut Params, order: u128) -> Answer {
    json(kits::order_parts(reader, OrderId(order))?)
}

fn orders(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    json(card::orders_of_client(reader, client, &params.window()?)?)
}

fn missing_parts(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    json(kits::missing_parts(reader, client, &params.window()?)?)
}

fn revenue(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = [
        ("day", By::Day),
        ("month", By::Month),
        ("product", By::Product),
        ("channel", By::Channel),
        ("region", By::Region),
        ("client", By::Client),
    ];
    let by = params.word("by", &by)?.unwrap_or(By::Month);
    let ((from, to), window) = (params.period(reader)?, params.window()?);
    let (currency, identified) = (params.one("currency")?, params.one("identified")?);
    let question = revenue::Question { from, to, by, currency, identified };
    match params.one("report_currency")? {
        Some(to) => json(convert::report(reader, &question, to, &window)?),
        None => json(revenue::revenue(reader, &question, &window)?),
    }
}

fn margin(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = [("product", MarginBy::Product), ("group", MarginBy::Group), ("month", MarginBy::Month)];
    let by = params.word("by", &by)?.unwrap_or(MarginBy::Product);
    let ((from, to), window) = (params.period(reader)?, params.window()?);
    let report_currency = params.one("report_currency")?;
    json(margin::margin(reader, &margin::Question { from, to, by, report_currency }, &window)?)
}

fn sets(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (period, window) = (params.period(reader)?, params.window()?);
    let min_support = params.one("min_support")?.unwrap_or(sets::MIN_SUPPORT);
    if min_support < sets::MIN_SUPPORT {
        return Err(wrong("min_support", format!("{min_support} is less than {}", sets::MIN_SUPPORT)));
    }
    json(sets::sets(reader, period, min_support, &window)?)
}
