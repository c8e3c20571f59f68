//! How a lead changes. Every order of facts has an answer.

use letopis_core::events::LeadEvent;
use letopis_core::fact::Fact;

use super::{Handover, LeadRow, LeadStatus};

pub(super) fn fold(row: &mut LeadRow, event: &LeadEvent, fact: &Fact) {
    let at = fact.occurred.at;
    row.first_at.get_or_insert(at);
    row.events.0.push(fact.id);
    match event {
        // Captured again: what the first source said counts.
        LeadEvent::Captured(_) if row.captured_at.is_some() => {}
        LeadEvent::Captured(e) => {
            row.captured_at = Some(at);
            row.source = Some(e.source.clone());
            row.channel.clone_from(&e.channel);
            row.campaign.clone_from(&e.campaign);
            row.product.clone_from(&e.product);
            row.region.clone_from(&e.region);
            row.employee = row.employee.or(e.employee);
        }
        LeadEvent::Qualified(e) => {
            row.qualified_at.get_or_insert(at);
            row.score = e.score.or(row.score);
            if row.status != LeadStatus::Converted {
                row.status = LeadStatus::Qualified;
                (row.disqualified_at, row.reason) = (None, None);
            }
        }
        LeadEvent::Disqualified(e) => {
            if row.status != LeadStatus::Converted {
                row.status = LeadStatus::Disqualified;
                (row.disqualified_at, row.reason) = (Some(at), Some(e.reason.clone()));
            }
        }
        LeadEvent::Assigned(e) => {
            row.employee = e.employee.or(row.employee);
            row.branch = e.branch.clone().or(row.branch.take());
            row.handovers.0.push(Handover {
                at: fact.occurred,
                employee: e.employee,
                branch: e.branch.clone(),
                from: e.from.clone(),
                event: fact.id,
            });
        }
        LeadEvent::Converted(e) => {
            row.status = LeadStatus::Converted;
            (row.disqualified_at, row.reason) = (None, None);
            if row.converted_at.is_none() {
                (row.converted_at, row.converted_by, row.deal) = (Some(at), e.employee, Some(e.deal));
            }
        }
    }
}
