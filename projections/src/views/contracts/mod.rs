//! Contracts for service: which are in force, which level they and other facts give, what service earns and costs.

mod level;
mod list;
mod result;

use letopis_core::code::Code;
use letopis_core::events::{ContractEvent, Event, OrderEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{AssetId, CaseId, ContractId, EmployeeId, EventId, OrderId};
use letopis_core::money::Currency;
use letopis_core::time::{Day, Timestamp};

use crate::engine::projection::{Context, Projection};
use crate::engine::question::{About, Param, Question};
use crate::engine::row::Json;
use crate::row;

pub use list::{ContractItem, State};

/// What can be asked about contracts and service.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "contracts",
        path: "/v1/contracts",
        view: Contracts::NAME,
        doc: "Contracts as they stand at the bound, those that end first in front.",
        params: &[
            Param::Page,
            Param::Text("state", "in_force, interrupted, ended, not_begun"),
            Param::Text("due_within_days", "Only those in force whose last day is at most so many days away"),
            Param::Text("kind", "Of this kind"),
            Param::Entity("employee", "employee", "Kept by this one of us"),
        ],
        about: About::Rows(list::contracts),
    },
    Question {
        name: "contract",
        path: "/v1/contracts/{id}",
        view: Contracts::NAME,
        doc: "One contract.",
        params: &[],
        about: About::Thing { kind: "contract", find: list::owner, ask: list::contract },
    },
    Question {
        name: "client-contracts",
        path: "/v1/clients/{id}/contracts",
        view: Contracts::NAME,
        doc: "The contracts of a client.",
        params: &[Param::Page],
        about: About::Client(list::of_client),
    },
    Question {
        name: "service-level",
        path: "/v1/clients/{id}/service-level",
        view: Contracts::NAME,
        doc: "Which level of service a client gets, and why: each scheme with what its rule found.",
        params: &[],
        about: About::Client(level::level),
    },
    Question {
        name: "service result",
        path: "/v1/service/result",
        view: ServiceLines::NAME,
        doc: "What service earned and cost in a period, by contract, client, month or kind.",
        params: &[Param::Period, Param::Page, Param::Text("by", "contract (the default), client, month, kind")],
        about: About::Totals(result::result),
    },
    Question {
        name: "service lines",
        path: "/v1/service/lines",
        view: ServiceLines::NAME,
        doc: "The events behind what service earned and cost.",
        params: &[
            Param::Period,
            Param::Page,
            Param::Entity("contract", "contract", "Of this contract"),
            Param::Client("client", "Of this client"),
            Param::Text("kind", "charge, service, or a kind of cost"),
        ],
        about: About::Totals(result::lines),
    },
];

/// What made a contract stand as it does: an interruption or a resumption.
pub type Rest = (Timestamp, bool);

row! {
    /// A contract.
    pub struct ContractRow in "contract", index ["client, last_day", "last_day, contract_id"] {
        /// The contract.
        key contract_id: ContractId,
        owner client,
        /// What it is about.
        kind: Option<Code>,
        /// When it was signed; none while only later facts are known.
        signed_at: Option<Timestamp>,
        /// Its first day.
        first_day: Option<Day>,
        /// Its last day; none while it is open-ended.
        last_day: Option<Day>,
        /// The service scheme that it promises.
        scheme: Option<Code>,
        /// Who of us keeps it.
        employee: Option<EmployeeId>,
        /// What it brings, by its last signing or renewal, in minor units.
        fee_minor: Option<i64>,
        /// The currency of that.
        fee_currency: Option<Currency>,
        /// How often it was renewed.
        renewals: u32,
        /// Since when it rests; none while it does not.
        interrupted_at: Option<Timestamp>,
        /// Every interruption (true) and resumption (false), oldest first.
        rests: Json<Vec<Rest>>,
        /// When it ended before or without renewal; none while it has not.
        ended_at: Option<Timestamp>,
        /// `expired` or `terminated`.
        ended_how: Option<Code>,
        /// Why.
        ended_why: Option<Code>,
        /// Rules it breaks: `contract.not_signed`.
        flags: Json<Vec<String>>,
    }
}

