//! Who works on a deal, from when to when, and what each of them did in it.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, DealId, EmployeeId, EventId};
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use super::questions::concerns;
use super::rows::{Change, DealRow};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Owner;
use crate::views::client::members;
use crate::views::history::HistoryRow;

/// The role of whoever leads the deal.
const AGENT: &str = "agent";

/// The team of a deal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DealTeam {
    /// The deal.
    pub deal: DealId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// Roles with their validity, in the order in which they began.
    pub roles: Vec<TeamRole>,
    /// Everybody who had a role or did something, by id.
    pub people: Vec<TeamMember>,
    /// What happened to the deal without anybody being named, oldest first.
    pub unattributed: Vec<Deed>,
}

/// A role and from when to when somebody had it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeamRole {
    /// Who.
    pub employee: EmployeeId,
    /// As what.
    pub role: Code,
    /// From when on.
    pub from: Moment,
    /// Until when; none while it goes on.
    pub to: Option<Moment>,
}

/// What somebody did in a deal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeamMember {
    /// Who.
    pub employee: EmployeeId,
    /// The roles he has at the bound.
    pub roles: Vec<Code>,
    /// What he did, by type of event.
    pub counts: BTreeMap<String, i64>,
    /// What he did, oldest first.
    pub deeds: Vec<Deed>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deed {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// When it happened.
    pub at: Moment,
    /// What came of it: a stage, an outcome, a reason.
    pub outcome: Option<Code>,
    /// `named` when the event says who; `agent` when it is put down to whoever led the deal then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
}

/// Everybody's roles, in the order in which they began.
fn roles(deal: &DealRow) -> Vec<TeamRole> {
    let mut roles: Vec<TeamRole> = Vec::new();
    let end = |roles: &mut Vec<TeamRole>, at: Moment, of: &dyn Fn(&TeamRole) -> bool| {
        roles.iter_mut().filter(|role| role.to.is_none() && of(role)).for_each(|role| role.to = Some(at));
    };
    let mut opened = false;
    for step in &deal.history.0 {
        let at = Moment::utc(step.at);
        let (employee, role, joined) = match &step.change {
            Change::Opened { agent: Some(agent), .. } if !opened => {
                let Ok(role) = AGENT.parse() else { continue };
                (*agent, role, true)
            }
            Change::Team { employee, role, joined } => (*employee, role.clone(), *joined),
            _ => continue,
        };
        opened |= matches!(step.change, Change::Opened { .. });
        let same = |known: &TeamRole| known.role == role && known.employee == employee;
        if !joined {
            end(&mut roles, at, &same);
        } else if !roles.iter().any(|known| known.to.is_none() && same(known)) {
            // One leads a deal at a time.
            end(&mut roles, at, &|known| known.role.as_str() == AGENT && role.as_str() == AGENT);
            roles.push(TeamRole { employee, role, from: at, to: None });
        }
    }
    roles
}

/// The team as it stood at the bound; none when nothing was known of the deal.
pub(super) fn team(reader: &Reader<'_>, owner: Owner, deal: DealId) -> Result<Option<DealTeam>, QueryError> {
    let Some(row) = super::card::row(reader, owner, deal)? else { return Ok(None) };
    let roles = roles(&row);
    let leader = |at: Timestamp| {
        let holds = |role: &TeamRole| role.from.at <= at && role.to.is_none_or(|to| to.at > at);
        let leads = |role: &&TeamRole| role.role.as_str() == AGENT && holds(role);
        roles.iter().find(leads).map(|role| role.employee)
    };
    let mut people: BTreeMap<EmployeeId, TeamMember> = BTreeMap::new();
    let member = |employee| TeamMember { employee, roles: Vec::new(), counts: BTreeMap::new(), deeds: Vec::new() };
    for role in &roles {
        let known = people.entry(role.employee).or_insert_with(|| member(role.employee));
        if role.to.is_none() {
            known.roles.push(role.role.clone());
        }
    }
    let mut unattributed = Vec::new();
    for event in events(reader, owner, deal)? {
        // Who is put on a team does nothing by that.
        if event.event_type == "deal.team_changed" {
            continue;
        }
        // The deal's own steps are its leader's work where nobody else is named.
        let led = || leader(event.occurred_at).filter(|_| event.event_type.starts_with("deal."));
        let by = event.employee.map(|who| (who, "named")).or_else(|| led().map(|who| (who, AGENT)));
        let deed = Deed {
            event: event.event,
            event_type: event.event_type,
            at: Moment::utc(event.occurred_at),
            outcome: event.outcome,
            by: by.map(|(_, how)| how),
        };
        match by {
            Some((who, _)) => {
                let known = people.entry(who).or_insert_with(|| member(who));
                *known.counts.entry(deed.event_type.clone()).or_default() += 1;
                known.deeds.push(deed);
            }
            None => unattributed.push(deed),
        }
    }
    let people = people.into_values().collect();
    Ok(Some(DealTeam { deal, client: owner.client(), roles, people, unattributed }))
}

/// Every event of the deal, oldest first: a deal is worked on by people, so they fit in memory.
fn events(reader: &Reader<'_>, owner: Owner, deal: DealId) -> Result<Vec<HistoryRow>, QueryError> {
    let mut rows = Vec::new();
    for record in members(reader, owner)? {
        let mut condition = concerns(reader, owner, deal)?;
        condition.is("client", Some(&Owner::from(record)));
        rows.extend(reader.rows::<HistoryRow>(&condition.sql(""), &condition.values())?);
    }
    rows.sort_unstable_by_key(|row| (row.occurred_at, row.ord, row.event));
    Ok(rows)
}
