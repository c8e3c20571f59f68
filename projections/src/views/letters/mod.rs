//! The register of correspondence: letters in and out, of clients, partners and suppliers, and what waits for an
//! answer.

mod dossier;
mod questions;

use letopis_core::code::Code;
use letopis_core::events::interaction::{Direction, LetterMedia};
use letopis_core::events::letter::{self, Correspondent};
use letopis_core::events::{Event, InteractionEvent, LetterEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Day, Timestamp};

use crate::engine::projection::{Context, Projection};
use crate::row;

pub use questions::QUESTIONS;

row! {
    /// A registered letter; without a journal while only an answer to it is known.
    pub struct LetterRow in "letter", index ["registered_at, letter", "due, letter", "case_id"] {
        /// The event that registered it.
        key letter: EventId,
        owner client,
        /// The journal.
        journal: Option<Code>,
        /// The year of the journal.
        year: i32,
        /// Its number in the journal and the year.
        number: Option<Code>,
        /// When it was registered.
        registered_at: Option<Timestamp>,
        /// Who wrote.
        direction: Option<Direction>,
        /// How it travelled.
        media: Option<LetterMedia>,
        /// With whom.
        correspondent: Option<Correspondent>,
        /// To be answered by the end of this day.
        due: Option<Day>,
        /// The letter that it answers.
        answers: Option<EventId>,
        /// The case it belongs to.
        case_id: Option<CaseId>,
        /// The deal it belongs to.
        deal_id: Option<DealId>,
        /// The order it belongs to.
        order_id: Option<OrderId>,
        /// Who of us wrote it or sees to it.
        employee: Option<EmployeeId>,
        /// When it was first answered.
        answered_at: Option<Timestamp>,
        /// The letter that first answered it.
        answered_by: Option<EventId>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Letters;

fn answers(event: &Event) -> Option<EventId> {
    match event {
        Event::Letter(LetterEvent::Registered(e)) => e.answers,
        Event::Interaction(InteractionEvent::LetterLogged(e)) => e.answers,
        _ => None,
    }
}

impl Projection for Letters {
    const NAME: &'static str = "letters";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["interaction", "letter"];
    type Row = LetterRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Letter(_) = &fact.event {
            keys.push(fact.id.0);
        }
        keys.extend(answers(&fact.event).filter(|answered| *answered != fact.id).map(|answered| answered.0));
    }

    fn fold(&self, row: &mut LetterRow, fact: &Fact, _cx: &Context<'_>) {
        if fact.id != row.letter {
            if row.answered_at.is_none() {
                (row.answered_at, row.answered_by) = (Some(fact.occurred.at), Some(fact.id));
            }
            return;
        }
        let Event::Letter(LetterEvent::Registered(e)) = &fact.event else { return };
        row.journal = Some(e.journal.clone());
        row.year = letter::year(fact.occurred).into();
        row.number = Some(e.number.clone());
        row.registered_at = Some(fact.occurred.at);
        row.direction = Some(e.direction);
        row.media = Some(e.media);
        row.correspondent = Some(e.correspondent);
        row.due = e.due;
        row.answers = e.answers;
        (row.case_id, row.deal_id, row.order_id) = (e.case, e.deal, e.order);
        row.employee = e.employee;
    }
}
