//! Parallel reviews join before an application is decided; work enters and leaves departments as its workflow says.

use super::case::{CaseState, Cases};
use super::{Verdict, flag, refuse, workflow};
use crate::definitions::Definitions;
use crate::events::ProcessEvent;

pub(super) fn apply(cases: &mut Cases, event: &ProcessEvent) {
    let case = cases.entry(event.case_id()).or_default();
    match event {
        ProcessEvent::WorkEntered(e) => {
            case.department = Some(e.department.clone());
            if let Some(stage) = &e.stage {
                case.state = Some(stage.clone());
            }
        }
        ProcessEvent::WorkLeft(e) => {
            case.department.take_if(|department| *department == e.department);
        }
        ProcessEvent::ReviewRequested(e) => drop(case.reviews.entry(e.branch.clone()).or_default()),
        ProcessEvent::ReviewDecided(e) => drop(case.reviews.insert(e.branch.clone(), Some(e.decision.clone()))),
        ProcessEvent::HandedOver(_) | ProcessEvent::ApplicationDecided(_) | ProcessEvent::SolutionApplied(_) => {}
    }
}

pub(super) fn decide(cases: &Cases, event: &ProcessEvent, definitions: &Definitions) -> Verdict {
    let id = event.case_id();
    let unknown = CaseState::default();
    let case = cases.get(&id).unwrap_or(&unknown);
    match event {
        ProcessEvent::ReviewDecided(e) if case.reviews.get(&e.branch).is_some_and(Option::is_some) => {
            refuse("review.decided_already", format!("review {} of case {id} is decided already", e.branch))
        }
        ProcessEvent::ApplicationDecided(_) => {
            let open = case.reviews.iter().filter(|(_, decision)| decision.is_none());
            let open: Vec<&str> = open.map(|(branch, _)| branch.as_str()).collect();
            if open.is_empty() {
                return if case.raised.is_some() { Ok(Vec::new()) } else { not_raised(event) };
            }
            refuse("application.review_open", format!("reviews of case {id} are not decided yet: {}", open.join(", ")))
        }
        ProcessEvent::WorkEntered(_) if case.closed => {
            refuse("case.closed", format!("case {id} is closed; reopen it first"))
        }
        _ if case.raised.is_none() => not_raised(event),
        ProcessEvent::ReviewDecided(e) if !case.reviews.contains_key(&e.branch) => {
            flag("review.not_requested", format!("review {} of case {id} was never asked for", e.branch))
        }
        ProcessEvent::WorkEntered(e) => {
            let mut flags = match &e.stage {
                Some(stage) => {
                    let (to, department) = (stage, Some(&e.department));
                    let wanted = workflow::Move { case: id, from: None, to, employee: e.employee, department };
                    workflow::decide(case, &wanted, definitions)?
                }
                None => Vec::new(),
            };
            if let Some(other) = &case.department {
                flags.extend(flag("work_item.not_left", format!("case {id} has not left {other}"))?);
            }
            Ok(flags)
        }
        ProcessEvent::WorkLeft(e) if case.department.as_ref() != Some(&e.department) => {
            flag("work_item.not_there", format!("case {id} was not in {}", e.department))
        }
        _ => Ok(Vec::new()),
    }
}

fn not_raised(event: &ProcessEvent) -> Verdict {
    flag("case.not_raised", format!("case {} was never raised", event.case_id()))
}
