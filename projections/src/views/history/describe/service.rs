//! What events of service tell.

use letopis_core::code::Code;
use letopis_core::events::interaction::Direction;
use letopis_core::events::{ArticleEvent, AssetEvent, CaseEvent, ContractEvent, LetterEvent, ProcessEvent};

use super::{Told, media, word};
use crate::views::history::Class;

pub(super) fn case(event: &CaseEvent) -> Told<'_> {
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

pub(super) fn process(event: &ProcessEvent) -> Told<'_> {
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

pub(super) fn letter(event: &LetterEvent) -> Told<'_> {
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

pub(super) fn asset(event: &AssetEvent) -> Told<'_> {
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

pub(super) fn contract(event: &ContractEvent) -> Told<'_> {
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

pub(super) fn article(event: &ArticleEvent) -> Told<'_> {
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
