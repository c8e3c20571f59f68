//! [`App`]: what every handler reaches.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use letopis_core::erasure::Eraser;
use letopis_core::identity::IdentityKey;
use letopis_core::intake::Intake;
use letopis_core::log::EventLog;
use letopis_core::random::Random;
use letopis_core::settings::Settings;
use letopis_core::time::{Clock, Timestamp};
use letopis_core::trust::prove::Proofs;
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::vault::Vault;
use letopis_projections::engine::generations::Views;
use letopis_projections::search::Search;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::automation::Automation;
use crate::keys::Keys;

/// What a server is put together from.
pub struct Parts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The keys of personal fields.
    pub vault: Arc<Vault>,
    /// What forgets.
    pub eraser: Arc<Eraser>,
    /// The secret of keyed hashes.
    pub identity: IdentityKey,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub random: Arc<Random>,
    /// What the data folder says about the tenant.
    pub settings: Settings,
    /// The views.
    pub views: Arc<Views>,
    /// The full-text index.
    pub search: Arc<Search>,
    /// The API keys.
    pub keys: Keys,
    /// Seals the log.
    pub sealer: Arc<Sealer>,
    /// What proves the log.
    pub proofs: Arc<Proofs>,
    /// The line that verifies checkpoints.
    pub log_key: String,
    /// Why the log takes no events until the next start, as soon as that is so.
    pub stopped: watch::Receiver<Option<String>>,
    /// How far what is done by rule has come.
    pub automation: Automation,
}

/// How a rebuild goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Rebuild {
    /// None was asked for, or the last one is in use.
    #[default]
    Idle,
    /// It runs.
    Running {
        /// Events folded.
        done: u64,
        /// Events in all.
        total: u64,
    },
    /// It failed; the views before it are in use.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The state of the server, shared by all handlers.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// See [`App`].
pub struct Inner {
    parts: Parts,
    /// Takes facts in.
    pub intake: Intake,
    /// Cancelled when the server ends; long answers end with it.
    pub stop: CancellationToken,
    /// How the rebuild goes.
    pub rebuild: Mutex<Rebuild>,
}

impl App {
    /// Puts a server together.
    pub fn new(parts: Parts) -> Self {
        let intake = Intake::new(
            Arc::clone(&parts.log),
            Arc::clone(&parts.vault),
            parts.identity.clone(),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.random),
            parts.settings.clone(),
        );
        crate::telemetry::metrics();
        Self(Arc::new(Inner { parts, intake, stop: CancellationToken::new(), rebuild: Mutex::default() }))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}
