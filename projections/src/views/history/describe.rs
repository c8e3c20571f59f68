//! What an event tells a reader of a history, by its type.

mod sales;
mod service;

use letopis_core::code::Code;
use letopis_core::events::interaction::{Direction, LetterMedia};
use letopis_core::events::{
    AutomationEvent, ClientEvent, Event, ExceptionEvent, InteractionEvent, LogEvent, TaskEvent,
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
        Event::Case(event) => service::case(event),
        Event::Deal(event) => sales::deal(event),
        Event::Lead(event) => sales::lead(event),
        Event::Order(event) => sales::order(event),
        Event::Campaign(event) => sales::campaign(event),
        Event::Asset(event) => service::asset(event),
        Event::Contract(event) => service::contract(event),
        Event::Article(event) => service::article(event),
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
        Event::Document(event) => sales::document(event),
        Event::Finance(event) => sales::finance(event),
        Event::Pricing(event) => sales::pricing(event),
        Event::Process(event) => service::process(event),
        Event::Letter(event) => service::letter(event),
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
