//! Groupings of totals: kept by agent and product, joined with definitions when asked.

use std::collections::BTreeMap;
use std::str::FromStr;

use letopis_core::code::Code;
use letopis_core::ids::EmployeeId;
use letopis_core::time::Day;
use serde::{Deserialize, Serialize};

use crate::engine::read::{QueryError, Reader};
use crate::views::definitions::{Employee, Product, employees, products};

/// What an answer is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Nothing: one group.
    #[default]
    None,
    /// Who leads the deal, or led it when it was closed.
    Agent,
    /// Who leads the agent.
    Manager,
    /// Where the agent works.
    Region,
    /// What is sold.
    Product,
    /// The product's group.
    ProductGroup,
    /// The calendar quarter of the close, `2017-Q1`.
    Quarter,
}

/// The text names no grouping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no grouping: expected none, agent, manager, region, product, product_group or quarter")]
pub struct InvalidBy(String);

impl FromStr for By {
    type Err = InvalidBy;
    fn from_str(text: &str) -> Result<Self, InvalidBy> {
        Ok(match text {
            "none" => Self::None,
            "agent" => Self::Agent,
            "manager" => Self::Manager,
            "region" => Self::Region,
            "product" => Self::Product,
            "product_group" => Self::ProductGroup,
            "quarter" => Self::Quarter,
            _ => return Err(InvalidBy(text.chars().take(40).collect())),
        })
    }
}

/// The key of a group: those that are known first, in ascending order, then what belongs to none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Known(String),
    Unknown,
}

impl Key {
    pub(super) fn known(&self) -> Option<String> {
        match self {
            Self::Known(key) => Some(key.clone()),
            Self::Unknown => None,
        }
    }
}

/// Definitions at the bound, as far as a grouping needs them.
#[derive(Debug)]
pub(super) struct Groups {
    by: By,
    employees: BTreeMap<EmployeeId, Employee>,
    products: BTreeMap<Code, Product>,
}

impl Groups {
    pub(super) fn load(reader: &Reader<'_>, by: By) -> Result<Self, QueryError> {
        let staff = matches!(by, By::Agent | By::Manager | By::Region);
        let goods = matches!(by, By::Product | By::ProductGroup);
        Ok(Self {
            by,
            employees: if staff { employees(reader)? } else { BTreeMap::new() },
            products: if goods { products(reader)? } else { BTreeMap::new() },
        })
    }

    /// The group of a total's row.
    pub(super) fn key(&self, agent: &str, product: &str, closed_on: Option<Day>) -> Key {
        let employee = || self.employees.get(&agent.parse::<EmployeeId>().ok()?);
        let plain = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let key = match self.by {
            By::None => None,
            By::Agent => plain(agent),
            By::Manager => employee().and_then(|e| e.manager).map(|manager| manager.to_string()),
            By::Region => employee().and_then(|e| e.region.as_ref()).map(ToString::to_string),
            By::Product => plain(product),
            By::ProductGroup => self.products.get(product).and_then(|p| p.group.as_ref()).map(ToString::to_string),
            By::Quarter => closed_on.map(|day| {
                let date = day.date();
                format!("{:04}-Q{}", date.year(), (date.month() + 2) / 3)
            }),
        };
        key.map_or(Key::Unknown, Key::Known)
    }

    /// What a group is called, where that is known.
    pub(super) fn label(&self, key: &Key) -> Option<String> {
        let Key::Known(key) = key else { return None };
        match self.by {
            By::Agent | By::Manager => self.employees.get(&key.parse::<EmployeeId>().ok()?)?.name.clone(),
            By::Product => self.products.get(key.as_str())?.label.as_ref().map(|label| label.as_str().to_owned()),
            By::None | By::Region | By::ProductGroup | By::Quarter => None,
        }
    }
}
