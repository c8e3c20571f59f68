//! One row per definition event.

use letopis_core::code::Code;
use letopis_core::ids::{EmployeeId, EventId};
use letopis_core::time::Timestamp;

use crate::row;

row! {
    /// A definition of any kind, valid from an instant on.
    pub struct DefinitionRow in "definition", index ["kind, code, valid_from"] {
        /// The event that gave it.
        key event: EventId,
        owner stream,
        /// What it defines: `product`, `stage-model`, `calendar` …
        kind: String,
        /// Which one.
        code: String,
        /// The type of the event.
        event_type: String,
        /// The version of its payload.
        schema: u32,
        /// Its place in the definition's stream, which names it: `kind:code@version`.
        @apart version: i64,
        /// Its place in the log.
        @apart position: i64,
        /// From when on it counts.
        valid_from: Timestamp,
        /// Its place among definitions of one instant.
        ord: i32,
        /// What it says, as JSON.
        facts: String,
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
