//! One helper per subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use letopis_core::events::{self, Event};
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

pub(crate) fn mapping(name: &str) -> Mapping {
    Mapping::load(&repository().join(format!("fixtures/mappings/{name}.toml"))).expect("mapping")
}

/// The folder of the full sets; says so where there is none.
pub(crate) fn full_sets(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("LETOPIS_DATA").map(PathBuf::from);
    if dir.is_none() {
        println!("SKIPPED {test}: LETOPIS_DATA does not name the folder of the full sets");
    }
    dir
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Reads the payload as the log would, with a stand-in for every id that the log derives.
pub(crate) fn assert_fits_the_vocabulary(event: &Value) {
    let kind = text(&event["type"]);
    let info = events::find(kind).expect("built-in type");
    let mut data = event["data"].clone();
    for field in info.fields {
        if let (true, Some(id)) = (field.ty.ends_with("Id"), data.get_mut(field.name)) {
            let (scheme, value) = text(id).split_once(':').expect("scheme:value");
            assert!(!scheme.is_empty() && !value.is_empty(), "{event}");
            *id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".into();
        }
    }
    if let Err(error) = Event::from_input(kind, data) {
        panic!("{error}: {event}");
    }
    event["occurred_at"].as_str().and_then(|at| at.parse::<letopis_core::time::Moment>().ok()).expect("a moment");
    assert_eq!(info.area == "definition", event.get("client").is_none(), "{event}");
}
