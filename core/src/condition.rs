//! [`Condition`]: what a definition asks of a fact, in the Common Expression Language (<https://cel.dev>).
//!
//! ```
//! use letopis_core::condition::Condition;
//! let vip: Condition = "client.class == 'vip' && order.amount > 100000".parse().unwrap();
//! let names = serde_json::json!({ "client": { "class": "vip" }, "order": { "amount": 250000 } });
//! assert_eq!(vip.holds(&names), Ok(true));
//! ```
//!
//! A condition says yes or no and computes nothing that is recorded: amounts come from integers in the definition.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cel::{Context, Program, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest condition, in bytes: evaluation has no budget of its own, so what is evaluated is bounded.
pub const MAX_CONDITION: usize = 1_000;
/// Deepest nesting of brackets.
pub const MAX_NESTING: usize = 16;
/// Compiled conditions that each thread keeps.
const CACHE: usize = 1_000;

/// A condition that parses.
#[derive(Clone)]
pub struct Condition {
    text: Box<str>,
    program: Arc<Program>,
}

/// The text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a condition, line {line}, column {column}: {reason}")]
pub struct InvalidCondition {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// A condition that neither holds nor does not: a name or field is missing, or things of different kinds are compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition:?} cannot be decided: {reason}")]
pub struct Undecided {
    /// The condition.
    pub condition: String,
    /// Why not.
    pub reason: String,
}

impl Condition {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds, given a JSON object whose members are the names it may use.
    ///
    /// # Errors
    /// When it cannot be decided.
    pub fn holds(&self, names: &serde_json::Value) -> Result<bool, Undecided> {
        let undecided = |reason: String| Undecided { condition: self.text.to_string(), reason };
        let mut context = Context::default();
        for (name, value) in names.as_object().into_iter().flatten() {
            let value = cel::to_value(value).map_err(|error| undecided(error.to_string()))?;
            context.add_variable_from_value(name.as_str(), value);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(undecided("it gives no yes or no".into())),
            Err(error) => Err(undecided(error.to_string())),
        }
    }
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn compile(text: &str) -> Result<Arc<Program>, InvalidCondition> {
    let invalid = |line, column, reason: String| Err(InvalidCondition { line, column, reason });
    if text.len() > MAX_CONDITION {
        return invalid(1, MAX_CONDITION, format!("{} bytes, at most {MAX_CONDITION} are read", text.len()));
    }
    if nesting(text) > MAX_NESTING {
        return invalid(1, 1, format!("brackets are nested deeper than {MAX_NESTING}"));
    }
    Program::compile(text).map(Arc::new).or_else(|errors| {
        let first = errors.errors.first();
        let place = |at: isize| usize::try_from(at).unwrap_or(1).max(1);
        let (line, column) = first.map_or((1, 1), |error| (place(error.pos.0), place(error.pos.1)));
        invalid(line, column, first.map_or_else(|| "it does not parse".to_owned(), |error| error.msg.clone()))
    })
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        thread_local! {
            // Definitions are read again and again; parsing costs a thousand times what looking up does.
            static COMPILED: RefCell<HashMap<Box<str>, Arc<Program>>> = RefCell::default();
        }
        COMPILED.with_borrow_mut(|compiled| {
            if let Some(program) = compiled.get(text) {
                return Ok(Self { text: text.into(), program: Arc::clone(program) });
            }
            let program = compile(text)?;
            if compiled.len() >= CACHE {
                compiled.clear();
            }
            compiled.insert(text.into(), Arc::clone(&program));
            Ok(Self { text: text.into(), program })
        })
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_parse_is_told_by_line_and_column() {
        let error = "a == 1 &&\n  == 2".parse::<Condition>().expect_err("no condition");
        assert_eq!(error.line, 2, "{error}");
        assert!("(".repeat(40).parse::<Condition>().expect_err("deep").reason.contains("nested"));
        assert!("1+".repeat(600).parse::<Condition>().expect_err("long").reason.contains("bytes"));
    }

    #[test]
    fn what_is_missing_is_neither_yes_nor_no() {
        let condition: Condition = "deal.amount > 5".parse().expect("parses");
        assert_eq!(condition.holds(&json!({ "deal": { "amount": 6 } })), Ok(true));
        assert!(condition.holds(&json!({ "deal": {} })).is_err());
        assert!(condition.holds(&json!({})).is_err());
        let guarded: Condition = "has(deal.amount) && deal.amount > 5".parse().expect("parses");
        assert_eq!(guarded.holds(&json!({ "deal": {} })), Ok(false));
        let number: Condition = "1 + 1".parse().expect("parses");
        assert!(number.holds(&json!({})).is_err());
    }

    #[test]
    fn words_lists_and_null_are_compared() {
        let names = json!({ "topics": ["delivery", "price"], "channel": null, "kind": "call.logged" });
        for (text, holds) in [
            ("'price' in topics", true),
            ("topics.exists(t, t.startsWith('del'))", true),
            ("channel == null && kind == 'call.logged'", true),
            ("size(topics) > 2", false),
        ] {
            assert_eq!(text.parse::<Condition>().expect("parses").holds(&names), Ok(holds), "{text}");
        }
    }
}
