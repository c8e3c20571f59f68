//! The register of official letters and faxes: what came in and went out, of clients, partners and suppliers.
//!
//! A letter is known by its journal, its number and the year: its id is derived from them, so that a number is given
//! once, whoever posts it and wherever.

use jiff::civil;
use serde::{Deserialize, Serialize};

use super::Event;
use super::interaction::{Direction, LetterMedia};
use crate::code::Code;
use crate::ids::{CaseId, DealId, EmployeeId, EventId, OrderId};
use crate::time::{DAY_US, Day, Moment, SECOND_US};

/// The type whose number is its id.
pub const REGISTERED: &str = "letter.registered";

/// With whom we exchange letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correspondent {
    /// Who buys from us.
    Client,
    /// Who works with us.
    Partner,
    /// Whom we buy from.
    Supplier,
}

area! {
    /// Registered letters.
    LetterEvent in Letter "letter";

    /// A letter, fax or e-mail was entered in a register of correspondence. It is posted without an id: journal,
    /// year and number are its id.
    event Registered = "letter.registered" @ 1 {
        /// The journal.
        journal: Code,
        /// Our registration number, unique in the journal and the year.
        number: Code,
        /// Who wrote.
        direction: Direction,
        /// How it travelled.
        media: LetterMedia,
        /// With whom.
        correspondent: Correspondent,
    } optional {
        /// To be answered by the end of this day.
        due: Day,
        /// The letter that this one answers.
        answers: EventId,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
        /// Who of us wrote it or sees to it.
        employee: EmployeeId,
    } personal {
        /// The number that the other side gave it.
        their_number: String,
        /// Subject line.
        subject: String,
        /// Text.
        text: String,
    }
}

/// The year in which a letter of this moment is registered: that of the calendar where it was told.
pub fn year(occurred: Moment) -> i16 {
    let local = occurred.at.0 + i64::from(occurred.offset_min) * 60 * SECOND_US;
    let date: civil::Date = Day(local.div_euclid(DAY_US) as i32).date();
    date.year()
}

/// Journal, year and number of a registered letter; none for anything else.
pub fn number(event: &Event, occurred: Moment) -> Option<(&Code, i16, &Code)> {
    match event {
        Event::Letter(LetterEvent::Registered(e)) => Some((&e.journal, year(occurred), &e.number)),
        _ => None,
    }
}
