//! Event types that a front office declared with a JSON Schema.

use serde_json::{Map, Value};

use super::DecodeError;
use crate::code::Code;
use crate::personal::{Opened, Personal};

/// An event of a declared type.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomEvent {
    /// The declared name.
    pub name: Code,
    /// The declared version.
    pub schema: u16,
    /// Its numbers, booleans and codes, in an object.
    pub facts: Value,
    /// Its other strings, by name.
    pub personal: Personal<Map<String, Value>>,
}

impl CustomEvent {
    pub(crate) fn from_facts(name: &str, schema: u16, facts: Value) -> Result<Self, DecodeError> {
        let unknown = || DecodeError::UnknownType { name: name.to_owned(), schema };
        Ok(Self { name: name.parse().map_err(|_| unknown())?, schema, facts, personal: Personal::Absent })
    }

    pub(crate) fn fill(&mut self, opened: &Opened) {
        self.personal = match opened {
            Opened::Nothing => Personal::Absent,
            Opened::Values(values) => Personal::Known(values.clone()),
            Opened::Sealed => Personal::Sealed,
            Opened::Erased => Personal::Erased,
        };
    }
}
