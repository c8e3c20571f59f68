//! No send after a withdrawal for its purpose.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::code::Code;
use crate::events::{CampaignEvent, ClientEvent};
use crate::time::Timestamp;

/// The last word on one purpose and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConsentState {
    given: bool,
    since: Timestamp,
}

type Consents = BTreeMap<(Code, Option<Code>), ConsentState>;

pub(super) fn concerns(event: &CampaignEvent) -> bool {
    match event {
        CampaignEvent::Sent(_) => true,
        CampaignEvent::Answered(_) | CampaignEvent::Refused(_) => false,
    }
}

pub(super) fn changes(event: &ClientEvent) -> bool {
    matches!(event, ClientEvent::ConsentGiven(_) | ClientEvent::ConsentWithdrawn(_))
}

pub(super) fn apply(consents: &mut Consents, event: &ClientEvent, at: Timestamp) {
    let (key, given) = match event {
        ClientEvent::ConsentGiven(e) => ((e.purpose.clone(), e.channel.clone()), true),
        ClientEvent::ConsentWithdrawn(e) => ((e.purpose.clone(), e.channel.clone()), false),
        _ => return,
    };
    let state = consents.entry(key).or_insert(ConsentState { given, since: at });
    // Facts may come late: the last word is the latest that was spoken, not the latest heard.
    if at >= state.since {
        *state = ConsentState { given, since: at };
    }
}

pub(super) fn decide(consents: &Consents, event: &CampaignEvent, at: Timestamp) -> Verdict {
    let CampaignEvent::Sent(sent) = event else { return Ok(Vec::new()) };
    let of = |channel: Option<&Code>| {
        consents.get(&(sent.purpose.clone(), channel.cloned())).filter(|state| state.since <= at)
    };
    // A word on the channel counts for the channel; a word on the purpose counts for all channels.
    let (on_channel, on_purpose) = (of(Some(&sent.channel)), of(None));
    let last = [on_channel, on_purpose].into_iter().flatten().max_by_key(|state| state.since);
    match last {
        Some(ConsentState { given: false, since }) => {
            refuse("consent.withdrawn", format!("consent to {} was withdrawn on {since}", sent.purpose))
        }
        Some(_) => Ok(Vec::new()),
        None => flag("consent.unknown", format!("no consent to {} is recorded", sent.purpose)),
    }
}
