//! What the names in a template mean at the place where it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::group::Reduce;
use super::row::Source;
use super::syntax::{Step, takes_name};
use super::transform::Transform;

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// In an event that no row stands behind.
    Once,
    /// In `fields`: may count years along the file.
    Field,
    /// In an event of one row, in a condition, or in the row part of a grouped event.
    Row,
    /// In an event of a group of rows.
    Group,
}

pub(super) struct Scope<'a> {
    pub(super) constants: &'a BTreeMap<String, String>,
    pub(super) tables: &'a BTreeMap<String, Arc<BTreeMap<String, String>>>,
    pub(super) zone: &'a TimeZone,
    /// Derived fields in the order in which they are computed.
    pub(super) fields: Vec<String>,
    /// Columns that are used.
    pub(super) columns: Vec<String>,
    pub(super) uses_hash: bool,
    pub(super) years: usize,
    pub(super) place: Place,
    /// The field that is being declared: its own name means the column.
    pub(super) declaring: Option<String>,
    /// Expressions of the grouped event that is being read.
    pub(super) slots: Vec<super::template::Slot>,
}

impl<'a> Scope<'a> {
    pub(super) fn source(&mut self, name: &str) -> Result<Source, String> {
        if name.starts_with('#') {
            if !matches!(self.place, Place::Row | Place::Field) {
                return Err(format!("{name} means one row and cannot stand here"));
            }
            self.uses_hash |= name != "#row";
            return match name {
                "#row" => Ok(Source::Number),
                "#hash" => Ok(Source::Hash),
                "#n" => Ok(Source::Ordinal),
                _ => Err(format!("{name} is not known: there are #row, #hash and #n")),
            };
        }
        let own = self.declaring.as_deref() == Some(name);
        if !own && let Some(field) = self.fields.iter().position(|field| field == name) {
            return Ok(Source::Field(field));
        }
        if let Some(text) = self.constants.get(name) {
            return Ok(Source::Constant(text.clone()));
        }
        if self.place == Place::Once {
            return Err(format!("{name:?} is no constant, and there is no row to take a column from"));
        }
        let column = self.columns.iter().position(|column| column == name).unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        });
        Ok(Source::Column(column))
    }

    /// A reduction, when the step is one.
    pub(super) fn reduce(step: &Step) -> Option<Reduce> {
        match step.name.as_str() {
            "min" => Some(Reduce::Min),
            "max" => Some(Reduce::Max),
            "most_common" => Some(Reduce::MostCommon),
            "sum" => Some(Reduce::Sum),
            "count" => Some(Reduce::Count),
            _ => None,
        }
    }

    pub(super) fn transform(&mut self, step: &Step) -> Result<Transform, String> {
        let Step { name, argument } = step;
        let plain = |transform: Transform| match argument.is_empty() {
            true => Ok(transform),
            false => Err(format!("`{name}` takes no argument, {argument:?} is given")),
        };
        let needed = || match argument.is_empty() {
            true => Err(format!("`{name}` needs an argument")),
            false => Ok(argument.clone()),
        };
        let words = |count: usize| {
            let words: Vec<_> = argument.split_whitespace().map(str::to_owned).collect();
            if words.len() == count {
                Ok(words)
            } else {
                Err(format!("`{name}` needs {count} words, not {argument:?}"))
            }
        };
        match name.as_str() {
            "trim" => plain(Transform::Trim),
            "lower" => plain(Transform::Lower),
            "upper" => plain(Transform::Upper),
            "slug" => plain(Transform::Slug),
            "code" => plain(Transform::Code),
            "optional" => plain(Transform::Optional),
            "decimal" => plain(Transform::Decimal),
            "decimal_comma" => plain(Transform::DecimalComma),
            "integer" => plain(Transform::Integer),
            "negate" => plain(Transform::Negate),
            "table" | "replace" => {
                let table = needed()?;
                let rows = self.tables.get(&table).ok_or_else(|| format!("there is no [tables.{table}]"))?;
                Ok(Transform::Table { name: table, rows: Arc::clone(rows), keep: name == "replace" })
            }
            "default" => Ok(Transform::Default(needed()?)),
            "time" => Ok(Transform::Time { format: needed()?, zone: self.zone.clone() }),
            "day" => Ok(Transform::Day(needed()?)),
            "plus_days" => Ok(Transform::Days { source: self.source(&needed()?)?, sign: 1 }),
            "minus_days" => Ok(Transform::Days { source: self.source(&needed()?)?, sign: -1 }),
            "times" => Ok(Transform::Times(self.source(&needed()?)?)),
            "money" => {
                let code = needed()?;
                let code = self.constants.get(&code).unwrap_or(&code);
                Ok(Transform::Money(code.parse().map_err(|error| format!("{error}"))?))
            }
            "bool" => {
                let mut words = words(2)?.into_iter();
                let (yes, no) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                Ok(Transform::Bool { yes, no })
            }
            "split" => Ok(Transform::Split(separator(&needed()?))),
            "part" => {
                let words = words(2)?;
                let index = words[1].parse().ok().filter(|index| *index > 0);
                let index = index.ok_or_else(|| format!("`part` counts from 1, not {:?}", words[1]))?;
                Ok(Transform::Part { separator: separator(&words[0]), index })
            }
            "pad" => {
                let width = needed()?.parse().ok().filter(|width| *width <= 64);
                Ok(Transform::Pad(width.ok_or("`pad` needs a width up to 64")?))
            }
            "running_year" => {
                if self.place != Place::Field {
                    return Err("`running_year` depends on the order of the file and stands only in `fields`".into());
                }
                let start = needed()?.parse().map_err(|_| "`running_year` needs the first year".to_owned())?;
                self.years += 1;
                Ok(Transform::RunningYear { start, slot: self.years - 1 })
            }
            _ => Err(format!("unknown step `{name}`")),
        }
        .and_then(|transform| match takes_name(name) && self.place == Place::Once {
            true => Err(format!("`{name}` needs a row")),
            false => Ok(transform),
        })
    }
}

/// `bar`, `space` and `tab` stand for what cannot be written in a template.
fn separator(word: &str) -> String {
    match word {
        "bar" => "|",
        "space" => " ",
        "tab" => "\t",
        other => other,
    }
    .to_owned()
}
