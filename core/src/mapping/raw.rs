//! The mapping file as it is written. Keys that mean nothing are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    pub(super) source: String,
    pub(super) zone: Option<String>,
    #[serde(default)]
    pub(super) constants: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) tables: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) event: Vec<RawEvent>,
    #[serde(default)]
    pub(super) input: Vec<RawInput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub(super) name: String,
    pub(super) files: Vec<String>,
    pub(super) delimiter: Option<char>,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) reject: Vec<RawReject>,
    #[serde(default)]
    pub(super) event: Vec<RawEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReject {
    pub(super) when: Table,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) occurred_at: String,
    pub(super) client: Option<String>,
    pub(super) unidentified: Option<String>,
    #[serde(default)]
    pub(super) order: i32,
    pub(super) group_by: Option<String>,
    #[serde(default)]
    pub(super) when: Table,
    pub(super) data: Table,
}

/// Tests of one column; all must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTests {
    pub(super) is: Option<Value>,
    pub(super) not: Option<Value>,
    pub(super) starts_with: Option<Value>,
    pub(super) not_starts_with: Option<Value>,
    pub(super) empty: Option<bool>,
    pub(super) gt: Option<Value>,
    pub(super) ge: Option<Value>,
    pub(super) lt: Option<Value>,
    pub(super) le: Option<Value>,
}
