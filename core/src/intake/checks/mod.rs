//! What a payload must satisfy beyond its types, area by area: pure functions.

mod document;
mod pricing;
mod register;
mod sales;
mod service;

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::service_checks;
use crate::events::case::DueSet;
use crate::events::order::{Goods, Line};
use crate::events::{
    CampaignEvent, CaseEvent, ClientEvent, DealEvent, DefinitionEvent, Event, InteractionEvent, OrderEvent, TextEvent,
};
use crate::ids::ClientId;
use crate::money::{Exact, Money};
use crate::time::{DAY_US, Day, Moment};

/// What is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Path inside the payload.
    pub(super) field: String,
    /// What is wrong, with the value.
    pub(super) message: String,
}

pub(super) type Check = Result<(), Fault>;

pub(super) fn fault(field: impl Into<String>, message: impl Into<String>) -> Check {
    Err(Fault { field: field.into(), message: message.into() })
}

pub(super) fn ensure(holds: bool, field: &str, message: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { fault(field, message()) }
}

/// Longest call, visit, chat or meeting, in seconds.
const MAX_DURATION_S: u32 = 7 * 86_400;

/// Checks an event that happened at this moment, about this client when he is known.
pub(super) fn check(event: &Event, occurred: Moment) -> Check {
    match event {
        Event::Client(event) => client(event, occurred),
        Event::Interaction(event) => interaction(event),
        Event::Case(event) => case(event, occurred),
        Event::Deal(event) => deal(event),
        Event::Task(event) => register::task(event, occurred),
        Event::Automation(event) => register::automation(event),
        Event::Plan(event) => sales::plan(event),
        Event::Market(event) => sales::market(event),
        Event::Order(event) => order(event, occurred),
        Event::Campaign(event) => campaign(event),
        Event::Document(event) => document::document(event),
        Event::Finance(event) => pricing::finance(event),
        Event::Pricing(event) => pricing::pricing(event),
        Event::Text(TextEvent::CatalogueDefined(e)) => {
            ensure(!e.texts.is_empty(), "texts", || "a catalogue has at least one text".into())
        }
        Event::Definition(event) => definition(event),
        Event::Asset(event) => service::asset(event),
        Event::Contract(event) => service::contract(event, occurred),
        Event::Article(event) => service::article(event),
        Event::Service(event) => service_checks::check(event),
        Event::Letter(event) => service_checks::letter(event, occurred),
        Event::Process(event) => service_checks::process(event, occurred),
        Event::Lead(_) | Event::Exception(_) | Event::Knowledge(_) | Event::Log(_) | Event::Custom(_) => Ok(()),
    }
}

/// No link leads from a client to himself.
pub(super) fn check_client(event: &Event, client: ClientId) -> Check {
    match event {
        Event::Client(ClientEvent::RelationEstablished(e)) => {
            ensure(e.to != client, "to", || format!("client {client} cannot be related to himself"))
        }
        _ => Ok(()),
    }
}

/// The calendar day of a moment where it was told.
pub(super) fn local_day(moment: Moment) -> Day {
    Day((moment.at.0 + i64::from(moment.offset_min) * 60_000_000).div_euclid(DAY_US) as i32)
}

fn client(event: &ClientEvent, occurred: Moment) -> Check {
    use ClientEvent as C;
    match event {
        C::ProfileChanged(e) => ensure(!(e.old.is_absent() && e.new.is_absent()), "new", || {
            format!("neither the old nor the new value of {} is given", e.field)
        }),
        C::AttributeChanged(e) => ensure(e.old.is_some() || e.new.is_some(), "new", || {
            format!("neither the old nor the new value of {} is given", e.attribute)
        }),
        C::ConsentGiven(e) => match e.until {
            Some(until) if until < local_day(occurred) => {
                fault("until", format!("{until} is before the consent was given, {occurred}"))
            }
            _ => Ok(()),
        },
        C::HoldPlaced(e) => match e.until {
            Some(until) if until < local_day(occurred) => {
                fault("until", format!("{until} is before the hold was placed, {occurred}"))
            }
            _ => Ok(()),
        },
        C::IdentityLinked(e) => ensure(e.value.known().is_some(), "value", || "value is missing".into()),
        C::IdentityUnlinked(e) => ensure(e.value.known().is_some(), "value", || "value is missing".into()),
        C::Registered(_)
        | C::LanguagePreferred(_)
        | C::ContactPointAdded(_)
        | C::ContactPointRemoved(_)
        | C::Merged(_)
        | C::Unmerged(_)
        | C::DateNoted(_)
        | C::RelationEstablished(_)
        | C::RelationEnded(_)
        | C::ContactPersonAdded(_)
        | C::ContactPersonRemoved(_)
        | C::ConsentWithdrawn(_)
        | C::ManagerAssigned(_)
        | C::IdentityUnresolved(_)
        | C::HoldReleased(_) => Ok(()),
    }
}

