//! What the log answered, told to each item.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use foldhash::HashMap;

use super::batch::{Item, echo};
use super::envelope::{ClientRef, Posted};
use super::outcome::{Outcome, Receipt, Rejection, Stop};
use super::place::Placement;
use super::shape::Shaped;
use super::wave::{Draft, Unit, Wave};
use super::{Caller, Intake};
use crate::canonical::object;
use crate::error::chain;
use crate::events::{ClientEvent, Event};
use crate::fact::{Fact, Opener};
use crate::ids::{Position, Version};
use crate::log::{AppendError, IndexChange, Placed, Recorded, StreamName};
use crate::personal::Opened;

/// Commits that are handed to the log at once.
pub(super) const PART: usize = 512;

/// What the log says to each commit.
type Answers = Vec<Result<Vec<Placed>, AppendError>>;

/// The units of a wave that the log has, and its answers or the wait for them.
#[derive(Default)]
pub(super) struct UnderWay<'a>(Vec<(Vec<usize>, Result<Answers, Waiting<'a>>)>);

type Waiting<'a> = Pin<Box<dyn Future<Output = Answers> + Send + 'a>>;

impl Intake {
    /// Appends a wave and answers its items; those that have to be decided again stay without an answer.
    pub(super) async fn store<'a>(&'a self, wave: &mut Wave, under_way: &mut UnderWay<'a>, items: &mut [Item]) {
        self.send(wave, under_way).await;
        let atomic = wave.atomic;
        let mut wave = std::mem::replace(wave, Wave::new(atomic));
        let mut stored: HashMap<StreamName, (Version, Position)> = HashMap::default();
        for (units, answers) in std::mem::take(&mut under_way.0) {
            let answers = match answers {
                Ok(answers) => answers,
                Err(waiting) => waiting.await,
            };
            for (unit, answer) in units.into_iter().map(|at| &wave.units[at]).zip(answers) {
                match answer {
                    Ok(places) => self.answer_stored(unit, &places, items, &mut stored),
                    Err(error) => self.answer_failed(unit, &error, items),
                }
            }
        }
        self.keep_groups(&mut wave, &stored);
        echo(items, &wave.echoes);
    }

    /// Hands what waits over to the log part by part: while it writes one, the next is sealed and hashed, and what
    /// comes after them is decided.
    pub(super) async fn send<'a>(&'a self, wave: &mut Wave, under_way: &mut UnderWay<'a>) {
        for part in wave.depart().chunks(PART) {
            let commits = part.iter().map(|&at| wave.units[at].commit(&self.random, &*self.clock)).collect();
            let mut answers = self.log.append_batch(commits);
            // With its first step the log takes them over; the answers are waited for when all are on their way.
            let first = poll_fn(|cx| Poll::Ready(answers.as_mut().poll(cx))).await;
            under_way.0.push((
                part.to_vec(),
                match first {
                    Poll::Ready(answers) => Ok(answers),
                    Poll::Pending => Err(answers),
                },
            ));
        }
    }

    fn answer_stored(
        &self,
        unit: &Unit,
        places: &[Placed],
        items: &mut [Item],
        stored: &mut HashMap<StreamName, (Version, Position)>,
    ) {
        let mut rest = places;
        for draft in &unit.drafts {
            let (own, others) = rest.split_at(draft.count.min(rest.len()));
            rest = others;
            let Some(place) = own.last() else { continue };
            if place.existed {
                // Somebody else stored it meanwhile: the next attempt finds and compares it.
                continue;
            }
            let last = stored.entry(draft.stream.clone()).or_default();
            *last = (*last).max((place.version, place.position));
            self.learn(draft);
            let receipt = Receipt {
                id: items[draft.item].id(),
                client: draft.client,
                position: place.position,
                version: place.version,
                recorded_at: place.recorded_at,
            };
            items[draft.item].outcome =
                Some(Outcome::Accepted { receipt, flags: draft.flags.clone(), matched_by: draft.matched_by.clone() });
        }
    }

    /// Keeps in memory what is on disk now.
    fn learn(&self, draft: &Draft) {
        self.keys_assigned(&draft.subjects);
        if let Some(client) = draft.client {
            self.known.has_stream(client);
        }
        if draft.index.iter().any(|change| matches!(change, IndexChange::Release { .. })) {
            self.known.forget_owners();
        }
    }

    fn answer_failed(&self, unit: &Unit, error: &AppendError, items: &mut [Item]) {
        let outcome = match error {
            AppendError::Conflict { .. } | AppendError::PartlyRecorded { .. } => None,
            AppendError::IdentityTaken { .. } => {
                self.known.forget_owners();
                None
            }
            AppendError::KeyTaken { .. } => {
                unit.drafts.iter().for_each(|draft| self.forget_keys(&draft.subjects));
                None
            }
            // Alone, it is the item's own fault; among others it is decided again alone.
            AppendError::Alias { .. } if unit.drafts.len() > 1 => None,
            AppendError::Alias { .. } => {
                Some(Outcome::Rejected(Rejection::new("merge", "data.absorbed", error.to_string())))
            }
            AppendError::Refused(_) => Some(Outcome::Refused { message: error.to_string() }),
            AppendError::Unknown(_) => Some(Outcome::Unknown { message: chain(error) }),
        };
        for draft in &unit.drafts {
            items[draft.item].outcome.clone_from(&outcome);
        }
    }

    /// Whether an item stands in the stream of somebody who could not be found then by ids that are known now.
    async fn is_resolved_since(&self, posted: &Posted, place: &Placement, fact: &Fact) -> Result<bool, Stop> {
        let (Some(ClientRef::AnyOf(ids)), Some(client), Some(now)) = (&posted.client, fact.client, place.client) else {
            return Ok(false);
        };
        Ok(client == self.unresolved(ids) || self.root(client).await? == self.root(now).await?)
    }

    /// Compares an item with what is recorded under its id.
    pub(super) async fn compare(
        &self,
        caller: &Caller,
        wave: &Wave,
        posted: &Posted,
        shaped: &Shaped,
        recorded: Recorded,
    ) -> Result<Outcome, Stop> {
        let fact = Fact::decode(recorded, Opener::Vault(&self.vault))?;
        let receipt = Receipt {
            id: fact.id,
            client: fact.client,
            position: fact.position,
            version: fact.version,
            recorded_at: fact.recorded_at,
        };
        // What was erased cannot be compared any more: the id alone counts.
        if fact.opened == Opened::Erased || self.is_erased(fact.client).await? {
            return Ok(Outcome::Duplicate { receipt });
        }
        let other = |what: &str| {
            let at = fact.position;
            Err(Stop::Conflict(format!("event {} is recorded at position {at} with another {what}", fact.id)))
        };
        if fact.event.type_name() != &*shaped.event_type {
            return other("type");
        }
        if (fact.occurred, fact.order) != (posted.occurred, posted.order) {
            return other("time or order");
        }
        if fact.event.facts() != shaped.facts || object(&fact.event.personal()) != object(&shaped.personal) {
            return other("content");
        }
        // Merges stand in the stream of whoever stayed at that time; the pair they name is compared above.
        let moves = matches!(&shaped.event, Event::Client(ClientEvent::Merged(_) | ClientEvent::Unmerged(_)));
        if !moves {
            let place = self.place(caller, wave, posted, shaped).await?;
            if place.stream != fact.stream && !self.is_resolved_since(posted, &place, &fact).await? {
                return other("client");
            }
        }
        Ok(Outcome::Duplicate { receipt })
    }
}
