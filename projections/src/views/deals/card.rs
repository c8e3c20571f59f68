//! One deal with everything that is known of it.

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, DealId, EmployeeId, LeadId, OrderId};
use letopis_core::money::Money;
use letopis_core::time::{Moment, SECOND_US};
use serde::Serialize;

use super::{Chance, DealRow, Place, Status};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner, cell};
use crate::views::leads;

/// A deal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DealCard {
    /// The deal.
    pub deal: DealId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// Open, won or lost.
    pub status: Status,
    /// Its stage model.
    pub model: String,
    /// The stage it is in, or was in last.
    pub stage: Option<Code>,
    /// When it was opened.
    pub opened_at: Option<Moment>,
    /// When it was closed last.
    pub closed_at: Option<Moment>,
    /// Elapsed seconds from the opening to that close; null while it is open, and where a date is a stand-in.
    pub cycle_s: Option<i64>,
    /// What is to be sold.
    pub product: Option<Code>,
    /// What it may be worth, or came to.
    pub amount: Option<Money>,
    /// Who leads it.
    pub agent: Option<EmployeeId>,
    /// Where it came from.
    pub source: Option<Code>,
    /// How likely it is to be won, by the last judgement.
    pub chance: Option<Chance>,
    /// Why it was lost.
    pub lost_reason: Option<Code>,
    /// To whom it was lost.
    pub competitor: Option<Code>,
    /// How often it was reopened.
    pub reopened: u32,
    /// The stages it was in, in order.
    pub visits: Vec<DealVisit>,
    /// The leads it came from.
    pub leads: Vec<LeadId>,
    /// The orders it led to.
    pub orders: Vec<OrderId>,
    /// Rules that its facts break.
    pub odd: Vec<String>,
}

/// A stay in a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DealVisit {
    /// The stage.
    pub stage: Code,
    /// When it came in.
    pub entered_at: Moment,
    /// False when that date is a stand-in.
    pub dated: bool,
    /// When it went out.
    pub left_at: Option<Moment>,
    /// Where to: a stage, `won` or `lost`.
    pub to: Option<String>,
    /// Elapsed seconds, up to the bound while it is there.
    pub stayed_s: i64,
}

/// The deal as it stood at the bound; none when nothing was known of it.
pub(super) fn row(reader: &Reader<'_>, owner: Owner, deal: DealId) -> Result<Option<DealRow>, QueryError> {
    let rows = reader.rows::<DealRow>("WHERE deal = ?1 AND client = ?2", &[&deal.put(), &owner.put()])?;
    Ok(rows.into_iter().next().and_then(|row| row.as_of(reader.now)))
}

/// The card; none when nothing was known of it at the bound.
pub(super) fn card(reader: &Reader<'_>, owner: Owner, deal: DealId) -> Result<Option<DealCard>, QueryError> {
    let Some(row) = row(reader, owner, deal)? else { return Ok(None) };
    let sql = "SELECT order_id FROM client_order WHERE deal = ?1 AND since < ?2 ORDER BY since, order_id";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let orders = statement.query_map((deal.put(), reader.now.put()), |row| cell(row, 0))?;
    let visits = row.visits().into_iter().map(|visit| {
        let end = visit.left.as_ref().map_or(reader.now, |(at, _)| *at);
        let to = visit.left.as_ref().map(|(_, to)| match to {
            Place::Stage(stage) => stage.to_string(),
            Place::Won => "won".into(),
            Place::Lost => "lost".into(),
            Place::Start => String::new(),
        });
        DealVisit {
            stayed_s: (end.0 - visit.entered_at.0) / SECOND_US,
            entered_at: Moment::utc(visit.entered_at),
            dated: visit.dated,
            left_at: visit.left.map(|(at, _)| Moment::utc(at)),
            to,
            stage: visit.stage,
        }
    });
    let took = row.opened_at.filter(|_| row.date_known).zip(row.closed_at);
    Ok(Some(DealCard {
        visits: visits.collect(),
        leads: leads::of_deal(reader, owner, deal)?.into_iter().map(|lead| lead.lead).collect(),
        orders: orders.collect::<Result<_, _>>()?,
        cycle_s: took.filter(|(from, to)| from <= to).map(|(from, to)| (to.0 - from.0) / SECOND_US),
        deal,
        client: owner.client(),
        status: row.status,
        model: row.model().to_owned(),
        amount: row.amount(),
        stage: row.stage,
        opened_at: row.opened_at.map(Moment::utc),
        closed_at: row.closed_at.map(Moment::utc),
        product: row.product,
        agent: row.agent,
        source: row.source,
        chance: row.chance.map(|chance| chance.0),
        lost_reason: row.lost_reason,
        competitor: row.competitor,
        reopened: row.reopened,
        odd: row.odd.0.into_iter().collect(),
    }))
}
