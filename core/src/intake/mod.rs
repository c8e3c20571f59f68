//! The one way facts enter the log: read, understand, check, resolve, judge, seal, append, answer.
//!
//! [`Intake::post`] takes what the server and imports take, item by item:
//!
//! ```json
//! {"type": "call.logged", "client": "shop:C-1042", "occurred_at": "2026-03-01T12:30:00+03:00",
//!  "id": "call-77", "source": "pbx", "data": {"direction": "in", "deal": "shop:D-7"}}
//! ```
//!
//! An item is decided against the log as it will be when the items before it are stored, and the whole
//! batch is appended at once. Who loses a race is decided again, alone.

mod batch;
mod checks;
mod clients;
mod declared;
mod draft;
mod envelope;
mod identities;
mod keys;
mod knowledge;
mod ledgers;
mod outcome;
mod place;
mod refs;
mod refusals;
mod register;
mod service_checks;
mod settle;
mod shape;
mod split;
mod stated;
mod wave;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::identity::IdentityKey;
use crate::log::EventLog;
use crate::random::Random;
use crate::settings::Settings;
use crate::time::Clock;
use crate::trust::vault::Vault;

pub use batch::Item;
pub use envelope::MAX_DEPTH;
pub use outcome::{Outcome, Receipt, Rejection};
pub use shape::MAX_EVENT_BYTES;

/// Who posts.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Who, an opaque id that comes from his key.
    pub actor: String,
    /// From which system, for items that do not say.
    pub source: Option<String>,
    /// Whether ULIDs of clients are taken on trust, as an export that is imported again needs it.
    pub restores: bool,
}

/// Takes facts in.
pub struct Intake {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    identity: IdentityKey,
    clock: Arc<dyn Clock>,
    random: Arc<Random>,
    settings: Settings,
    known: clients::Known,
    keys: keys::Keys,
    ledgers: ledgers::Ledgers,
    declared: declared::DeclaredTypes,
    stated: stated::Stated,
    /// Whoever lost a race decides again alone, so that among any number of callers each gets his turn.
    turn: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Intake")
    }
}

impl Intake {
    /// Over a log and its keys.
    pub fn new(
        log: Arc<dyn EventLog>,
        vault: Arc<Vault>,
        identity: IdentityKey,
        clock: Arc<dyn Clock>,
        random: Arc<Random>,
        settings: Settings,
    ) -> Self {
        Self {
            log,
            vault,
            identity,
            clock,
            random,
            settings,
            known: clients::Known::default(),
            keys: keys::Keys::default(),
            ledgers: ledgers::Ledgers::default(),
            declared: declared::DeclaredTypes::default(),
            stated: stated::Stated::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Posts items; the answers stand in their order, and everything accepted is on disk.
    ///
    /// Items stand or fall on their own, unless `atomic`: then all are stored in one commit or none is.
    pub async fn post(&self, caller: &Caller, items: Vec<Value>, atomic: bool) -> Vec<Outcome> {
        self.post_read(caller, items.into_iter().map(|item| self.read(caller, item)).collect(), atomic).await
    }

    /// Reads an item to be posted by the same caller. The log is not asked, so this may go on on any thread while
    /// earlier items are posted.
    pub fn read(&self, caller: &Caller, item: Value) -> Item {
        self.read_item(caller, item)
    }

    /// As [`Intake::post`], of items that were read before.
    ///
    /// Boxed, so that all of the intake is compiled once, here, and not wherever it is awaited.
    pub fn post_read<'a>(
        &'a self,
        caller: &'a Caller,
        mut items: Vec<Item>,
        atomic: bool,
    ) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(async move {
            if atomic {
                self.post_atomic(caller, &mut items).await;
            } else {
                self.post_each(caller, &mut items).await;
            }
            self.record_refusals(caller, &mut items).await;
            items.into_iter().map(Item::answer).collect()
        })
    }

    /// Owners of identities are looked up in the log again: something else than this intake changed them.
    pub fn forget_identities(&self) {
        self.known.forget_owners();
    }
}
