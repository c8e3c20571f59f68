//! Copies of a data folder, and how one is put back.
//!
//! A copy is taken while the server goes on: what was signed first, then the log as it is at one moment, then the
//! keys, so that whatever the log names is in the copy. It is read through once, event by event, before it counts as
//! one; its [`Manifest`] tells the digest of every file, so that a copy in which a bit was flipped is refused.
//!
//! What must never go back to an older state is in no copy: `secrets/signer_state.json`, which tells what was signed
//! last. A folder without it, or with a newer one than its log, signs nothing before the loss is put on record
//! (`replay-tool fork`). The register of erasures is copied with the secrets, and only ever replaced by a longer one.

mod make;
mod manifest;
mod restore;
mod walk;

pub use make::{Copied, make};
pub use manifest::{FILE, Manifest};
pub use restore::{Restored, restore};

/// What a data folder cannot do without, in the order in which it is copied.
const DATA: &[&str] = &["checkpoint.pub", "settings.toml", "trust.db", "log.db", "keys.db"];
/// The secrets, by their names in the folder of secrets.
const SECRETS: &[&str] = &["identity.key", "kek.key", "kek.next", "signer.key", "erasures.log"];
/// The log's own file.
const LOG: &str = "log.db";
