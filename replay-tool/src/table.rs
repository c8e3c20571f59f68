//! Answers as tables for people: any JSON value, lists of objects as rows.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::console::grouped;

/// A table with a header; columns of numbers to the right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
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
                    Value::Object(inner) if inner.values().any(|v| v.is_object() || v.is_array()) => {
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
    let find = |row: &[(String, String)], name: &str| {
        row.iter().find(|(key, _)| key == name).map(|(_, cell)| cell.clone()).unwrap_or_default()
    };
    let rows = flat.iter().map(|row| header.iter().map(|name| find(row, name)).collect()).collect();
    table(&header, rows)
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) if !is_money(value) && !map.is_empty() => {
            for (name, value) in map {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, out);
            }
        }
        other => out.push((prefix.to_owned(), cell(other))),
    }
}

fn is_money(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.len() == 2 && map.contains_key("minor") && map.contains_key("currency"))
}

/// One value in one cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => grouped(whole),
            None => number.to_string(),
        },
        other if is_money(other) => {
            let minor = other["minor"].as_i64().unwrap_or_default();
            format!("{} {}", grouped(minor), other["currency"].as_str().unwrap_or_default())
        }
        other => other.to_string(),
    }
}
