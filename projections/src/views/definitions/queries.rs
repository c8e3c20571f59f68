//! Definitions as they stood at the reader's bound.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label};
use letopis_core::events::definition::Stage;
use letopis_core::ids::EmployeeId;
use letopis_core::money::Currency;
use serde::Serialize;

use super::rows::{EmployeeRow, ProductRow, StageModelRow};
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
    /// Its stages, first to last.
    pub stages: Vec<Stage>,
}

/// Every product, by code: its latest definition before the bound.
///
/// # Errors
/// When the view file cannot be read.
pub fn products(reader: &Reader<'_>) -> Result<BTreeMap<Code, Product>, QueryError> {
    let rows = reader.rows::<ProductRow>(&format!("WHERE valid_from < ?1 {IN_ORDER}"), &[&reader.now.0])?;
    let mut found = BTreeMap::new();
    for row in rows {
        let Some(product) = row.product else { continue };
        let latest = Product {
            product: product.clone(),
            label: row.label,
            group: row.product_group,
            list_price: row.list_price,
            currency: row.currency,
        };
        found.insert(product, latest);
    }
    Ok(found)
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
    let rows = reader.rows::<StageModelRow>(
        "WHERE model = ?1 AND valid_from < ?2 ORDER BY valid_from DESC, ord DESC, event DESC LIMIT 1",
        &[&model.as_str(), &reader.now.0],
    )?;
    Ok(rows.into_iter().next().map(|row| StageModel { model: model.clone(), stages: row.stages.0 }))
}
