//! A mapping at work: rows in, events and refusals out.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::StringRecord;

use super::condition;
use super::error::{MappingError, SinkError};
use super::event::EventRule;
use super::group::Group;
use super::read::{Line, Table, locate};
use super::row::{Row, Year, hash};
use super::template::Context;
use super::{Files, Input, InputSummary, Item, Mapped, Mapping, Progress, Record, Rejected, Summary};

/// How many rows pass between two reports of progress.
const REPORT_EVERY: u64 = 2048;

/// Takes what a run gives out.
pub(super) type Sink<'a> = &'a mut dyn FnMut(Item) -> Result<(), SinkError>;
/// Takes the reports of progress.
pub(super) type Report<'a> = &'a mut dyn FnMut(&Progress);

/// The grouped events of an input by place, each with its groups by key.
type Groups = Vec<HashMap<String, Group>>;

struct Run<'a> {
    mapping: &'a Mapping,
    files: &'a Files,
    sink: Sink<'a>,
    summary: Summary,
}

pub(super) fn run(
    mapping: &Mapping,
    files: &Files,
    sink: Sink<'_>,
    report: Report<'_>,
) -> Result<Summary, MappingError> {
    let paths = mapping.inputs.iter().map(|input| locate(files, input)).collect::<Result<Vec<_>, _>>()?;
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let mut progress = Progress { total: paths.iter().flatten().map(size).sum(), ..Progress::default() };
    let mut run = Run { mapping, files, sink, summary: Summary::default() };
    for rule in &mapping.once {
        let record = StringRecord::new();
        let row = row(0, &record, &[], &[]);
        match rule.event(&mapping.source, &Context::Row(&row)) {
            Ok(event) => run.give(None, Vec::new(), rule, event)?,
            Err(reason) => {
                return Err(MappingError::Mapping { file: "the mapping".into(), place: "event".into(), reason });
            }
        }
    }
    let bytes = Arc::new(AtomicU64::new(0));
    for (input, paths) in mapping.inputs.iter().zip(&paths) {
        let summary = run.input(input, paths, &bytes, &mut progress, report)?;
        run.summary.inputs.push(summary);
    }
    progress.bytes = progress.total;
    report(&progress);
    Ok(run.summary)
}

/// The named rows of an input as they stand in its files.
pub(super) fn records(
    input: &Input,
    files: &Files,
    rows: &BTreeSet<u64>,
    take: &mut dyn FnMut(Record) -> Result<(), MappingError>,
) -> Result<(), MappingError> {
    let Some(last) = rows.last() else { return Ok(()) };
    let mut row = 0;
    for path in locate(files, input)? {
        let mut table = Table::open(&path, input, &Arc::default())?;
        while row < *last
            && let Some(line) = table.next()?
        {
            row += 1;
            if rows.contains(&row) {
                let (input, header) = (Arc::clone(&input.name), Arc::clone(&table.header));
                take(Record { input, row, header, fields: line.fields() })?;
            }
        }
    }
    Ok(())
}

impl Line {
    fn fields(self) -> Vec<String> {
        match self {
            Self::Good(record) => record.iter().map(str::to_owned).collect(),
            Self::Bad(fields, _) => fields,
        }
    }
}

fn row<'a>(number: u64, record: &'a StringRecord, positions: &'a [usize], years: &'a [Year]) -> Row<'a> {
    Row { number, record, positions, fields: Vec::new(), hash: String::new(), ordinal: 0, years }
}

