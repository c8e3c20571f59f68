//! A thing is put in once, and nothing is done with what was taken away.

use std::collections::BTreeMap;

use super::{Verdict, flag, refuse};
use crate::events::AssetEvent;
use crate::ids::AssetId;

/// What is known of a thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AssetState {
    installed: bool,
    removed: bool,
}

type Assets = BTreeMap<AssetId, AssetState>;

pub(super) fn apply(assets: &mut Assets, event: &AssetEvent) {
    let Some(id) = event.asset_id() else { return };
    let asset = assets.entry(id).or_default();
    match event {
        AssetEvent::Installed(_) => (asset.installed, asset.removed) = (true, false),
        AssetEvent::Removed(_) => asset.removed = true,
        AssetEvent::Changed(_) | AssetEvent::Serviced(_) | AssetEvent::CompatibilityDefined(_) => {}
    }
}

pub(super) fn decide(assets: &Assets, event: &AssetEvent) -> Verdict {
    let Some(id) = event.asset_id() else { return Ok(Vec::new()) };
    let asset = assets.get(&id).copied().unwrap_or_default();
    match event {
        AssetEvent::Installed(_) if asset.installed && !asset.removed => {
            refuse("asset.installed_twice", format!("asset {id} is in use already"))
        }
        AssetEvent::Installed(_) => Ok(Vec::new()),
        _ if asset.removed => flag("asset.removed", format!("asset {id} was taken away already")),
        _ if !asset.installed => flag("asset.not_installed", format!("asset {id} was never put in")),
        _ => Ok(Vec::new()),
    }
}
