//! Legal holds: what forbids an erasure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::code::Code;
use crate::events::{ClientEvent, Event};
use crate::fact::Fact;
use crate::ids::{ClientId, EventId};
use crate::time::Day;

/// A hold that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Whose facts must be kept.
    pub client: ClientId,
    /// What the hold is called.
    pub hold: Code,
    /// On which legal basis.
    pub basis: Code,
    /// Until the end of this day; until it is released when missing.
    pub until: Option<Day>,
    /// The event that says so.
    pub event: EventId,
}

/// The holds that are in force on a day, by facts in fold order, corrected. A hold keeps its name when it is placed
/// again, and the last word counts.
pub fn holds<'a>(facts: impl IntoIterator<Item = &'a Fact>, today: Day) -> Vec<Hold> {
    let mut placed = BTreeMap::new();
    for fact in facts {
        let Some(client) = fact.client else { continue };
        match &fact.event {
            Event::Client(ClientEvent::HoldPlaced(e)) => {
                let (hold, basis) = (e.hold.clone(), e.basis.clone());
                placed.insert((client, e.hold.clone()), Hold { client, hold, basis, until: e.until, event: fact.id });
            }
            Event::Client(ClientEvent::HoldReleased(e)) => drop(placed.remove(&(client, e.hold.clone()))),
            _ => {}
        }
    }
    placed.into_values().filter(|hold| hold.until.is_none_or(|until| until >= today)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::client::{HoldPlaced, HoldReleased};
    use crate::personal::Personal;
    use crate::time::{DAY_US, Timestamp};

    fn code(text: &str) -> Code {
        text.parse().expect("code")
    }

    #[test]
    fn a_hold_holds_until_it_is_released_or_its_last_day_is_over() {
        let placed = |hold, until| HoldPlaced { hold: code(hold), basis: code("tax"), until, reason: Personal::Absent };
        let released = HoldReleased { hold: code("a"), reason: Personal::Absent };
        let at = |day: i64| Timestamp(day * DAY_US);
        let facts = [
            Fact::sample(1, ClientId(1), at(1), placed("a", None)),
            Fact::sample(2, ClientId(1), at(1), placed("b", Some(Day(9)))),
            Fact::sample(3, ClientId(2), at(2), released),
        ];
        let names = |facts: &[Fact], today| {
            holds(facts, Day(today)).into_iter().map(|hold| hold.hold.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&facts, 9), ["a", "b"], "another client's release changes nothing");
        assert_eq!(names(&facts, 10), ["a"]);
        let mut mine = facts.clone();
        mine[2].client = Some(ClientId(1));
        assert_eq!(names(&mine, 9), ["b"]);
    }
}
