//! What an event changes in the look-up tables: owners of identities, merged records.

use std::collections::{HashMap, HashSet};

use super::Intake;
use super::outcome::{Rejection, Stop};
use super::place::Placement;
use super::shape::Shaped;
use super::wave::Wave;
use crate::code::Code;
use crate::events::client::ContactKind;
use crate::events::{ClientEvent, DocumentEvent, Event};
use crate::fact::{Fact, Opener, effective};
use crate::identity::{Identity, InvalidIdentity};
use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::{IndexChange, StreamName, alias_group};
use crate::reader::read_stream;
use crate::rules::Flag;
use crate::trust::leaf::Hash;

/// What changes beside the events.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) index: Vec<IndexChange>,
    pub(super) flags: Vec<Flag>,
    /// Members of alias groups whose past is another after this event.
    pub(super) barred: Vec<ClientId>,
}

impl Intake {
    /// Decides what changes beside the event.
    pub(super) async fn changes(
        &self,
        wave: &Wave,
        id: EventId,
        place: &Placement,
        shaped: &Shaped,
    ) -> Result<Changes, Stop> {
        let mut changes = Changes::default();
        let Some(client) = place.client else { return Ok(changes) };
        match &shaped.event {
            Event::Client(ClientEvent::IdentityLinked(e)) => {
                let value = e.value.known().map_or("", String::as_str);
                let identity = self.hash(e.scheme.clone(), value)?;
                match self.owner_now(wave, &identity).await? {
                    Some(owner) if owner != client => {
                        let message = format!("this id of {} is client {owner}'s; unlink it there or merge", e.scheme);
                        return Err(Rejection::new("identity_taken", "data.value", message).into());
                    }
                    _ => changes.index.push(IndexChange::Claim { identity, client }),
                }
            }
            Event::Client(ClientEvent::IdentityUnlinked(e)) => {
                let value = e.value.known().map_or("", String::as_str);
                let identity = self.hash(e.scheme.clone(), value)?;
                if self.owner_now(wave, &identity).await? != Some(client) {
                    let message = format!("this id of {} is not client {client}'s", e.scheme);
                    return Err(Rejection::new("identity_not_linked", "data.value", message).into());
                }
                changes.index.push(IndexChange::Release { identity, client });
            }
            Event::Client(ClientEvent::ContactPointAdded(e)) => {
                let value = e.value.known().map_or("", String::as_str);
                if let Some(identity) =
                    self.contact(e.kind, value).transpose().map_err(|error| bad_value("data.value", &error))?
                {
                    self.claim_if_free(wave, identity, client, &mut changes).await?;
                }
            }
            Event::Client(ClientEvent::ContactPointRemoved(_)) | Event::Knowledge(_) => {
                self.release_contacts(wave, id, client, place, shaped, &mut changes).await?;
            }
            Event::Client(ClientEvent::RelationEstablished(e)) => {
                self.relate(wave, e.to, shaped.refs.contains_key("to"), &mut changes).await?;
            }
            Event::Document(DocumentEvent::Issued(e)) => {
                // The document itself stands for the owner: its number outlives an erasure of the client.
                let (identity, owner) =
                    (self.identity.number(e.kind.as_str(), e.number.as_str()), ClientId(e.document.0));
                match self.owner_now(wave, &identity).await? {
                    Some(other) if other != owner => {
                        let message = format!("number {} of {} is that of document {other}", e.number, e.kind);
                        return Err(Rejection::new("document.number_used", "data.number", message).into());
                    }
                    _ => changes.index.push(IndexChange::Claim { identity, client: owner }),
                }
            }
            Event::Client(ClientEvent::Merged(e)) => self.merge(wave, e.absorbed, client, &mut changes).await?,
            Event::Client(ClientEvent::Unmerged(e)) => {
                if self.log.merged_into(e.absorbed).await? != Some(client) {
                    let message = format!("client {} is not merged into client {client}", e.absorbed);
                    return Err(Rejection::new("not_merged", "data.absorbed", message).into());
                }
                changes.index.push(IndexChange::Unmerge { absorbed: e.absorbed, from: client });
            }
            _ => return Ok(changes),
        }
        if matches!(
            &shaped.event,
            Event::Knowledge(_) | Event::Client(ClientEvent::Merged(_) | ClientEvent::Unmerged(_))
        ) {
            changes.barred.extend(alias_group(&*self.log, client).await?);
            let waits = |member: &ClientId| wave.pending(&StreamName::client(*member)) > 0;
            if changes.barred.iter().any(waits) {
                return Err(Stop::Flush);
            }
        }
        Ok(changes)
    }

    /// An id of ours that nobody has is a slip; a client of another system may still come.
    async fn relate(&self, wave: &Wave, to: ClientId, is_foreign: bool, changes: &mut Changes) -> Result<(), Stop> {
        if self.exists(wave, to).await? {
            return Ok(());
        }
        let reason = format!("no client {to} is recorded");
        if !is_foreign {
            return Err(Rejection::new("unknown_client", "data.to", reason).into());
        }
        changes.flags.push(Flag { rule: "relation.unknown_client", reason });
        Ok(())
    }

