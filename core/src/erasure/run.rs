//! The steps of an erasure, each of which may be done again.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::register::{Begun, Entry};
use super::survey::{Survey, survey};
use super::{Certificate, EraseError, Eraser, Forgotten, Target};
use crate::code::Code;
use crate::events::log::Erased;
use crate::events::{Event, LogEvent};
use crate::ids::{CommitId, ErasureId, EventId, Position, Version};
use crate::log::{Commit, EventLog, IndexChange, LogError, NewEvent, StreamName};
use crate::time::Moment;
use crate::trust::leaf::Meta;
use crate::trust::missing::digest;

/// Streams that are recorded in one commit.
const STREAMS: usize = 500;
/// How often sealed parts are deleted again while a long read keeps their bytes.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is entered in the register: from now on it is done, whatever happens.
    Registered,
    /// The data keys are destroyed: nobody can read it any more.
    KeysDestroyed,
    /// The sealed parts are deleted.
    SealedDeleted,
    /// The log records it, and the identities are free.
    Recorded,
    /// The views have forgotten, and the certificate is in the register.
    Certified,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 5] =
        [Self::Registered, Self::KeysDestroyed, Self::SealedDeleted, Self::Recorded, Self::Certified];
}

/// Told after every step; an error breaks off, as the end of the process would.
pub type Watch<'a> = &'a (dyn Fn(Step) -> Result<(), LogError> + Send + Sync);

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Everything is destroyed; when the views have forgotten, too, it is to be certified.
    Destroyed(Certificate),
    /// Nothing was left: it had been erased before.
    Before(Certificate),
}

impl Eraser {
    /// Erases, up to what views keep. Then the views are to forget, and [`Eraser::certify`] is to be called.
    ///
    /// # Errors
    /// When a legal hold forbids it or nothing is recorded of him: nothing has happened then. Else it is entered in
    /// the register and goes on at the next start.
    pub async fn run(&self, target: Target, basis: Code, actor: &str, watch: Watch<'_>) -> Result<Outcome, EraseError> {
        let _turn = self.turn.lock().await;
        let plan = self.plan(target).await?;
        if !plan.holds.is_empty() {
            return Err(EraseError::Held(plan.holds));
        }
        if plan.is_empty()
            && let Some(before) = self.certificate_of(target)
        {
            return Ok(Outcome::Before(before));
        }
        let now = Moment::utc(self.clock.now());
        let ulid = || self.random.ulid(&*self.clock);
        let begun = Begun {
            erasure: ErasureId(ulid()),
            subject: code(plan.subject)?,
            id: plan.id,
            clients: plan.clients,
            streams: plan.streams.into_iter().map(|stream| (stream.stream, EventId(ulid()))).collect(),
            keys: plan.marks,
            copies: plan.copies,
            basis,
            actor: actor.to_owned(),
            at: now,
        };
        self.register.begin(begun.clone())?;
        watch(Step::Registered)?;
        Ok(Outcome::Destroyed(self.carry(&begun, watch).await?))
    }

    fn certificate_of(&self, target: Target) -> Option<Certificate> {
        let is_his = |done: &Certificate| {
            let named = done.subject == *target.kind() && done.id.0 == target.id();
            named || done.clients.iter().any(|client| target == Target::Client(*client))
        };
        self.certificates().into_iter().rfind(is_his)
    }

    /// Closes an erasure whose views have forgotten.
    ///
    /// # Errors
    /// When the register cannot be written.
    pub fn certify(&self, certificate: Certificate, watch: Watch<'_>) -> Result<Certificate, LogError> {
        let certificate = Certificate { done_at: Moment::utc(self.clock.now()), ..certificate };
        self.register.end(certificate.clone())?;
        watch(Step::Certified)?;
        Ok(certificate)
    }

