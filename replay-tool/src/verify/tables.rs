//! The tables beside the events: identities, aliases, keys, sealed parts.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use letopis_core::ids::ClientId;
use letopis_core::log::sqlite::audit::Audit;
use letopis_core::log::{LogError, StreamName};
use letopis_core::trust::key_numbers::key_numbers;

use super::chain::Chains;
use super::{Findings, Verified, hex};

/// What is said of a sealed part without an event.
pub(super) const STRAY: &str = "a sealed part lies here that no event has";

pub(super) fn check(
    audit: &Audit,
    chains: &Chains<'_>,
    keys: Option<&Path>,
    out: &mut Verified,
) -> Result<(), LogError> {
    let clients: HashSet<ClientId> = chains
        .names()
        .filter(|(_, has_events)| *has_events)
        .filter_map(|(name, _)| StreamName::parse(name).ok()?.client_id())
        .collect();
    let known = |bytes: &[u8]| bytes.try_into().ok().map(ClientId::from_bytes).filter(|id| clients.contains(id));
    audit.identities(&mut |hash, client| {
        if hash.len() != 32 {
            out.findings.add(None, None, format!("identity {} is no hash", hex(hash)));
        }
        if known(client).is_none() {
            let what = format!("identity {} belongs to client {}, who has no events", short(hash), id(client));
            out.findings.add(None, None, what);
        }
    })?;
    aliases(audit, &known, &mut out.findings)?;
    for position in audit.stray_sealed(out.last_position)? {
        out.findings.add(position, None, format!("{STRAY}, or an erasure was left half done"));
    }
    self::keys(audit, keys, chains.keys_used().collect(), out)
}

fn aliases(audit: &Audit, known: &dyn Fn(&[u8]) -> Option<ClientId>, findings: &mut Findings) -> Result<(), LogError> {
    let mut parents = HashMap::new();
    audit.aliases(&mut |member, parent| match (known(member), known(parent)) {
        (Some(member), Some(parent)) => drop(parents.insert(member, parent)),
        _ => {
            let what = format!("client {} is answered under {}, and one of them has no events", id(member), id(parent));
            findings.add(None, None, what);
        }
    })?;
    for &member in parents.keys() {
        let (mut at, mut steps) = (member, 0);
        while let Some(&parent) = parents.get(&at) {
            (at, steps) = (parent, steps + 1);
            if at == member || steps > parents.len() {
                break;
            }
        }
        // Told once, at the smallest of the circle.
        if at == member && steps > 0 && is_smallest(&parents, member) {
            findings.add(None, None, format!("client {member} is answered under himself in a circle"));
        }
    }
    Ok(())
}

fn is_smallest(parents: &HashMap<ClientId, ClientId>, member: ClientId) -> bool {
    let mut at = member;
    while let Some(&parent) = parents.get(&at) {
        if parent < member {
            return false;
        }
        if parent == member {
            break;
        }
        at = parent;
    }
    true
}

fn keys(audit: &Audit, path: Option<&Path>, mut used: HashSet<u64>, out: &mut Verified) -> Result<(), LogError> {
    let there = path.map(key_numbers).transpose();
    let there = there.unwrap_or_else(|error| {
        out.findings.add(None, None, format!("the key store cannot be read: {error}"));
        None
    });
    let mut owners: HashMap<i64, u64> = HashMap::new();
    audit.subject_keys(&mut |subject, key| {
        if subject.len() != 17 || !(1..=3).contains(&subject[0]) {
            out.findings.add(None, None, format!("{} in the table of keys is no subject", hex(subject)));
        }
        *owners.entry(key).or_default() += 1;
        if let Some(there) = &there
            && !there.contains(&(key as u64))
        {
            out.keys_destroyed += 1;
        }
    })?;
    for (key, subjects) in owners.iter().filter(|(_, subjects)| **subjects > 1) {
        out.findings.add(None, None, format!("key {key} is the key of {subjects} subjects"));
    }
    used.retain(|key| match (owners.contains_key(&(*key as i64)), &there) {
        (false, _) => true,
        (true, Some(there)) => !there.contains(key),
        (true, None) => false,
    });
    for key in used {
        let what = if owners.contains_key(&(key as i64)) { "is not in the key store" } else { "is nobody's" };
        out.findings.add(None, None, format!("events are sealed under key {key}, which {what}"));
    }
    Ok(())
}

fn id(bytes: &[u8]) -> String {
    bytes.try_into().map_or_else(|_| hex(bytes), |bytes| ClientId::from_bytes(bytes).to_string())
}

fn short(hash: &[u8]) -> String {
    hex(hash.get(..8).unwrap_or(hash)) + "…"
}
