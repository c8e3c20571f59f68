//! What became of the rows of an import, written as it goes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use letopis_core::intake::Outcome;
use serde_json::{Value, json};

use super::source::{Place, Record};
use crate::data::create_new;

/// The report per row and the rejected rows.
pub(super) struct Report {
    rows: Option<BufWriter<File>>,
    rejects: Option<PathBuf>,
    rejected: Option<BufWriter<File>>,
}

impl Report {
    pub(super) fn new(rows: Option<&Path>, rejects: Option<PathBuf>) -> Result<Self> {
        let rows = rows.map(create_new).transpose()?.map(BufWriter::new);
        Ok(Self { rows, rejects, rejected: None })
    }

    /// A row that was recorded, now or before.
    pub(super) fn taken(&mut self, place: &Place, outcome: &Outcome) -> Result<()> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        let mut line = serde_json::to_value(outcome)?;
        line["at"] = place.shown();
        write(rows, &line)
    }

    /// A row that was not. Its file is made for the first.
    pub(super) fn rejected(
        &mut self,
        place: &Place,
        rule: &str,
        field: &str,
        reason: &str,
        record: &Record,
    ) -> Result<()> {
        let mut line =
            json!({ "at": place.shown(), "status": "rejected", "rule": rule, "field": field, "reason": reason });
        if let Some(rows) = &mut self.rows {
            write(rows, &line)?;
        }
        let Some(path) = &self.rejects else { return Ok(()) };
        if self.rejected.is_none() {
            self.rejected = Some(BufWriter::new(create_new(path)?));
        }
        line["record"] = record.shown();
        self.rejected.as_mut().map_or(Ok(()), |file| write(file, &line))
    }

    /// Ends the files; where the rejected rows are, if there are any.
    pub(super) fn finish(self) -> Result<Option<PathBuf>> {
        let any = self.rejected.is_some();
        for file in [self.rows, self.rejected].into_iter().flatten() {
            let file = file.into_inner().map_err(|error| error.into_error()).context("writing a report")?;
            file.sync_all().context("writing a report")?;
        }
        Ok(self.rejects.filter(|_| any))
    }
}

fn write(file: &mut BufWriter<File>, line: &Value) -> Result<()> {
    serde_json::to_writer(&mut *file, line).context("writing a report")?;
    file.write_all(b"\n").context("writing a report")
}
