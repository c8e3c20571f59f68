//! The alias group: merges stand in the stream of the record that stays, so the streams of a bundle tell
//! which records belong to it.

use std::collections::BTreeSet;

use super::event::absorbed;
use super::{Checked, Rejection};
use crate::ids::ClientId;

/// Whether the clients are one record and all that are merged into it, directly or through others.
pub(super) fn check(clients: &[ClientId], events: &[Checked<'_>]) -> Result<(), Rejection> {
    let mut merges: Vec<(u64, bool, ClientId)> = Vec::new();
    for event in events {
        let merged = match event.part.event_type.as_str() {
            "client.merged" => true,
            "client.unmerged" => false,
            _ => continue,
        };
        let position = event.leaf.position;
        let client = absorbed(&event.part.facts).ok_or(Rejection::BadMerge { position })?;
        merges.push((position.0, merged, client));
    }
    let merged = absorbed_after(merges);
    if let Some(&client) = merged.iter().find(|client| !clients.contains(client)) {
        return Err(Rejection::GroupIncomplete { client });
    }
    let mut roots = clients.iter().filter(|client| !merged.contains(client));
    match (roots.next(), roots.next()) {
        (Some(_), None) => Ok(()),
        (_, Some(&client)) => Err(Rejection::NotInGroup { client }),
        (None, None) => Err(Rejection::ClientOrder),
    }
}

/// The records that are merged into another after all merges and un-merges `(position, merged, absorbed)`.
pub(in crate::trust) fn absorbed_after(mut merges: Vec<(u64, bool, ClientId)>) -> BTreeSet<ClientId> {
    merges.sort_unstable();
    let mut out = BTreeSet::new();
    for (_, merged, client) in merges {
        if merged {
            out.insert(client)
        } else {
            out.remove(&client)
        };
    }
    out
}