fn interaction(event: &InteractionEvent) -> Check {
    use InteractionEvent as I;
    match event {
        I::CallLogged(e) => duration(e.duration_s),
        I::VisitLogged(e) => duration(e.duration_s),
        I::ChatLogged(e) => duration(e.duration_s),
        I::MeetingHeld(e) => duration(e.duration_s),
        I::MeetingScheduled(e) => ends(e.starts_at, e.ends_at),
        I::MeetingRescheduled(e) => ends(e.starts_at, e.ends_at),
        I::DocumentAttached(e) => {
            let digits = e.sha256.as_str();
            ensure(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "sha256", || {
                format!("{digits:?} is not 64 hexadecimal digits")
            })
        }
        I::LetterLogged(_)
        | I::WebRequestLogged(_)
        | I::MeetingMissed(_)
        | I::MeetingCancelled(_)
        | I::InteractionHandled(_) => Ok(()),
    }
}

fn duration(seconds: Option<u32>) -> Check {
    match seconds {
        Some(s) if s > MAX_DURATION_S => fault("duration_s", format!("{s} seconds are more than a week")),
        _ => Ok(()),
    }
}

fn ends(starts: Moment, ends: Option<Moment>) -> Check {
    match ends {
        Some(ends) if ends.at < starts.at => fault("ends_at", format!("{ends} is before it starts, {starts}")),
        _ => Ok(()),
    }
}

fn case(event: &CaseEvent, occurred: Moment) -> Check {
    let due = |due: Moment| {
        ensure(due.at >= occurred.at, "due", || format!("{due} had passed when it was promised, {occurred}"))
    };
    match event {
        CaseEvent::DueSet(DueSet { due: at, .. }) => due(*at),
        CaseEvent::DueMoved(e) => due(e.due),
        CaseEvent::Raised(_)
        | CaseEvent::Classified(_)
        | CaseEvent::Assigned(_)
        | CaseEvent::Forwarded(_)
        | CaseEvent::Answered(_)
        | CaseEvent::Resolved(_)
        | CaseEvent::Reopened(_)
        | CaseEvent::Closed(_)
        | CaseEvent::Paused(_)
        | CaseEvent::Resumed(_)
        | CaseEvent::StateChanged(_)
        | CaseEvent::LinkedToPlanItem(_)
        | CaseEvent::UnlinkedFromPlanItem(_) => Ok(()),
    }
}

fn deal(event: &DealEvent) -> Check {
    match event {
        DealEvent::Opened(e) => not_negative(e.amount),
        DealEvent::AmountChanged(e) => not_negative(Some(e.amount)),
        DealEvent::Won(e) => not_negative(e.amount),
        DealEvent::ProbabilitySet(e) => sales::probability(e),
        DealEvent::PresalePlanned(e) => sales::money("budget.minor", e.budget),
        DealEvent::PresaleDone(e) => sales::money("cost.minor", e.cost),
        DealEvent::StageChanged(_) | DealEvent::TeamChanged(_) | DealEvent::Lost(_) | DealEvent::Reopened(_) => Ok(()),
    }
}

fn not_negative(amount: Option<Money>) -> Check {
    match amount {
        Some(Money { minor, .. }) if minor < 0 => fault("amount.minor", format!("{minor} is negative")),
        Some(money) => fits(money),
        None => Ok(()),
    }
}

fn positive(amount: Money) -> Check {
    ensure(amount.minor > 0, "amount.minor", || format!("{} is not more than zero", amount.minor))?;
    fits(amount)
}

