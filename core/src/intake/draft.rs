//! From an understood item to the events that are appended for it.

use serde_json::{Map, Value};

use super::clients::Link;
use super::envelope::Posted;
use super::keys::SubjectKey;
use super::outcome::{Rejection, Stop};
use super::place::Placement;
use super::refusals::Refused;
use super::shape::Shaped;
use super::wave::{Draft, Entry, Part, Wave};
use super::{Caller, Intake, checks};
use crate::events::client::{IdentityLinked, IdentityUnresolved};
use crate::events::{DefinitionEvent, Event, KnowledgeEvent};
use crate::ids::{ClientId, EventId, Version};
use crate::log::{Expected, IndexChange, NewEvent, StreamName};
use crate::personal::{Personal, Subject};
use crate::rules::{Flag, Ledger};
use crate::trust::leaf::Meta;

impl Intake {
    /// Decides about one item and, when it is taken, adds it to the wave.
    pub(super) async fn draft(
        &self,
        caller: &Caller,
        wave: &mut Wave,
        item: usize,
        posted: &Posted,
        shaped: &Shaped,
    ) -> Result<(), Stop> {
        let place = self.place(caller, wave, posted, shaped).await?;
        if wave.is_sent(&place.stream)
            || wave.is_full(&place.stream, 1 + usize::from(place.link.is_some()) + place.unresolved.len())
        {
            return Err(Stop::Flush);
        }
        if let Some(client) = place.client {
            checks::check_client(&shaped.event, client)
                .map_err(|fault| Rejection::new("invalid_value", format!("data.{}", fault.field), fault.message))?;
        }
        let mut changes = self.changes(wave, posted.id, &place, shaped).await?;
        changes.flags.extend(place.flags.iter().cloned());
        let mut draft = Draft {
            item,
            stream: place.stream.clone(),
            client: place.client,
            matched_by: place.matched_by.clone(),
            entries: Vec::with_capacity(2),
            count: 0,
            index: changes.index,
            guards: Vec::new(),
            flags: changes.flags,
            subjects: Vec::new(),
            link: None,
        };
        let root = self.judge(wave, posted, shaped, &place, &mut draft).await?;
        self.guard(wave, posted, shaped, &place, &mut draft).await?;

        let meta = Meta {
            actor: caller.actor.clone(),
            source: posted.source.clone(),
            correlation: posted.correlation,
            causation: posted.causation,
            ..Meta::default()
        };
        if let (Some(link), Some(client)) = (place.link, place.client) {
            self.add_link(posted, &meta, link, client, &mut draft).await?;
        }
        for link in &place.unresolved {
            let told = IdentityUnresolved {
                scheme: link.identity.scheme.clone(),
                value: Personal::Known(link.identity.value.clone()),
            };
            self.add_before(posted, &meta, link.id, place.client.unwrap_or_default(), told.into(), &mut draft).await?;
        }
        let event = NewEvent {
            id: posted.id,
            stream: place.stream,
            event_type: shaped.event_type.clone(),
            schema: shaped.schema,
            occurred: posted.occurred,
            order: posted.order,
            meta: Box::default(),
            salt: self.random.bytes(),
            facts: shaped.facts.clone().into(),
            sealed: None,
            if_new: false,
        };
        let part = self.part(subject(shaped, place.client), shaped.sealed_part(), &mut draft).await?;
        draft.entries.push(Entry { event, meta, part });
        draft.count = draft.entries.len();

        if let Some(group) = root.and_then(|root| wave.groups.get_mut(&root)) {
            group.ledger.apply_event(&shaped.event, posted.occurred.at);
        }
        wave.barred.extend(changes.barred);
        wave.push(draft);
        Ok(())
    }

    /// Asks the rules; answers the key of the ledger that was asked.
    async fn judge(
        &self,
        wave: &mut Wave,
        posted: &Posted,
        shaped: &Shaped,
        place: &Placement,
        draft: &mut Draft,
    ) -> Result<Option<ClientId>, Stop> {
        let Some(client) = place.client else { return Ok(None) };
        // No rule forbids a correction, and what it changes is read again before the next decision.
        if matches!(shaped.event, Event::Knowledge(_)) || !Ledger::concerns(&shaped.event) {
            return Ok(None);
        }
        if wave.barred.contains(&client) {
            return Err(Stop::Flush);
        }
        let root = self.load_group(wave, client).await?.ok_or(Stop::Flush)?;
        let Some(group) = wave.groups.get(&root) else { return Ok(None) };
        let (definitions, read) = self.stated(wave, &group.ledger.needs(&shaped.event)).await?;
        let flags: Vec<Flag> = group
            .ledger
            .decide(&shaped.event, posted.occurred.at, &definitions)
            .map_err(|refusal| Refused::stop(refusal, posted, shaped, &place.stream))?;
        draft.flags.extend(flags);
        draft.guards.extend(group.streams.iter().cloned());
        draft.guards.extend(read);
        Ok(Some(root))
    }

