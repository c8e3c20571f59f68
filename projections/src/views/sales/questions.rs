//! What can be asked about sales.

use crate::engine::question::{About, Param, Question};

use super::{cube, drill, first_contact, forecasts, market, outlook, plans, products, rivals};

const MEASURE: Param = Param::Text("measure", "revenue, won_amount, won_deals, new_clients");
const PRODUCT: Param = Param::Text("product", "Only this product of ours");

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "sales cube",
        path: "/v1/sales/cube",
        view: "orders",
        doc: "Revenue, counts and cost by employee, sales network, product, group, channel, region, segment and month.",
        params: &cube::PARAMS,
        about: About::Rows(cube::ask),
    },
    Question {
        name: "sales drill",
        path: "/v1/sales/cube/events",
        view: "orders",
        doc: "The events that a cell of the cube is made of.",
        params: &drill::PARAMS,
        about: About::Rows(drill::ask),
    },
    Question {
        name: "sales first-contacts",
        path: "/v1/sales/first-contacts",
        view: "history",
        doc: "What became of first contacts: deals opened and won, by the week in which somebody first turned to us.",
        params: &[Param::Period, Param::Text("weeks", "How many weeks each cohort is followed; 12 when missing")],
        about: About::Rows(first_contact::ask),
    },
    Question {
        name: "sales forecasts",
        path: "/v1/sales/forecasts",
        view: "definitions",
        doc: "Forecasts as they were made, against what came, and their errors by horizon.",
        params: &[
            Param::Period,
            MEASURE,
            Param::Text("method", "Only by this method"),
            Param::Text("forecast", "Only this row of forecasts"),
            Param::Page,
        ],
        about: About::Totals(forecasts::ask),
    },
    Question {
        name: "sales outlook",
        path: "/v1/sales/outlook",
        view: "orders",
        doc: "What the next months or weeks may bring, by models tried on the past; none that is no better than naive.",
        params: &[
            MEASURE,
            Param::Text("unit", "month (the default) or week"),
            Param::Text("ahead", "How many periods, 1 to 24; 3 when missing"),
            Param::Text("currency", "The currency of a measure of money"),
        ],
        about: About::Totals(outlook::ask),
    },
    Question {
        name: "sales plans",
        path: "/v1/sales/plans",
        view: "definitions",
        doc: "Plans, what came of them and what they come to if it goes on like this.",
        params: &[
            Param::Period,
            MEASURE,
            Param::Text("by", "house, employee, product, product_group, channel, region"),
            Param::Page,
        ],
        about: About::Totals(plans::ask),
    },
    Question {
        name: "products in-use",
        path: "/v1/sales/products-in-use",
        view: "orders",
        doc: "How many products clients used at the end of each month.",
        params: &[Param::Period, PRODUCT],
        about: About::Totals(products::in_use),
    },
    Question {
        name: "products with-without",
        path: "/v1/sales/with-without",
        view: "orders",
        doc: "Clients who use one product and not another.",
        params: &[
            Param::Text("with", "The product they use"),
            Param::Text("without", "The product they do not use"),
            Param::Page,
        ],
        about: About::Totals(products::with_without),
    },
    Question {
        name: "products client",
        path: "/v1/clients/{id}/products",
        view: "orders",
        doc: "The products of one client: since when, how many, still in use or not.",
        params: &[],
        about: About::Client(products::of_client),
    },
    Question {
        name: "rivals",
        path: "/v1/market/rivals",
        view: "definitions",
        doc: "Rivals: what was seen of them, what they ask, how many deals we lost to them.",
        params: &[Param::Page],
        about: About::Totals(rivals::register),
    },
    Question {
        name: "rivals prices",
        path: "/v1/market/rivals/prices",
        view: "definitions",
        doc: "What rivals were seen to offer over time, beside our own list price of then.",
        params: &[Param::Text("competitor", "Only this rival"), PRODUCT, Param::Page],
        about: About::Totals(rivals::prices),
    },
    Question {
        name: "rivals position",
        path: "/v1/market/position",
        view: "definitions",
        doc: "Where our prices stand among those of the rivals.",
        params: &[PRODUCT, Param::Page],
        about: About::Totals(rivals::position),
    },
    Question {
        name: "market",
        path: "/v1/market/share",
        view: "definitions",
        doc: "How large market segments are and will be, our share of them, and who says so.",
        params: &[Param::Text("segment", "Only this segment"), Param::Page],
        about: About::Totals(market::ask),
    },
];
