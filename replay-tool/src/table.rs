//! Answers as tables for people: any JSON value, lists of objects as rows.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use letopis_core::money::Currency;
use serde_json::Value;

use crate::console::grouped;

/// A table with a header; columns of numbers to the right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    let numeric: Vec<bool> = (0..header.len())
        .map(|at| {
            let mut cells = rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).peekable();
            cells.peek().is_some() && cells.all(|cell| cell.bytes().all(|b| b.is_ascii_digit() || b" .-%".contains(&b)))
        })
        .collect();
    table.add_rows(rows);
    for (column, numeric) in table.column_iter_mut().zip(numeric) {
        if numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// A JSON value for people: an object's plain fields as lines, each list of objects as a table under its name.
pub fn show(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => rows(items),
        Value::Object(map) => {
            let (mut lines, mut tables) = (Vec::new(), String::new());
            for (name, value) in map {
                match value {
                    Value::Array(items) if items.iter().any(Value::is_object) => {
                        tables += &format!("\n{name}\n{}\n", rows(items));
                    }
                    Value::Object(inner)
                        if number(value).is_none() && inner.values().any(|v| v.is_object() || v.is_array()) =>
                    {
                        tables += &format!("\n{name}\n{}\n", show(value));
                    }
                    other => lines.push(vec![name.clone(), cell(other)]),
                }
            }
            let head = if lines.is_empty() { String::new() } else { table(&["", ""], lines) + "\n" };
            head + &tables
        }
        other => cell(other),
    }
}

/// Columns that come first, whatever the others are: who or what a row is about.
const FIRST: &[&str] = &["key", "label", "rank", "client", "name", "month", "day", "stage", "view", "table"];

fn rows(items: &[Value]) -> String {
    let flat: Vec<Vec<(String, String)>> = items
        .iter()
        .map(|item| {
            let mut cells = Vec::new();
            flatten("", item, &mut cells);
            cells
        })
        .collect();
    let mut header: Vec<&str> = Vec::new();
    for (name, _) in flat.iter().flatten() {
        if !header.contains(&name.as_str()) {
            header.push(name);
        }
    }
    header.sort_by_key(|name| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    let find = |row: &[(String, String)], name: &str| {
        row.iter().find(|(key, _)| key == name).map(|(_, cell)| cell.clone()).unwrap_or_default()
    };
    let rows = flat.iter().map(|row| header.iter().map(|name| find(row, name)).collect()).collect();
    table(&header, rows)
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) if number(value).is_none() && !map.is_empty() => {
            for (name, value) in map {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, out);
            }
        }
        other => out.push((prefix.to_owned(), cell(other))),
    }
}

/// Objects that are one number: money, an exact amount, a share.
fn number(value: &Value) -> Option<String> {
    let map = value.as_object()?;
    let get = |name: &str| map.get(name);
    if let (Some(minor), Some(currency), 2) = (get("minor"), get("currency"), map.len()) {
        let currency: Currency = currency.as_str()?.parse().ok()?;
        let (minor, unit) = (minor.as_i64()?, 10_i64.pow(currency.exponent()));
        let (sign, whole, rest) = (if minor < 0 { "-" } else { "" }, (minor / unit).abs(), (minor % unit).abs());
        let places = currency.exponent() as usize;
        let rest = if places == 0 { String::new() } else { format!(".{rest:0places$}") };
        return Some(format!("{sign}{}{rest} {currency}", grouped(whole)));
    }
    if let (Some(Value::String(exact)), Some(rounded), 2) = (get("exact"), get("rounded"), map.len()) {
        return Some(format!("{exact} {}", rounded["currency"].as_str()?));
    }
    let (part, whole) = (get("numerator")?.as_i64()?, get("denominator")?.as_i64()?);
    let share = get("value").and_then(Value::as_f64);
    Some(match share {
        Some(share) if share.abs() <= 1.0 => format!("{:.1} % ({part}/{whole})", share * 100.0),
        Some(share) => format!("{share:.1}"),
        None => String::new(),
    })
}

/// One value in one cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => grouped(whole),
            (None, Some(real)) => format!("{real:.4}"),
            (None, None) => number.to_string(),
        },
        Value::Bool(yes) => yes.to_string(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("; "),
        Value::Object(map) => number(value).unwrap_or_else(|| {
            let parts = map.iter().filter(|(_, value)| !value.is_null());
            parts.map(|(name, value)| format!("{name} {}", cell(value))).collect::<Vec<_>>().join(", ")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        assert_eq!(cell(&json!({ "minor": -160_389_705, "currency": "USD" })), "-1 603 897.05 USD");
        assert_eq!(cell(&json!({ "minor": 5, "currency": "JPY" })), "5 JPY");
        assert_eq!(cell(&json!({ "numerator": 1, "denominator": 4, "n": 4, "value": 0.25 })), "25.0 % (1/4)");
        let amount = json!({ "exact": "8911407.904", "rounded": { "minor": 891_140_790, "currency": "GBP" } });
        assert_eq!(cell(&amount), "8911407.904 GBP");
        assert_eq!(cell(&json!([{ "stage": "won", "deals": 1_234 }])), "deals 1 234, stage won");
    }
}
