//! One row of a table, and what a template may take from it.

use std::cell::Cell;

use csv::StringRecord;

use super::value::Val;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A column of the table, by its place in the list of columns that the input uses.
    Column(usize),
    /// A derived field of the input.
    Field(usize),
    /// A constant of the mapping.
    Constant(String),
    /// The number of the row, from 1.
    Number,
    /// A hash of the whole row.
    Hash,
    /// Which of the rows with this hash it is, from 1.
    Ordinal,
}

/// The year a `running_year` has reached and the month it saw last.
pub(super) type Year = Cell<(i64, i64)>;

pub(super) struct Row<'a> {
    pub(super) number: u64,
    pub(super) record: &'a StringRecord,
    pub(super) positions: &'a [usize],
    pub(super) fields: Vec<Option<Val>>,
    pub(super) hash: String,
    pub(super) ordinal: u64,
    pub(super) years: &'a [Year],
}

impl Row<'_> {
    pub(super) fn value(&self, source: &Source) -> Val {
        match source {
            Source::Column(_) | Source::Constant(_) => Val::Text(self.text(source).to_owned()),
            Source::Field(field) => self.fields.get(*field).cloned().flatten().unwrap_or(Val::Text(String::new())),
            Source::Number => Val::Int(self.number as i64),
            Source::Hash => Val::Text(self.hash.clone()),
            Source::Ordinal => Val::Int(self.ordinal as i64),
        }
    }

    /// The text of a column or constant without a copy; empty for everything else.
    pub(super) fn text<'b>(&'b self, source: &'b Source) -> &'b str {
        match source {
            Source::Column(column) => self.positions.get(*column).and_then(|at| self.record.get(*at)).unwrap_or(""),
            Source::Constant(text) => text,
            _ => "",
        }
    }
}

/// 128 bits of BLAKE3 over the fields, each behind its length, in hexadecimal.
pub(super) fn hash(record: &StringRecord) -> String {
    let mut hasher = blake3::Hasher::new();
    for field in record {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
