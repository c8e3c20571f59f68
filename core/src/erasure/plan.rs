//! What an erasure would destroy, what stays and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::survey::{Survey, streams_under, survey};
use super::{EraseError, Eraser, Hold, Target, holds};
use crate::exports::{self, Copy};
use crate::fact::effective;
use crate::ids::ClientId;
use crate::log::{EventLog, LogError, StreamName, alias_group};
use crate::personal::Subject;
use crate::trust::leaf::Hash;
use crate::trust::vault::KeyMark;

/// What an erasure would do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// `client`, `contact` or `employee`.
    pub subject: &'static str,
    /// The id of whom was asked for.
    pub id: ClientId,
    /// The records of a client that were merged into one.
    pub clients: Vec<ClientId>,
    /// What would be deleted, stream by stream.
    pub streams: Vec<StreamPlan>,
    /// The keys that would be destroyed.
    pub keys: Vec<KeyPlan>,
    /// How many identities nobody would have any more.
    pub identities: usize,
    /// What would stay, and on which ground.
    pub stays: Vec<Stays>,
    /// What forbids it.
    pub holds: Vec<Hold>,
    /// Copies that were handed out and may hold him: they would not be reached.
    pub copies: Vec<Copy>,
    #[serde(skip)]
    pub(super) marks: Vec<KeyMark>,
}

/// A stream that would lose sealed parts.
#[derive(Debug, Clone, Serialize)]
pub struct StreamPlan {
    /// The stream.
    pub stream: String,
    /// How many sealed parts would be deleted.
    pub sealed: usize,
    /// How many were deleted before.
    pub erased: usize,
}

/// A key that would be destroyed.
#[derive(Debug, Clone, Serialize)]
pub struct KeyPlan {
    /// Its number.
    pub key: u64,
    /// `client`, `contact` or `employee`.
    pub subject: &'static str,
    /// Whose it is.
    pub id: ClientId,
}

/// What would stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// An area of facts, such as `order`, or `contact` for a person's key.
    pub what: String,
    /// How many.
    pub count: u64,
    /// `pseudonymous`: codes, amounts and times that name nobody; `client_of_another`: the person speaks for
    /// another client, too.
    pub ground: &'static str,
}

impl Plan {
    /// Whether there is nothing left to erase.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.identities == 0 && self.streams.iter().all(|stream| stream.sealed == 0)
    }
}

impl Eraser {
    /// What an erasure would do. Nothing is changed.
    ///
    /// # Errors
    /// When nothing is recorded of him, or log and keys cannot be read.
    pub async fn plan(&self, target: Target) -> Result<Plan, EraseError> {
        let (kind, id) = (target.kind(), ClientId(target.id()));
        let mut surveys = Vec::new();
        for stream in self.streams(target).await? {
            let found = survey(&self.log, &stream, None).await?;
            if !found.facts.is_empty() {
                surveys.push(found);
            }
        }
        if surveys.is_empty() {
            return Err(EraseError::Unknown { kind, id });
        }
        let clients = match target {
            Target::Client(_) => surveys.iter().filter_map(|survey| survey.stream.client_id()).collect(),
            Target::Contact(_) | Target::Employee(_) => Vec::new(),
        };
        let (keys, shared) = self.keys(target, &surveys).await?;
        let marks = self.marks(keys.keys().copied())?;
        let takes = |key: u64| matches!(target, Target::Client(_)) || keys.contains_key(&key);
        let streams = surveys.iter().map(|survey| StreamPlan {
            stream: survey.stream.to_string(),
            sealed: survey.parts.iter().filter(|part| part.key.is_some_and(takes)).count(),
            erased: survey.parts.iter().filter(|part| part.key.is_none()).count(),
        });
        let today = self.zone.day(self.clock.now());
        let facts = surveys.iter().flat_map(|survey| effective(survey.facts.clone()).0).collect::<Vec<_>>();
        Ok(Plan {
            subject: kind,
            id,
            streams: streams.collect(),
            keys: marks.iter().filter_map(|mark| Some(key_plan(mark.number, *keys.get(&mark.number)?))).collect(),
            identities: self.identities(&clients)?.len(),
            stays: stays(&surveys, shared),
            holds: holds(&facts, today),
            copies: self.copies(target, &surveys).await?,
            clients,
            marks,
        })
    }