row! {
    /// Something that service earned or cost: one event.
    pub struct ServiceLineRow in "service_line", index ["day", "client, day", "contract, day"] {
        /// The event.
        key event: EventId,
        owner client,
        /// When.
        occurred_at: Timestamp,
        /// The local day of that.
        day: Day,
        /// The contract it is of.
        contract: Option<ContractId>,
        /// `charge`, `service`, or a kind of cost.
        kind: String,
        /// The currency.
        currency: Option<Currency>,
        /// Earned, in minor units.
        earned_minor: i64,
        /// Cost, in minor units.
        cost_minor: i64,
        /// Labour, in seconds.
        labour_s: i64,
        /// The order it is of.
        order_id: Option<OrderId>,
        /// The thing it was for.
        asset: Option<AssetId>,
        /// The case it was for.
        case_id: Option<CaseId>,
        /// Who of us.
        employee: Option<EmployeeId>,
    }
}

/// Contracts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contracts;

/// What service earned and cost, one row per event.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServiceLines;

impl Projection for Contracts {
    const NAME: &'static str = "contracts";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["contract"];
    type Row = ContractRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Contract(event) = &fact.event
            && let Some(contract) = event.contract_id()
        {
            keys.push(contract.0);
        }
    }

    fn fold(&self, row: &mut ContractRow, fact: &Fact, _cx: &Context<'_>) {
        if let Event::Contract(event) = &fact.event {
            fold(row, event, fact.occurred.at);
        }
    }
}

fn fold(row: &mut ContractRow, event: &ContractEvent, at: Timestamp) {
    if !matches!(event, ContractEvent::Signed(_)) && row.signed_at.is_none() && row.flags.0.is_empty() {
        row.flags.0.push("contract.not_signed".to_owned());
    }
    let fee = |row: &mut ContractRow, fee: Option<letopis_core::money::Money>| {
        if let Some(fee) = fee {
            (row.fee_minor, row.fee_currency) = (Some(fee.minor), Some(fee.currency));
        }
    };
    match event {
        ContractEvent::Signed(e) => {
            row.signed_at.get_or_insert(at);
            row.flags.0.clear();
            row.kind = Some(e.kind.clone());
            (row.first_day, row.last_day) = (Some(e.from), e.until.max(row.last_day));
            row.scheme.clone_from(&e.scheme);
            row.employee = e.employee;
            fee(row, e.fee);
        }
        ContractEvent::Renewed(e) => {
            row.renewals += 1;
            row.last_day = Some(e.until);
            row.employee = e.employee.or(row.employee);
            (row.ended_at, row.ended_how, row.ended_why) = (None, None, None);
            fee(row, e.fee);
        }
        ContractEvent::Interrupted(_) => {
            row.interrupted_at = Some(at);
            row.rests.0.push((at, true));
        }
        ContractEvent::Resumed(_) => {
            row.interrupted_at = None;
            row.rests.0.push((at, false));
        }
        ContractEvent::Expired(_) => {
            (row.ended_at, row.ended_how) = (Some(at), "expired".parse().ok());
        }
        ContractEvent::Terminated(e) => {
            (row.ended_at, row.ended_how) = (Some(at), "terminated".parse().ok());
            row.ended_why.clone_from(&e.reason);
        }
        ContractEvent::Charged(_) | ContractEvent::CostIncurred(_) | ContractEvent::SchemeDefined(_) => {}
    }
}

impl Projection for ServiceLines {
    const NAME: &'static str = "service_lines";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["contract", "order"];
    const PER_EVENT: bool = true;
    type Row = ServiceLineRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        let counts = matches!(
            &fact.event,
            Event::Contract(ContractEvent::Charged(_) | ContractEvent::CostIncurred(_))
                | Event::Order(OrderEvent::ServiceRendered(_))
        );
        if counts {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut ServiceLineRow, fact: &Fact, cx: &Context<'_>) {
        row.occurred_at = fact.occurred.at;
        row.day = cx.zone.day(fact.occurred.at);
        match &fact.event {
            Event::Contract(ContractEvent::Charged(e)) => {
                (row.kind, row.contract) = ("charge".to_owned(), Some(e.contract));
                (row.earned_minor, row.currency) = (e.amount.minor, Some(e.amount.currency));
            }
            Event::Contract(ContractEvent::CostIncurred(e)) => {
                (row.kind, row.contract) = (e.kind.to_string(), e.contract);
                (row.cost_minor, row.currency) = (e.amount.minor, Some(e.amount.currency));
                row.labour_s = e.labour_s.unwrap_or_default().into();
                (row.asset, row.case_id, row.employee) = (e.asset, e.case, e.employee);
            }
            Event::Order(OrderEvent::ServiceRendered(e)) => {
                row.kind = "service".to_owned();
                (row.earned_minor, row.currency) = (e.amount.minor, Some(e.amount.currency));
                (row.order_id, row.employee) = (e.order, e.employee);
            }
            _ => {}
        }
    }
}
