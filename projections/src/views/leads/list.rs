//! Single leads and lists of them.

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, DealId, EmployeeId, LeadId};
use letopis_core::time::{Moment, SECOND_US, Timestamp};
use serde::Serialize;

use super::{Handover, LeadRow, LeadStatus};
use crate::engine::list::{Condition, Page, Window};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};

/// A lead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadItem {
    /// The lead.
    pub lead: LeadId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// How far it is.
    pub status: LeadStatus,
    /// When it was captured; none while only later facts are known.
    pub captured_at: Option<Moment>,
    /// Where it came from.
    pub source: Option<Code>,
    /// Over which channel.
    pub channel: Option<Code>,
    /// The campaign that drew it.
    pub campaign: Option<Code>,
    /// What it is interested in.
    pub product: Option<Code>,
    /// Where it is.
    pub region: Option<Code>,
    /// When it was qualified first.
    pub qualified_at: Option<Moment>,
    /// How good it is.
    pub score: Option<u32>,
    /// When it was put aside, while it is.
    pub disqualified_at: Option<Moment>,
    /// Why it was put aside.
    pub reason: Option<Code>,
    /// Who has it.
    pub employee: Option<EmployeeId>,
    /// Which branch or department has it.
    pub branch: Option<Code>,
    /// Everybody it was handed over to, in order.
    pub handovers: Vec<Handover>,
    /// Elapsed seconds from its capture to the first hand-over.
    pub first_handover_s: Option<i64>,
    /// When it became a deal.
    pub converted_at: Option<Moment>,
    /// Who brought it so far.
    pub converted_by: Option<EmployeeId>,
    /// The deal.
    pub deal: Option<DealId>,
}

impl LeadItem {
    fn new(row: LeadRow) -> Self {
        let seconds = |from: Timestamp, to: Timestamp| (to >= from).then(|| (to.0 - from.0) / SECOND_US);
        let handed = row.handovers.0.first().map(|handover| handover.at.at);
        Self {
            first_handover_s: row.captured_at.zip(handed).and_then(|(from, to)| seconds(from, to)),
            lead: row.lead,
            client: row.client.client(),
            status: row.status,
            captured_at: row.captured_at.map(Moment::utc),
            source: row.source,
            channel: row.channel,
            campaign: row.campaign,
            product: row.product,
            region: row.region,
            qualified_at: row.qualified_at.map(Moment::utc),
            score: row.score,
            disqualified_at: row.disqualified_at.map(Moment::utc),
            reason: row.reason,
            employee: row.employee,
            branch: row.branch,
            handovers: row.handovers.0,
            converted_at: row.converted_at.map(Moment::utc),
            converted_by: row.converted_by,
            deal: row.deal,
        }
    }
}

/// Which leads are wanted; nothing allows all.
#[derive(Debug, Default)]
pub(super) struct LeadFilter {
    pub(super) status: Vec<LeadStatus>,
    pub(super) source: Option<Code>,
    pub(super) employee: Option<EmployeeId>,
    pub(super) branch: Option<Code>,
}

/// Leads, the latest first.
pub(super) fn leads(reader: &Reader<'_>, filter: &LeadFilter, window: &Window) -> Result<Page<LeadItem>, QueryError> {
    let (limit, wanted) = window.wanted()?;
    let shape = format!("leads {filter:?}");
    let mut condition = Condition::default();
    condition.one_of("status", &filter.status).is("source", filter.source.as_ref());
    condition.is("employee", filter.employee.as_ref()).is("branch", filter.branch.as_ref());
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(first_at, lead) < (?, ?)", place);
    }
    let rest = format!("ORDER BY first_at DESC, lead DESC LIMIT {wanted}");
    let rows = reader.rows::<LeadRow>(&condition.sql(&rest), &condition.values())?;
    Ok(Page::cut(rows, limit, &shape, |row| vec![row.first_at.put(), row.lead.put()]).map(LeadItem::new))
}

/// One lead; none when nothing is known of it.
pub(super) fn lead(reader: &Reader<'_>, lead: LeadId) -> Result<Option<LeadItem>, QueryError> {
    // An id that two clients' streams use is the lead of the one where it was captured.
    let rest = "WHERE lead = ?1 ORDER BY captured_at IS NULL, captured_at, client LIMIT 1";
    Ok(reader.rows::<LeadRow>(rest, &[&lead.put()])?.into_iter().next().map(LeadItem::new))
}

/// Leads of a client that became a deal.
pub(crate) fn of_deal(reader: &Reader<'_>, client: Owner, deal: DealId) -> Result<Vec<LeadRow>, QueryError> {
    reader.rows::<LeadRow>("WHERE deal = ?1 AND client = ?2 ORDER BY lead", &[&deal.put(), &client.put()])
}
