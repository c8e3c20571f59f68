//! Rules: pure functions that say whether a fact may be recorded, and what is odd about it.
//!
//! *Decisions of ours* (confirm, send, move a stage) are refused when what is known forbids them.
//! *Things that happened* (a shipment left, money came) are always accepted, and flagged. What is not
//! known forbids nothing: an order that was confirmed before it was placed may have been placed offline.
//!
//! A [`Ledger`] is what rules know of one client: his alias group's facts in recorded order, corrected.

mod asset;
mod case;
mod consent;
mod contract;
mod deal;
mod document;
mod lead;
mod offer;
mod order;
mod process;
mod task;
mod workflow;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::code::Code;
use crate::definitions::Definitions;
use crate::events::case::CaseKind;
use crate::events::{CaseEvent, ClientEvent, Event, InteractionEvent, ProcessEvent};
use crate::fact::Fact;
use crate::ids::{AssetId, ContractId, DealId, LeadId, OfferId, OrderId, TaskId, Version};
use crate::time::Timestamp;

/// Something odd about an accepted fact: the rule it breaks and what the rule met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// The rule, such as `order.not_placed`.
    pub rule: &'static str,
    /// What the rule met.
    pub reason: String,
}

/// A decision that a rule forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule} forbids it: {reason}")]
pub struct Refusal {
    /// The rule, such as `deal.closed`.
    pub rule: &'static str,
    /// What the rule met.
    pub reason: String,
    /// What a workflow met, which is put on record.
    pub met: Option<Box<Met>>,
}

/// A state of a workflow from which a wanted one cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The state that was met.
    pub state: Code,
    /// The state that was wanted.
    pub wanted: Code,
    /// The kind of cases whose workflow was asked.
    pub kind: CaseKind,
    /// The version of the workflow.
    pub version: Version,
}

/// What a rule says.
pub type Verdict = Result<Vec<Flag>, Refusal>;

fn flag(rule: &'static str, reason: impl Into<String>) -> Verdict {
    Ok(vec![Flag { rule, reason: reason.into() }])
}

fn refuse(rule: &'static str, reason: impl Into<String>) -> Verdict {
    Err(Refusal { rule, reason: reason.into(), met: None })
}

/// What rules know of one client.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    registered: bool,
    orders: BTreeMap<OrderId, order::OrderState>,
    documents: document::Documents,
    offers: BTreeMap<OfferId, offer::OfferState>,
    deals: BTreeMap<DealId, deal::DealState>,
    leads: BTreeMap<LeadId, lead::LeadState>,
    cases: case::Cases,
    assets: BTreeMap<AssetId, asset::AssetState>,
    contracts: BTreeMap<ContractId, contract::ContractState>,
    tasks: BTreeMap<TaskId, task::TaskState>,
    consents: BTreeMap<(Code, Option<Code>), consent::ConsentState>,
}

impl Ledger {
    /// Whether any rule looks at events like this one. Others need no ledger.
    pub fn concerns(event: &Event) -> bool {
        match event {
            Event::Order(_)
            | Event::Deal(_)
            | Event::Lead(_)
            | Event::Case(_)
            | Event::Process(_)
            | Event::Task(_)
            | Event::Document(_)
            | Event::Pricing(_)
            | Event::Knowledge(_) => true,
            Event::Asset(event) => event.asset_id().is_some(),
            Event::Contract(event) => event.contract_id().is_some(),
            Event::Campaign(event) => consent::concerns(event),
            Event::Client(ClientEvent::Registered(_)) => true,
            Event::Client(event) => consent::changes(event),
            Event::Interaction(InteractionEvent::InteractionHandled(_)) => false,
            Event::Interaction(_)
            | Event::Article(_)
            | Event::Exception(_)
            | Event::Automation(_)
            | Event::Finance(_)
            | Event::Text(_)
            | Event::Letter(_)
            | Event::Service(_)
            | Event::Definition(_)
            | Event::Plan(_)
            | Event::Market(_)
            | Event::Log(_)
            | Event::Custom(_) => false,
        }
    }

