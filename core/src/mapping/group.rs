//! Rows that become one event together.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::template::Slot;
use super::value::Val;

/// How the values of the rows become the value of the group. None depends on the order of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reduce {
    /// All rows must agree.
    Same,
    Min,
    Max,
    /// Of equally common values the smallest.
    MostCommon,
    Sum,
    Count,
}

#[derive(Debug)]
enum Accumulator {
    Nothing,
    Rows,
    One(Option<Val>),
    Differs(String, String),
    Counts(BTreeMap<String, u64>),
    Sum(Decimal),
}

/// What is kept of the rows of one group.
#[derive(Debug)]
pub(super) struct Group {
    /// Numbers of its rows, in the order of the file.
    pub(super) rows: Vec<u64>,
    /// The first row that could not be read: the event would lack it, so there is none.
    pub(super) failure: Option<(u64, String)>,
    slots: Vec<Accumulator>,
    /// Of each `each_row` the values of the rows, as JSON text.
    pub(super) lists: Vec<Vec<Box<str>>>,
}

impl Group {
    pub(super) fn new(slots: &[Slot], lists: usize) -> Self {
        Self {
            rows: Vec::new(),
            failure: None,
            slots: slots
                .iter()
                .map(|slot| if slot.reduce == Reduce::Count { Accumulator::Rows } else { Accumulator::Nothing })
                .collect(),
            lists: vec![Vec::new(); lists],
        }
    }

    /// Adds the value of one row to a slot.
    pub(super) fn add(&mut self, at: usize, slot: &Slot, val: Option<Val>) -> Result<(), String> {
        let Some(kept) = self.slots.get_mut(at) else { return Ok(()) };
        match (slot.reduce, val) {
            (Reduce::Count, _) => {}
            (Reduce::Same, val) => match kept {
                Accumulator::Nothing => *kept = Accumulator::One(val),
                Accumulator::One(one) if *one != val => {
                    let text =
                        |val: &Option<Val>| val.as_ref().map_or_else(|| "nothing".into(), |v| v.text().into_owned());
                    *kept = Accumulator::Differs(slot.name().to_owned(), format!("{} and {}", text(one), text(&val)));
                }
                _ => {}
            },
            (_, None) => {}
            (reduce @ (Reduce::Min | Reduce::Max), Some(val)) => {
                let wanted = if reduce == Reduce::Min { Ordering::Less } else { Ordering::Greater };
                match kept {
                    Accumulator::One(Some(one)) if val.compare(one) != wanted => {}
                    _ => *kept = Accumulator::One(Some(val)),
                }
            }
            (Reduce::MostCommon, Some(val)) => {
                if !matches!(kept, Accumulator::Counts(_)) {
                    *kept = Accumulator::Counts(BTreeMap::new());
                }
                if let Accumulator::Counts(counts) = kept {
                    *counts.entry(val.text().into_owned()).or_default() += 1;
                }
            }
            (Reduce::Sum, Some(val)) => {
                let sum = if let Accumulator::Sum(sum) = kept { *sum } else { Decimal::ZERO };
                let more = val.decimal().map_err(|reason| format!("{}: {reason}", slot.name()))?;
                *kept = Accumulator::Sum(sum.checked_add(more).ok_or("the sum is too large")?);
            }
        }
        Ok(())
    }

    pub(super) fn value(&self, slot: usize) -> Result<Option<Val>, String> {
        match self.slots.get(slot) {
            // No row of the group had a value here.
            Some(Accumulator::Nothing) | None => Ok(None),
            Some(Accumulator::Rows) => Ok(Some(Val::Int(self.rows.len() as i64))),
            Some(Accumulator::One(val)) => Ok(val.clone()),
            Some(Accumulator::Differs(name, values)) => {
                Err(format!("{name}: the rows of the group differ ({values}): choose `min`, `max` or `most_common`"))
            }
            Some(Accumulator::Counts(counts)) => {
                let best = counts.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
                Ok(best.map(|(text, _)| Val::Text(text.clone())))
            }
            Some(Accumulator::Sum(sum)) => Ok(Some(Val::Decimal(sum.normalize()))),
        }
    }
}
