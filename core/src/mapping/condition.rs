//! `when`: which rows an event or a rejection is for.

use rust_decimal::Decimal;
use toml::Value;

use super::raw::RawTests;
use super::row::{Row, Source};
use super::value::Val;

/// Tests of one column; all must hold.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) tests: Vec<Test>,
}

#[derive(Debug)]
pub(super) enum Test {
    Is(Vec<String>),
    Not(Vec<String>),
    StartsWith(Vec<String>),
    NotStartsWith(Vec<String>),
    Empty(bool),
    Greater(Decimal),
    GreaterOrEqual(Decimal),
    Less(Decimal),
    LessOrEqual(Decimal),
}

impl Condition {
    /// Whether the row passes.
    pub(super) fn holds(&self, row: &Row<'_>) -> Result<bool, String> {
        let field;
        let text = match &self.source {
            source @ (Source::Column(_) | Source::Constant(_)) => row.text(source),
            source => {
                field = row.value(source).text().into_owned();
                field.as_str()
            }
        };
        for test in &self.tests {
            let holds = match test {
                Test::Is(any) => any.iter().any(|one| one == text),
                Test::Not(none) => none.iter().all(|one| one != text),
                Test::StartsWith(any) => any.iter().any(|one| text.starts_with(one.as_str())),
                Test::NotStartsWith(none) => !none.iter().any(|one| text.starts_with(one.as_str())),
                Test::Empty(empty) => text.trim().is_empty() == *empty,
                Test::Greater(than) => self.number(text)? > *than,
                Test::GreaterOrEqual(than) => self.number(text)? >= *than,
                Test::Less(than) => self.number(text)? < *than,
                Test::LessOrEqual(than) => self.number(text)? <= *than,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn number(&self, text: &str) -> Result<Decimal, String> {
        super::value::decimal(text).map_err(|reason| format!("{}: {reason}", self.name))
    }
}

/// Whether all conditions hold.
pub(super) fn all(conditions: &[Condition], row: &Row<'_>) -> Result<bool, String> {
    for condition in conditions {
        if !condition.holds(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The tests that a value of a `when` table stands for.
pub(super) fn tests(value: &Value) -> Result<Vec<Test>, String> {
    let Value::Table(_) = value else { return Ok(vec![Test::Is(texts(value)?)]) };
    let raw: RawTests = value.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let mut out = Vec::new();
    let lists = [
        (raw.is, Test::Is as fn(Vec<String>) -> Test),
        (raw.not, Test::Not),
        (raw.starts_with, Test::StartsWith),
        (raw.not_starts_with, Test::NotStartsWith),
    ];
    for (value, test) in lists {
        if let Some(value) = value {
            out.push(test(texts(&value)?));
        }
    }
    out.extend(raw.empty.map(Test::Empty));
    let numbers = [
        (raw.gt, Test::Greater as fn(Decimal) -> Test),
        (raw.ge, Test::GreaterOrEqual),
        (raw.lt, Test::Less),
        (raw.le, Test::LessOrEqual),
    ];
    for (value, test) in numbers {
        if let Some(value) = value {
            out.push(test(Val::Text(text(&value)?).decimal()?));
        }
    }
    if out.is_empty() { Err("an empty test".to_owned()) } else { Ok(out) }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(list) if !list.is_empty() => list.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(int) => Ok(int.to_string()),
        other => Err(format!("a {} cannot be compared with: write it as text", other.type_str())),
    }
}
