//! Special offers: how many are taken, and what that costs.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::{Event, PricingEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EmployeeId, OfferId, OrderId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Moment, Timestamp};
use serde::Serialize;

use crate::engine::list::{Condition, Page};
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::Cell;
use crate::row;
use crate::views::loyalty::ratio::Ratio;

row! {
    /// A special offer.
    pub struct OfferRow in "offer", index ["made_at, offer"] {
        /// The offer.
        key offer: OfferId,
        owner client,
        /// Which kind of offer.
        kind: Option<Code>,
        /// For which product.
        product: Option<Code>,
        /// What it takes off the price, in minor units.
        discount_minor: i64,
        /// The currency of that.
        currency: Option<Currency>,
        /// When it was made; null for one that is only known by later facts.
        made_at: Option<Timestamp>,
        /// Good until the end of this day.
        until: Option<Day>,
        /// By whom.
        employee: Option<EmployeeId>,
        /// When the client took it.
        accepted_at: Option<Timestamp>,
        /// With which order.
        order_id: Option<OrderId>,
        /// When it was said to be no longer good.
        expired_at: Option<Timestamp>,
    }
}

/// The view of offers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offers;

impl Projection for Offers {
    const NAME: &'static str = "offers";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["pricing"];
    type Row = OfferRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        match &fact.event {
            Event::Pricing(PricingEvent::OfferMade(e)) => keys.push(e.offer.0),
            Event::Pricing(PricingEvent::OfferAccepted(e)) => keys.push(e.offer.0),
            Event::Pricing(PricingEvent::OfferExpired(e)) => keys.push(e.offer.0),
            _ => {}
        }
    }

    fn fold(&self, row: &mut OfferRow, fact: &Fact, _cx: &Context<'_>) {
        let at = fact.occurred.at;
        match &fact.event {
            Event::Pricing(PricingEvent::OfferMade(e)) => {
                (row.kind, row.product, row.employee) = (Some(e.kind.clone()), e.product.clone(), e.employee);
                (row.discount_minor, row.currency) = (e.discount.minor, Some(e.discount.currency));
                (row.made_at, row.until) = (Some(at), e.until);
            }
            Event::Pricing(PricingEvent::OfferAccepted(e)) => {
                row.accepted_at.get_or_insert(at);
                row.order_id = row.order_id.or(e.order);
            }
            Event::Pricing(PricingEvent::OfferExpired(_)) => drop(row.expired_at.get_or_insert(at)),
            _ => {}
        }
    }
}

/// How an offer stands at the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Accepted,
    Expired,
}

impl OfferRow {
    fn state(&self, today: Day) -> State {
        match () {
            () if self.accepted_at.is_some() => State::Accepted,
            () if self.expired_at.is_some() || self.until.is_some_and(|until| until < today) => State::Expired,
            () => State::Open,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum By {
    Kind,
    Product,
    Employee,
}

#[derive(Serialize)]
struct Group {
    key: Option<String>,
    made: i64,
    accepted: i64,
    expired: i64,
    open: i64,
    /// Accepted of made.
    take_up: Ratio,
    /// What accepted offers took off the prices, currency by currency.
    margin_cost: Vec<Money>,
}

#[derive(Serialize)]
struct Offer {
    offer: OfferId,
    client: ClientId,
    kind: Option<Code>,
    product: Option<Code>,
    discount: Option<Money>,
    made_at: Option<Moment>,
    until: Option<Day>,
    employee: Option<EmployeeId>,
    state: State,
    accepted_at: Option<Moment>,
    order: Option<OrderId>,
}

#[derive(Serialize)]
struct Told {
    groups: Vec<Group>,
    page: Page<Offer>,
}

#[derive(Default)]
struct Sum {
    states: [i64; 3],
    cost: BTreeMap<Currency, i64>,
}

pub(super) fn offers(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (window, (from, to)) = (params.window()?, params.period(reader)?);
    let by = [("kind", By::Kind), ("product", By::Product), ("employee", By::Employee)];
    let by = params.word("by", &by)?.unwrap_or(By::Kind);
    let states = [("open", State::Open), ("accepted", State::Accepted), ("expired", State::Expired)];
    let only = params.word("state", &states)?;
    let (limit, _) = window.wanted()?;
    let today = reader.zone.day(reader.now);
    let shape = format!("offers {from} {to} {only:?} {today}");
    let mut condition = Condition::default();
    condition.and("made_at >= ? AND made_at < ?", [reader.zone.start(from).put(), reader.zone.start(to).put()]);
    let rows = reader.rows::<OfferRow>(&condition.sql("ORDER BY made_at DESC, offer DESC"), &condition.values())?;
    let mut sums: BTreeMap<Option<String>, Sum> = BTreeMap::new();
    for row in &rows {
        let key = match by {
            By::Kind => row.kind.as_ref().map(Code::to_string),
            By::Product => row.product.as_ref().map(Code::to_string),
            By::Employee => row.employee.map(|id| id.to_string()),
        };
        let sum = sums.entry(key).or_default();
        let state = row.state(today);
        sum.states[state as usize] += 1;
        if let (State::Accepted, Some(currency)) = (state, row.currency) {
            let cost = sum.cost.entry(currency).or_default();
            *cost = cost.saturating_add(row.discount_minor);
        }
    }
    let group = |(key, sum): (Option<String>, Sum)| {
        let [open, accepted, expired] = sum.states;
        let made = open + accepted + expired;
        let margin_cost = sum.cost.into_iter().map(|(currency, minor)| Money { minor, currency }).collect();
        Group { key, made, accepted, expired, open, take_up: Ratio::new(accepted, made), margin_cost }
    };
    let place = window.place(&shape, 2)?;
    let later = |row: &OfferRow| place.as_ref().is_none_or(|place| vec![row.made_at.put(), row.offer.put()] < *place);
    let shown = rows.into_iter().filter(|row| only.is_none_or(|only| row.state(today) == only)).filter(later);
    let page = Page::cut(shown.take(limit + 1).collect(), limit, &shape, |row: &OfferRow| {
        vec![row.made_at.put(), row.offer.put()]
    });
    let page = page.map(|row| Offer {
        state: row.state(today),
        offer: row.offer,
        client: row.client.client(),
        kind: row.kind,
        product: row.product,
        discount: row.currency.map(|currency| Money { minor: row.discount_minor, currency }),
        made_at: row.made_at.map(Moment::utc),
        until: row.until,
        employee: row.employee,
        accepted_at: row.accepted_at.map(Moment::utc),
        order: row.order_id,
    });
    json(Told { groups: sums.into_iter().map(group).collect(), page })
}
