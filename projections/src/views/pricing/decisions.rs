//! What became of advice.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::{Event, PricingEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EmployeeId, EventId};
use letopis_core::money::Currency;
use letopis_core::time::{Moment, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::list::{Condition, Page};
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::Cell;
use crate::row;
use crate::views::loyalty::ratio::Ratio;

row! {
    /// Advice that was taken or not.
    pub struct DecisionRow in "advice_decision", index ["decided_at, event"] {
        /// The event.
        key event: EventId,
        owner client,
        /// When.
        decided_at: Timestamp,
        /// Whether it was taken.
        accepted: bool,
        /// What was advised.
        advice: Option<Code>,
        /// For which product.
        product: Option<Code>,
        /// The price of one that was advised.
        unit_price: Option<Decimal>,
        /// Its currency.
        currency: Option<Currency>,
        /// Why it was not taken.
        reason: Option<Code>,
        /// Who decided.
        employee: Option<EmployeeId>,
    }
}

/// The view of decisions about advice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decisions;

impl Projection for Decisions {
    const NAME: &'static str = "advice";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["pricing"];
    type Row = DecisionRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        use PricingEvent::{AdviceAccepted, AdviceRejected};
        if let Event::Pricing(AdviceAccepted(_) | AdviceRejected(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut DecisionRow, fact: &Fact, _cx: &Context<'_>) {
        row.decided_at = fact.occurred.at;
        match &fact.event {
            Event::Pricing(PricingEvent::AdviceAccepted(e)) => {
                (row.accepted, row.advice, row.product) = (true, Some(e.advice.clone()), e.product.clone());
                (row.unit_price, row.currency, row.employee) = (e.unit_price, e.currency, e.employee);
            }
            Event::Pricing(PricingEvent::AdviceRejected(e)) => {
                (row.accepted, row.advice, row.product) = (false, Some(e.advice.clone()), e.product.clone());
                (row.unit_price, row.currency, row.employee) = (e.unit_price, e.currency, e.employee);
                row.reason = Some(e.reason.clone());
            }
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum By {
    Advice,
    Product,
    Employee,
}

#[derive(Serialize)]
struct Group {
    key: Option<String>,
    /// Taken of decided.
    accepted: Ratio,
    /// Why others were not taken.
    reasons: BTreeMap<Code, i64>,
}

#[derive(Serialize)]
struct Decision {
    event: EventId,
    client: ClientId,
    decided_at: Moment,
    accepted: bool,
    advice: Option<Code>,
    product: Option<Code>,
    unit_price: Option<String>,
    currency: Option<Currency>,
    reason: Option<Code>,
    employee: Option<EmployeeId>,
}

#[derive(Serialize)]
struct Told {
    groups: Vec<Group>,
    page: Page<Decision>,
}

pub(super) fn decisions(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (window, (from, to)) = (params.window()?, params.period(reader)?);
    let by = [("advice", By::Advice), ("product", By::Product), ("employee", By::Employee)];
    let by = params.word("by", &by)?.unwrap_or(By::Advice);
    let (limit, wanted) = window.wanted()?;
    let shape = format!("advice decisions {from} {to}");
    let mut condition = Condition::default();
    condition.and("decided_at >= ? AND decided_at < ?", [reader.zone.start(from).put(), reader.zone.start(to).put()]);
    let mut sums: BTreeMap<Option<String>, (i64, i64, BTreeMap<Code, i64>)> = BTreeMap::new();
    for row in reader.rows::<DecisionRow>(&condition.sql(""), &condition.values())? {
        let key = match by {
            By::Advice => row.advice.as_ref().map(Code::to_string),
            By::Product => row.product.as_ref().map(Code::to_string),
            By::Employee => row.employee.map(|id| id.to_string()),
        };
        let (accepted, all, reasons) = sums.entry(key).or_default();
        *accepted += i64::from(row.accepted);
        *all += 1;
        if let Some(reason) = row.reason {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let groups = sums
        .into_iter()
        .map(|(key, (accepted, all, reasons))| Group { key, accepted: Ratio::new(accepted, all), reasons })
        .collect();
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(decided_at, event) < (?, ?)", place);
    }
    let rest = format!("ORDER BY decided_at DESC, event DESC LIMIT {wanted}");
    let rows = reader.rows::<DecisionRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.decided_at.put(), row.event.put()]);
    let page = page.map(|row| Decision {
        event: row.event,
        client: row.client.client(),
        decided_at: Moment::utc(row.decided_at),
        accepted: row.accepted,
        advice: row.advice,
        product: row.product,
        unit_price: row.unit_price.map(|price| price.to_string()),
        currency: row.currency,
        reason: row.reason,
        employee: row.employee,
    });
    json(Told { groups, page })
}
