//! What can be asked about leads.

use letopis_core::ids::{ClientId, LeadId};

use super::LeadStatus;
use super::funnel::{LeadsBy, funnel};
use super::list::{LeadFilter, lead, leads};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner, cell};
use crate::views::funnel::period;

const STATUS: &[(&str, LeadStatus)] = &[
    ("new", LeadStatus::New),
    ("qualified", LeadStatus::Qualified),
    ("disqualified", LeadStatus::Disqualified),
    ("converted", LeadStatus::Converted),
];

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "leads",
        path: "/v1/leads",
        view: "leads",
        doc: "Leads, the latest first.",
        params: &[
            Param::Page,
            Param::Text("status", "new, qualified, disqualified, converted; several with commas"),
            Param::Text("source", "Where they came from"),
            Param::Text("branch", "Which branch or department has them"),
            Param::Entity("employee", "employee", "Who has them"),
        ],
        about: About::Rows(list),
    },
    Question {
        name: "leads funnel",
        path: "/v1/leads/funnel",
        view: "leads",
        doc: "How far the leads came that were captured in a period, by source or another property.",
        params: &[
            Param::Period,
            Param::Text("by", "source (the default), channel, campaign, product, region, employee, branch"),
        ],
        about: About::Rows(by_source),
    },
    Question {
        name: "lead",
        path: "/v1/leads/{id}",
        view: "leads",
        doc: "One lead: where it came from, who had it, what became of it.",
        params: &[],
        about: About::Thing { kind: "lead", find: owner, ask: one },
    },
];

fn list(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let filter = LeadFilter {
        status: params.words("status", STATUS)?,
        source: params.one("source")?,
        employee: params.one("employee")?,
        branch: params.one("branch")?,
    };
    json(leads(reader, &filter, &params.window()?)?)
}

fn by_source(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let by = params.word("by", LeadsBy::WORDS)?.unwrap_or_default();
    json(funnel(reader, period(reader, params)?, by)?)
}

fn owner(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    use rusqlite::OptionalExtension;
    let sql = "SELECT client FROM lead WHERE lead = ?1 ORDER BY captured_at IS NULL, captured_at, client LIMIT 1";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let found = statement.query_row([LeadId(id).put()], |row| cell::<Owner>(row, 0)).optional()?;
    Ok(found.map(Owner::client))
}

fn one(reader: &Reader<'_>, _: &mut Params, id: u128) -> Answer {
    json(lead(reader, LeadId(id))?)
}
