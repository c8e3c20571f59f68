//! A batch: planned in waves, appended, and planned again where others were faster.

use std::collections::HashMap;

use serde_json::Value;

use super::envelope::Posted;
use super::outcome::{Outcome, Rejection, Stop};
use super::refusals::Refused;
use super::register::number_taken;
use super::settle::{PART, UnderWay};
use super::shape::Shaped;
use super::wave::Wave;
use super::{Caller, Intake};
use crate::events::find;
use crate::ids::EventId;
use crate::log::MAX_COMMIT;

/// How often an item is decided again when others were faster.
const ATTEMPTS: usize = 8;
/// Other tasks of the thread get their turn after so many items.
const YIELD_EVERY: usize = 256;
/// Ids that are looked up at once.
const LOOK_UP: usize = 10_000;

/// Types that must see the items before them stored, and be stored before the items after them.
const ALONE: &[&str] = &[
    "event.corrected",
    "event.retracted",
    "client.merged",
    "client.unmerged",
    "contact_point.removed",
    "identity.unlinked",
    "event_type.declared",
];

/// What is known of whether an item's id is recorded already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdRecorded {
    /// Nobody looked.
    Unasked,
    /// It was not, some time before the item was posted.
    NotEarlier,
    No,
    Yes,
}

/// One posted item on its way: read, and as far as the log need not be asked, understood.
#[derive(Debug)]
pub struct Item {
    pub(super) posted: Option<Posted>,
    pub(super) shaped: Option<Shaped>,
    recorded: IdRecorded,
    /// What a workflow forbade, to be put on record.
    pub(super) refused: Option<Box<Refused>>,
    pub(super) outcome: Option<Outcome>,
}

impl Item {
    fn is_alone(&self) -> bool {
        self.posted.as_ref().is_some_and(|posted| ALONE.contains(&posted.event_type.as_str()))
    }

    /// Its payload is understood.
    fn take_shape(&mut self, mut shaped: Shaped) {
        if let Some(posted) = &mut self.posted {
            shaped.refs.append(&mut posted.refs);
        }
        self.shaped = Some(shaped);
    }

    /// Its type is none of the vocabulary: which version of it is meant depends on what is recorded.
    fn is_declared(&self) -> bool {
        self.posted.as_ref().is_some_and(|posted| find(&posted.event_type).is_none())
    }

    pub(super) fn id(&self) -> EventId {
        self.posted.as_ref().map(|posted| posted.id).unwrap_or_default()
    }

    /// Notes why the work on it ended.
    fn stop(&mut self, stop: Stop) {
        let id = self.id();
        if let Stop::Forbidden(_, refused) = &stop {
            self.refused = Some(refused.clone());
        }
        self.outcome = Some(stop.outcome(id));
    }

    pub(super) fn answer(self) -> Outcome {
        self.outcome.unwrap_or_else(|| Outcome::Refused {
            message: format!("others changed the same client {ATTEMPTS} times meanwhile; post it again"),
        })
    }
}

impl Intake {
    /// Reads an item, as far as the log need not be asked.
    pub(super) fn read_item(&self, caller: &Caller, item: Value) -> Item {
        let (posted, outcome) = match self.read_envelope(caller, item) {
            Ok(posted) => (Some(posted), None),
            Err(rejection) => (None, Some(Outcome::Rejected(rejection))),
        };
        let mut item = Item { posted, shaped: None, recorded: IdRecorded::Unasked, refused: None, outcome };
        match item.posted.as_mut().and_then(|posted| self.shape_ahead(posted)) {
            None => {}
            Some(Ok(shaped)) => item.take_shape(shaped),
            Some(Err(stop)) => item.stop(stop),
        }
        item
    }

