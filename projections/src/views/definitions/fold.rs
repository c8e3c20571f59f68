//! From definition events to rows.

use letopis_core::events::{DefinitionEvent as D, Event};
use letopis_core::fact::Fact;

use super::rows::{DefinitionRow, EmployeeRow};
use crate::engine::projection::{Context, EVERY_AREA, Projection, Scope};

/// Definitions of every kind, one row per definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stated;

/// Employees, one row per definition: their names are personal, and stand nowhere else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Employees;

/// What is defined, and which one; none for what the log says of itself.
fn stated(fact: &Fact) -> Option<(String, String)> {
    let stream = fact.event.definition_stream()?;
    let (kind, code) = stream.split_once('/')?;
    (kind != "log").then(|| (kind.to_owned(), code.to_owned()))
}

impl Projection for Stated {
    const NAME: &'static str = "definitions";
    const VERSION: u32 = 2;
    const AREAS: &'static [&'static str] = EVERY_AREA;
    const SCOPE: Scope = Scope::Definitions;
    const PER_EVENT: bool = true;
    type Row = DefinitionRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if stated(fact).is_some() {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut DefinitionRow, fact: &Fact, _cx: &Context<'_>) {
        let Some((kind, code)) = stated(fact) else { return };
        (row.kind, row.code) = (kind, code);
        row.event_type = fact.event.type_name().to_owned();
        row.schema = fact.event.schema().into();
        row.version = fact.version.0.try_into().unwrap_or(i64::MAX);
        row.position = i64::try_from(fact.position.0).unwrap_or(i64::MAX);
        row.valid_from = fact.occurred.at;
        row.ord = fact.order;
        row.facts = String::from_utf8(fact.event.facts()).unwrap_or_default();
    }
}

impl Projection for Employees {
    const NAME: &'static str = "employees";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["definition"];
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
