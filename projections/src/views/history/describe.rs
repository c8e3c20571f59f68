//! What an event tells a reader of a history, by its type.

use letopis_core::code::Code;
use letopis_core::events::interaction::{Direction, LetterMedia};
use letopis_core::events::{
    ArticleEvent, AssetEvent, AutomationEvent, CampaignEvent, CaseEvent, ClientEvent, ContractEvent, DealEvent,
    DocumentEvent, Event, ExceptionEvent, FinanceEvent, InteractionEvent, LeadEvent, LetterEvent, LogEvent, OrderEvent,
    PricingEvent, ProcessEvent, TaskEvent,
};
use letopis_core::ids::{CaseId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::money::Money;

use super::Class;

/// What an event tells, as far as it is coded.
pub(super) struct Told<'a> {
    pub(super) class: Class,
    pub(super) direction: Option<Direction>,
    pub(super) channel: Option<Code>,
    pub(super) employee: Option<EmployeeId>,
    pub(super) topics: &'a [Code],
    pub(super) case: Option<CaseId>,
    pub(super) deal: Option<DealId>,
    pub(super) order: Option<OrderId>,
    pub(super) duration_s: Option<u32>,
    pub(super) target: Option<EventId>,
    pub(super) field: Option<Code>,
    pub(super) old: Option<Code>,
    pub(super) outcome: Option<Code>,
    pub(super) amount: Option<Money>,
    pub(super) caused_by: Option<EventId>,
}

impl Told<'_> {
    fn of(class: Class) -> Self {
        Self {
            class,
            direction: None,
            channel: None,
            employee: None,
            topics: &[],
            case: None,
            deal: None,
            order: None,
            duration_s: None,
            target: None,
            field: None,
            old: None,
            outcome: None,
            amount: None,
            caused_by: None,
        }
    }
}

fn word(text: &str) -> Option<Code> {
    text.parse().ok()
}

/// What the event tells.
pub(super) fn describe(event: &Event) -> Told<'_> {
    match event {
        Event::Interaction(event) => interaction(event),
        Event::Client(event) => client(event),
        Event::Case(event) => case(event),
        Event::Deal(event) => deal(event),
        Event::Lead(event) => lead(event),
        Event::Order(event) => order(event),
        Event::Campaign(event) => campaign(event),
        Event::Asset(event) => asset(event),
        Event::Contract(event) => contract(event),
        Event::Article(event) => article(event),
        Event::Task(event) => task(event),
        Event::Exception(ExceptionEvent::Flagged(e)) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            target: e.target,
            field: Some(e.class.clone()),
            caused_by: e.caused_by,
            ..Told::of(Class::Exception)
        },
        Event::Automation(AutomationEvent::ArticleProposed(e)) => {
            Told { case: Some(e.case), field: Some(e.article.clone()), caused_by: e.caused_by, ..Told::of(Class::Case) }
        }
        Event::Automation(AutomationEvent::RuleDefined(_)) => Told::of(Class::Custom),
        Event::Document(event) => document(event),
        Event::Finance(event) => finance(event),
        Event::Pricing(event) => pricing(event),
        Event::Process(event) => process(event),
        Event::Letter(event) => letter(event),
        Event::Log(LogEvent::Refused(e)) => Told {
            case: Some(e.case),
            field: Some(e.rule.clone()),
            old: Some(e.met.clone()),
            outcome: Some(e.wanted.clone()),
            ..Told::of(Class::Case)
        },
        Event::Custom(_)
        | Event::Text(_)
        | Event::Definition(_)
        | Event::Service(_)
        | Event::Plan(_)
        | Event::Market(_)
        | Event::Knowledge(_)
        | Event::Log(_) => Told::of(Class::Custom),
    }
}

