//! What events of selling tell.

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::events::{
    CampaignEvent, DealEvent, DocumentEvent, FinanceEvent, LeadEvent, OrderEvent, PricingEvent,
};

use super::Told;
use crate::views::history::Class;

pub(super) fn deal(event: &DealEvent) -> Told<'_> {
    let told = |deal| Told { deal: Some(deal), ..Told::of(Class::Deal) };
    match event {
        DealEvent::Opened(e) => Told {
            outcome: Some(e.stage.clone()),
            employee: e.agent,
            amount: e.amount,
            caused_by: e.caused_by,
            ..told(e.deal)
        },
        DealEvent::StageChanged(e) => Told { old: e.from.clone(), outcome: Some(e.to.clone()), ..told(e.deal) },
        DealEvent::AmountChanged(e) => Told { amount: Some(e.amount), ..told(e.deal) },
        DealEvent::TeamChanged(e) => Told { employee: Some(e.employee), field: Some(e.role.clone()), ..told(e.deal) },
        DealEvent::Won(e) => Told { amount: e.amount, ..told(e.deal) },
        DealEvent::Lost(e) => Told { field: e.competitor.clone(), outcome: e.reason.clone(), ..told(e.deal) },
        DealEvent::ProbabilitySet(e) => Told { employee: e.employee, field: e.version.clone(), ..told(e.deal) },
        DealEvent::PresalePlanned(e) => {
            Told { employee: e.employee, field: Some(e.kind.clone()), amount: e.budget, ..told(e.deal) }
        }
        DealEvent::PresaleDone(e) => Told {
            employee: e.employee,
            field: e.kind.clone(),
            outcome: e.outcome.clone(),
            amount: e.cost,
            ..told(e.deal)
        },
        DealEvent::Reopened(e) => Told { outcome: Some(e.stage.clone()), ..told(e.deal) },
    }
}

pub(super) fn lead(event: &LeadEvent) -> Told<'_> {
    let told = |employee| Told { employee, ..Told::of(Class::Lead) };
    match event {
        LeadEvent::Captured(e) => Told {
            direction: Some(Direction::In),
            channel: e.channel.clone(),
            field: Some(e.source.clone()),
            ..told(e.employee)
        },
        LeadEvent::Qualified(e) => told(e.employee),
        LeadEvent::Disqualified(e) => Told { outcome: Some(e.reason.clone()), ..told(e.employee) },
        LeadEvent::Assigned(e) => Told { old: e.from.clone(), outcome: e.branch.clone(), ..told(e.employee) },
        LeadEvent::Converted(e) => Told { deal: Some(e.deal), ..told(e.employee) },
    }
}

pub(super) fn order(event: &OrderEvent) -> Told<'_> {
    use OrderEvent as O;
    let order = |order| Told { order, ..Told::of(Class::Order) };
    let money = |order, amount| Told { order, amount: Some(amount), ..Told::of(Class::Money) };
    match event {
        O::Placed(e) => Told { channel: e.channel.clone(), employee: e.employee, deal: e.deal, ..order(Some(e.order)) },
        O::Confirmed(e) => order(Some(e.order)),
        O::Changed(e) => order(Some(e.order)),
        O::PromiseMoved(e) => Told { outcome: Some(e.reason.clone()), ..order(Some(e.order)) },
        O::GoodsShipped(e) => Told { field: e.carrier.clone(), ..order(Some(e.order)) },
        O::GoodsReturned(e) => Told { outcome: e.reason.clone(), ..order(Some(e.order)) },
        O::ServiceRendered(e) => {
            Told { field: Some(e.service.clone()), employee: e.employee, amount: Some(e.amount), ..order(e.order) }
        }
        O::Cancelled(e) => Told { outcome: e.reason.clone(), ..order(Some(e.order)) },
        O::Completed(e) => order(Some(e.order)),
        O::InvoiceIssued(e) => money(Some(e.order), e.amount),
        O::PaymentReceived(e) => Told { channel: e.method.clone(), ..money(e.order, e.amount) },
        O::PaymentRefunded(e) => money(e.order, e.amount),
        O::Deferred(e) => Told { field: e.product.clone(), outcome: e.reason.clone(), ..order(Some(e.order)) },
        O::ConcessionMade(e) => Told {
            outcome: Some(e.reason.clone()),
            employee: Some(e.employee.unwrap_or(e.approver)),
            case: e.case,
            ..money(Some(e.order), e.amount)
        },
        O::Adjusted(e) => Told { outcome: Some(e.reason.clone()), ..money(Some(e.order), e.amount) },
    }
}