    /// Does again what the register says and is not done: what a crash broke off, and what an older log or an older
    /// key store that was put back still knows. Then the views are dropped, to be built anew.
    ///
    /// # Errors
    /// When log, keys, views or register cannot be read or written.
    pub async fn reapply(&self) -> Result<(), LogError> {
        let entries = self.register.entries();
        let used = entries.iter().flat_map(|entry| &entry.begun.keys).map(|mark| mark.number).max();
        self.vault.reserve(used.max(self.log.last_key()?).unwrap_or_default())?;
        for Entry { begun, done } in entries {
            if done.is_some() && self.is_done(&begun).await? {
                continue;
            }
            tracing::warn!(erasure = %begun.erasure, "an erasure is done again, and the views are built anew");
            self.drop_views()?;
            let failed = |error| match error {
                EraseError::Log(error) => error,
                error => LogError::new(format!("erasure {}", begun.erasure), error),
            };
            let certificate = self.carry(&begun, &|_| Ok(())).await.map_err(failed)?;
            if done.is_none() {
                self.certify(certificate, &|_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Whether log and key store have forgotten. A log that records an erasure deleted the parts before.
    async fn is_done(&self, begun: &Begun) -> Result<bool, LogError> {
        for mark in &begun.keys {
            if self.vault.has(mark)? {
                return Ok(false);
            }
        }
        let streams = begun.streams()?;
        let ids: Vec<EventId> = streams.iter().map(|(_, record)| *record).collect();
        let found = self.log.positions(&ids).await?;
        for ((stream, _), position) in streams.iter().zip(found) {
            // An older log may not know the stream yet.
            if position.is_none() && self.log.version(stream).await? > Version(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn drop_views(&self) -> Result<(), LogError> {
        let views = self.dir.join("views");
        let failed = |error| LogError::new(format!("dropping the views in {}", views.display()), error);
        let entries = match fs::read_dir(&views) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    async fn carry(&self, begun: &Begun, watch: Watch<'_>) -> Result<Certificate, EraseError> {
        let (vault, keys) = (Arc::clone(&self.vault), begun.keys.clone());
        let destroyed = tokio::task::spawn_blocking(move || vault.destroy(&keys)).await;
        destroyed.map_err(|error| LogError::new("destroying keys", error))??;
        watch(Step::KeysDestroyed)?;

        let streams = begun.streams()?;
        let mut positions = Vec::new();
        for (stream, record) in &streams {
            let found = survey(&self.log, stream, Some(*record)).await?;
            let takes = |key: u64| begun.is_whole() || begun.keys.iter().any(|mark| mark.number == key);
            let parts = found.parts.iter().filter(|part| part.key.is_some_and(takes));
            positions.extend(parts.map(|part| part.position));
        }
        self.delete(&positions).await?;
        watch(Step::SealedDeleted)?;

        let forgotten = self.record(begun, &streams).await?;
        watch(Step::Recorded)?;
        Ok(forgotten)
    }

    async fn delete(&self, positions: &[Position]) -> Result<(), LogError> {
        for _ in 1..TRIES {
            match self.log.erase_sealed(positions).await {
                Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
        self.log.erase_sealed(positions).await
    }

    /// Records the erasure in every stream, releases the identities in the first commit, and says what was done.
    async fn record(&self, begun: &Begun, streams: &[(StreamName, EventId)]) -> Result<Certificate, EraseError> {
        let identities = self.identities(&begun.clients)?;
        let mut releases: Vec<IndexChange> =
            identities.iter().map(|&(identity, client)| IndexChange::Release { identity, client }).collect();
        let (mut told, mut new) = (Vec::new(), Vec::new());
        for (stream, record) in streams {
            let found = survey(&self.log, stream, Some(*record)).await?;
            match found.facts.last() {
                None => {}
                Some(last) if last.id == *record => told.extend(recorded(&last.event, stream, last.position)),
                Some(_) => new.push((stream, *record, missing(&found))),
            }
        }
        for part in new.chunks(STREAMS) {
            let commit = CommitId(self.random.ulid(&*self.clock));
            let mut events = Vec::with_capacity(part.len());
            for (index, (stream, record, positions)) in part.iter().enumerate() {
                let event = Event::from(Erased {
                    erasure: begun.erasure,
                    subject: begun.subject.clone(),
                    basis: begun.basis.clone(),
                    sealed: positions.len() as u64,
                    positions: code(&digest(positions.iter().copied()))?,
                    keys: begun.keys.len() as u64,
                    identities: identities.len() as u64,
                });
                let meta = Meta {
                    actor: begun.actor.clone(),
                    source: "erasure".to_owned(),
                    commit,
                    index: index as u32,
                    count: part.len() as u32,
                    ..Meta::default()
                };
                events.push(NewEvent {
                    id: *record,
                    stream: (*stream).clone(),
                    event_type: event.type_name().into(),
                    schema: event.schema(),
                    occurred: begun.at,
                    order: 0,
                    meta: meta.encode().into(),
                    salt: self.random.bytes(),
                    facts: event.facts().into(),
                    sealed: None,
                    if_new: true,
                });
                told.extend(recorded(&event, stream, Position(0)));
            }
            let from = told.len() - part.len();
            let index = std::mem::take(&mut releases);
            let placed = self.log.append(Commit { id: commit, expected: Vec::new(), events, index }).await?;
            for ((stream, _), placed) in told[from..].iter_mut().zip(placed) {
                stream.record = placed.position;
            }
        }
        Ok(Certificate {
            erasure: begun.erasure,
            subject: begun.subject.clone(),
            id: begun.id,
            clients: begun.clients.clone(),
            basis: begun.basis.clone(),
            actor: begun.actor.clone(),
            begun_at: begun.at,
            done_at: begun.at,
            identities: told.iter().map(|(_, identities)| *identities).max().unwrap_or_default(),
            streams: told.into_iter().map(|(stream, _)| stream).collect(),
            keys: begun.keys.iter().map(|mark| mark.number).collect(),
            copies: begun.copies.clone(),
        })
    }
}

/// What a record says of its stream, and how many identities were released.
fn recorded(event: &Event, stream: &StreamName, record: Position) -> Option<(Forgotten, u64)> {
    let Event::Log(LogEvent::Erased(e)) = event else { return None };
    let stream = stream.to_string();
    Some((Forgotten { stream, sealed: e.sealed, positions: e.positions.clone(), record }, e.identities))
}

/// The parts that are missing by now, those of earlier erasures included: see [`crate::trust::missing`].
fn missing(survey: &Survey) -> Vec<Position> {
    survey.parts.iter().filter(|part| part.key.is_none()).map(|part| part.position).collect()
}

fn code(text: &str) -> Result<Code, LogError> {
    text.parse().map_err(|error| LogError::new("a code", error))
}
