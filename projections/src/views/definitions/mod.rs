//! What is nobody's in particular, as of any instant: products, employees, stage models.
//!
//! Three views of one row per definition event: [`Products`], [`Employees`], [`StageModels`]. A
//! definition counts from the instant it happened until the next one of the same thing.

mod fold;
mod queries;
mod rows;

pub use fold::{Employees, Products, StageModels};
pub use queries::{Employee, Product, StageModel, employees, products, stage_model};
pub use rows::{EmployeeRow, ProductRow, StageModelRow};
