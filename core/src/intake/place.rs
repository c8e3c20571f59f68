//! In which stream an item stands.

use super::clients::Link;
use super::envelope::{Posted, missing};
use super::outcome::{Rejection, Stop};
use super::shape::Shaped;
use super::wave::Wave;
use super::{Caller, Intake};
use crate::code::Code;
use crate::events::{ClientEvent, Event};
use crate::ids::ClientId;
use crate::log::{LogError, StreamName};
use crate::rules::Flag;

/// The stream of an item.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) stream: StreamName,
    pub(super) client: Option<ClientId>,
    /// Recorded before the item when its client was unknown.
    pub(super) link: Option<Link>,
    /// Ids that are nobody's, recorded before the item.
    pub(super) unresolved: Vec<Link>,
    /// Systems of the ids by which the client was recognised.
    pub(super) matched_by: Vec<Code>,
    /// What is odd about how he was found.
    pub(super) flags: Vec<Flag>,
}

impl Placement {
    fn client(client: ClientId, link: Option<Link>) -> Self {
        Self { link, ..Self::at(StreamName::client(client), Some(client)) }
    }

    fn at(stream: StreamName, client: Option<ClientId>) -> Self {
        Self { stream, client, link: None, unresolved: Vec::new(), matched_by: Vec::new(), flags: Vec::new() }
    }
}

impl Intake {
    /// Finds the stream, in the state as it will be when the wave is stored.
    pub(super) async fn place(
        &self,
        caller: &Caller,
        wave: &Wave,
        posted: &Posted,
        shaped: &Shaped,
    ) -> Result<Placement, Stop> {
        if let Some(name) = shaped.event.definition_stream() {
            let stream =
                StreamName::parse(&name).map_err(|error| Rejection::new("invalid_field", "data", error.to_string()))?;
            return Ok(Placement::at(stream, None));
        }
        let resolved = match &posted.client {
            Some(client) => Some(self.resolve(wave, client, &posted.source).await?),
            None => None,
        };
        if let Some(target) = &shaped.target {
            if let Some(resolved) = resolved {
                let member = match target.client {
                    Some(client) => self.root(client).await? == self.root(resolved.client).await?,
                    None => false,
                };
                if !member {
                    let message = format!("event {} is in stream {}", target.id, target.stream);
                    return Err(Rejection::new("target_of_another", "data.target", message).into());
                }
            }
            return Ok(Placement::at(target.stream.clone(), target.client));
        }
        let resolved = resolved.ok_or_else(|| missing("client", "a ULID or `system:id-in-that-system`"))?;
        let client = resolved.client;
        match &shaped.event {
            Event::Client(ClientEvent::Registered(_)) => {}
            _ if resolved.derived || caller.restores || self.exists(wave, client).await? => {}
            _ => {
                let message = format!("no client {client} is recorded; register him first, or name him by an identity");
                return Err(Rejection::new("unknown_client", "client", message).into());
            }
        }
        Ok(match &shaped.event {
            Event::Client(ClientEvent::Merged(_)) => Placement::client(self.root(client).await?, resolved.link),
            Event::Client(ClientEvent::Unmerged(e)) => {
                let stayed = self.stayed(e.absorbed, client).await?;
                Placement::client(stayed.unwrap_or(client), resolved.link)
            }
            _ => Placement {
                unresolved: resolved.unresolved,
                matched_by: resolved.matched_by,
                flags: resolved.flags,
                ..Placement::client(client, resolved.link)
            },
        })
    }

    /// The record into which `absorbed` is merged, when that is of the alias group of `client`.
    pub(super) async fn stayed(&self, absorbed: ClientId, client: ClientId) -> Result<Option<ClientId>, LogError> {
        match self.log.merged_into(absorbed).await? {
            Some(stayed) if self.root(stayed).await? == self.root(client).await? => Ok(Some(stayed)),
            _ => Ok(None),
        }
    }
}
