//! An offer is made once, and is taken while it is good.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::PricingEvent;
use crate::ids::OfferId;
use crate::time::{DAY_US, Day, Timestamp};

/// What is known of an offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OfferState {
    made: bool,
    until: Option<Day>,
    over: Option<&'static str>,
}

type Offers = BTreeMap<OfferId, OfferState>;

pub(super) fn apply(offers: &mut Offers, event: &PricingEvent) {
    match event {
        PricingEvent::OfferMade(e) => {
            let offer = offers.entry(e.offer).or_default();
            (offer.made, offer.until) = (true, e.until);
        }
        PricingEvent::OfferAccepted(e) => offers.entry(e.offer).or_default().over = Some("accepted"),
        PricingEvent::OfferExpired(e) => offers.entry(e.offer).or_default().over = Some("expired"),
        PricingEvent::KitDefined(_)
        | PricingEvent::PriceRuleDefined(_)
        | PricingEvent::QuoteMade(_)
        | PricingEvent::AdviceAccepted(_)
        | PricingEvent::AdviceRejected(_) => {}
    }
}

pub(super) fn decide(offers: &Offers, event: &PricingEvent, at: Timestamp) -> Verdict {
    let state = |offer: &OfferId| offers.get(offer).copied().unwrap_or_default();
    match event {
        PricingEvent::OfferMade(e) if state(&e.offer).made => {
            refuse("offer.made_twice", format!("offer {} was made already", e.offer))
        }
        // The client's word is a fact, whether we keep the offer up or not.
        PricingEvent::OfferAccepted(e) => match state(&e.offer) {
            OfferState { made: false, .. } => flag("offer.not_made", format!("offer {} was never made", e.offer)),
            OfferState { over: Some(how), .. } => flag("offer.over", format!("offer {} was {how} already", e.offer)),
            // A day is over everywhere half a day after it is over in UTC.
            OfferState { until: Some(until), .. } if at.0 > (i64::from(until.0) + 1) * DAY_US + DAY_US / 2 => {
                flag("offer.over", format!("offer {} was good until {until}", e.offer))
            }
            _ => Ok(Vec::new()),
        },
        PricingEvent::OfferExpired(e) => match state(&e.offer) {
            OfferState { over: Some("accepted"), .. } => {
                refuse("offer.accepted", format!("offer {} was accepted", e.offer))
            }
            OfferState { made: false, .. } => flag("offer.not_made", format!("offer {} was never made", e.offer)),
            _ => Ok(Vec::new()),
        },
        PricingEvent::OfferMade(_)
        | PricingEvent::KitDefined(_)
        | PricingEvent::PriceRuleDefined(_)
        | PricingEvent::QuoteMade(_)
        | PricingEvent::AdviceAccepted(_)
        | PricingEvent::AdviceRejected(_) => Ok(Vec::new()),
    }
}
