//! What can be asked about the funnel.

use letopis_core::code::Code;

use super::cycle::Grouping;
use super::{By, Period};
use crate::engine::question::{About, Answer, Param, Params, Question, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::views::deals::DEFAULT_MODEL;

const VIEW: &str = "deals";
const MODEL: Param = Param::Text("model", "Stage model; `default` when missing");
const BY: Param = Param::Text("by", "none, agent, manager, region, product, product_group");

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "funnel board",
        path: "/v1/funnel/board",
        view: VIEW,
        doc: "The snapshot: deals and money in each stage at the end of a day.",
        params: &[MODEL, BY],
        about: About::Totals(board),
    },
    Question {
        name: "funnel flow",
        path: "/v1/funnel/flow",
        view: VIEW,
        doc: "The flow: entries and exits of each stage within a period.",
        params: &[MODEL, Param::Period],
        about: About::Totals(flow),
    },
    Question {
        name: "funnel cohort",
        path: "/v1/funnel/cohort",
        view: VIEW,
        doc: "The cohort: how far the deals came that were opened in a period.",
        params: &[MODEL, Param::Period],
        about: About::Totals(cohort),
    },
    Question {
        name: "funnel time-in-stage",
        path: "/v1/funnel/time-in-stage",
        view: VIEW,
        doc: "How long deals stay in each stage.",
        params: &[MODEL],
        about: About::Totals(time_in_stage),
    },
    Question {
        name: "funnel win-rate",
        path: "/v1/funnel/win-rate",
        view: VIEW,
        doc: "Deals won and lost in a period, by date of close.",
        params: &[Param::Period, Param::Text("by", "none, agent, manager, region, product, product_group, quarter")],
        about: About::Totals(win_rate),
    },
    Question {
        name: "funnel lost-reasons",
        path: "/v1/funnel/lost-reasons",
        view: VIEW,
        doc: "Why deals were lost, and to whom.",
        params: &[Param::Period],
        about: About::Totals(lost_reasons),
    },
    Question {
        name: "funnel velocity",
        path: "/v1/funnel/velocity",
        view: VIEW,
        doc: "The speed of sales, by the deals closed in a period.",
        params: &[Param::Period],
        about: About::Totals(velocity),
    },
    Question {
        name: "sales cycle",
        path: "/v1/funnel/cycle",
        view: VIEW,
        doc: "How long sales take: the cycle and the time in each stage, by product, segment or employee.",
        params: &[
            MODEL,
            Param::Period,
            Param::Text("by", "none, agent, manager, region, product, product_group, segment"),
            Param::Text("attribute", "The client's attribute that makes the segment, such as sector"),
        ],
        about: About::Rows(cycle),
    },
    Question {
        name: "sales pipeline",
        path: "/v1/funnel/pipeline",
        view: VIEW,
        doc: "Open deals expected to close in a period: how many, for how much, weighted by their chances.",
        params: &[MODEL, Param::Period],
        about: About::Totals(pipeline),
    },
];

/// The stage model that is asked about.
fn model(params: &mut Params) -> Result<Code, QueryError> {
    match params.one("model")? {
        Some(model) => Ok(model),
        None => DEFAULT_MODEL.parse().map_err(|error| wrong("model", format!("{error}"))),
    }
}

/// The days that are asked about.
pub(crate) fn period(reader: &Reader<'_>, params: &mut Params) -> Result<Period, QueryError> {
    let (from, to) = params.period(reader)?;
    Ok(Period { from, to })
}

fn by(params: &mut Params) -> Result<By, QueryError> {
    Ok(params.one("by")?.unwrap_or_default())
}

fn board(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::board(reader, &model(params)?, by(params)?, reader.day())?)
}

fn flow(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::flow(reader, &model(params)?, period(reader, params)?)?)
}

fn cohort(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::cohort(reader, &model(params)?, period(reader, params)?)?)
}

fn time_in_stage(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::time_in_stage(reader, &model(params)?)?)
}

fn win_rate(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::win_rate(reader, period(reader, params)?, by(params)?)?)
}

fn lost_reasons(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::lost_reasons(reader, period(reader, params)?)?)
}

fn velocity(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::velocity(reader, period(reader, params)?)?)
}

fn cycle(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = Grouping::read(params)?;
    json(super::cycle::cycles(reader, &model(params)?, period(reader, params)?, &by)?)
}

fn pipeline(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = (params.one("from")?, params.one("to")?);
    json(super::pipeline::pipeline(reader, &model(params)?, from, to)?)
}
