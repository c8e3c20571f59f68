//! Exceptional situations, each of a class: the list, and the report by class, employee and client.

mod questions;

use letopis_core::code::Code;
use letopis_core::events::{Event, ExceptionEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::time::{Day, Timestamp};

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::row::{Total, TotalTable};
use crate::views::words::Blank;
use crate::{row, total};

pub use questions::{ExceptionItem, QUESTIONS};

row! {
    /// An exceptional situation.
    pub struct ExceptionRow in "exception", index ["client", "occurred_at, event"] {
        /// The event that flagged it.
        key event: EventId,
        owner client,
        /// Of which class; always there.
        class: Option<Code>,
        /// When it happened.
        occurred_at: Timestamp,
        /// The event that is exceptional.
        target: Option<EventId>,
        /// Whose doing or whose to see to it.
        employee: Option<EmployeeId>,
        /// The case it belongs to.
        case_id: Option<CaseId>,
        /// The deal it belongs to.
        deal_id: Option<DealId>,
        /// The order it belongs to.
        order_id: Option<OrderId>,
        /// The event that it was made for by rule.
        caused_by: Option<EventId>,
        /// The rule that made it.
        rule: Option<String>,
    }
}

total! {
    /// Exceptional situations.
    pub struct ExceptionFlow in "exception_flow" by {
        /// The day.
        day: Day,
        /// Of which class.
        class: Code,
        /// Whose.
        employee: Blank<EmployeeId>,
        /// Of which client.
        client: ClientId,
    } sums {
        /// How many.
        exceptions,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exceptions;

impl Projection for Exceptions {
    const NAME: &'static str = "exception";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["exception"];
    const TOTALS: &'static [TotalTable] = &[ExceptionFlow::TABLE];
    type Row = ExceptionRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Exception(_) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut ExceptionRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Exception(ExceptionEvent::Flagged(e)) = &fact.event else { return };
        row.class = Some(e.class.clone());
        row.occurred_at = fact.occurred.at;
        (row.target, row.employee) = (e.target, e.employee);
        (row.case_id, row.deal_id, row.order_id) = (e.case, e.deal, e.order);
        row.caused_by = e.caused_by;
        row.rule = e.rule.as_ref().map(ToString::to_string);
    }

    fn contribute(&self, row: &ExceptionRow, cx: &Context<'_>, out: &mut Contributions) {
        let Some(class) = row.class.clone() else { return };
        let (day, client) = (cx.zone.day(row.occurred_at), row.client.client());
        out.add(&ExceptionFlow { day, class, employee: row.employee.into(), client, exceptions: 1 });
    }
}
