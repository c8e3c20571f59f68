//! One row per definition event.

use letopis_core::code::{Code, Label};
use letopis_core::events::definition::Stage;
use letopis_core::ids::{EmployeeId, EventId};
use letopis_core::money::Currency;
use letopis_core::time::Timestamp;

use crate::engine::row::Json;
use crate::row;

row! {
    /// A description of a product, valid from an instant on.
    pub struct ProductRow in "product_definition", index ["product, valid_from"] {
        /// The event that gave it.
        key event: EventId,
        owner stream,
        /// The product.
        product: Option<Code>,
        /// Its name.
        label: Option<Label>,
        /// The product group.
        product_group: Option<Code>,
        /// List price of one, an exact decimal as text.
        list_price: Option<String>,
        /// The currency of the list price.
        currency: Option<Currency>,
        /// From when on it counts.
        valid_from: Timestamp,
        /// Its place among definitions of one instant.
        ord: i32,
    }
}

row! {
    /// A description of an employee, valid from an instant on.
    pub struct EmployeeRow in "employee_definition", index ["employee, valid_from"] {
        /// The event that gave it.
        key event: EventId,
        owner stream,
        /// The employee.
        employee: Option<EmployeeId>,
        /// Who leads him.
        manager: Option<EmployeeId>,
        /// Where he works.
        region: Option<Code>,
        /// What he does.
        role: Option<Code>,
        /// In which department.
        department: Option<Code>,
        /// Full name, while it may be read.
        @apart name: Option<String>,
        /// From when on it counts.
        valid_from: Timestamp,
        /// Its place among definitions of one instant.
        ord: i32,
    }
}

row! {
    /// The stages of deals in their order, valid from an instant on.
    pub struct StageModelRow in "stage_model_definition", index ["model, valid_from"] {
        /// The event that gave it.
        key event: EventId,
        owner stream,
        /// The model.
        model: Option<Code>,
        /// Its stages, first to last.
        stages: Json<Vec<Stage>>,
        /// From when on it counts.
        valid_from: Timestamp,
        /// Its place among definitions of one instant.
        ord: i32,
    }
}
