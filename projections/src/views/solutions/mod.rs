//! What helps against a problem: solutions that were tried on cases, ranked by what can be relied on.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::{Code, Label};
use letopis_core::definitions::Definition;
use letopis_core::events::service::{ProblemIdentified, SolutionRecorded};
use letopis_core::events::{Event, ProcessEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EmployeeId, EventId};
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::{Cell, Total, TotalTable, cell};
use crate::views::loyalty::ratio::{Ratio, wilson};
use crate::{row, total};

/// What can be asked about solutions.
pub const QUESTIONS: &[Question] = &[Question {
    name: "solutions",
    path: "/v1/solutions",
    view: "solutions",
    doc: "The solutions of a problem, ranked by the success that can be relied on: the lower bound of Wilson's interval.",
    params: &[Param::Text("problem", "The problem"), Param::Period],
    about: About::Totals(solutions),
}];

row! {
    /// A solution was tried.
    pub struct TriedRow in "solution_tried", index ["case_id"] {
        /// The event.
        key event: EventId,
        owner client,
        /// The day.
        day: Option<Day>,
        /// On which case.
        case_id: Option<CaseId>,
        /// The problem.
        problem: Option<Code>,
        /// What was tried.
        solution: Option<Code>,
        /// Whether it worked.
        worked: bool,
        /// Who tried it.
        employee: Option<EmployeeId>,
    }
}

total! {
    /// Solutions that were tried on a day.
    pub struct SolutionUse in "solution_use" by {
        /// The day.
        day: Day,
        /// The problem.
        problem: Code,
        /// What was tried.
        solution: Code,
    } sums {
        /// How often.
        tried,
        /// Of them, with success.
        worked,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solutions;

impl Projection for Solutions {
    const NAME: &'static str = "solutions";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["process"];
    const PER_EVENT: bool = true;
    const TOTALS: &'static [TotalTable] = &[SolutionUse::TABLE];
    type Row = TriedRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Process(ProcessEvent::SolutionApplied(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut TriedRow, fact: &Fact, cx: &Context<'_>) {
        let Event::Process(ProcessEvent::SolutionApplied(e)) = &fact.event else { return };
        row.day = Some(cx.zone.day(fact.occurred.at));
        row.case_id = Some(e.case);
        row.problem = Some(e.problem.clone());
        row.solution = Some(e.solution.clone());
        row.worked = e.worked;
        row.employee = e.employee;
    }

    fn contribute(&self, row: &TriedRow, _cx: &Context<'_>, out: &mut Contributions) {
        if let (Some(day), Some(problem), Some(solution)) = (row.day, &row.problem, &row.solution) {
            let (problem, solution) = (problem.clone(), solution.clone());
            out.add(&SolutionUse { day, problem, solution, tried: 1, worked: row.worked.into() });
        }
    }
}

/// A solution of a problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Solution {
    /// The solution.
    solution: Code,
    /// Its name.
    label: Option<Label>,
    /// The definition that gave it, `kind:code@version`; none for what was tried and never recorded.
    recorded: Option<String>,
    /// How often it worked of how often it was tried.
    success: Ratio,
    /// With 95 %, it works at least so often; none when it was never tried.
    at_least: Option<f64>,
}

/// The solutions of a problem, the best first.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Ranked {
    /// The problem.
    problem: Code,
    /// Its name.
    label: Option<Label>,
    /// The definition that gave it, `kind:code@version`.
    identified: Option<String>,
    /// The best first; those that were never tried last.
    solutions: Vec<Solution>,
}

fn solutions(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (problem, (from, to)) = (params.required::<Code>("problem")?, params.period(reader)?);
    let to = to.min(Day(reader.day().0.saturating_add(1)));
    let mut statement = reader.conn.prepare_cached(
        "SELECT solution, SUM(tried), SUM(worked) FROM solution_use
         WHERE problem = ?1 AND day >= ?2 AND day < ?3 GROUP BY solution HAVING SUM(tried) <> 0",
    )?;
    let tried = statement.query_map((problem.put(), from.put(), to.put()), |row| {
        Ok((cell::<Code>(row, 0)?, (row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
    })?;
    let tried: BTreeMap<Code, (i64, i64)> = tried.collect::<Result<_, _>>()?;
    let definitions = reader.definitions(&[ProblemIdentified::KIND, SolutionRecorded::KIND])?;
    let recorded = definitions.all::<SolutionRecorded>();
    let known = recorded.iter().filter(|dated| dated.value.problem == problem);
    let codes: BTreeSet<&Code> = known.map(|dated| &dated.value.solution).chain(tried.keys()).collect();
    let solution = |code: &Code| {
        let (n, worked) = tried.get(code).copied().unwrap_or_default();
        let dated = recorded.iter().find(|dated| dated.value.solution == *code);
        let success = Ratio::new(worked, n);
        Solution {
            solution: code.clone(),
            label: dated.map(|dated| dated.value.label.clone()),
            recorded: dated.map(|dated| dated.name()),
            success,
            at_least: success.value.map(|share| wilson(share, n as f64).0),
        }
    };
    let mut solutions: Vec<Solution> = codes.into_iter().map(solution).collect();
    solutions.sort_by(|a, b| {
        let best = |solution: &Solution| solution.at_least.unwrap_or(-1.0);
        best(b).total_cmp(&best(a)).then_with(|| a.solution.cmp(&b.solution))
    });
    let identified = definitions.latest::<ProblemIdentified>(problem.as_str());
    json(Ranked {
        label: identified.as_ref().map(|dated| dated.value.label.clone()),
        identified: identified.map(|dated| dated.name()),
        problem,
        solutions,
    })
}