fn interaction(event: &InteractionEvent) -> Told<'_> {
    use InteractionEvent as I;
    let contact = |direction, channel, topics| Told { direction, channel, topics, ..Told::of(Class::Contact) };
    match event {
        I::CallLogged(e) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            duration_s: e.duration_s,
            outcome: e.outcome.clone(),
            field: e.campaign.clone(),
            ..contact(Some(e.direction), e.channel.clone().or_else(|| word("phone")), &e.topics)
        },
        I::VisitLogged(e) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            duration_s: e.duration_s,
            outcome: e.outcome.clone(),
            field: e.place.clone(),
            ..contact(Some(e.direction), word("visit"), &e.topics)
        },
        I::LetterLogged(e) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            target: e.answers,
            ..contact(Some(e.direction), word(media(e.media)), &e.topics)
        },
        I::WebRequestLogged(e) => Told {
            case: e.case,
            deal: e.deal,
            order: e.order,
            field: e.page.clone(),
            ..contact(Some(Direction::In), word("web"), &e.topics)
        },
        I::ChatLogged(e) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            duration_s: e.duration_s,
            ..contact(Some(e.direction), e.channel.clone().or_else(|| word("chat")), &e.topics)
        },
        I::MeetingHeld(e) => Told {
            employee: e.employee,
            duration_s: e.duration_s,
            outcome: e.outcome.clone(),
            ..contact(None, word("meeting"), &e.topics)
        },
        I::MeetingScheduled(e) => {
            Told { employee: e.employee, topics: &e.topics, case: e.case, deal: e.deal, ..Told::of(Class::Meeting) }
        }
        I::MeetingRescheduled(_) | I::MeetingMissed(_) | I::MeetingCancelled(_) => Told::of(Class::Meeting),
        I::InteractionHandled(e) => Told {
            employee: e.employee,
            target: Some(e.interaction),
            outcome: Some(e.outcome.clone()),
            ..Told::of(Class::Handling)
        },
        I::DocumentAttached(e) => {
            Told { target: e.interaction, case: e.case, deal: e.deal, order: e.order, ..Told::of(Class::Document) }
        }
    }
}

fn task(event: &TaskEvent) -> Told<'_> {
    let told = Told::of(Class::Task);
    match event {
        TaskEvent::Planned(e) => Told {
            employee: e.employee,
            case: e.case,
            deal: e.deal,
            order: e.order,
            field: Some(e.kind.clone()),
            caused_by: e.caused_by,
            ..told
        },
        TaskEvent::Assigned(e) => Told { employee: e.employee, field: e.department.clone(), ..told },
        TaskEvent::DueMoved(e) => Told { outcome: e.reason.clone(), ..told },
        TaskEvent::Done(e) => Told { employee: e.employee, outcome: e.outcome.clone(), ..told },
        TaskEvent::Cancelled(e) => Told { outcome: e.reason.clone(), ..told },
        TaskEvent::Escalated(e) => {
            Told { employee: e.employee, field: e.department.clone(), caused_by: e.caused_by, ..told }
        }
    }
}

fn media(media: LetterMedia) -> &'static str {
    match media {
        LetterMedia::Post => "post",
        LetterMedia::Fax => "fax",
        LetterMedia::Email => "email",
    }
}

