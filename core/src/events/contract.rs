//! Contracts for service: from signing to their end, what they bring and what serving costs.

use std::collections::BTreeMap;

use crate::code::{Code, Label};
use crate::condition::Condition;
use crate::ids::{AssetId, CaseId, ContractId, EmployeeId};
use crate::money::Money;
use crate::time::Day;

area! {
    /// Contracts.
    ContractEvent in Contract "contract";

    /// A contract was signed.
    event Signed = "contract.signed" @ 1 {
        /// The contract.
        contract: ContractId,
        /// What it is about: `maintenance`, `lease`, `support` …
        kind: Code,
        /// Its first day.
        from: Day,
    } optional {
        /// Its last day; open-ended when not given.
        until: Day,
        /// The service scheme that it promises.
        scheme: Code,
        /// Who of us keeps it.
        employee: EmployeeId,
        /// What it brings in all.
        fee: Money,
    } personal {
        /// Its number.
        number: String,
        /// What else is to be known, for us alone.
        note: String,
    }

    /// A contract goes on after its last day.
    event Renewed = "contract.renewed" @ 1 {
        /// The contract.
        contract: ContractId,
        /// Its last day now.
        until: Day,
    } optional {
        /// What it brings for that time.
        fee: Money,
        /// Who of us brought it about.
        employee: EmployeeId,
    } personal {
        /// What else is to be known, for us alone.
        note: String,
    }

    /// A contract rests.
    event Interrupted = "contract.interrupted" @ 1 {
        /// The contract.
        contract: ContractId,
    } optional {
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// A contract that rested is in force again.
    event Resumed = "contract.resumed" @ 1 {
        /// The contract.
        contract: ContractId,
    } personal {
        /// Why.
        reason: String,
    }

    /// A contract ran out and was not renewed.
    event Expired = "contract.expired" @ 1 {
        /// The contract.
        contract: ContractId,
    }

    /// A contract was ended before its time.
    event Terminated = "contract.terminated" @ 1 {
        /// The contract.
        contract: ContractId,
    } optional {
        /// Why.
        reason: Code,
    } personal {
        /// Why, in words.
        reason_text: String,
    }

    /// Money is due for a contract; it counts as earned on the day it happened.
    event Charged = "contract.charged" @ 1 {
        /// The contract.
        contract: ContractId,
        /// How much.
        amount: Money,
    } optional {
        /// The first day it is for.
        from: Day,
        /// The last day it is for.
        until: Day,
    }

    /// Serving a client cost something: labour, parts, a journey.
    event CostIncurred = "service_cost.incurred" @ 1 {
        /// What for: `labour`, `parts`, `travel` …
        kind: Code,
        /// How much.
        amount: Money,
    } optional {
        /// The contract it was for.
        contract: ContractId,
        /// The thing it was for.
        asset: AssetId,
        /// The case it was for.
        case: CaseId,
        /// Whose labour.
        employee: EmployeeId,
        /// How long, in seconds.
        labour_s: u32,
    } personal {
        /// What else is to be known, for us alone.
        note: String,
    }

    /// A level of service and who gets it. The condition may use `client` (`kind`, `attributes`), `contracts` (a
    /// list of `kind` and `scheme` of those in force), `assets` (a list of `product`) and `bought` (whole major units
    /// ordered in the 12 months before, by currency). Of the schemes that hold, the one of the highest rank counts.
    event SchemeDefined = "service_scheme.defined" @ 1, stream "service-scheme"(scheme) {
        /// The scheme.
        scheme: Code,
        /// The higher, the better.
        rank: i32,
        /// Who gets it.
        when: Condition,
        /// What it gives, such as `first_response_min: 60`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        gives: BTreeMap<Code, i64>,
    } optional {
        /// Its name in words.
        label: Label,
    }
}

impl ContractEvent {
    /// The contract it is about, if it is about one.
    pub fn contract_id(&self) -> Option<ContractId> {
        match self {
            Self::Signed(e) => Some(e.contract),
            Self::Renewed(e) => Some(e.contract),
            Self::Interrupted(e) => Some(e.contract),
            Self::Resumed(e) => Some(e.contract),
            Self::Expired(e) => Some(e.contract),
            Self::Terminated(e) => Some(e.contract),
            Self::Charged(e) => Some(e.contract),
            Self::CostIncurred(e) => e.contract,
            Self::SchemeDefined(_) => None,
        }
    }
}
