//! What can be asked about one deal: how it stands, its whole history, who did what in it.

use letopis_core::ids::{ClientId, DealId};

use super::card::card;
use super::team::team;
use crate::engine::list::Condition;
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell, Owner, cell};
use crate::views::{history, leads};

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "deal",
        path: "/v1/deals/{id}",
        view: "deals",
        doc: "One deal: stage, amount, chance, team, visits to stages, the leads it came from and the orders it led to.",
        params: &[],
        about: About::Thing { kind: "deal", find: find_deal, ask: one },
    },
    Question {
        name: "deal history",
        path: "/v1/deals/{id}/history",
        view: "history",
        doc: "Everything that happened on the way from lead to deal to order, in the order it happened.",
        params: &[Param::Page],
        about: About::Thing { kind: "deal", find: find_deal, ask: whole_history },
    },
    Question {
        name: "deal team",
        path: "/v1/deals/{id}/team",
        view: "deals",
        doc: "Who works on a deal, as what, from when to when, and what each of them did in it.",
        params: &[],
        about: About::Thing { kind: "deal", find: find_deal, ask: who_did_what },
    },
];

/// Whose deal it is.
pub(crate) fn find_deal(reader: &Reader<'_>, id: u128) -> Result<Option<ClientId>, QueryError> {
    use rusqlite::OptionalExtension;
    // An id that two clients' streams use is the deal of the one where it was opened.
    let sql = "SELECT client FROM deal WHERE deal = ?1 ORDER BY opened_at IS NULL, opened_at, client LIMIT 1";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let found = statement.query_row([DealId(id).put()], |row| cell::<Owner>(row, 0)).optional()?;
    Ok(found.map(Owner::client))
}

fn one(reader: &Reader<'_>, _: &mut Params, id: u128) -> Answer {
    let Some(client) = find_deal(reader, id)? else { return json(()) };
    json(card(reader, client.into(), DealId(id))?)
}

fn who_did_what(reader: &Reader<'_>, _: &mut Params, id: u128) -> Answer {
    let Some(client) = find_deal(reader, id)? else { return json(()) };
    json(team(reader, client.into(), DealId(id))?)
}

fn whole_history(reader: &Reader<'_>, params: &mut Params, id: u128) -> Answer {
    let window = params.window()?;
    let Some(client) = find_deal(reader, id)? else { return json(()) };
    let owner = Owner::from(client);
    let shape = format!("deal history {id}");
    json(history::select(reader, owner, &concerns(reader, owner, DealId(id))?, false, &shape, &window)?)
}

/// Events of a deal, of the leads it came from and of the orders it led to.
pub(super) fn concerns(reader: &Reader<'_>, owner: Owner, deal: DealId) -> Result<Condition, QueryError> {
    let mut events: Vec<Atom> = Vec::new();
    for lead in leads::of_deal(reader, owner, deal)? {
        events.extend(lead.events.0.iter().map(Cell::put));
    }
    let marks = vec!["?"; events.len()].join(", ");
    let orders = "SELECT order_id FROM client_order WHERE deal = ?";
    let sql = format!("(deal_id = ? OR order_id IN ({orders}) OR event IN ({marks}))");
    let values = [deal.put(), deal.put()].into_iter().chain(events);
    let mut condition = Condition::default();
    condition.and("occurred_at < ?", [reader.now.put()]).and(&sql, values);
    Ok(condition)
}
