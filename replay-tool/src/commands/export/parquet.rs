//! A table of a view as Parquet, with the types of its columns.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use letopis_core::exports::Digesting;
use letopis_projections::engine::row::Atom;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;

use super::register::Handed;
use crate::console::{Done, grouped};
use crate::data::{Data, create_new};

/// Rows of one batch.
const BATCH: usize = 16_384;

enum Column {
    Int(Int64Builder),
    Text(StringBuilder),
}

pub(super) fn write(data: &Data, name: &str, out: &Path) -> Result<(Done, Handed)> {
    let (view, table, columns, stored) = super::view::find(data, name)?;
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| {
            let ty = if column.sql == "INTEGER" { DataType::Int64 } else { DataType::Utf8 };
            Field::new(column.name, ty, true)
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(create_new(out)?, Arc::clone(&schema), Some(properties))
        .context("writing the Parquet file")?;
    let make = || -> Vec<Column> {
        columns
            .iter()
            .map(|column| match column.sql {
                "INTEGER" => Column::Int(Int64Builder::new()),
                _ => Column::Text(StringBuilder::new()),
            })
            .collect()
    };
    let (mut builders, mut waiting, mut rows, mut failed) = (make(), 0, 0_u64, None);
    let mut flush = |builders: Vec<Column>| -> Result<()> {
        let arrays: Vec<ArrayRef> = builders
            .into_iter()
            .map(|builder| match builder {
                Column::Int(mut builder) => Arc::new(builder.finish()) as ArrayRef,
                Column::Text(mut builder) => Arc::new(builder.finish()),
            })
            .collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).context("building a batch")?;
        writer.write(&batch).context("writing the Parquet file")
    };
    stored
        .rows(view, &table, &mut |row| {
            for (builder, atom) in builders.iter_mut().zip(&row) {
                match (builder, atom) {
                    (Column::Int(builder), Atom::Int(value)) => builder.append_value(*value),
                    (Column::Int(builder), _) => builder.append_null(),
                    (Column::Text(builder), Atom::Text(text)) => builder.append_value(text),
                    (Column::Text(builder), Atom::Int(value)) => builder.append_value(value.to_string()),
                    (Column::Text(builder), Atom::Null) => builder.append_null(),
                }
            }
            (rows, waiting) = (rows + 1, waiting + 1);
            if waiting == BATCH {
                waiting = 0;
                failed = flush(std::mem::replace(&mut builders, make())).err();
            }
            failed.is_none()
        })
        .with_context(|| format!("reading {}", table.name))?;
    if let Some(error) = failed {
        return Err(error);
    }
    if waiting > 0 {
        flush(builders)?;
    }
    writer.close().map_err(|error| anyhow!(error)).context("writing the Parquet file")?;
    let position = stored.checkpoint()?.position;
    let report = json!({ "view": view.name(), "table": table.name, "rows": rows, "position": position });
    let mut digest = Digesting::default();
    digest.take_file(out).context("reading the Parquet file")?;
    let handed = Handed { what: "view", client: None, upto: position, digest };
    Ok((Done::fine(report, format!("{} rows of {} at position {position}\n", grouped(rows), table.name)), handed))
}
