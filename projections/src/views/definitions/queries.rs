//! Definitions as they stood at the reader's bound.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label};
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::Event;
use letopis_core::events::definition::{ProductDefined, Stage, StageModelDefined};
use letopis_core::ids::{EmployeeId, Position, Version};
use letopis_core::money::Currency;
use serde::Serialize;

use super::rows::{DefinitionRow, EmployeeRow};
use crate::engine::read::{QueryError, Reader};

/// In the order in which definitions replace each other.
const IN_ORDER: &str = "ORDER BY valid_from, ord, event";

/// A product as it is described at the bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    /// The product.
    pub product: Code,
    /// Its name.
    pub label: Option<Label>,
    /// The product group.
    pub group: Option<Code>,
    /// List price of one, an exact decimal as text.
    pub list_price: Option<String>,
    /// The currency of the list price.
    pub currency: Option<Currency>,
}

/// An employee as he is described at the bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Employee {
    /// The employee.
    pub employee: EmployeeId,
    /// Who leads him.
    pub manager: Option<EmployeeId>,
    /// Where he works.
    pub region: Option<Code>,
    /// What he does.
    pub role: Option<Code>,
    /// In which department.
    pub department: Option<Code>,
    /// The last name that was given and may be read.
    pub name: Option<String>,
}

/// Stages of deals in their order, as defined at the bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageModel {
    /// The model.
    pub model: Code,
    /// Which version of it: `stage-model:default@2`.
    pub name: String,
    /// Its stages, first to last.
    pub stages: Vec<Stage>,
}

/// Definitions of some kinds, each version from before the bound.
///
/// # Errors
/// When the view file cannot be read, or holds something that is no definition.
pub(crate) fn load(reader: &Reader<'_>, kinds: &[&str]) -> Result<Definitions, QueryError> {
    let mut found = Definitions::default();
    for kind in kinds {
        let rows = reader.rows::<DefinitionRow>("WHERE kind = ?1 AND valid_from < ?2", &[kind, &reader.now.0])?;
        for row in rows {
            let schema = row.schema.try_into().unwrap_or_default();
            let event = Event::from_facts(&row.event_type, schema, row.facts.as_bytes())
                .map_err(|error| QueryError::Storage(Box::new(error)))?;
            let place = (row.valid_from, row.ord, row.event);
            let stands = (row.version.try_into().unwrap_or_default(), row.position.try_into().unwrap_or_default());
            found.put(&row.kind, &row.code, place, (Version(stands.0), Position(stands.1)), event);
        }
    }
    Ok(found)
}

/// Every product, by code: its latest definition before the bound.
///
/// # Errors
/// When the view file cannot be read.
pub fn products(reader: &Reader<'_>) -> Result<BTreeMap<Code, Product>, QueryError> {
    let found = reader.definitions(&[ProductDefined::KIND])?;
    let product = |dated: Dated<'_, ProductDefined>| {
        let event = dated.value.clone();
        let latest = Product {
            product: event.product.clone(),
            label: Some(event.label),
            group: event.group,
            list_price: event.list_price.map(|price| price.to_string()),
            currency: event.currency,
        };
        (event.product, latest)
    };
    Ok(found.all().into_iter().map(product).collect())
}

/// Every employee, by id: his latest definition before the bound.
///
/// A definition without a name leaves the name he had: a new manager does not rename anybody.
///
/// # Errors
/// When the view file cannot be read.
pub fn employees(reader: &Reader<'_>) -> Result<BTreeMap<EmployeeId, Employee>, QueryError> {
    let rows = reader.rows::<EmployeeRow>(&format!("WHERE valid_from < ?1 {IN_ORDER}"), &[&reader.now.0])?;
    let mut found: BTreeMap<EmployeeId, Employee> = BTreeMap::new();
    for row in rows {
        let Some(employee) = row.employee else { continue };
        let name = row.name.or_else(|| found.remove(&employee).and_then(|before| before.name));
        let latest = Employee {
            employee,
            manager: row.manager,
            region: row.region,
            role: row.role,
            department: row.department,
            name,
        };
        found.insert(employee, latest);
    }
    Ok(found)
}

/// A stage model: its latest definition before the bound, if there is one.
///
/// # Errors
/// When the view file cannot be read.
pub fn stage_model(reader: &Reader<'_>, model: &Code) -> Result<Option<StageModel>, QueryError> {
    let found = reader.definitions(&[StageModelDefined::KIND])?;
    let latest = found.latest::<StageModelDefined>(model.as_str());
    Ok(latest.map(|dated| StageModel { model: model.clone(), name: dated.name(), stages: dated.value.stages.clone() }))
}