impl Run<'_> {
    fn input(
        &mut self,
        input: &Input,
        paths: &[PathBuf],
        bytes: &Arc<AtomicU64>,
        progress: &mut Progress,
        report: Report<'_>,
    ) -> Result<InputSummary, MappingError> {
        let mut groups: Groups = input.events.iter().map(|_| HashMap::new()).collect();
        let years: Vec<Year> = vec![Cell::new((0, 0)); input.years];
        let mut seen: HashMap<String, u64> = HashMap::new();
        let mut summary = InputSummary { input: input.name.to_string(), ..InputSummary::default() };
        for path in paths {
            let mut table = Table::open(path, input, bytes)?;
            while let Some(line) = table.next()? {
                summary.rows += 1;
                progress.rows += 1;
                if progress.rows.is_multiple_of(REPORT_EVERY) {
                    progress.bytes = bytes.load(Ordering::Relaxed);
                    report(progress);
                }
                let (fields, outcome) = match line {
                    Line::Bad(fields, reason) => (fields, Err(reason)),
                    Line::Good(record) => {
                        let mut row = row(summary.rows, &record, &table.positions, &years);
                        if input.uses_hash {
                            row.hash = hash(&record);
                            let ordinal = seen.entry(row.hash.clone()).or_default();
                            *ordinal += 1;
                            row.ordinal = *ordinal;
                        }
                        let outcome = self.row(input, row, &mut groups)?;
                        (if outcome.is_err() { Line::Good(record).fields() } else { Vec::new() }, outcome)
                    }
                };
                if let Err(reason) = outcome {
                    summary.rejected += 1;
                    let (input, header) = (Arc::clone(&input.name), Arc::clone(&table.header));
                    self.refuse(reason, Record { input, row: summary.rows, header, fields })?;
                }
            }
        }
        summary.rejected += self.groups(input, groups)?;
        Ok(summary)
    }

    /// One row: all its own events or none; its share of the grouped ones is kept. The inner error is the
    /// reason for which the row is refused.
    fn row(
        &mut self,
        input: &Input,
        mut row: Row<'_>,
        groups: &mut Groups,
    ) -> Result<Result<(), String>, MappingError> {
        for field in &input.fields {
            match field.value(&Context::Row(&row)) {
                Ok(val) => row.fields.push(val),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        for (when, reason) in &input.rejects {
            match condition::all(when, &row) {
                Ok(true) => return Ok(Err(reason.clone())),
                Ok(false) => {}
                Err(reason) => return Ok(Err(reason)),
            }
        }
        let mut failure = None;
        let mut made = Vec::new();
        let mut shares = Vec::new();
        for (at, rule) in input.events.iter().enumerate() {
            let done = condition::all(&rule.when, &row).and_then(|holds| match (&rule.group_by, holds) {
                (_, false) => Ok(()),
                (None, true) => {
                    rule.event(&self.mapping.source, &Context::Row(&row)).map(|event| made.push((rule, event)))
                }
                (Some(key), true) => {
                    let key = key.text(&Context::Row(&row)).map_err(|reason| format!("group_by: {reason}"))?;
                    shares.push((at, rule, key.ok_or("group_by: is empty")?));
                    Ok(())
                }
            });
            if let Err(reason) = done {
                failure.get_or_insert(reason);
            }
        }
        if failure.is_none() && made.is_empty() && shares.is_empty() {
            return Ok(Err("no event of the mapping fits this row".to_owned()));
        }
        for (at, rule, key) in shares {
            let Some(groups) = groups.get_mut(at) else { continue };
            let group = groups.entry(key).or_insert_with(|| Group::new(&rule.slots, rule.lists.len()));
            group.rows.push(row.number);
            let added = match &failure {
                Some(reason) => Err(reason.clone()),
                None => rule.add(group, &row),
            };
            if let Err(reason) = added {
                group.failure.get_or_insert((row.number, reason));
            }
        }
        if let Some(reason) = failure {
            return Ok(Err(reason));
        }
        for (rule, event) in made {
            self.give(Some(input), vec![row.number], rule, event)?;
        }
        Ok(Ok(()))
    }

    /// The grouped events of an input: definitions first, then by the first row of the group. Returns how many
    /// rows were refused with their groups.
    fn groups(&mut self, input: &Input, groups: Groups) -> Result<u64, MappingError> {
        let rules = input.events.iter().zip(groups);
        let mut all: Vec<(&EventRule, String, Group)> =
            rules.flat_map(|(rule, groups)| groups.into_iter().map(move |(key, group)| (rule, key, group))).collect();
        all.sort_by_key(|(rule, _, group)| (!rule.is_definition(), group.rows.first().copied()));
        let mut refused: BTreeMap<u64, String> = BTreeMap::new();
        for (rule, key, group) in all {
            let made = match &group.failure {
                None => rule.event(&self.mapping.source, &Context::Group(&group)),
                Some((row, reason)) => Err(format!("row {row}: {reason}")),
            };
            match made {
                Ok(event) => self.give(Some(input), group.rows, rule, event)?,
                Err(reason) => {
                    let reason = format!("group {key:?} is refused as a whole: {reason}");
                    for row in group.rows {
                        let said = refused.entry(row).or_default();
                        *said = if said.is_empty() { reason.clone() } else { format!("{said}; {reason}") };
                    }
                }
            }
        }
        let rows = refused.keys().copied().collect();
        records(input, self.files, &rows, &mut |record| {
            let reason = refused.remove(&record.row).unwrap_or_default();
            self.refuse(reason, record)
        })?;
        Ok(rows.len() as u64)
    }

    fn give(
        &mut self,
        input: Option<&Input>,
        rows: Vec<u64>,
        rule: &EventRule,
        event: serde_json::Value,
    ) -> Result<(), MappingError> {
        self.summary.events += 1;
        match self.summary.by_type.get_mut(&rule.kind) {
            Some(count) => *count += 1,
            None => drop(self.summary.by_type.insert(rule.kind.clone(), 1)),
        }
        let input = input.map(|input| Arc::clone(&input.name));
        (self.sink)(Item::Event(Mapped { input, rows, event })).map_err(MappingError::Sink)
    }

    fn refuse(&mut self, reason: String, record: Record) -> Result<(), MappingError> {
        (self.sink)(Item::Rejected(Rejected { reason, record })).map_err(MappingError::Sink)
    }
}
