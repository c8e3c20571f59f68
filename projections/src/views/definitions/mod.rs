//! What is nobody's in particular, as of any instant: products, employees, stage models, calendars, rules.
//!
//! One row per definition event, of whatever kind; a definition counts from the instant it happened until the
//! next one of the same thing. Queries of other views read them by [`Reader::definitions`].
//!
//! [`Reader::definitions`]: crate::engine::read::Reader::definitions

mod fold;
mod queries;
mod questions;
mod rows;

pub use fold::{Employees, Stated};
pub(crate) use queries::load;
pub use queries::{Employee, Product, StageModel, employees, products, stage_model};
pub use questions::{DefinitionItem, QUESTIONS};
pub use rows::{DefinitionRow, EmployeeRow};
