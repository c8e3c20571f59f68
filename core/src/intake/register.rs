//! Registered letters: journal, year and number are the id, so that the log itself gives a number once.

use super::envelope::Posted;
use super::outcome::{Rejection, Stop};
use super::shape::Shaped;
use super::{Caller, Intake};
use crate::events::letter;
use crate::ids::EventId;

impl Intake {
    /// Gives a registered letter its id.
    pub(super) fn number(&self, caller: &Caller, posted: &mut Posted, named: bool) -> Result<(), Rejection> {
        if posted.event_type != letter::REGISTERED {
            return Ok(());
        }
        let text = |field: &str| posted.data.get(field).and_then(|value| value.as_str());
        // What is missing or no text is told when the payload is read.
        let (Some(journal), Some(number)) = (text("journal"), text("number")) else { return Ok(()) };
        let year = letter::year(posted.occurred).to_string();
        let id = EventId(self.identity.derive("letter", &[journal, &year, number]));
        match named {
            true if caller.restores || posted.id == id => Ok(()),
            true => {
                let message = "a registered letter is known by its journal, year and number; leave the id out";
                Err(Rejection::new("numbered", "id", message))
            }
            false => {
                posted.id = id;
                Ok(())
            }
        }
    }
}

/// Another letter with the number of a recorded one is not a conflict of ids to whoever posts it.
pub(super) fn number_taken(posted: &Posted, shaped: &Shaped, stop: Stop) -> Stop {
    match (stop, letter::number(&shaped.event, posted.occurred)) {
        (Stop::Conflict(reason), Some((journal, year, number))) => {
            let message = format!("number {number} of journal {journal} in {year} is another letter's: {reason}");
            Rejection::new("letter.number_taken", "data.number", message).into()
        }
        (stop, _) => stop,
    }
}