    /// Each item on its own.
    pub(super) async fn post_each(&self, caller: &Caller, items: &mut [Item]) {
        for attempt in 0..ATTEMPTS {
            let _turn = if attempt == 0 { None } else { Some(self.turn.lock().await) };
            // The writer looks anyway; so a single item that is new, as most are, is not looked up twice, and neither is
            // one that was not there a while ago.
            let is_single = items.len() == 1;
            self.look_up(items.iter_mut().filter(|item| {
                attempt > 0 || item.is_declared() || item.recorded == IdRecorded::Unasked && !is_single
            }))
            .await;
            let (mut wave, mut under_way) = (Wave::new(false), UnderWay::default());
            // Where the same streams come again and again, there is nothing to be had from sending a part ahead.
            let mut ahead = true;
            for at in 0..items.len() {
                if items[at].outcome.is_some() {
                    continue;
                }
                if at % YIELD_EVERY == YIELD_EVERY - 1 {
                    tokio::task::yield_now().await;
                }
                let alone = attempt > 0 || items[at].is_alone();
                if alone && !wave.is_empty() {
                    self.store(&mut wave, &mut under_way, items).await;
                }
                if let Err(Stop::Flush) = self.plan(caller, &mut wave, items, at).await {
                    ahead &= !wave.has_sent();
                    self.store(&mut wave, &mut under_way, items).await;
                    let again = self.plan(caller, &mut wave, items, at).await;
                    if let Err(stop) = again {
                        items[at].stop(stop);
                    }
                }
                if alone {
                    self.store(&mut wave, &mut under_way, items).await;
                } else if ahead && wave.waiting() >= PART {
                    self.send(&mut wave, &mut under_way).await;
                }
            }
            self.store(&mut wave, &mut under_way, items).await;
            if items.iter().all(|item| item.outcome.is_some()) {
                return;
            }
        }
    }

    /// All items or none.
    pub(super) async fn post_atomic(&self, caller: &Caller, items: &mut [Item]) {
        if items.len() > MAX_COMMIT {
            let message = format!("{} items, at most {MAX_COMMIT} are stored together", items.len());
            let refused = Outcome::Rejected(Rejection::new("atomic_too_large", "", message));
            items.iter_mut().for_each(|item| item.outcome = Some(refused.clone()));
            return;
        }
        for attempt in 0..ATTEMPTS {
            let _turn = if attempt == 0 { None } else { Some(self.turn.lock().await) };
            self.look_up(items.iter_mut()).await;
            let (mut wave, mut under_way) = (Wave::new(true), UnderWay::default());
            for at in 0..items.len() {
                if items[at].outcome.is_none()
                    && let Err(Stop::Flush) = self.plan(caller, &mut wave, items, at).await
                {
                    let message = "it rests on an earlier item of the batch; post it after the batch";
                    items[at].outcome = Some(Outcome::Rejected(Rejection::new("atomic_order", "", message)));
                }
                if !matches!(items[at].outcome, None | Some(Outcome::Duplicate { .. })) {
                    spoil(items, at);
                    return;
                }
            }
            self.store(&mut wave, &mut under_way, items).await;
            if items.iter().all(|item| item.outcome.is_some()) {
                return;
            }
            // A duplicate that was told apart only now stays one; what was not stored is decided again.
        }
    }

    /// Looks up items that are posted later, so that posting need not: as [`Intake::read`], while earlier ones are posted.
    pub async fn look_ahead(&self, items: impl Iterator<Item = &mut Item>) {
        let mut items: Vec<&mut Item> = items.collect();
        self.look_up(items.iter_mut().map(|item| &mut **item)).await;
        // What is recorded stays so; what is not may be by the time that it is posted.
        for item in items {
            if item.recorded == IdRecorded::No {
                item.recorded = IdRecorded::NotEarlier;
            }
        }
    }

    /// Finds out which items are recorded already.
    async fn look_up(&self, items: impl Iterator<Item = &mut Item>) {
        let mut open: Vec<&mut Item> = items.filter(|item| item.outcome.is_none()).collect();
        // In the order of the index: each of its pages is read once.
        open.sort_unstable_by_key(|item| item.id());
        for part in open.chunks_mut(LOOK_UP) {
            let ids: Vec<EventId> = part.iter().map(|item| item.id()).collect();
            match self.log.positions(&ids).await {
                Ok(found) => {
                    for (item, position) in part.iter_mut().zip(found) {
                        item.recorded = if position.is_some() { IdRecorded::Yes } else { IdRecorded::No };
                    }
                }
                Err(error) => {
                    let message = crate::error::chain(&error);
                    for item in part {
                        item.outcome = Some(Outcome::Refused { message: message.clone() });
                    }
                }
            }
        }
    }

