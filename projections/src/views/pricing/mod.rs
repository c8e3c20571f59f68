//! Prices: what a client pays and why, quotes, special offers, advice.

mod advice;
mod decisions;
mod names;
mod offers;
mod price;
mod quotes;

pub use advice::{Advice, Advised, Fact, advice};
pub use decisions::{DecisionRow, Decisions};
pub use names::names;
pub use offers::{OfferRow, Offers};
pub use price::{InvalidLine, Priced, Unpriced, Wanted, Why, price};
pub use quotes::{QuoteRow, Quotes};

use letopis_core::ids::ClientId;

use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;

/// What can be asked about prices.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "price",
        path: "/v1/clients/{id}/price",
        view: "orders",
        doc: "What things cost a client now, by the price rules, step by step; ready to be quoted.",
        params: &[
            Param::Text("lines", "What and how many: `tea:2,cup:1`"),
            Param::Text("currency", "ISO 4217: the currency of the list prices"),
        ],
        about: About::Client(priced),
    },
    Question {
        name: "quote",
        path: "/v1/quotes/{id}",
        view: "quotes",
        doc: "A quote: every price with the rules that made it, step by step.",
        params: &[],
        about: About::Thing { kind: "quote", find: quotes::find, ask: quotes::quote },
    },
    Question {
        name: "offers",
        path: "/v1/offers",
        view: "offers",
        doc: "Special offers: how many are taken and what that costs, by kind, product or employee, and one by one.",
        params: &[
            Param::Period,
            Param::Page,
            Param::Text("by", "kind (the default), product, employee"),
            Param::Text("state", "Only those that are open, accepted or expired"),
        ],
        about: About::Rows(offers::offers),
    },
    Question {
        name: "price advice",
        path: "/v1/clients/{id}/price-advice",
        view: "orders",
        doc: "What to ask a client for and how to serve him, with the facts behind it.",
        params: &[
            Param::Text("product", "For which product"),
            Param::Text("currency", "ISO 4217: the currency of its list price"),
        ],
        about: About::Client(advised),
    },
    Question {
        name: "advice decisions",
        path: "/v1/price-advice/decisions",
        view: "advice",
        doc: "Advice that was taken or not, by what was advised, product or employee, and one by one.",
        params: &[Param::Period, Param::Page, Param::Text("by", "advice (the default), product, employee")],
        about: About::Rows(decisions::decisions),
    },
];

fn priced(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (lines, currency) = (params.many::<Wanted>("lines")?, params.required("currency")?);
    json(price(reader, client, &lines, currency)?)
}

fn advised(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    let (product, currency) = (params.required("product")?, params.required("currency")?);
    json(advice(reader, client, &product, currency)?)
}