    /// Adds what the caller expects of the stream, and what a declaration does.
    async fn guard(
        &self,
        wave: &Wave,
        posted: &Posted,
        shaped: &Shaped,
        place: &Placement,
        draft: &mut Draft,
    ) -> Result<(), Stop> {
        if let Event::Definition(DefinitionEvent::EventTypeDeclared(declared)) = &shaped.event {
            let base = self.base(place, draft).await?;
            if wave.pending(&place.stream) > 0 {
                return Err(Stop::Flush);
            }
            let current = self.declared(declared.name.as_str(), None).await?.map_or(0, |current| current.version);
            if declared.version <= current {
                let message = format!("version {current} of {} is declared; declare a later one", declared.name);
                return Err(Rejection::new("declared_already", "data.version", message).into());
            }
            draft.guards.push((place.stream.clone(), base));
        }
        let Some(expect) = posted.expect else { return Ok(()) };
        let base = self.base(place, draft).await?;
        let now = Version(base.0 + wave.pending(&place.stream));
        let wanted = match expect {
            Expected::Any => return Ok(()),
            Expected::NoStream => Version(0),
            Expected::Exactly(version) => version,
        };
        if now != wanted {
            return Err(Stop::Conflict(format!("stream {} is at version {now}, not {wanted}", place.stream)));
        }
        draft.guards.push((place.stream.clone(), base));
        Ok(())
    }

    /// The version of the stream before the wave.
    async fn base(&self, place: &Placement, draft: &Draft) -> Result<Version, Stop> {
        match draft.guards.iter().find(|(stream, _)| *stream == place.stream) {
            Some((_, base)) => Ok(*base),
            None => Ok(self.log.version(&place.stream).await?),
        }
    }

    /// The event by which an unknown identity becomes the client's.
    async fn add_link(
        &self,
        posted: &Posted,
        meta: &Meta,
        link: Link,
        client: ClientId,
        draft: &mut Draft,
    ) -> Result<(), Stop> {
        let linked = IdentityLinked {
            scheme: link.identity.scheme.clone(),
            value: Personal::Known(link.identity.value.clone()),
        };
        self.add_before(posted, meta, link.id, client, linked.into(), draft).await?;
        draft.index.push(IndexChange::Claim { identity: link.hash, client });
        draft.link = Some((link, client));
        Ok(())
    }

    /// An event about the client that the item brings along, and that stands before it.
    async fn add_before(
        &self,
        posted: &Posted,
        meta: &Meta,
        id: EventId,
        client: ClientId,
        told: Event,
        draft: &mut Draft,
    ) -> Result<(), Stop> {
        let event = NewEvent {
            id,
            stream: StreamName::client(client),
            event_type: told.type_name().into(),
            schema: told.schema(),
            occurred: posted.occurred,
            order: posted.order,
            meta: Box::default(),
            salt: self.random.bytes(),
            facts: told.facts().into(),
            sealed: None,
            // Another caller may be first to bring the same along.
            if_new: true,
        };
        let part = self.part(Subject::Client(client), told.personal(), draft).await?;
        let meta = Meta { causation: Some(posted.id), ..meta.clone() };
        draft.entries.push(Entry { event, meta, part });
        Ok(())
    }

    /// Finds the key under which the commit will seal these fields; `None` when there are none.
    async fn part(
        &self,
        subject: Subject,
        fields: Map<String, Value>,
        draft: &mut Draft,
    ) -> Result<Option<Part>, Stop> {
        if fields.is_empty() {
            return Ok(None);
        }
        let SubjectKey { id, key, assign } = self.subject_key(subject).await?;
        draft.index.extend(assign.filter(|assign| !draft.index.contains(assign)));
        draft.subjects.push(subject);
        Ok(Some(Part { key_id: id, key, fields }))
    }
}

/// Whose key seals the item. What is said about a definition that is nobody's is sealed under a key of
/// the house, the client of id zero.
fn subject(shaped: &Shaped, client: Option<ClientId>) -> Subject {
    let client = client.unwrap_or_default();
    match (&shaped.event, &shaped.target) {
        (Event::Knowledge(KnowledgeEvent::Retracted(_)), Some(target)) => match &target.event {
            // The retraction of a correction is about what the correction was about.
            Event::Knowledge(KnowledgeEvent::Corrected(correction)) => correction.subject(client),
            event => event.subject(client),
        },
        (event, _) => event.subject(client),
    }
}
