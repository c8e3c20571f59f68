//! Whose fact it is: from what the caller says to a client's id.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::{HashMap, HashSet};

use super::Intake;
use super::envelope::ClientRef;
use super::outcome::Stop;
use super::wave::Wave;
use crate::code::Code;
use crate::identity::Identity;
use crate::ids::{ClientId, EventId, Version};
use crate::log::{LogError, StreamName};
use crate::rules::Flag;
use crate::trust::leaf::Hash;

/// Most clients and identities that are kept in memory.
const CACHE: usize = 200_000;
/// How often one identity may have been given up and taken again.
const MAX_GENERATIONS: u32 = 1_000;

/// The event that makes an unknown identity a client's.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) id: EventId,
    pub(super) identity: Identity,
    pub(super) hash: Hash,
}

/// A client, and what has to be recorded to make him one.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) client: ClientId,
    pub(super) link: Option<Link>,
    /// Whether he may have no stream yet: he is named by what he is called elsewhere.
    pub(super) derived: bool,
    /// Systems of the ids by which he was recognised.
    pub(super) matched_by: Vec<Code>,
    /// Ids that are nobody's, to be recorded in his stream: he waits to be told who he is.
    pub(super) unresolved: Vec<Link>,
    /// Ids that are somebody else's.
    pub(super) flags: Vec<Flag>,
}

impl Resolved {
    fn known(client: ClientId, derived: bool) -> Self {
        Self { client, link: None, derived, matched_by: Vec::new(), unresolved: Vec::new(), flags: Vec::new() }
    }
}

/// What need not be looked up again.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    clients: HashSet<ClientId>,
    owners: HashMap<Hash, ClientId>,
    /// Rises when an owner may have changed: what was looked up before is not kept then.
    epoch: u64,
}

impl Known {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget_owners(&self) {
        let mut state = self.state();
        state.owners.clear();
        state.epoch += 1;
    }

    /// Streams never vanish, so this stays true.
    pub(super) fn has_stream(&self, client: ClientId) {
        let mut state = self.state();
        if state.clients.len() >= CACHE {
            state.clients.clear();
        }
        state.clients.insert(client);
    }
}

impl Intake {
    /// Finds the client, in the state as it will be when the wave is stored.
    pub(super) async fn resolve(&self, wave: &Wave, client: &ClientRef, source: &str) -> Result<Resolved, Stop> {
        let identity = match client {
            ClientRef::Id(client) => return Ok(Resolved::known(*client, false)),
            ClientRef::Unidentified(name) => {
                let client = ClientId(self.identity.derive("unidentified", &[source, name]));
                return Ok(Resolved::known(client, true));
            }
            ClientRef::AnyOf(identities) => return self.recognise(wave, identities).await,
            ClientRef::Identity(identity) => identity,
        };
        let matched = |client| Resolved { matched_by: vec![identity.scheme.clone()], ..Resolved::known(client, true) };
        let hash = self.identity.identity(identity);
        if let Some(client) = wave.owners.get(&hash) {
            return Ok(matched(*client));
        }
        if let Some(client) = self.owner(&hash).await? {
            return Ok(matched(client));
        }
        let (client, link) = self.new_client(identity, hash).await?;
        Ok(Resolved { link: Some(link), ..Resolved::known(client, true) })
    }

    /// Whoever has one of these ids: the first that anybody has counts, what others have is flagged.
    async fn recognise(&self, wave: &Wave, identities: &[Identity]) -> Result<Resolved, Stop> {
        let mut found: Option<(ClientId, Resolved)> = None;
        for identity in identities {
            let hash = self.identity.identity(identity);
            let owner = match wave.owners.get(&hash) {
                Some(owner) => Some(*owner),
                None => self.owner(&hash).await?,
            };
            let Some(owner) = owner else { continue };
            let root = self.root(owner).await?;
            let (first, resolved) = found.get_or_insert_with(|| (root, Resolved::known(owner, true)));
            if *first == root {
                resolved.matched_by.push(identity.scheme.clone());
            } else {
                let reason = format!("its {} identifies client {root}", identity.scheme);
                resolved.flags.push(Flag { rule: "identity.ambiguous", reason });
            }
        }
        match found {
            Some((_, resolved)) => Ok(resolved),
            None => self.unknown(wave, identities).await,
        }
    }