    async fn streams(&self, target: Target) -> Result<Vec<StreamName>, LogError> {
        Ok(match target {
            Target::Client(client) => {
                alias_group(&*self.log, client).await?.into_iter().map(StreamName::client).collect()
            }
            Target::Employee(employee) => {
                let name = StreamName::parse(&format!("employee/{employee}"));
                vec![name.map_err(|error| LogError::new("the stream of an employee", error))?]
            }
            Target::Contact(contact) => {
                let key = self.log.subject_key(&Subject::Contact(contact).to_bytes()).await?;
                streams_under(&self.log, &key.into_iter().collect()).await?.into_iter().collect()
            }
        })
    }

    /// The keys to destroy, with their subjects, and those of contact persons that other clients have, too.
    async fn keys(&self, target: Target, surveys: &[Survey]) -> Result<(BTreeMap<u64, Subject>, u64), LogError> {
        let mut keys = BTreeMap::new();
        let subjects: BTreeSet<Subject> = match target {
            Target::Contact(contact) => BTreeSet::from([Subject::Contact(contact)]),
            Target::Client(_) | Target::Employee(_) => {
                surveys.iter().flat_map(|survey| survey.subjects.iter().copied()).collect()
            }
        };
        for subject in subjects {
            if let Some(number) = self.log.subject_key(&subject.to_bytes()).await? {
                keys.insert(number, subject);
            }
        }
        if !matches!(target, Target::Client(_)) {
            return Ok((keys, 0));
        }
        // A key that the tables do not know any more is still named by the envelopes.
        for survey in surveys {
            let Some(client) = survey.stream.client_id() else { continue };
            for key in survey.parts.iter().filter_map(|part| part.key) {
                keys.entry(key).or_insert(Subject::Client(client));
            }
        }
        let own: BTreeSet<&StreamName> = surveys.iter().map(|survey| &survey.stream).collect();
        let mut shared = 0;
        let contacts: Vec<u64> =
            keys.iter().filter(|(_, s)| matches!(s, Subject::Contact(_))).map(|(key, _)| *key).collect();
        if !streams_under(&self.log, &contacts.iter().copied().collect()).await?.iter().all(|s| own.contains(s)) {
            for key in contacts {
                if streams_under(&self.log, &BTreeSet::from([key])).await?.iter().any(|s| !own.contains(s)) {
                    keys.remove(&key);
                    shared += 1;
                }
            }
        }
        Ok((keys, shared))
    }

    /// The copies that may hold what is personal of him: his own, and those of many that go as far as his streams.
    pub(super) async fn copies(&self, target: Target, surveys: &[Survey]) -> Result<Vec<Copy>, LogError> {
        let first = surveys.iter().flat_map(|survey| survey.parts.iter().map(|part| part.position)).min();
        let mut copies = exports::of_many(&*self.log).await?;
        copies.retain(|copy| first.is_some_and(|first| first <= copy.upto));
        // What is personal of contact persons and employees stays closed in the copies of a client.
        if let Target::Client(_) = target {
            for fact in surveys.iter().flat_map(|survey| &survey.facts) {
                copies.extend(Copy::of(fact)?);
            }
        }
        copies.sort_by_key(|copy| copy.record);
        Ok(copies)
    }

    /// The identities of clients.
    pub(super) fn identities(&self, clients: &[ClientId]) -> Result<Vec<(Hash, ClientId)>, LogError> {
        if clients.is_empty() { Ok(Vec::new()) } else { self.log.identities_of(&clients.iter().copied().collect()) }
    }
}

fn key_plan(key: u64, subject: Subject) -> KeyPlan {
    let (subject, id) = match subject {
        Subject::Client(id) => ("client", id.0),
        Subject::Contact(id) => ("contact", id.0),
        Subject::Employee(id) => ("employee", id.0),
    };
    KeyPlan { key, subject, id: ClientId(id) }
}

fn stays(surveys: &[Survey], shared: u64) -> Vec<Stays> {
    let mut areas: BTreeMap<&str, u64> = BTreeMap::new();
    for (area, count) in surveys.iter().flat_map(|survey| &survey.areas) {
        *areas.entry(area).or_default() += count;
    }
    let facts = areas.into_iter().map(|(area, count)| Stays { what: area.into(), count, ground: "pseudonymous" });
    let contacts = Stays { what: "contact".into(), count: shared, ground: "client_of_another" };
    facts.chain((shared > 0).then_some(contacts)).collect()
}
