//! The end of the log in memory: what was appended last is read again at once, by all that follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::Position;
use crate::log::{NewEvent, Placed, Recorded, SealedPart};
use crate::trust::leaf::Hash;

/// Most events that are kept.
const EVENTS: usize = 4_096;
/// Most bytes of their bodies that are kept; the last event may go beyond.
const BYTES: usize = 4 << 20;

/// The last events of the log, without a gap; none before the first append after the start.
#[derive(Default)]
pub(super) struct Tail(Mutex<State>);

#[derive(Default)]
struct State {
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
}

impl Tail {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what is on disk now, in the order of positions. Returns what it keeps no longer: freeing it takes
    /// time that nobody need wait for.
    pub(super) fn extend(&self, events: Vec<Recorded>) -> Vec<Arc<Recorded>> {
        let events: Vec<Arc<Recorded>> = events.into_iter().map(Arc::new).collect();
        let mut gone = Vec::new();
        let mut state = self.state();
        state.bytes += events.iter().map(|event| bytes(event)).sum::<usize>();
        state.events.extend(events);
        while state.events.len() > EVENTS || (state.bytes > BYTES && state.events.len() > 1) {
            let Some(first) = state.events.pop_front() else { break };
            state.bytes -= bytes(&first);
            gone.push(first);
        }
        gone
    }

    /// The events after a position, at most so many; `None` when they do not all lie here.
    pub(super) fn after(&self, position: Position, limit: usize) -> Option<Vec<Recorded>> {
        let state = self.state();
        let first = state.events.front()?.position.0;
        let from = usize::try_from(position.0.checked_add(1)?.checked_sub(first)?).ok()?;
        let events: Vec<Arc<Recorded>> = state.events.iter().skip(from).take(limit).cloned().collect();
        // Copied when the lock is given back: whoever follows stands behind the writer, and must not hold him up.
        drop(state);
        Some(events.iter().map(|event| Recorded::clone(event)).collect())
    }

    /// Forgets everything: sealed parts were erased.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }
}

fn bytes(event: &Recorded) -> usize {
    let sealed = match &event.sealed {
        SealedPart::Present(envelope) => envelope.len(),
        SealedPart::None | SealedPart::Erased(_) => 0,
    };
    event.meta.len() + event.facts.len() + sealed
}

/// An event as it stands in the log once it has its place.
pub(super) fn recorded(event: NewEvent, placed: &Placed, leaf: Hash) -> Recorded {
    Recorded {
        position: placed.position,
        stream: event.stream,
        version: placed.version,
        id: event.id,
        event_type: event.event_type,
        schema: event.schema,
        occurred: event.occurred,
        order: event.order,
        recorded_at: placed.recorded_at,
        meta: event.meta,
        salt: event.salt,
        facts: event.facts,
        sealed: event.sealed.map_or(SealedPart::None, SealedPart::Present),
        leaf,
    }
}