fn client(event: &ClientEvent) -> Told<'_> {
    use ClientEvent as C;
    let about = |field: Option<&Code>| Told { field: field.cloned(), ..Told::of(Class::Profile) };
    match event {
        C::ProfileChanged(e) => about(Some(&e.field)),
        C::AttributeChanged(e) => Told { old: e.old.clone(), outcome: e.new.clone(), ..about(Some(&e.attribute)) },
        C::IdentityLinked(e) => about(Some(&e.scheme)),
        C::IdentityUnlinked(e) => about(Some(&e.scheme)),
        C::DateNoted(e) => about(Some(&e.date_kind)),
        C::RelationEstablished(e) => about(Some(&e.kind)),
        C::ContactPersonAdded(e) => about(Some(&e.role)),
        C::HoldPlaced(e) => Told { outcome: Some(e.basis.clone()), ..about(Some(&e.hold)) },
        C::LanguagePreferred(e) => Told { outcome: Some(e.language.clone()), ..about(word("language").as_ref()) },
        C::HoldReleased(e) => about(Some(&e.hold)),
        C::IdentityUnresolved(e) => about(Some(&e.scheme)),
        C::ManagerAssigned(e) => Told { employee: e.manager, ..about(None) },
        C::Registered(_)
        | C::ContactPointAdded(_)
        | C::ContactPointRemoved(_)
        | C::RelationEnded(_)
        | C::ContactPersonRemoved(_)
        | C::Merged(_)
        | C::Unmerged(_) => about(None),
        C::ConsentGiven(e) => {
            Told { field: Some(e.purpose.clone()), channel: e.channel.clone(), ..Told::of(Class::Consent) }
        }
        C::ConsentWithdrawn(e) => {
            Told { field: Some(e.purpose.clone()), channel: e.channel.clone(), ..Told::of(Class::Consent) }
        }
    }
}

fn case(event: &CaseEvent) -> Told<'_> {
    let told = |case| Told { case: Some(case), ..Told::of(Class::Case) };
    fn topics(topic: &Option<Code>) -> &[Code] {
        topic.as_slice()
    }
    match event {
        CaseEvent::Raised(e) => Told {
            direction: Some(Direction::In),
            channel: e.channel.clone(),
            topics: topics(&e.topic),
            order: e.order,
            ..told(e.case)
        },
        CaseEvent::Classified(e) => Told { topics: topics(&e.topic), caused_by: e.caused_by, ..told(e.case) },
        CaseEvent::Assigned(e) => {
            Told { employee: e.employee, field: e.department.clone(), caused_by: e.caused_by, ..told(e.case) }
        }
        CaseEvent::Forwarded(e) => Told { field: Some(e.to.clone()), outcome: e.response.clone(), ..told(e.case) },
        CaseEvent::DueMoved(e) => Told { outcome: Some(e.reason.clone()), ..told(e.case) },
        CaseEvent::Answered(e) => {
            Told { direction: Some(Direction::Out), channel: e.channel.clone(), employee: e.employee, ..told(e.case) }
        }
        CaseEvent::Resolved(e) => Told { employee: e.employee, outcome: Some(e.resolution.clone()), ..told(e.case) },
        CaseEvent::Closed(e) => Told { outcome: e.outcome.clone(), ..told(e.case) },
        CaseEvent::StateChanged(e) => {
            Told { old: e.from.clone(), outcome: Some(e.to.clone()), employee: e.employee, ..told(e.case) }
        }
        CaseEvent::Paused(e) => Told { outcome: e.reason.clone(), ..told(e.case) },
        CaseEvent::LinkedToPlanItem(e) => Told { field: Some(e.item.clone()), ..told(e.case) },
        CaseEvent::UnlinkedFromPlanItem(e) => Told { field: Some(e.item.clone()), ..told(e.case) },
        CaseEvent::DueSet(e) => told(e.case),
        CaseEvent::Reopened(e) => told(e.case),
        CaseEvent::Resumed(e) => told(e.case),
    }
}

fn process(event: &ProcessEvent) -> Told<'_> {
    use ProcessEvent as P;
    let told = |field: &Code| Told { case: Some(event.case_id()), field: Some(field.clone()), ..Told::of(Class::Case) };
    match event {
        P::WorkEntered(e) => Told { outcome: e.stage.clone(), employee: e.employee, ..told(&e.department) },
        P::WorkLeft(e) => Told { duration_s: e.labour_s, employee: e.employee, ..told(&e.department) },
        P::HandedOver(e) => {
            Told { old: Some(e.from.clone()), outcome: Some(e.to.clone()), employee: e.employee, ..told(&e.list) }
        }
        P::ReviewRequested(e) => Told { employee: e.employee, ..told(&e.branch) },
        P::ReviewDecided(e) => Told { outcome: Some(e.decision.clone()), employee: e.employee, ..told(&e.branch) },
        P::ApplicationDecided(e) => {
            Told { field: None, employee: e.employee, outcome: Some(e.decision.clone()), ..told(&e.decision) }
        }
        P::SolutionApplied(e) => Told {
            old: Some(e.problem.clone()),
            outcome: word(if e.worked { "worked" } else { "failed" }),
            employee: e.employee,
            ..told(&e.solution)
        },
    }
}

