//! Moves that a workflow forbids are not made, and are put on record.

use super::batch::Item;
use super::envelope::Posted;
use super::outcome::{Outcome, Rejection, Stop};
use super::shape::Shaped;
use super::{Caller, Intake};
use crate::error::chain;
use crate::events::log::Refused as RefusedEvent;
use crate::events::{CaseEvent, Event, ProcessEvent};
use crate::ids::{CaseId, CommitId, EventId};
use crate::log::{Commit, NewEvent, StreamName};
use crate::rules::{Met, Refusal};
use crate::time::Moment;
use crate::trust::leaf::Meta;

/// A move that was forbidden.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    posted: EventId,
    event_type: String,
    source: String,
    occurred: Moment,
    stream: StreamName,
    case: CaseId,
    rule: &'static str,
    met: Met,
}

impl Refused {
    /// The end of the work on an item that a rule refuses.
    pub(super) fn stop(refusal: Refusal, posted: &Posted, shaped: &Shaped, stream: &StreamName) -> Stop {
        let rejection = Rejection::new(refusal.rule, "data", refusal.reason);
        let case = match &shaped.event {
            Event::Case(CaseEvent::StateChanged(e)) => e.case,
            Event::Process(ProcessEvent::WorkEntered(e)) => e.case,
            _ => return rejection.into(),
        };
        let Some(met) = refusal.met else { return rejection.into() };
        let refused = Self {
            posted: posted.id,
            event_type: posted.event_type.clone(),
            source: posted.source.clone(),
            occurred: posted.occurred,
            stream: stream.clone(),
            case,
            rule: refusal.rule,
            met: *met,
        };
        Stop::Forbidden(rejection, Box::new(refused))
    }

    fn event(&self) -> Option<Event> {
        let event = RefusedEvent {
            case: self.case,
            event_type: self.event_type.parse().ok()?,
            rule: self.rule.parse().ok()?,
            met: self.met.state.clone(),
            wanted: self.met.wanted.clone(),
            workflow: self.met.kind.to_string().parse().ok()?,
            workflow_version: self.met.version.0,
        };
        Some(event.into())
    }
}

impl Intake {
    /// Records what workflows forbade. An item of which that cannot be recorded is to be posted again.
    pub(super) async fn record_refusals(&self, caller: &Caller, items: &mut [Item]) {
        let refused: Vec<usize> = (0..items.len()).filter(|&at| items[at].refused.is_some()).collect();
        let commits: Vec<Commit> =
            refused.iter().filter_map(|&at| self.refusal(caller, items[at].refused.as_ref()?)).collect();
        if commits.is_empty() {
            return;
        }
        for (at, answer) in refused.into_iter().zip(self.log.append_batch(commits).await) {
            if let Err(error) = answer {
                items[at].outcome = Some(Outcome::Refused { message: chain(&error) });
            }
        }
    }

    fn refusal(&self, caller: &Caller, refused: &Refused) -> Option<Commit> {
        let event = refused.event()?;
        let id = CommitId(self.random.ulid(&*self.clock));
        let meta = Meta {
            actor: caller.actor.clone(),
            source: refused.source.clone(),
            commit: id,
            index: 0,
            count: 1,
            ..Meta::default()
        };
        // The same attempt that meets the same state again is on record already.
        let parts = [&*refused.posted.to_string(), refused.rule, refused.met.state.as_str()];
        let new = NewEvent {
            id: EventId(self.identity.derive("refusal", &parts)),
            stream: refused.stream.clone(),
            event_type: event.type_name().into(),
            schema: event.schema(),
            occurred: refused.occurred,
            order: 0,
            meta: meta.encode().into(),
            salt: self.random.bytes(),
            facts: event.facts().into(),
            sealed: None,
            if_new: true,
        };
        Some(Commit { id, expected: Vec::new(), events: vec![new], index: Vec::new() })
    }
}
