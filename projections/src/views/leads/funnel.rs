//! How far the leads came that were captured in a period, source by source.

use std::collections::{BTreeMap, HashMap};

use letopis_core::code::Code;
use letopis_core::ids::DealId;
use letopis_core::money::Money;
use serde::Serialize;

use super::{LeadRow, LeadStatus};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, cell};
use crate::views::deals::Status;
use crate::views::funnel::{Median, Period, Purse, Ratio};

/// What leads are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LeadsBy {
    #[default]
    Source,
    Channel,
    Campaign,
    Product,
    Region,
    Employee,
    Branch,
}

impl LeadsBy {
    pub(super) const WORDS: &'static [(&'static str, Self)] = &[
        ("source", Self::Source),
        ("channel", Self::Channel),
        ("campaign", Self::Campaign),
        ("product", Self::Product),
        ("region", Self::Region),
        ("employee", Self::Employee),
        ("branch", Self::Branch),
    ];

    fn key(self, lead: &LeadRow) -> Option<String> {
        let code = |code: &Option<Code>| code.as_ref().map(ToString::to_string);
        match self {
            Self::Source => code(&lead.source),
            Self::Channel => code(&lead.channel),
            Self::Campaign => code(&lead.campaign),
            Self::Product => code(&lead.product),
            Self::Region => code(&lead.region),
            Self::Employee => lead.employee.map(|id| id.to_string()),
            Self::Branch => code(&lead.branch),
        }
    }
}

/// Leads captured in a period, as they stand at the bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadFunnel {
    /// When they were captured.
    pub period: Period,
    by: LeadsBy,
    /// All together.
    pub total: LeadGroup,
    /// Group by group, the unknown last.
    pub groups: Vec<LeadGroup>,
}

/// Leads of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadGroup {
    /// The group; null for what belongs to none.
    pub key: Option<String>,
    /// Leads.
    pub captured: i64,
    /// Those of them whose client nobody knows yet.
    pub unidentified: i64,
    /// Handed over to somebody, out of all.
    pub assigned: Ratio,
    /// Ever qualified, or converted, out of all.
    pub qualified: Ratio,
    /// Put aside, out of all.
    pub disqualified: Ratio,
    /// Why they were put aside.
    pub reasons: BTreeMap<Code, i64>,
    /// Became a deal, out of all.
    pub converted: Ratio,
    /// Became a deal that is won, out of all.
    pub won: Ratio,
    /// What those deals came to, by currency.
    pub won_value: Vec<Money>,
    /// Time from capture to conversion; leads that are neither converted nor put aside go on.
    pub to_conversion: Median,
}

#[derive(Default)]
struct Tally {
    counts: [i64; 6],
    unidentified: i64,
    reasons: BTreeMap<Code, i64>,
    value: Purse,
    times: Vec<(i64, bool)>,
}

impl Tally {
    fn add(
        &mut self,
        lead: &LeadRow,
        known: bool,
        deal: Option<&Closed>,
        reader: &Reader<'_>,
    ) -> Result<(), QueryError> {
        let Some(captured) = lead.captured_at else { return Ok(()) };
        let converted = lead.status == LeadStatus::Converted;
        let won = deal.filter(|deal| converted && deal.0 == Status::Won);
        let reached = [
            true,
            !lead.handovers.0.is_empty(),
            converted || lead.qualified_at.is_some(),
            lead.status == LeadStatus::Disqualified,
            converted,
            won.is_some(),
        ];
        self.counts.iter_mut().zip(reached).for_each(|(count, holds)| *count += i64::from(holds));
        self.unidentified += i64::from(!known);
        if let Some(reason) = lead.reason.clone().filter(|_| lead.status == LeadStatus::Disqualified) {
            *self.reasons.entry(reason).or_default() += 1;
        }
        if let Some(Closed(_, currency, amount)) = won {
            self.value.add(currency, *amount)?;
        }
        let end = lead.converted_at.or(lead.disqualified_at).unwrap_or(reader.now);
        self.times.push(((end.0 - captured.0).max(0), lead.converted_at.is_some()));
        Ok(())
    }

    fn group(self, key: Option<String>) -> Result<LeadGroup, QueryError> {
        let [captured, assigned, qualified, disqualified, converted, won] = self.counts;
        let share = |part| Ratio::of_cases(part, captured);
        Ok(LeadGroup {
            key,
            captured,
            unidentified: self.unidentified,
            assigned: share(assigned),
            qualified: share(qualified),
            disqualified: share(disqualified),
            reasons: self.reasons,
            converted: share(converted),
            won: share(won),
            won_value: self.value.list()?,
            to_conversion: Median::of(self.times),
        })
    }
}

/// How a deal stands: its status, currency and amount.
struct Closed(Status, String, i64);

fn deals(reader: &Reader<'_>) -> Result<HashMap<DealId, Closed>, QueryError> {
    let sql = "SELECT deal, status, coalesce(currency, ''), coalesce(amount_minor, 0) FROM deal
               WHERE deal IN (SELECT deal FROM lead)";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let rows = statement
        .query_map([], |row| Ok((cell::<DealId>(row, 0)?, Closed(cell(row, 1)?, row.get(2)?, row.get(3)?))))?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// The leads captured in a period.
pub(super) fn funnel(reader: &Reader<'_>, period: Period, by: LeadsBy) -> Result<LeadFunnel, QueryError> {
    let (from, to) = (reader.zone.start(period.from), reader.zone.start(period.to).min(reader.now));
    let deals = deals(reader)?;
    let mut known = reader.conn.prepare_cached("SELECT identified FROM subject WHERE client = ?1")?;
    let (mut total, mut groups) = (Tally::default(), BTreeMap::<(bool, Option<String>), Tally>::new());
    let rows = reader.rows::<LeadRow>("WHERE captured_at >= ?1 AND captured_at < ?2", &[&from.0, &to.0])?;
    for lead in &rows {
        let known = known.query_row([lead.client.put()], |row| row.get::<_, bool>(0))?;
        let deal = lead.deal.and_then(|deal| deals.get(&deal));
        let key = by.key(lead);
        total.add(lead, known, deal, reader)?;
        groups.entry((key.is_none(), key)).or_default().add(lead, known, deal, reader)?;
    }
    let groups = groups.into_iter().map(|((_, key), tally)| tally.group(key)).collect::<Result<_, _>>()?;
    Ok(LeadFunnel { period, by, total: total.group(None)?, groups })
}