    async fn merge(&self, wave: &Wave, absorbed: ClientId, into: ClientId, changes: &mut Changes) -> Result<(), Stop> {
        let refused = |rule, message: String| Err(Rejection::new(rule, "data.absorbed", message).into());
        if absorbed == into {
            return refused("merged_with_itself", format!("client {absorbed} cannot be merged with himself"));
        }
        if !self.exists(wave, absorbed).await? {
            return refused("unknown_client", format!("no client {absorbed} is recorded"));
        }
        if let Some(stayed) = self.log.merged_into(absorbed).await? {
            return refused("merged_already", format!("client {absorbed} is merged into client {stayed} already"));
        }
        changes.barred.extend(alias_group(&*self.log, absorbed).await?);
        changes.index.push(IndexChange::Merge { absorbed, into });
        Ok(())
    }

    /// What a removal, correction or retraction does to the phones and e-mails that identify the client:
    /// the difference between those that hold before and after it.
    async fn release_contacts(
        &self,
        wave: &Wave,
        id: EventId,
        client: ClientId,
        place: &Placement,
        shaped: &Shaped,
        changes: &mut Changes,
    ) -> Result<(), Stop> {
        let about_contacts = |event: &Event| {
            matches!(event, Event::Client(ClientEvent::ContactPointAdded(_) | ClientEvent::ContactPointRemoved(_)))
        };
        let touched = |fact: &Fact| about_contacts(&fact.event) || matches!(fact.event, Event::Knowledge(_));
        if !about_contacts(&shaped.event) && !shaped.target.as_deref().is_some_and(touched) {
            return Ok(());
        }
        let mut facts = Vec::new();
        read_stream(&*self.log, Opener::Vault(&self.vault), &place.stream, Version(0), &mut facts).await?;
        let before = self.held(facts.clone());
        let Some(mut fact) = facts.last().cloned() else { return Ok(()) };
        (fact.id, fact.position, fact.event) = (id, Position(u64::MAX), shaped.event.clone());
        facts.push(fact);
        let after = self.held(facts);
        for identity in before.difference(&after) {
            changes.index.push(IndexChange::Release { identity: *identity, client });
        }
        for identity in after.difference(&before) {
            self.claim_if_free(wave, *identity, client, changes).await?;
        }
        Ok(())
    }

    /// The identities that these facts of one stream make the client's.
    fn held(&self, facts: Vec<Fact>) -> HashSet<Hash> {
        let (mut facts, _) = effective(facts);
        facts.sort_unstable_by_key(|fact| fact.position);
        let (mut points, mut linked) = (HashMap::new(), HashSet::new());
        for fact in &facts {
            match &fact.event {
                Event::Client(ClientEvent::ContactPointAdded(e)) => {
                    let value = e.value.known().map_or("", String::as_str);
                    if let Some(Ok(identity)) = self.contact(e.kind, value) {
                        points.insert(e.contact_point, identity);
                    }
                }
                Event::Client(ClientEvent::ContactPointRemoved(e)) => drop(points.remove(&e.contact_point)),
                Event::Client(ClientEvent::IdentityLinked(e)) => {
                    linked.extend(e.value.known().and_then(|value| self.hash(e.scheme.clone(), value).ok()));
                }
                Event::Client(ClientEvent::IdentityUnlinked(e)) => {
                    let hash = e.value.known().and_then(|value| self.hash(e.scheme.clone(), value).ok());
                    hash.map(|hash| linked.remove(&hash));
                }
                _ => {}
            }
        }
        linked.extend(points.into_values());
        linked
    }

    async fn claim_if_free(
        &self,
        wave: &Wave,
        identity: Hash,
        client: ClientId,
        changes: &mut Changes,
    ) -> Result<(), Stop> {
        match self.owner_now(wave, &identity).await? {
            Some(owner) if owner != client => {
                let reason = format!("it identifies client {owner} already");
                changes.flags.push(Flag { rule: "identity.shared", reason });
            }
            _ => changes.index.push(IndexChange::ClaimIfFree { identity, client }),
        }
        Ok(())
    }

    async fn owner_now(&self, wave: &Wave, identity: &Hash) -> Result<Option<ClientId>, Stop> {
        match wave.owners.get(identity) {
            Some(owner) => Ok(Some(*owner)),
            None => Ok(self.owner(identity).await?),
        }
    }

    fn hash(&self, scheme: Code, value: &str) -> Result<Hash, Rejection> {
        let identity = Identity::new(scheme, value, self.settings.phone_region.as_deref());
        identity.map(|identity| self.identity.identity(&identity)).map_err(|error| bad_value("data.value", &error))
    }

    /// The identity that a contact point is; `None` for kinds that identify nobody.
    fn contact(&self, kind: ContactKind, value: &str) -> Option<Result<Hash, InvalidIdentity>> {
        let scheme = match kind {
            ContactKind::Phone => "phone",
            ContactKind::Email => "email",
            ContactKind::Fax | ContactKind::Address | ContactKind::Messenger | ContactKind::Web => return None,
        };
        let scheme = scheme.parse().ok()?;
        let identity = Identity::new(scheme, value, self.settings.phone_region.as_deref());
        Some(identity.map(|identity| self.identity.identity(&identity)))
    }
}

fn bad_value(field: &str, error: &InvalidIdentity) -> Rejection {
    Rejection::new("invalid_value", field, error.to_string())
}