fn fits(amount: Money) -> Check {
    ensure(amount.exact().is_some(), "amount.minor", || format!("{} is too large", amount.minor))
}

fn order(event: &OrderEvent, occurred: Moment) -> Check {
    match event {
        OrderEvent::Placed(e) => lines(&e.lines),
        OrderEvent::Changed(e) => lines(&e.lines),
        OrderEvent::InvoiceIssued(e) => {
            not_negative(Some(e.amount))?;
            match e.due {
                Some(due) if due < local_day(occurred) => {
                    fault("due", format!("{due} is before the invoice was issued, {occurred}"))
                }
                _ => Ok(()),
            }
        }
        OrderEvent::PaymentReceived(e) => positive(e.amount),
        OrderEvent::PaymentRefunded(e) => positive(e.amount),
        OrderEvent::GoodsShipped(e) => goods(&e.lines),
        OrderEvent::GoodsReturned(e) => {
            goods(&e.lines)?;
            let priced = e.lines.iter().any(|line| line.unit_price.is_some());
            ensure(!priced || e.currency.is_some(), "currency", || "its lines have prices without a currency".into())
        }
        OrderEvent::ServiceRendered(e) => not_negative(Some(e.amount)),
        OrderEvent::Adjusted(e) => {
            ensure(e.amount.minor != 0, "amount.minor", || "an adjustment by 0 changes nothing".into())?;
            fits(e.amount)
        }
        OrderEvent::PromiseMoved(e) => ensure(e.promised >= local_day(occurred), "promised", || {
            format!("{} had passed when it was promised, {occurred}", e.promised)
        }),
        OrderEvent::ConcessionMade(e) => positive(e.amount),
        OrderEvent::Confirmed(_) | OrderEvent::Deferred(_) | OrderEvent::Cancelled(_) | OrderEvent::Completed(_) => {
            Ok(())
        }
    }
}

fn lines(lines: &[Line]) -> Check {
    ensure(!lines.is_empty(), "lines", || "an order has at least one line".into())?;
    let mut sum = Exact(0);
    for (i, line) in lines.iter().enumerate() {
        moved(i, line.quantity, Some(line.unit_price))?;
        let added = line.amount().and_then(|amount| sum.0.checked_add(amount.0));
        match added {
            Some(added) => sum = Exact(added),
            None => {
                let message = format!(
                    "{} × {} is too large, or needs more than {} decimal places",
                    line.quantity,
                    line.unit_price,
                    Exact::PLACES
                );
                return fault(format!("lines[{i}].unit_price"), message);
            }
        }
    }
    Ok(())
}

fn goods(goods: &[Goods]) -> Check {
    ensure(!goods.is_empty(), "lines", || "at least one line of goods is expected".into())?;
    for (i, line) in goods.iter().enumerate() {
        moved(i, line.quantity, line.unit_price)?;
        let exact = line.unit_price.is_none_or(|price| Exact::line(line.quantity, price).is_some());
        ensure(exact, &format!("lines[{i}].unit_price"), || {
            format!("its amount is too large, or needs more than {} decimal places", Exact::PLACES)
        })?;
    }
    Ok(())
}

fn moved(i: usize, quantity: Decimal, price: Option<Decimal>) -> Check {
    let exact = Exact::from_decimal(quantity).is_some();
    ensure(quantity > Decimal::ZERO && exact, &format!("lines[{i}].quantity"), || {
        format!("{quantity} is not a quantity: expected more than zero, at most {} decimal places", Exact::PLACES)
    })?;
    match price {
        Some(price) if price < Decimal::ZERO => fault(format!("lines[{i}].unit_price"), format!("{price} is negative")),
        _ => Ok(()),
    }
}

fn campaign(event: &CampaignEvent) -> Check {
    match event {
        CampaignEvent::Sent(e) => {
            ensure(e.ordinal != Some(0), "ordinal", || "touches are counted from 1, not from 0".into())
        }
        CampaignEvent::Answered(_) | CampaignEvent::Refused(_) => Ok(()),
    }
}

