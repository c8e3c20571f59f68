//! The promise ledger: every date that was promised to a client, for a case or an order, with the reason of each
//! move, and whether it was kept.
//!
//! A case is kept when it is settled (resolved or closed) by the date promised last, an order when all its pieces
//! were shipped, or it was completed, by the end of the day promised last. What was moved is also judged by the date
//! promised first: who always moves keeps every last date.

mod questions;

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::order::{Goods, Line};
use letopis_core::events::{CaseEvent, Event, OrderEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{EmployeeId, EventId};
use letopis_core::time::{Day, Moment, Timestamp};
use rusqlite::types::ValueRef;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Projection};
use crate::engine::row::{Atom, Cell, Json, WrongValue};
use crate::row;

pub use questions::QUESTIONS;

/// What a date was promised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A case is settled.
    #[default]
    Case,
    /// An order is delivered.
    Order,
}

impl Source {
    fn word(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Order => "order",
        }
    }
}

impl Cell for Source {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        Atom::Text(self.word().into())
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        match value.as_str() {
            Ok("case") => Ok(Self::Case),
            Ok("order") => Ok(Self::Order),
            _ => Err(WrongValue),
        }
    }
}

/// A date that was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// The last instant at which it is kept.
    pub due: Timestamp,
    /// When it was promised.
    pub said_at: Moment,
    /// Why it was moved, as a code; none for the first date, and for orders whose lines were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// The event that says so; the words of a reason stand there.
    pub event: EventId,
}

/// Pieces of a product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pieces {
    #[serde(with = "rust_decimal::serde::str")]
    ordered: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    shipped: Decimal,
}

row! {
    /// Dates that were promised for one case or order.
    pub struct PromiseRow in "promise", index ["due, promise"] {
        /// The case or the order.
        key promise: EventId,
        owner client,
        /// Which of both.
        source: Source,
        /// All dates, in the order of promising.
        dates: Json<Vec<Promised>>,
        /// The last instant at which the last date is kept; none where nothing was promised.
        due: Option<Timestamp>,
        /// When it was done; none while that does not hold.
        done_at: Option<Timestamp>,
        /// The order was cancelled: nothing is owed any more.
        void: bool,
        /// Who sees to it.
        employee: Option<EmployeeId>,
        /// Which department sees to it, where the facts say.
        department: Option<Code>,
        /// What of an order was shipped.
        pieces: Json<BTreeMap<Code, Pieces>>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Promises;

impl Projection for Promises {
    const NAME: &'static str = "promises";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["case", "order"];
    type Row = PromiseRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        use CaseEvent as C;
        use OrderEvent as O;
        match &fact.event {
            Event::Case(
                event @ (C::DueSet(_)
                | C::DueMoved(_)
                | C::Assigned(_)
                | C::Resolved(_)
                | C::Reopened(_)
                | C::Closed(_)),
            ) => keys.push(event.case_id().0),
            Event::Order(
                event @ (O::Placed(_)
                | O::Confirmed(_)
                | O::Changed(_)
                | O::PromiseMoved(_)
                | O::GoodsShipped(_)
                | O::Completed(_)
                | O::Cancelled(_)),
            ) => keys.extend(event.order_id().map(|order| order.0)),
            _ => {}
        }
    }

    fn fold(&self, row: &mut PromiseRow, fact: &Fact, cx: &Context<'_>) {
        match &fact.event {
            Event::Case(event) => case(row, event, fact),
            Event::Order(event) => {
                row.source = Source::Order;
                order(row, event, fact, cx);
            }
            _ => {}
        }
    }
}

fn promise(row: &mut PromiseRow, due: Timestamp, reason: Option<Code>, fact: &Fact) {
    row.due = Some(due);
    row.dates.0.push(Promised { due, said_at: fact.occurred, reason, event: fact.id });
}

fn case(row: &mut PromiseRow, event: &CaseEvent, fact: &Fact) {
    match event {
        CaseEvent::DueSet(e) => promise(row, e.due.at, None, fact),
        CaseEvent::DueMoved(e) => promise(row, e.due.at, Some(e.reason.clone()), fact),
        CaseEvent::Assigned(e) => {
            row.employee = e.employee;
            row.department = e.department.clone().or_else(|| row.department.take());
        }
        CaseEvent::Resolved(_) | CaseEvent::Closed(_) => drop(row.done_at.get_or_insert(fact.occurred.at)),
        CaseEvent::Reopened(_) => row.done_at = None,
        _ => {}
    }
}

fn order(row: &mut PromiseRow, event: &OrderEvent, fact: &Fact, cx: &Context<'_>) {
    // The day itself is the client's: it is kept until its last microsecond.
    let last = |day: Day| Timestamp(cx.zone.end(day).0 - 1);
    let said = |row: &mut PromiseRow, day: Option<Day>, reason: Option<Code>| {
        if let Some(due) = day.map(last).filter(|due| row.due != Some(*due)) {
            promise(row, due, reason, fact);
        }
    };
    match event {
        OrderEvent::Placed(e) => {
            row.employee = e.employee.or(row.employee);
            ordered(row, &e.lines);
            said(row, e.promised, None);
        }
        OrderEvent::Confirmed(e) => said(row, e.promised, None),
        OrderEvent::Changed(e) => {
            ordered(row, &e.lines);
            said(row, e.promised, None);
        }
        OrderEvent::PromiseMoved(e) => said(row, Some(e.promised), Some(e.reason.clone())),
        OrderEvent::GoodsShipped(e) => shipped(row, &e.lines, fact.occurred.at),
        OrderEvent::Completed(_) => drop(row.done_at.get_or_insert(fact.occurred.at)),
        OrderEvent::Cancelled(_) => row.void = true,
        _ => {}
    }
}

fn ordered(row: &mut PromiseRow, lines: &[Line]) {
    row.pieces.0.values_mut().for_each(|pieces| pieces.ordered = Decimal::ZERO);
    for line in lines {
        let pieces = row.pieces.0.entry(line.product.clone()).or_default();
        pieces.ordered = pieces.ordered.saturating_add(line.quantity);
    }
    let all_there = row.pieces.0.values().all(|pieces| pieces.shipped >= pieces.ordered);
    // What is ordered besides is not delivered by what went before.
    if !all_there {
        row.done_at = None;
    }
}

fn shipped(row: &mut PromiseRow, goods: &[Goods], at: Timestamp) {
    for line in goods {
        let pieces = row.pieces.0.entry(line.product.clone()).or_default();
        pieces.shipped = pieces.shipped.saturating_add(line.quantity);
    }
    let some = row.pieces.0.values().any(|pieces| pieces.ordered > Decimal::ZERO);
    if some && row.pieces.0.values().all(|pieces| pieces.shipped >= pieces.ordered) {
        row.done_at.get_or_insert(at);
    }
}
