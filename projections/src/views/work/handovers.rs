//! How completely departments hand over, and how long work waits on its way.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::{Definition, Definitions};
use letopis_core::events::service::CheckListDefined;
use letopis_core::time::SECOND_US;
use serde::Serialize;

use super::{Handover, WorkRow};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::views::cases::Duration;
use crate::views::loyalty::ratio::Ratio;

/// A hand-over against its check-list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Judged {
    #[serde(flatten)]
    handover: Handover,
    /// The check-list that counted then, `kind:code@version`; none when it was never defined.
    check_list: Option<String>,
    /// What of the list was not there.
    missing: Vec<Code>,
    /// Nothing of the list was missing; null where there was no list.
    complete: Option<bool>,
    /// Elapsed seconds until the case came there; null while it is on its way.
    waited_s: Option<i64>,
}

impl Judged {
    pub(super) fn new(handover: Handover, lists: &Definitions) -> Self {
        let list = lists.at::<CheckListDefined>(handover.list.as_str(), handover.at.at);
        let missing: Vec<Code> = list
            .iter()
            .flat_map(|list| &list.value.items)
            .filter(|item| !handover.checked.contains(item))
            .cloned()
            .collect();
        let waited_s = handover.received_at.map(|received| (received.at.0 - handover.at.at.0).max(0) / SECOND_US);
        Self {
            check_list: list.as_ref().map(|list| list.name()),
            complete: list.map(|_| missing.is_empty()),
            missing,
            waited_s,
            handover,
        }
    }
}

/// Hand-overs from one department to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    /// Who gave.
    from: Code,
    /// Who got.
    to: Code,
    /// How many.
    handovers: i64,
    /// Complete ones of those that had a check-list.
    complete: Ratio,
    /// How often each item was missing.
    missing: BTreeMap<Code, i64>,
    /// On their way still.
    on_the_way: i64,
    /// Elapsed time on the way, of those that came.
    waited: Duration,
    /// The check-lists that were asked, `kind:code@version`.
    check_lists: Vec<String>,
}

pub(super) fn handovers(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let (given_by, given_to) = (params.one::<Code>("from_department")?, params.one::<Code>("to_department")?);
    let lists = reader.definitions(&[CheckListDefined::KIND])?;
    let mut groups: BTreeMap<(Code, Code), Vec<Judged>> = BTreeMap::new();
    for row in reader.rows::<WorkRow>("WHERE handovers <> '[]'", &[])? {
        for handover in row.handovers.0 {
            let day = reader.zone.day(handover.at.at);
            let wanted = given_by.as_ref().is_none_or(|by| *by == handover.from)
                && given_to.as_ref().is_none_or(|to| *to == handover.to);
            if wanted && day >= from && day < to {
                let pair = (handover.from.clone(), handover.to.clone());
                groups.entry(pair).or_default().push(Judged::new(handover, &lists));
            }
        }
    }
    let line = |((from, to), judged): ((Code, Code), Vec<Judged>)| {
        let listed = judged.iter().filter_map(|one| one.complete);
        let (complete, of) = listed.fold((0, 0), |(yes, n), complete| (yes + i64::from(complete), n + 1));
        let mut missing: BTreeMap<Code, i64> = BTreeMap::new();
        for item in judged.iter().flat_map(|one| &one.missing) {
            *missing.entry(item.clone()).or_default() += 1;
        }
        let waits: Vec<i64> = judged.iter().filter_map(|one| one.waited_s).collect();
        let mut check_lists: Vec<String> = judged.iter().filter_map(|one| one.check_list.clone()).collect();
        check_lists.sort_unstable();
        check_lists.dedup();
        Line {
            from,
            to,
            handovers: judged.len() as i64,
            complete: Ratio::new(complete, of),
            missing,
            on_the_way: (judged.len() - waits.len()) as i64,
            waited: Duration::of(waits),
            check_lists,
        }
    };
    json(groups.into_iter().map(line).collect::<Vec<_>>())
}
