//! A table of a view as CSV.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use letopis_projections::engine::row::Atom;
use letopis_projections::engine::stored::{StoredColumn, StoredTable, StoredViews, columns, tables};
use letopis_projections::engine::view::View;
use serde_json::json;

use super::register::Handed;
use crate::console::{Done, Exit, UsageError, grouped};
use crate::data::Data;

/// A table of the folder's views, by the name of a view (its rows) or of any of its tables.
pub(super) fn find<'a>(
    data: &'a Data,
    name: &str,
) -> Result<(&'a dyn View, StoredTable, Vec<StoredColumn>, StoredViews)> {
    let mut all = data.views.iter().flat_map(|view| tables(view.as_ref()).into_iter().map(move |table| (view, table)));
    let found = all.find(|(view, table)| table.name == name || (view.name() == name && !table.is_total));
    let Some((view, table)) = found else {
        let names: Vec<&str> =
            data.views.iter().flat_map(|view| tables(view.as_ref())).map(|table| table.name).collect();
        return Err(UsageError(format!("there is no view or table {name:?}; there are {}", names.join(", "))).into());
    };
    let stored = data.stored()?.ok_or_else(|| anyhow!("the folder has no views yet: run `rebuild --install`"))?;
    if !stored.is_of(&data.views)? {
        return Err(anyhow!("the folder's views were made by other folds: run `rebuild --install`"));
    }
    Ok((view.as_ref(), table, columns(view.as_ref(), &table), stored))
}

pub(super) fn csv(data: &Data, name: &str, out: Option<&Path>) -> Result<(Done, Handed)> {
    let (view, table, columns, stored) = find(data, name)?;
    let mut writer = csv::Writer::from_writer(super::open(out)?);
    writer.write_record(columns.iter().map(|column| column.name)).context("writing the table")?;
    let (mut rows, mut failed) = (0_u64, None);
    stored
        .rows(view, &table, &mut |row| {
            rows += 1;
            failed = writer.write_record(row.iter().map(cell)).err();
            failed.is_none()
        })
        .with_context(|| format!("reading {}", table.name))?;
    if let Some(error) = failed {
        return Err(error).context("writing the table");
    }
    let target = writer.into_inner().map_err(|error| anyhow!("writing the table: {}", error.error()))?;
    let digest = target.finish().context("writing the table")?;
    let position = stored.checkpoint()?.position;
    let handed = Handed { what: "view", client: None, upto: position, digest };
    let report = json!({ "view": view.name(), "table": table.name, "rows": rows, "position": position });
    let done = match out {
        Some(_) => Done::fine(report, format!("{} rows of {} at position {position}\n", grouped(rows), table.name)),
        // On stdout stands the table itself.
        None => Done { exit: Exit::Fine, report: serde_json::Value::Null, text: String::new() },
    };
    Ok((done, handed))
}

fn cell(atom: &Atom) -> String {
    match atom {
        Atom::Null => String::new(),
        Atom::Int(value) => value.to_string(),
        Atom::Text(text) => guard(text),
    }
}

/// A text that no spreadsheet takes for a formula: an apostrophe goes before `=`, `+`, `-`, `@`, tab and
/// carriage return.
pub fn guard(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
