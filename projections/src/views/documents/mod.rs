//! Documents that we released, electronic documents on their way, packs that were made of templates.

mod exchange;
mod issued;
mod packs;

pub use exchange::{EnvelopeRow, Envelopes};
pub use issued::{DocumentRow, Documents};
pub use packs::{PackRow, Packs};

use crate::engine::question::{About, Param, Question};

/// What can be asked about documents.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "documents",
        path: "/v1/documents",
        view: "documents",
        doc: "Documents that were released, void ones too, the latest first.",
        params: &[
            Param::Page,
            Param::Text("kind", "waybill, act, tax-invoice …"),
            Param::Text("number", "Its number"),
            Param::Client("client", "Only this client's"),
        ],
        about: About::Rows(issued::list),
    },
    Question {
        name: "order documents",
        path: "/v1/orders/{id}/documents",
        view: "documents",
        doc: "The documents of an order, and which of its lines they are for.",
        params: &[],
        about: About::Thing { kind: "order", find: crate::views::orders::find, ask: issued::of_order },
    },
    Question {
        name: "exchange",
        path: "/v1/exchange",
        view: "exchange",
        doc: "The journal of electronic documents that came and went, the latest first.",
        params: &[
            Param::Page,
            Param::Period,
            Param::Text("direction", "in or out"),
            Param::Text("partner", "From or to which system"),
            Param::Text("status", "How far they are"),
            Param::Text(
                "matched",
                "Only those of which it is known what they are about (true), or only the others (false)",
            ),
        ],
        about: About::Rows(exchange::journal),
    },
    Question {
        name: "pack preview",
        path: "/v1/orders/{id}/pack",
        view: "packs",
        doc: "A pack as the template gives it from the order's data now, ready to be recorded.",
        params: &[Param::Text("template", "Which template")],
        about: About::Thing { kind: "order", find: crate::views::orders::find, ask: packs::preview },
    },
    Question {
        name: "pack",
        path: "/v1/packs/{id}",
        view: "packs",
        doc: "A pack that was produced, made again from the same template and data, and whether it is the same.",
        params: &[],
        about: About::Thing { kind: "pack", find: packs::find, ask: packs::again },
    },
];