pub(super) fn document(event: &DocumentEvent) -> Told<'_> {
    let about = |field: Option<&Code>| Told { field: field.cloned(), ..Told::of(Class::Document) };
    match event {
        DocumentEvent::Issued(e) => Told { order: Some(e.order), ..about(Some(&e.kind)) },
        DocumentEvent::Voided(e) => Told { outcome: Some(e.reason.clone()), ..about(None) },
        DocumentEvent::PackProduced(e) => Told { order: Some(e.order), ..about(Some(&e.template)) },
        DocumentEvent::EnvelopeExchanged(e) => Told {
            direction: Some(e.direction),
            order: e.order,
            outcome: Some(e.status.clone()),
            ..about(Some(&e.format))
        },
        DocumentEvent::EnvelopeStatusChanged(e) => Told { outcome: Some(e.status.clone()), ..about(e.reason.as_ref()) },
        DocumentEvent::EnvelopeMatched(e) => Told { order: e.order, ..about(None) },
        DocumentEvent::TemplateDefined(_) => about(None),
    }
}

pub(super) fn finance(event: &FinanceEvent) -> Told<'_> {
    match event {
        FinanceEvent::FinancialProfileRecorded(e) => {
            Told { field: Some(e.source.clone()), amount: e.budget.or(e.credit_limit), ..Told::of(Class::Profile) }
        }
        FinanceEvent::ExchangeRateSet(_) | FinanceEvent::PeriodClosed(_) | FinanceEvent::ProductCostSet(_) => {
            Told::of(Class::Custom)
        }
    }
}

pub(super) fn pricing(event: &PricingEvent) -> Told<'_> {
    let offer = || Told::of(Class::Campaign);
    match event {
        PricingEvent::QuoteMade(e) => Told { employee: e.employee, ..Told::of(Class::Order) },
        PricingEvent::OfferMade(e) => Told {
            direction: Some(Direction::Out),
            field: Some(e.kind.clone()),
            employee: e.employee,
            amount: Some(e.discount),
            ..offer()
        },
        PricingEvent::OfferAccepted(e) => Told { direction: Some(Direction::In), order: e.order, ..offer() },
        PricingEvent::OfferExpired(_) => offer(),
        PricingEvent::AdviceAccepted(e) => {
            Told { field: Some(e.advice.clone()), employee: e.employee, ..Told::of(Class::Order) }
        }
        PricingEvent::AdviceRejected(e) => Told {
            field: Some(e.advice.clone()),
            outcome: Some(e.reason.clone()),
            employee: e.employee,
            ..Told::of(Class::Order)
        },
        PricingEvent::KitDefined(_) | PricingEvent::PriceRuleDefined(_) => Told::of(Class::Custom),
    }
}

pub(super) fn campaign(event: &CampaignEvent) -> Told<'_> {
    let told = |campaign: &Code, channel: Option<&Code>| Told {
        field: Some(campaign.clone()),
        channel: channel.cloned(),
        ..Told::of(Class::Campaign)
    };
    match event {
        CampaignEvent::Sent(e) => Told { direction: Some(Direction::Out), ..told(&e.campaign, Some(&e.channel)) },
        CampaignEvent::Answered(e) => Told {
            direction: Some(Direction::In),
            outcome: Some(e.outcome.clone()),
            ..told(&e.campaign, e.channel.as_ref())
        },
        CampaignEvent::Refused(e) => {
            Told { direction: Some(Direction::In), outcome: e.reason.clone(), ..told(&e.campaign, e.channel.as_ref()) }
        }
    }
}
