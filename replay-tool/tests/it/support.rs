//! One helper per subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use letopis_replay_tool::mapping::{Files, Item, Mapped, Mapping, MappingError, Rejected, Summary};
use serde_json::Value;

/// What a run gave out.
pub(crate) struct Outcome {
    pub(crate) mapped: Vec<Mapped>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) summary: Summary,
}

impl Outcome {
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.mapped.iter().map(|mapped| &mapped.event).filter(|event| event["type"] == kind).collect()
    }

    /// Events by id; equal for two runs that say the same.
    pub(crate) fn by_id(&self) -> BTreeMap<String, Value> {
        self.mapped.iter().map(|m| (text(&m.event["id"]).to_owned(), m.event.clone())).collect()
    }
}

pub(crate) fn run(mapping: &Mapping, dir: &Path) -> Result<Outcome, MappingError> {
    let (mut mapped, mut rejected) = (Vec::new(), Vec::new());
    let summary = mapping.run(
        &Files::in_dir(dir),
        &mut |item| {
            match item {
                Item::Event(event) => mapped.push(event),
                Item::Rejected(row) => rejected.push(row),
            }
            Ok(())
        },
        &mut |_| {},
    )?;
    Ok(Outcome { mapped, rejected, summary })
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
