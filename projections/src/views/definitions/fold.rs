//! From definition events to rows.

use letopis_core::events::{DefinitionEvent as D, Event};
use letopis_core::fact::Fact;

use super::rows::{EmployeeRow, ProductRow, StageModelRow};
use crate::engine::projection::{Context, Projection, Scope};
use crate::engine::row::Json;

/// Products, one row per definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Products;

/// Employees, one row per definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Employees;

/// Stage models, one row per definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct StageModels;

impl Projection for Products {
    const NAME: &'static str = "products";
    const VERSION: u32 = 1;
    const SCOPE: Scope = Scope::Definitions;
    const PER_EVENT: bool = true;
    type Row = ProductRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Definition(D::ProductDefined(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut ProductRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Definition(D::ProductDefined(event)) = &fact.event else { return };
        row.product = Some(event.product.clone());
        row.label = Some(event.label.clone());
        row.product_group.clone_from(&event.group);
        row.list_price = event.list_price.map(|price| price.to_string());
        row.currency = event.currency;
        row.valid_from = fact.occurred.at;
        row.ord = fact.order;
    }
}

impl Projection for Employees {
    const NAME: &'static str = "employees";
    const VERSION: u32 = 1;
    const SCOPE: Scope = Scope::Definitions;
    const PER_EVENT: bool = true;
    const OPENS: &'static [&'static str] = &["definition"];
    type Row = EmployeeRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Definition(D::EmployeeDefined(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut EmployeeRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Definition(D::EmployeeDefined(event)) = &fact.event else { return };
        row.employee = Some(event.employee);
        row.manager = event.manager;
        row.region.clone_from(&event.region);
        row.role.clone_from(&event.role);
        row.department.clone_from(&event.department);
        row.name = event.name.known().cloned();
        row.valid_from = fact.occurred.at;
        row.ord = fact.order;
    }
}

impl Projection for StageModels {
    const NAME: &'static str = "stage_models";
    const VERSION: u32 = 1;
    const SCOPE: Scope = Scope::Definitions;
    const PER_EVENT: bool = true;
    type Row = StageModelRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Definition(D::StageModelDefined(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut StageModelRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Definition(D::StageModelDefined(event)) = &fact.event else { return };
        row.model = Some(event.model.clone());
        row.stages = Json(event.stages.clone());
        row.valid_from = fact.occurred.at;
        row.ord = fact.order;
    }
}
