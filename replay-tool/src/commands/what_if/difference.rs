//! What differs between two answers to one question.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    /// Where it stands: `groups[0].stages[offer].deals`.
    pub(super) path: String,
    /// What it is.
    pub(super) is: Value,
    /// What it would be.
    pub(super) would_be: Value,
    /// The latter less the former, for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) difference: Option<f64>,
}

/// Fields that tell the items of a list apart.
const NAMES: [&str; 12] =
    ["client", "deal", "order", "event", "plan", "forecast", "stage", "keys", "key", "kind", "product", "currency"];

/// Every value that differs.
pub(super) fn differences(is: &Value, would_be: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", is, would_be, &mut found);
    found
}

fn compare(path: &str, is: &Value, would_be: &Value, found: &mut Vec<Difference>) {
    match (is, would_be) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let (a, b) = (named(a, b), named(b, a));
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let item = |of: &BTreeMap<String, Value>| of.get(name).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}[{name}]"), &item(&a), &item(&b), found);
            }
        }
        _ if is == would_be => {}
        _ => {
            let numbers = is.as_f64().zip(would_be.as_f64());
            let difference = numbers.map(|(is, would_be)| would_be - is);
            let (is, would_be) = (is.clone(), would_be.clone());
            found.push(Difference { path: path.to_owned(), is, would_be, difference });
        }
    }
}

/// The items of a list by what tells them apart, else by their places.
fn named(list: &[Value], other: &[Value]) -> BTreeMap<String, Value> {
    let name = |field: &str, item: &Value| match &item[field] {
        Value::Null => None,
        // Another version of a definition is still the same thing.
        Value::String(text) => Some(text.rsplit_once('@').map_or(text.as_str(), |(name, _)| name).to_owned()),
        value => Some(value.to_string()),
    };
    let tells_apart = |field: &&&str| {
        let all = |list: &[Value]| {
            let names: BTreeSet<_> = list.iter().filter_map(|item| name(field, item)).collect();
            names.len() == list.len()
        };
        all(list) && all(other)
    };
    let field = NAMES.iter().find(tells_apart);
    let by_place = |n: usize| format!("{n:06}");
    let key = |(n, item): (usize, &Value)| match field {
        Some(field) => (name(field, item).unwrap_or_default(), item.clone()),
        None => (by_place(n), item.clone()),
    };
    list.iter().enumerate().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_version_of_a_definition_is_compared_with_the_one_before() {
        let plan = |name: &str, target: i64| json!([{ "plan": name, "target": target }]);
        let found = differences(&plan("plan:north@1", 5), &plan("plan:north@2", 7));
        let paths: Vec<(&str, Option<f64>)> = found.iter().map(|d| (d.path.as_str(), d.difference)).collect();
        assert_eq!(paths, [("[plan:north].plan", None), ("[plan:north].target", Some(2.0))]);
    }

    #[test]
    fn items_are_compared_by_name_and_numbers_are_subtracted() {
        let item = |stage: &str, n: i64| json!({ "stage": stage, "n": n });
        let is = json!({ "stages": [item("a", 1), item("b", 2)], "same": [1, 2] });
        let would_be = json!({ "stages": [item("b", 5), item("a", 1), item("c", 7)], "same": [1, 2] });
        let found = differences(&is, &would_be);
        let paths: Vec<(&str, Option<f64>)> = found.iter().map(|d| (d.path.as_str(), d.difference)).collect();
        assert_eq!(paths, [("stages[b].n", Some(3.0)), ("stages[c]", None)]);
        assert!(differences(&is, &is).is_empty());
    }
}