fn definition(event: &DefinitionEvent) -> Check {
    match event {
        DefinitionEvent::ProductDefined(e) => match (e.list_price, e.currency) {
            (Some(price), _) if price < Decimal::ZERO => fault("list_price", format!("{price} is negative")),
            (Some(_), None) => fault("currency", "the list price has no currency"),
            _ => Ok(()),
        },
        DefinitionEvent::EmployeeDefined(e) => {
            ensure(e.manager != Some(e.employee), "manager", || format!("employee {} cannot lead himself", e.employee))
        }
        DefinitionEvent::StageModelDefined(e) => {
            ensure(!e.stages.is_empty(), "stages", || "a stage model has at least one stage".into())?;
            let mut seen = HashSet::new();
            for (i, stage) in e.stages.iter().enumerate() {
                let twice = format!("stages[{i}].stage");
                ensure(seen.insert(&stage.stage), &twice, || format!("{} stands in it twice", stage.stage))?;
                let bp = stage.probability_bp.unwrap_or_default();
                let field = format!("stages[{i}].probability_bp");
                ensure(bp <= 10_000, &field, || format!("{bp} is more than 10000 basis points"))?;
            }
            Ok(())
        }
        DefinitionEvent::EventImportanceDefined(e) => register::importance(e),
        DefinitionEvent::EventTypeDeclared(e) => {
            ensure(e.version > 0, "version", || "versions are counted from 1, not from 0".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ORDER: &str = "01J00000000000000000000000";

    fn checked(name: &str, data: Value) -> Check {
        let event = Event::from_input(name, data).expect("decodes");
        check(&event, "2026-03-01T12:00:00+03:00".parse().expect("time"))
    }

    fn field(name: &str, data: Value) -> String {
        checked(name, data).expect_err("refused").field
    }

    fn placed(quantity: &str, price: &str) -> Value {
        json!({ "order": ORDER, "currency": "EUR", "lines": [{ "product": "p", "quantity": quantity, "unit_price": price }] })
    }

    #[test]
    fn lines_without_sense_are_refused_by_path() {
        assert_eq!(checked("order.placed", placed("2.5", "0")), Ok(()));
        assert_eq!(field("order.placed", placed("0", "1")), "lines[0].quantity");
        assert_eq!(field("order.placed", placed("-1", "1")), "lines[0].quantity");
        assert_eq!(field("order.placed", placed("1", "-0.01")), "lines[0].unit_price");
        assert_eq!(field("order.placed", placed("0.001", "0.0001")), "lines[0].unit_price");
        assert_eq!(field("order.placed", placed("9999999999999", "9999999")), "lines[0].quantity");
        assert_eq!(field("order.placed", json!({ "order": ORDER, "currency": "EUR", "lines": [] })), "lines");
    }

    #[test]
    fn times_out_of_order_are_refused() {
        let meeting =
            json!({ "meeting": ORDER, "starts_at": "2026-03-02T10:00:00Z", "ends_at": "2026-03-02T09:59:00Z" });
        assert_eq!(field("meeting.scheduled", meeting), "ends_at");
        assert_eq!(field("case.due_set", json!({ "case": ORDER, "due": "2026-03-01T08:59:59Z" })), "due");
        let amount = json!({ "minor": 1, "currency": "EUR" });
        let invoice = |due: &str| json!({ "order": ORDER, "invoice": ORDER, "amount": amount, "due": due });
        assert_eq!(field("invoice.issued", invoice("2026-02-28")), "due");
        assert_eq!(checked("invoice.issued", invoice("2026-03-01")), Ok(()));
    }

    #[test]
    fn money_without_sense_is_refused() {
        let money = |minor: i64| json!({ "amount": { "minor": minor, "currency": "EUR" } });
        assert_eq!(field("payment.received", money(0)), "amount.minor");
        assert_eq!(field("payment.received", money(i64::MAX)), "amount.minor");
        let adjusted = json!({ "order": ORDER, "reason": "bad-debt", "amount": { "minor": 0, "currency": "EUR" } });
        assert_eq!(field("order.adjusted", adjusted), "amount.minor");
    }

    #[test]
    fn a_stage_model_names_each_stage_once() {
        let model = json!({ "model": "default", "stages": [{ "stage": "a" }, { "stage": "a" }] });
        assert_eq!(field("stage_model.defined", model), "stages[1].stage");
    }
}