    /// Somebody whom nobody knows: a stream of his own, in which stands by what he could not be found.
    async fn unknown(&self, wave: &Wave, identities: &[Identity]) -> Result<Resolved, Stop> {
        let client = self.unresolved(identities);
        let mut resolved = Resolved::known(client, true);
        for identity in identities {
            let parts = ["identity.unresolved", identity.scheme.as_str(), identity.value.as_str(), &client.to_string()];
            let id = EventId(self.identity.derive("event", &parts));
            let recorded = self.log.positions(&[id]).await?.first().is_some_and(Option::is_some);
            if !recorded && !wave.ids.contains_key(&id) {
                let hash = self.identity.identity(identity);
                resolved.unresolved.push(Link { id, identity: identity.clone(), hash });
            }
        }
        Ok(resolved)
    }

    /// The stream of whoever could not be found by these ids: that of the first.
    pub(super) fn unresolved(&self, identities: &[Identity]) -> ClientId {
        let first = identities.first().map_or(("", ""), |first| (first.scheme.as_str(), first.value.as_str()));
        ClientId(self.identity.derive("unidentified", &["identity", first.0, first.1]))
    }

    /// Who has this identity in the log.
    pub(super) async fn owner(&self, hash: &Hash) -> Result<Option<ClientId>, LogError> {
        let epoch = {
            let state = self.known.state();
            if let Some(client) = state.owners.get(hash) {
                return Ok(Some(*client));
            }
            state.epoch
        };
        let owner = self.log.identity_owner(hash).await?;
        let mut state = self.known.state();
        if let Some(client) = owner
            && state.epoch == epoch
        {
            if state.owners.len() >= CACHE {
                state.owners.clear();
            }
            state.owners.insert(*hash, client);
        }
        Ok(owner)
    }

    /// The ids of a new client and of the event that links the identity to him. They depend on the
    /// identity alone, so parallel posts agree; an identity that was given up yields another client.
    async fn new_client(&self, identity: &Identity, hash: Hash) -> Result<(ClientId, Link), LogError> {
        let (scheme, value) = (identity.scheme.as_str(), identity.value.as_str());
        for generation in 0..MAX_GENERATIONS {
            let number = generation.to_string();
            let cut = if generation == 0 { 3 } else { 4 };
            let parts = ["identity.linked", scheme, value, number.as_str()];
            let id = EventId(self.identity.derive("event", &parts[..cut]));
            if self.log.positions(&[id]).await?.first().is_none_or(Option::is_none) {
                let client = ClientId(self.identity.derive("client", &parts[1..cut]));
                return Ok((client, Link { id, identity: identity.clone(), hash }));
            }
        }
        Err(LogError::damage(format!("an identity of {scheme} was given up {MAX_GENERATIONS} times")))
    }

    /// Whether anything is recorded of the client, or will be.
    pub(super) async fn exists(&self, wave: &Wave, client: ClientId) -> Result<bool, LogError> {
        let stream = StreamName::client(client);
        if wave.pending(&stream) > 0 || self.known.state().clients.contains(&client) {
            return Ok(true);
        }
        let exists = self.log.version(&stream).await? > Version(0);
        if exists {
            self.known.has_stream(client);
        }
        Ok(exists)
    }

    /// The record under which a client is answered.
    pub(super) async fn root(&self, client: ClientId) -> Result<ClientId, LogError> {
        let mut root = client;
        while let Some(parent) = self.log.merged_into(root).await? {
            root = parent;
        }
        Ok(root)
    }
}
