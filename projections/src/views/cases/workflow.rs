//! How cases stand in their workflows.

use std::collections::BTreeMap;

use letopis_core::calendar::Calendar;
use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::case::CaseKind;
use letopis_core::events::service::{Transition, WorkflowDefined};
use letopis_core::ids::{CaseId, EmployeeId, EventId};
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use super::clock::Levels;
use super::{Attempt, CaseRow, levels};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::views::attributes;

/// A stay in a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stay {
    /// The state.
    pub state: Code,
    /// From when on.
    pub since: Moment,
    /// Until when; none while it lasts.
    pub until: Option<Moment>,
    /// Seconds of the calendar of its service level; of all time without a level.
    pub seconds: i64,
    /// How long it may stay there.
    pub limit_s: Option<u32>,
    /// Whether it stayed longer.
    pub over_limit: bool,
    /// Who moved it there.
    pub employee: Option<EmployeeId>,
    /// The event that moved it there; none for the first state.
    pub event: Option<EventId>,
}

/// A case in its workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    /// The case.
    pub case: CaseId,
    /// The kind under which it was raised.
    pub kind: Option<CaseKind>,
    /// The workflow that counted when it was raised, `kind:code@version`; none when there was none.
    pub workflow: Option<String>,
    /// The state it is in.
    pub state: Option<Code>,
    /// The department that works on this state.
    pub department: Option<Code>,
    /// Where it can go from here, and what for that must hold.
    pub next: Vec<Transition>,
    /// Where it has been.
    pub stays: Vec<Stay>,
    /// Moves that were forbidden.
    pub refused: Vec<Attempt>,
}

type Workflow<'a> = Dated<'a, WorkflowDefined>;

fn workflow_of<'a>(definitions: &'a Definitions, row: &CaseRow) -> Option<Workflow<'a>> {
    definitions.at(&row.raised_as?.to_string(), row.raised_at?)
}

/// Where a case has been, in the order of its moves.
fn stays(row: &CaseRow, workflow: Option<&Workflow<'_>>, calendar: &Calendar, now: Timestamp) -> Vec<Stay> {
    let states = workflow.map_or(&[][..], |workflow| &workflow.value.states);
    let first = states.first().zip(row.raised_at);
    let first = first.map(|(first, at)| (Moment::utc(at), first.state.clone(), None, None));
    let moves = row.steps.0.iter().map(|step| (step.at, step.to.clone(), step.employee, Some(step.event)));
    let entered: Vec<_> = first.into_iter().chain(moves).collect();
    let ends = |at: usize, since: &Moment| {
        let settled = row.settled_at.filter(|settled| *settled >= since.at).map(Moment::utc);
        entered.get(at + 1).map(|(at, ..)| *at).or(settled)
    };
    type Entered = (Moment, Code, Option<EmployeeId>, Option<EventId>);
    let stay = |(at, (since, state, employee, event)): (usize, &Entered)| {
        let until = ends(at, since);
        let seconds = calendar.seconds(since.at, until.map_or(now, |until| until.at));
        let limit_s = states.iter().find(|known| known.state == *state).and_then(|known| known.limit_s);
        let over_limit = limit_s.is_some_and(|limit| seconds > i64::from(limit));
        Stay {
            state: state.clone(),
            since: *since,
            until,
            seconds,
            limit_s,
            over_limit,
            employee: *employee,
            event: *event,
        }
    };
    entered.iter().enumerate().map(stay).collect()
}

/// One case in its workflow.
pub(super) fn course(reader: &Reader<'_>, _params: &mut Params, id: u128) -> Answer {
    let Some(row) = super::row(reader, CaseId(id))? else { return json(()) };
    let definitions = reader.definitions(&[WorkflowDefined::KIND])?;
    let workflow = workflow_of(&definitions, &row);
    let levels = Levels::load(reader)?;
    let client = levels::client_of(reader, row.client, &row)?;
    let (chosen, always) = (levels.of(&row, &client), Calendar::always());
    let calendar = chosen.as_ref().map_or(&always, |chosen| chosen.calendar);
    let stays = stays(&row, workflow.as_ref(), calendar, reader.now);
    let state = stays.last().map(|stay| stay.state.clone());
    let ways = workflow.iter().flat_map(|workflow| &workflow.value.transitions);
    let next = ways.filter(|way| Some(&way.from) == state.as_ref()).cloned().collect();
    let states = workflow.iter().flat_map(|workflow| &workflow.value.states);
    let department =
        states.filter(|known| Some(&known.state) == state.as_ref()).find_map(|known| known.department.clone());
    json(Course {
        case: row.case_id,
        kind: row.raised_as,
        workflow: workflow.map(|workflow| workflow.name()),
        state,
        department,
        next,
        stays,
        refused: row.attempts.0,
    })
}

/// Open cases of one kind in one state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InState {
    /// The kind under which they were raised.
    pub kind: Option<CaseKind>,
    /// The state; none where the kind has no workflow.
    pub state: Option<Code>,
    /// How many.
    pub cases: i64,
    /// Of them, longer there than they may be.
    pub over_limit: i64,
    /// When the first of them came there.
    pub oldest_since: Option<Moment>,
    /// The versions under which they run, `kind:code@version`.
    pub workflows: Vec<String>,
}

/// Open cases by the state of their workflow: a board.
pub(super) fn board(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let wanted = super::kind(params)?;
    let definitions = reader.definitions(&[WorkflowDefined::KIND])?;
    let (levels, dated) = (Levels::load(reader)?, attributes::Dated::all(reader)?);
    let always = Calendar::always();
    let rows = reader.rows::<CaseRow>("WHERE raised_at IS NOT NULL AND status IN ('open', 'answered')", &[])?;
    let mut lines: BTreeMap<(Option<CaseKind>, Option<Code>), InState> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted.is_none_or(|kind| row.raised_as == Some(kind))) {
        let workflow = workflow_of(&definitions, row);
        let client = dated.at(row.client, row.raised_at.unwrap_or(reader.now));
        let chosen = levels.of(row, &client);
        let calendar = chosen.as_ref().map_or(&always, |chosen| chosen.calendar);
        let last = stays(row, workflow.as_ref(), calendar, reader.now).pop();
        let state = last.as_ref().map(|stay| stay.state.clone());
        let line = lines.entry((row.raised_as, state.clone())).or_insert_with(|| InState {
            kind: row.raised_as,
            state,
            cases: 0,
            over_limit: 0,
            oldest_since: None,
            workflows: Vec::new(),
        });
        line.cases += 1;
        line.over_limit += i64::from(last.as_ref().is_some_and(|stay| stay.over_limit));
        let since = last.map(|stay| stay.since);
        line.oldest_since = line.oldest_since.into_iter().chain(since).min_by_key(|since| since.at);
        if let Some(name) = workflow.map(|workflow| workflow.name())
            && !line.workflows.contains(&name)
        {
            line.workflows.push(name);
            line.workflows.sort_unstable();
        }
    }
    json(lines.into_values().collect::<Vec<_>>())
}
