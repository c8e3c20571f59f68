//! What can be asked about who buys how often, who stays, who is lost.

use letopis_core::ids::ClientId;

use super::abc::{self, Of};
use super::cohorts::{self, Measure};
use super::lost::{self, State};
use super::{Basis, Window, rfm, summary};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};

/// The view that answers.
const VIEW: &str = "orders";
const BASIS: Param = Param::Text("basis", "What counts as a purchase: purchases (the default) or sales");
const CURRENCY: Param = Param::Text("currency", "ISO 4217; needed where there are several");

/// What can be asked about loyalty. Every answer is as of a date.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "purchases",
        path: "/v1/clients/{id}/purchases",
        view: VIEW,
        doc: "The purchase summary of one client: x, t_x, T, money.",
        params: &[BASIS],
        about: About::Client(purchases),
    },
    Question {
        name: "loyalty rfm",
        path: "/v1/loyalty/rfm",
        view: VIEW,
        doc: "Clients with their scores for recency, frequency and money, by id.",
        params: &[Param::Period, CURRENCY, BASIS, Param::Text("scores", "Only these, such as 5,5,4"), Param::Page],
        about: About::Totals(rfm_clients),
    },
    Question {
        name: "loyalty rfm-table",
        path: "/v1/loyalty/rfm/table",
        view: VIEW,
        doc: "How clients spread over the scores, one table per currency.",
        params: &[Param::Period, CURRENCY, BASIS],
        about: About::Totals(rfm_table),
    },
    Question {
        name: "loyalty cohorts",
        path: "/v1/loyalty/cohorts",
        view: VIEW,
        doc: "Retention: of those who first bought in a month, how many bought again in the months after.",
        params: &[Param::Period, Param::Text("measure", "in_month (the default) or in_month_or_later"), BASIS],
        about: About::Totals(retention),
    },
    Question {
        name: "loyalty repeat-rate",
        path: "/v1/loyalty/repeat-rate",
        view: VIEW,
        doc: "The share of buyers who bought on more than one day.",
        params: &[Param::Period, BASIS],
        about: About::Totals(repeat_rate),
    },
    Question {
        name: "loyalty abc",
        path: "/v1/loyalty/abc",
        view: VIEW,
        doc: "Clients or products by what they bring: A, B, C.",
        params: &[Param::Text("of", "clients (the default) or products"), Param::Period, CURRENCY, Param::Page],
        about: About::Totals(classes),
    },
    Question {
        name: "loyalty lost",
        path: "/v1/loyalty/lost",
        view: VIEW,
        doc: "Clients who are active, at risk, or lost, by the declared rule.",
        params: &[Param::Text("state", "active, at_risk or lost; all when missing"), BASIS, Param::Page],
        about: About::Totals(lost_clients),
    },
    Question {
        name: "loyalty loyal-share",
        path: "/v1/loyalty/loyal-share",
        view: VIEW,
        doc: "The share of loyal clients of the last twelve months.",
        params: &[BASIS],
        about: About::Totals(loyal_share),
    },
];

fn basis(params: &mut Params) -> Result<Basis, QueryError> {
    let known = [("purchases", Basis::Purchases), ("sales", Basis::Sales)];
    Ok(params.word("basis", &known)?.unwrap_or_default())
}

fn period(reader: &Reader<'_>, params: &mut Params) -> Result<Window, QueryError> {
    let (from, to) = params.period(reader)?;
    Ok(Window { from, to })
}

fn purchases(reader: &Reader<'_>, params: &mut Params, client: ClientId) -> Answer {
    json(summary::summary(reader, client, basis(params)?)?)
}

fn rfm_clients(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let scores = match params.many::<u8>("scores")?.as_slice() {
        [] => None,
        &[r, f, m] if [r, f, m].iter().all(|score| (1..=5).contains(score)) => Some([r, f, m]),
        _ => return Err(wrong("scores", "scores are three numbers from 1 to 5, such as 5,5,4")),
    };
    let (window, basis, currency) = (period(reader, params)?, basis(params)?, params.one("currency")?);
    json(rfm::rfm(reader, &rfm::Question { window, currency, basis, scores }, &params.window()?)?)
}

fn rfm_table(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(rfm::rfm_table(reader, period(reader, params)?, params.one("currency")?, basis(params)?)?)
}

fn retention(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let measures = [("in_month", Measure::InMonth), ("in_month_or_later", Measure::InMonthOrLater)];
    let measure = params.word("measure", &measures)?.unwrap_or_default();
    json(cohorts::cohorts(reader, period(reader, params)?, measure, basis(params)?)?)
}

fn repeat_rate(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(summary::repeat_rate(reader, period(reader, params)?, basis(params)?)?)
}

fn classes(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let of = params.word("of", &[("clients", Of::Clients), ("products", Of::Products)])?.unwrap_or(Of::Clients);
    let (window, currency) = (period(reader, params)?, params.one("currency")?);
    json(abc::abc(reader, &abc::Question { of, window, currency }, &params.window()?)?)
}

fn lost_clients(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let state =
        params.word("state", &[("active", State::Active), ("at_risk", State::AtRisk), ("lost", State::Lost)])?;
    json(lost::lost(reader, state, basis(params)?, &params.window()?)?)
}

fn loyal_share(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(lost::loyal_share(reader, basis(params)?)?)
}