    /// Decides about one item: it gets its outcome, or a place in the wave. Only a flush is an error.
    async fn plan(&self, caller: &Caller, wave: &mut Wave, items: &mut [Item], at: usize) -> Result<(), Stop> {
        match self.try_plan(caller, wave, items, at).await {
            Ok(outcome) => {
                if outcome.is_some() {
                    items[at].outcome = outcome;
                }
                Ok(())
            }
            Err(Stop::Flush) => Err(Stop::Flush),
            Err(stop) => {
                items[at].stop(stop);
                Ok(())
            }
        }
    }

    async fn try_plan(
        &self,
        caller: &Caller,
        wave: &mut Wave,
        items: &mut [Item],
        at: usize,
    ) -> Result<Option<Outcome>, Stop> {
        let item = &mut items[at];
        let Some(posted) = &mut item.posted else { return Ok(None) };
        let recorded = if item.recorded == IdRecorded::Yes { self.log.find(posted.id).await? } else { None };
        if item.shaped.is_none() {
            let schema = recorded.as_ref().map(|recorded| recorded.schema);
            let shaped = self.shape(caller, wave, posted, schema).await?;
            item.take_shape(shaped);
        }
        let (Some(posted), Some(shaped)) = (&items[at].posted, &items[at].shaped) else { return Ok(None) };
        if let Some(recorded) = recorded {
            let compared = self.compare(caller, wave, posted, shaped, recorded).await;
            return compared.map(Some).map_err(|stop| number_taken(posted, shaped, stop));
        }
        if let Some(&first) = wave.ids.get(&posted.id) {
            let (Some(other), Some(shape)) = (&items[first].posted, &items[first].shaped) else {
                return Err(Stop::Flush);
            };
            if other.id != posted.id {
                // It is the link of a client's identity that an earlier item brings: stored, it is compared.
                return Err(Stop::Flush);
            }
            if !same_item((other, shape), (posted, shaped)) {
                let conflict = Stop::Conflict("another item of the batch has the same id and other content".into());
                return Err(number_taken(posted, shaped, conflict));
            }
            wave.echoes.push((at, first));
            return Ok(None);
        }
        match self.draft(caller, wave, at, posted, shaped).await {
            Ok(()) => Ok(None),
            // What cannot be taken now may have been taken before.
            Err(stop) if matches!(items[at].recorded, IdRecorded::Unasked | IdRecorded::NotEarlier) => {
                match self.log.find(posted.id).await? {
                    Some(recorded) => {
                        let compared = self.compare(caller, wave, posted, shaped, recorded).await;
                        compared.map(Some).map_err(|stop| number_taken(posted, shaped, stop))
                    }
                    None => Err(stop),
                }
            }
            Err(stop) => Err(stop),
        }
    }
}

fn same_item((a, x): (&Posted, &Shaped), (b, y): (&Posted, &Shaped)) -> bool {
    (a.occurred, a.order, &a.client) == (b.occurred, b.order, &b.client)
        && (&x.event_type, &x.facts, &x.personal) == (&y.event_type, &y.facts, &y.personal)
}

/// One item of an atomic batch failed: nothing of it is stored.
fn spoil(items: &mut [Item], culprit: usize) {
    let why = match &items[culprit].outcome {
        Some(Outcome::Rejected(rejection)) => format!(": {}", rejection.message),
        Some(Outcome::Conflict { reason, .. }) => format!(": {reason}"),
        _ => String::new(),
    };
    let message = format!("nothing was stored because of item {culprit}{why}");
    for (at, item) in items.iter_mut().enumerate() {
        if at != culprit && !matches!(item.outcome, Some(Outcome::Duplicate { .. })) {
            item.outcome = Some(Outcome::Rejected(Rejection::new("atomic_batch", "", message.clone())));
        }
    }
}

/// Answers the items that say the same as an earlier one.
pub(super) fn echo(items: &mut [Item], echoes: &[(usize, usize)]) {
    let first: HashMap<usize, Option<Outcome>> =
        echoes.iter().map(|(_, of)| (*of, items[*of].outcome.clone())).collect();
    for (at, of) in echoes {
        items[*at].outcome = match first.get(of).cloned().flatten() {
            Some(Outcome::Accepted { receipt, .. }) => Some(Outcome::Duplicate { receipt }),
            other => other,
        };
    }
}
