//! Reading what the log knows of one client.

use crate::fact::{Fact, Opener};
use crate::identity::{Identity, IdentityKey};
use crate::ids::{ClientId, Version};
use crate::log::{EventLog, LogError, MAX_PAGE, StreamName, alias_group};

/// All facts of the alias group of a client, each stream in its order, of any length.
///
/// # Errors
/// When the log cannot be read or a fact cannot be decoded.
pub async fn read_group(log: &dyn EventLog, opener: Opener<'_>, client: ClientId) -> Result<Vec<Fact>, LogError> {
    let mut facts = Vec::new();
    for member in alias_group(log, client).await? {
        read_stream(log, opener, &StreamName::client(member), Version(0), &mut facts).await?;
    }
    Ok(facts)
}

/// Adds all facts of one stream after a version, and returns the last version.
///
/// # Errors
/// When the log cannot be read or a fact cannot be decoded.
pub async fn read_stream(
    log: &dyn EventLog,
    opener: Opener<'_>,
    stream: &StreamName,
    after: Version,
    out: &mut Vec<Fact>,
) -> Result<Version, LogError> {
    let mut last = after;
    loop {
        let page = log.read_stream(stream, last, MAX_PAGE).await?;
        let full = page.len() >= MAX_PAGE;
        for recorded in page {
            last = recorded.version;
            out.push(Fact::decode(recorded, opener)?);
        }
        if !full {
            return Ok(last);
        }
    }
}

/// The client that a text names, before any merge: a ULID with a stream of its own, or an identity
/// such as `shop:C-1042` that is somebody's.
///
/// # Errors
/// When the log cannot be read.
pub async fn resolve_client(
    log: &dyn EventLog,
    key: &IdentityKey,
    phone_region: Option<&str>,
    text: &str,
) -> Result<Option<ClientId>, LogError> {
    if let Ok(client) = text.parse::<ClientId>() {
        let known = log.version(&StreamName::client(client)).await? > Version(0);
        return Ok(known.then_some(client));
    }
    match Identity::parse(text, phone_region) {
        Ok(identity) => log.identity_owner(&key.identity(&identity)).await,
        Err(_) => Ok(None),
    }
}
