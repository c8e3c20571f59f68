//! A case moves as its workflow allows, in the version that counted when the case was raised.

use serde_json::{Value, json};

use super::case::CaseState;
use super::{Met, Refusal, Verdict, flag};
use crate::code::Code;
use crate::definitions::{Dated, Definition, Definitions};
use crate::events::definition::EmployeeDefined;
use crate::events::service::{Transition, WorkflowDefined};
use crate::ids::{CaseId, EmployeeId};

/// A move that somebody wants to make.
pub(super) struct Move<'a> {
    pub(super) case: CaseId,
    /// The state it is in, as he sees it.
    pub(super) from: Option<&'a Code>,
    pub(super) to: &'a Code,
    pub(super) employee: Option<EmployeeId>,
    /// The department that it comes into with the move.
    pub(super) department: Option<&'a Code>,
}

/// The definition streams that the move of a case is judged by.
pub(super) fn needs(case: Option<&CaseState>, employee: Option<EmployeeId>) -> Vec<String> {
    let workflow = case.and_then(|case| case.raised).map(|(kind, _)| format!("{}/{kind}", WorkflowDefined::KIND));
    let employee = employee.map(|employee| format!("{}/{employee}", EmployeeDefined::KIND));
    workflow.into_iter().chain(employee).collect()
}

pub(super) fn decide(case: &CaseState, wanted: &Move<'_>, definitions: &Definitions) -> Verdict {
    let Some((kind, raised)) = case.raised else { return Ok(Vec::new()) };
    let Some(workflow) = definitions.at::<WorkflowDefined>(&kind.to_string(), raised) else {
        return flag("workflow.none", format!("no workflow of kind {kind} counted when the case was raised"));
    };
    let states = &workflow.value.states;
    let Some(met) = case.state.as_ref().or_else(|| states.first().map(|first| &first.state)) else {
        return Ok(Vec::new());
    };
    let (id, to) = (wanted.case, wanted.to);
    let refuse = |rule, reason: String| refused(&workflow, rule, reason, met, to);
    let Some(state) = states.iter().find(|state| state.state == *to) else {
        let known: Vec<&str> = states.iter().map(|state| state.state.as_str()).collect();
        let reason = format!("case {id} is in state {met}; {workflow} has no state {to}, but {}", known.join(", "));
        return refuse("workflow.unknown_state", reason);
    };
    if let Some(from) = wanted.from.filter(|from| *from != met) {
        return refuse("workflow.other_state", format!("case {id} is in state {met}, not {from}"));
    }
    if let (Some(department), Some(owner)) = (wanted.department, &state.department)
        && department != owner
    {
        let reason = format!("case {id} is in state {met}; in {workflow}, {owner} works on {to}, not {department}");
        return refuse("workflow.department", reason);
    }
    let leads = |transition: &&Transition| transition.from == *met;
    let ways: Vec<&Transition> = workflow.value.transitions.iter().filter(leads).collect();
    let Some(way) = ways.iter().find(|transition| transition.to == *to) else {
        let known: Vec<&str> = ways.iter().map(|way| way.to.as_str()).collect();
        let known = if known.is_empty() { "nowhere".to_owned() } else { format!("to {}", known.join(", ")) };
        let reason = format!("case {id} is in state {met}; {workflow} leads from there {known}, not to {to}");
        return refuse("workflow.transition", reason);
    };
    let employee = wanted.employee.and_then(|employee| definitions.latest::<EmployeeDefined>(&employee.to_string()));
    let role = employee.as_ref().and_then(|employee| employee.value.role.as_ref());
    if !way.roles.is_empty() && !role.is_some_and(|role| way.roles.contains(role)) {
        let roles: Vec<&str> = way.roles.iter().map(Code::as_str).collect();
        let who = role.map_or("an employee whose role is not known".to_owned(), |role| format!("the role {role}"));
        let reason =
            format!("case {id} is in state {met}; {workflow} lets {} move it to {to}, not {who}", roles.join(", "));
        return refuse("workflow.role", reason);
    }
    match way.when.as_ref().map(|when| (when, when.holds(&names(case, met, employee.as_ref())))) {
        None | Some((_, Ok(true))) => Ok(Vec::new()),
        Some((when, Ok(false))) => {
            let reason = format!("case {id} is in state {met}; {workflow} leads to {to} only when {:?}", when.as_str());
            refuse("workflow.condition", reason)
        }
        Some((_, Err(undecided))) => {
            refuse("workflow.condition", format!("case {id} is in state {met}; {workflow}: {undecided}"))
        }
    }
}

fn names(case: &CaseState, state: &Code, employee: Option<&Dated<'_, EmployeeDefined>>) -> Value {
    let about = &case.about;
    json!({
        "case": {
            "kind": about.kind, "topic": about.topic, "product": about.product, "priority": about.priority,
            "channel": about.channel, "region": about.region, "answers": about.answers, "state": state,
        },
        "employee": {
            "role": employee.and_then(|employee| employee.value.role.as_ref()),
            "department": employee.and_then(|employee| employee.value.department.as_ref()),
        },
    })
}

fn refused(
    workflow: &Dated<'_, WorkflowDefined>,
    rule: &'static str,
    reason: String,
    met: &Code,
    wanted: &Code,
) -> Verdict {
    let met = Met { state: met.clone(), wanted: wanted.clone(), kind: workflow.value.kind, version: workflow.version };
    Err(Refusal { rule, reason, met: Some(Box::new(met)) })
}
