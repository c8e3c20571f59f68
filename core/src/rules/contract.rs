//! A contract is signed once; what has ended is neither renewed nor interrupted.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::ContractEvent;
use crate::ids::ContractId;

/// How far a contract is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ContractState {
    /// Nobody has signed it, as far as we know.
    #[default]
    Unsigned,
    /// In force.
    Signed,
    /// It rests.
    Interrupted,
    /// It has ended.
    Ended(&'static str),
}

type Contracts = BTreeMap<ContractId, ContractState>;

pub(super) fn apply(contracts: &mut Contracts, event: &ContractEvent) {
    use ContractState as S;
    let Some(id) = event.contract_id() else { return };
    let contract = contracts.entry(id).or_default();
    match event {
        ContractEvent::Signed(_) | ContractEvent::Renewed(_) | ContractEvent::Resumed(_) => *contract = S::Signed,
        ContractEvent::Interrupted(_) => *contract = S::Interrupted,
        ContractEvent::Expired(_) => *contract = S::Ended("expired"),
        ContractEvent::Terminated(_) => *contract = S::Ended("terminated"),
        ContractEvent::Charged(_) | ContractEvent::CostIncurred(_) | ContractEvent::SchemeDefined(_) => {}
    }
}

pub(super) fn decide(contracts: &Contracts, event: &ContractEvent) -> Verdict {
    use ContractState as S;
    let Some(id) = event.contract_id() else { return Ok(Vec::new()) };
    let state = contracts.get(&id).copied().unwrap_or_default();
    match (event, state) {
        (ContractEvent::Signed(_), S::Unsigned) => Ok(Vec::new()),
        (ContractEvent::Signed(_), _) => refuse("contract.signed_twice", format!("contract {id} was signed already")),
        (_, S::Unsigned) => flag("contract.not_signed", format!("contract {id} was never signed")),
        (ContractEvent::Renewed(_), S::Ended("terminated")) => {
            refuse("contract.ended", format!("contract {id} was terminated; sign a new one"))
        }
        (ContractEvent::Interrupted(_), S::Ended(how)) => {
            refuse("contract.ended", format!("contract {id} was {how} already"))
        }
        (ContractEvent::Interrupted(_), S::Interrupted) => {
            refuse("contract.interrupted", format!("contract {id} rests already"))
        }
        (ContractEvent::Resumed(_), S::Signed | S::Ended(_)) => {
            refuse("contract.not_interrupted", format!("contract {id} does not rest"))
        }
        (ContractEvent::Expired(_) | ContractEvent::Terminated(_), S::Ended(how)) => {
            flag("contract.ended_twice", format!("contract {id} was {how} already"))
        }
        (ContractEvent::Charged(_), S::Ended(how)) => {
            flag("contract.charged_after_end", format!("contract {id} was {how} already"))
        }
        _ => Ok(Vec::new()),
    }
}
