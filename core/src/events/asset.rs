//! What a client has of ours: what was put in, changed, serviced and taken away, and what fits beside it.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Label};
use crate::condition::Condition;
use crate::ids::{AssetId, CaseId, ContractId, EmployeeId, OrderId};
use crate::time::Day;

/// What a [`CompatibilityDefined`] says where its condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FitVerdict {
    /// The candidate fits; it is ranked by the rule's rank.
    Allows,
    /// The candidate does not fit, whatever else allows it.
    Refuses,
}

area! {
    /// The installed base.
    AssetEvent in Asset "asset";

    /// A client has a thing of ours in use.
    event Installed = "asset.installed" @ 1 {
        /// The thing.
        asset: AssetId,
        /// What it is.
        product: Code,
    } optional {
        /// The order it came from.
        order: OrderId,
        /// The contract that covers it.
        contract: ContractId,
        /// The last day of its warranty.
        warranty_until: Day,
        /// Where it stands, as a code.
        place: Code,
    } personal {
        /// Its serial number.
        serial: String,
        /// What else is to be known, for us alone.
        note: String,
    }

    /// A thing was rebuilt, moved, or its warranty changed.
    event Changed = "asset.changed" @ 1 {
        /// The thing.
        asset: AssetId,
    } optional {
        /// What it is now.
        product: Code,
        /// The contract that covers it now.
        contract: ContractId,
        /// The last day of its warranty.
        warranty_until: Day,
        /// Where it stands now.
        place: Code,
    } personal {
        /// Its serial number now.
        serial: String,
        /// Why, for us alone.
        reason: String,
    }

    /// A thing is not in use any more.
    event Removed = "asset.removed" @ 1 {
        /// The thing.
        asset: AssetId,
    } optional {
        /// Why: `scrapped`, `returned`, `sold` …
        reason: Code,
    } personal {
        /// Why, in words.
        note: String,
    }

    /// Somebody repaired, maintained or looked at a thing.
    event Serviced = "asset.serviced" @ 1 {
        /// The thing.
        asset: AssetId,
        /// What was done: `repair`, `maintenance`, `inspection` …
        kind: Code,
    } optional {
        /// The case that called for it; its regulation is the case's workflow.
        case: CaseId,
        /// The contract it was done under.
        contract: ContractId,
        /// Who did it.
        employee: EmployeeId,
        /// How long it took, in seconds.
        labour_s: u32,
        /// What came of it.
        outcome: Code,
    } personal {
        /// What was done, in words.
        note: String,
    }

    /// What fits beside what a client has already. The condition may use `candidate` (`product`, `group`), `owned`
    /// (a list of the same) and `count` (a map of how many he has of each product and group).
    event CompatibilityDefined = "compatibility_rule.defined" @ 1, stream "compatibility-rule"(rule) {
        /// The rule.
        rule: Code,
        /// When it speaks.
        when: Condition,
        /// What it says then.
        verdict: FitVerdict,
    } optional {
        /// Its name in words.
        label: Label,
        /// How much it speaks for a candidate; 1 when not given.
        rank: i32,
    }
}

impl AssetEvent {
    /// The thing it is about; none for a rule.
    pub fn asset_id(&self) -> Option<AssetId> {
        match self {
            Self::Installed(e) => Some(e.asset),
            Self::Changed(e) => Some(e.asset),
            Self::Removed(e) => Some(e.asset),
            Self::Serviced(e) => Some(e.asset),
            Self::CompatibilityDefined(_) => None,
        }
    }
}