    /// Takes in one fact.
    pub fn apply(&mut self, fact: &Fact) {
        self.apply_event(&fact.event, fact.occurred.at);
    }

    /// Takes in one event that happened at an instant.
    pub fn apply_event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Order(event) => order::apply(&mut self.orders, event),
            Event::Deal(event) => deal::apply(&mut self.deals, event),
            Event::Document(event) => document::apply(&mut self.documents, event),
            Event::Pricing(event) => offer::apply(&mut self.offers, event),
            Event::Lead(event) => lead::apply(&mut self.leads, event),
            Event::Task(event) => task::apply(&mut self.tasks, event),
            Event::Asset(event) => asset::apply(&mut self.assets, event),
            Event::Contract(event) => contract::apply(&mut self.contracts, event),
            Event::Case(event) => case::apply(&mut self.cases, event, at),
            Event::Process(event) => process::apply(&mut self.cases, event),
            Event::Client(event) => {
                self.registered |= matches!(event, ClientEvent::Registered(_));
                consent::apply(&mut self.consents, event, at);
            }
            Event::Campaign(_)
            | Event::Article(_)
            | Event::Finance(_)
            | Event::Text(_)
            | Event::Interaction(_)
            | Event::Exception(_)
            | Event::Automation(_)
            | Event::Letter(_)
            | Event::Service(_)
            | Event::Definition(_)
            | Event::Plan(_)
            | Event::Market(_)
            | Event::Knowledge(_)
            | Event::Log(_)
            | Event::Custom(_) => {}
        }
    }

    /// The definition streams that [`Ledger::decide`] has to know for this event; none for most.
    pub fn needs(&self, event: &Event) -> Vec<String> {
        match event {
            Event::Case(CaseEvent::StateChanged(e)) => workflow::needs(self.cases.get(&e.case), e.employee),
            Event::Process(ProcessEvent::WorkEntered(e)) if e.stage.is_some() => {
                workflow::needs(self.cases.get(&e.case), e.employee)
            }
            _ => Vec::new(),
        }
    }

    /// Judges an event that happened at an instant, by the definitions that [`Ledger::needs`] names.
    ///
    /// # Errors
    /// When it is a decision that a rule forbids.
    pub fn decide(&self, event: &Event, at: Timestamp, definitions: &Definitions) -> Verdict {
        match event {
            Event::Order(event) => order::decide(&self.orders, event),
            Event::Deal(event) => deal::decide(&self.deals, event),
            Event::Document(event) => document::decide(&self.documents, &self.orders, event),
            Event::Pricing(event) => offer::decide(&self.offers, event, at),
            Event::Lead(event) => lead::decide(&self.leads, event),
            Event::Task(event) => task::decide(&self.tasks, event),
            Event::Asset(event) => asset::decide(&self.assets, event),
            Event::Contract(event) => contract::decide(&self.contracts, event),
            Event::Case(event) => case::decide(&self.cases, event, definitions),
            Event::Process(event) => process::decide(&self.cases, event, definitions),
            Event::Campaign(event) => consent::decide(&self.consents, event, at),
            Event::Client(ClientEvent::Registered(_)) if self.registered => {
                flag("client.registered_twice", "the client, or a record merged with him, was registered already")
            }
            Event::Client(_)
            | Event::Article(_)
            | Event::Finance(_)
            | Event::Text(_)
            | Event::Interaction(_)
            | Event::Exception(_)
            | Event::Automation(_)
            | Event::Letter(_)
            | Event::Service(_)
            | Event::Definition(_)
            | Event::Plan(_)
            | Event::Market(_)
            | Event::Knowledge(_)
            | Event::Log(_)
            | Event::Custom(_) => Ok(Vec::new()),
        }
    }
}
