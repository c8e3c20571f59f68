//! What is nobody's in particular: products, employees, stage models, declared event types.
//!
//! Each has a stream of its own, `product/<code>`, `employee/<id>` …; the latest definition counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::{Code, Label};
use crate::ids::EmployeeId;
use crate::money::Currency;

/// A stage of a [`StageModelDefined`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The stage.
    pub stage: Code,
    /// Its name in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Chance of winning from here, in basis points (10,000 is certain).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_bp: Option<u16>,
}

/// How much an event matters to whoever looks after many clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// Good to know.
    Notable,
    /// To be looked at.
    Important,
    /// To be looked at now.
    Critical,
}

area! {
    /// Definitions.
    DefinitionEvent in Definition "definition";

    /// A product or service is offered, or is described anew.
    event ProductDefined = "product.defined" @ 1, stream "product"(product) {
        /// The product.
        product: Code,
        /// Its name.
        label: Label,
    } optional {
        /// The product group.
        group: Code,
        /// List price of one, an exact decimal as text.
        list_price: rust_decimal::Decimal,
        /// The currency of the list price.
        currency: Currency,
    }

    /// An employee works with us, or his manager, region or role changed.
    event EmployeeDefined = "employee.defined" @ 1, subject Employee(employee), stream "employee"(employee) {
        /// The employee.
        employee: EmployeeId,
    } optional {
        /// Who leads him.
        manager: EmployeeId,
        /// Where he works.
        region: Code,
        /// What he does.
        role: Code,
        /// In which department.
        department: Code,
    } personal {
        /// Full name.
        name: String,
    }

    /// The stages of deals, in their order.
    event StageModelDefined = "stage_model.defined" @ 1, stream "stage-model"(model) {
        /// The model.
        model: Code,
        /// Its stages, first to last; won and lost are not among them.
        stages: Vec<Stage>,
    }

    /// A front office declared an event type of its own.
    event EventTypeDeclared = "event_type.declared" @ 1, stream "event-type"(name) {
        /// Its name, `noun.past-participle`.
        name: Code,
        /// The version of its payload, from 1.
        version: u16,
        /// JSON Schema (draft 2020-12) of the payload. Strings are personal unless they have `enum`,
        /// `const` or `"format": "code"`.
        schema: serde_json::Value,
    }

    /// Which events matter how much in the feed of important events. Types that it does not name keep their built-in
    /// importance.
    event EventImportanceDefined = "event_importance.defined" @ 1, stream "event-importance"(scale) {
        /// Which scale; `default` is used when nobody asks for another.
        scale: Code,
        /// Event types, each with its importance.
        importance: BTreeMap<Code, Importance>,
    }
}
