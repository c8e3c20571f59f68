//! The cells of the cube: which dimensions there are, and which rows of the revenue total belong to a cell.

use std::collections::{BTreeMap, HashMap};

use letopis_core::code::Code;
use letopis_core::ids::{ClientId, EmployeeId};
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::question::{Param, Params, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell};
use crate::views::client::attribute_of_all;
use crate::views::definitions::{Employee, Product, employees, products};
use crate::views::funnel::Period;

/// A dimension of the cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dim {
    /// Who took the order.
    Employee,
    /// Who leads him.
    Manager,
    /// What is sold.
    Product,
    /// The product's group.
    ProductGroup,
    /// The order's channel.
    Channel,
    /// The order's region.
    Region,
    /// The value of an attribute of the client.
    Segment,
    /// The calendar month.
    Month,
}

pub(super) const DIMS: &[(&str, Dim)] = &[
    ("employee", Dim::Employee),
    ("manager", Dim::Manager),
    ("product", Dim::Product),
    ("product_group", Dim::ProductGroup),
    ("channel", Dim::Channel),
    ("region", Dim::Region),
    ("segment", Dim::Segment),
    ("month", Dim::Month),
];

/// The parameters that name a cell.
pub(super) const CELL: [Param; 10] = [
    Param::Period,
    Param::Entity("employee", "employee", "Only orders that he took"),
    Param::Entity("manager", "employee", "Only orders that his people took"),
    Param::Text("product", "Only this product"),
    Param::Text("product_group", "Only this product group"),
    Param::Text("channel", "Only through this channel"),
    Param::Text("region", "Only to this region"),
    Param::Text("segment", "Only clients whose attribute has this value"),
    Param::Text("attribute", "The client's attribute that makes the segment, such as sector"),
    Param::Text("without", "Dimensions that are not known there: employee, channel …; several with commas"),
];

/// One row of the revenue total, as far as it names its place.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) day: Day,
    pub(super) client: ClientId,
    pub(super) product: Option<Code>,
    pub(super) employee: Option<EmployeeId>,
    pub(super) channel: Option<String>,
    pub(super) region: Option<String>,
}

/// What joins places with groups, as defined at the bound.
#[derive(Debug)]
pub(super) struct Joins {
    employees: BTreeMap<EmployeeId, Employee>,
    products: BTreeMap<Code, Product>,
    segments: HashMap<ClientId, Code>,
}

impl Joins {
    pub(super) fn load(reader: &Reader<'_>, dims: &[Dim], attribute: Option<&Code>) -> Result<Self, QueryError> {
        let any = |wanted: &[Dim]| dims.iter().any(|dim| wanted.contains(dim));
        let segments = match (any(&[Dim::Segment]), attribute) {
            (true, Some(attribute)) => attribute_of_all(reader, attribute)?,
            (true, None) => return Err(wrong("attribute", "a segment needs the attribute that makes it")),
            (false, Some(_)) => return Err(wrong("attribute", "only a segment takes an attribute")),
            (false, None) => HashMap::new(),
        };
        Ok(Self {
            employees: if any(&[Dim::Employee, Dim::Manager]) { employees(reader)? } else { BTreeMap::new() },
            products: if any(&[Dim::Product, Dim::ProductGroup]) { products(reader)? } else { BTreeMap::new() },
            segments,
        })
    }

    /// The key of a place in a dimension; none where it is not known.
    pub(super) fn key(&self, dim: Dim, spot: &Spot) -> Option<String> {
        match dim {
            Dim::Employee => spot.employee.map(|id| id.to_string()),
            Dim::Manager => self.employees.get(&spot.employee?)?.manager.map(|id| id.to_string()),
            Dim::Product => spot.product.as_ref().map(ToString::to_string),
            Dim::ProductGroup => self.products.get(spot.product.as_ref()?)?.group.as_ref().map(ToString::to_string),
            Dim::Channel => spot.channel.clone(),
            Dim::Region => spot.region.clone(),
            Dim::Segment => self.segments.get(&spot.client).map(ToString::to_string),
            Dim::Month => Some(spot.day.to_string().chars().take(7).collect()),
        }
    }

    /// What a key is called, where that is known.
    pub(super) fn label(&self, dim: Dim, key: &str) -> Option<String> {
        match dim {
            Dim::Employee | Dim::Manager => self.employees.get(&key.parse::<EmployeeId>().ok()?)?.name.clone(),
            Dim::Product => self.products.get(key)?.label.as_ref().map(|label| label.as_str().to_owned()),
            Dim::ProductGroup | Dim::Channel | Dim::Region | Dim::Segment | Dim::Month => None,
        }
    }
}

/// Which places are asked about.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) period: Period,
    pub(super) currency: Option<Currency>,
    pub(super) attribute: Option<Code>,
    /// The wanted key of each dimension that is narrowed; none stands for what is not known.
    wanted: Vec<(Dim, Option<String>)>,
}

impl Filter {
    pub(super) fn read(reader: &Reader<'_>, params: &mut Params) -> Result<Self, QueryError> {
        let (from, to) = params.period(reader)?;
        let mut wanted = Vec::new();
        for &(name, dim) in DIMS.iter().filter(|(_, dim)| *dim != Dim::Month) {
            if let Some(value) = params.one::<String>(name)? {
                wanted.push((dim, Some(value)));
            }
        }
        for dim in params.words("without", DIMS)? {
            if wanted.iter().any(|(known, _)| *known == dim) {
                return Err(wrong("without", "a dimension is both given and not known"));
            }
            wanted.push((dim, None));
        }
        let (currency, attribute) = (params.one("currency")?, params.one("attribute")?);
        Ok(Self { period: Period { from, to }, currency, attribute, wanted })
    }

    pub(super) fn dims(&self) -> impl Iterator<Item = Dim> {
        self.wanted.iter().map(|(dim, _)| *dim)
    }

    pub(super) fn holds(&self, joins: &Joins, spot: &Spot) -> bool {
        self.wanted.iter().all(|(dim, wanted)| joins.key(*dim, spot) == *wanted)
    }

    /// The part of it that the columns of the revenue total answer.
    pub(super) fn condition(&self, reader: &Reader<'_>) -> crate::engine::list::Condition {
        let mut condition = crate::engine::list::Condition::default();
        let Period { from, to } = self.period;
        condition.and("day >= ? AND day < ? AND day <= ?", [from.put(), to.put(), reader.day().put()]);
        condition.is("currency", self.currency.as_ref());
        for (dim, wanted) in &self.wanted {
            let column = match dim {
                Dim::Employee => "employee",
                Dim::Product => "product",
                Dim::Channel => "channel",
                Dim::Region => "region",
                Dim::Manager | Dim::ProductGroup | Dim::Segment | Dim::Month => continue,
            };
            let value = wanted.clone().unwrap_or_default();
            condition.and(&format!("{column} = ?"), [Atom::Text(value.into())]);
        }
        condition
    }
}
