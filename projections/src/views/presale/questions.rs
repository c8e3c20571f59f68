//! What can be asked about actions to win deals.

use letopis_core::ids::{ClientId, DealId};
use serde::Serialize;

use super::{PresaleItem, of_deal};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::Owner;
use crate::views::deals::find_deal;
use crate::views::funnel::period;

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "presale effect",
        path: "/v1/presale/effect",
        view: "presale",
        doc: "Actions to win deals, by kind: planned, done, cost, and how the deals went that had them.",
        params: &[Param::Period],
        about: About::Rows(effect),
    },
    Question {
        name: "presale deal",
        path: "/v1/deals/{id}/presale",
        view: "presale",
        doc: "The actions to win one deal, planned and done.",
        params: &[],
        about: About::Thing { kind: "deal", find: find_deal, ask: deal },
    },
];

#[derive(Serialize)]
struct Actions {
    deal: DealId,
    client: ClientId,
    items: Vec<PresaleItem>,
}

fn effect(reader: &Reader<'_>, params: &mut Params) -> Answer {
    json(super::effect::effect(reader, period(reader, params)?)?)
}

fn deal(reader: &Reader<'_>, _: &mut Params, id: u128) -> Answer {
    let deal = DealId(id);
    let Some(client) = find_deal(reader, id)? else { return json(()) };
    json(Actions { deal, client, items: of_deal(reader, Owner::from(client), deal)? })
}