fn letter(event: &LetterEvent) -> Told<'_> {
    let LetterEvent::Registered(e) = event;
    Told {
        direction: Some(e.direction),
        channel: word(media(e.media)),
        employee: e.employee,
        case: e.case,
        deal: e.deal,
        order: e.order,
        target: e.answers,
        field: Some(e.journal.clone()),
        ..Told::of(Class::Contact)
    }
}

fn deal(event: &DealEvent) -> Told<'_> {
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

fn lead(event: &LeadEvent) -> Told<'_> {
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

fn order(event: &OrderEvent) -> Told<'_> {
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

fn asset(event: &AssetEvent) -> Told<'_> {
    let told = |field: Option<&Code>| Told { field: field.cloned(), ..Told::of(Class::Asset) };
    match event {
        AssetEvent::Installed(e) => Told { order: e.order, ..told(Some(&e.product)) },
        AssetEvent::Changed(e) => told(e.product.as_ref()),
        AssetEvent::Removed(e) => Told { outcome: e.reason.clone(), ..told(None) },
        AssetEvent::Serviced(e) => Told {
            case: e.case,
            employee: e.employee,
            duration_s: e.labour_s,
            outcome: e.outcome.clone(),
            ..told(Some(&e.kind))
        },
        AssetEvent::CompatibilityDefined(_) => told(None),
    }
}

fn contract(event: &ContractEvent) -> Told<'_> {
    use ContractEvent as C;
    let told = || Told::of(Class::Contract);
    match event {
        C::Signed(e) => Told { field: Some(e.kind.clone()), employee: e.employee, amount: e.fee, ..told() },
        C::Renewed(e) => Told { employee: e.employee, amount: e.fee, ..told() },
        C::Interrupted(e) => Told { outcome: e.reason.clone(), ..told() },
        C::Terminated(e) => Told { outcome: e.reason.clone(), ..told() },
        C::Charged(e) => Told { amount: Some(e.amount), ..told() },
        C::CostIncurred(e) => Told {
            field: Some(e.kind.clone()),
            amount: Some(e.amount),
            case: e.case,
            employee: e.employee,
            duration_s: e.labour_s,
            ..told()
        },
        C::Resumed(_) | C::Expired(_) | C::SchemeDefined(_) => told(),
    }
}

fn article(event: &ArticleEvent) -> Told<'_> {
    let told = |article: &Code| Told { field: Some(article.clone()), ..Told::of(Class::Article) };
    match event {
        ArticleEvent::Used(e) => Told {
            case: e.case,
            employee: e.employee,
            outcome: word(if e.solved { "solved" } else { "unsolved" }),
            ..told(&e.article)
        },
        ArticleEvent::Published(e) => told(&e.article),
        ArticleEvent::Retired(e) => told(&e.article),
    }
}

fn document(event: &DocumentEvent) -> Told<'_> {
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

fn finance(event: &FinanceEvent) -> Told<'_> {
    match event {
        FinanceEvent::FinancialProfileRecorded(e) => {
            Told { field: Some(e.source.clone()), amount: e.budget.or(e.credit_limit), ..Told::of(Class::Profile) }
        }
        FinanceEvent::ExchangeRateSet(_) | FinanceEvent::PeriodClosed(_) | FinanceEvent::ProductCostSet(_) => {
            Told::of(Class::Custom)
        }
    }
}

fn pricing(event: &PricingEvent) -> Told<'_> {
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

fn campaign(event: &CampaignEvent) -> Told<'_> {
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
