//! The sealer on a thread of its own, and whether it still works.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Sealer, SealerError};
use crate::log::{AppendError, LogError};

/// How long after the log refused a seal it is tried again.
const RETRY: Duration = Duration::from_secs(10);

impl Sealer {
    /// [`Sealer::run`] on a thread of its own. A failure stops the sealer, not the server; where the log takes no
    /// events for a while, it is tried again.
    pub fn follow(self: &Arc<Self>, stop: watch::Receiver<bool>) -> std::thread::JoinHandle<()> {
        let sealer = Arc::clone(self);
        crate::background::spawn("sealer", move || {
            let done = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
                Ok(runtime) => runtime.block_on(sealer.keep_running(stop)),
                Err(error) => Err(LogError::new("no runtime for the sealer", error).into()),
            };
            if let Err(error) = done {
                tracing::error!(error = &error as &dyn std::error::Error, "the log is not sealed any more");
                sealer.fail(Some(&error));
            }
        })
    }

    async fn keep_running(&self, mut stop: watch::Receiver<bool>) -> Result<(), SealerError> {
        loop {
            match self.run(stop.clone()).await {
                Err(error @ SealerError::Append(AppendError::Refused(_)))
                    if !*stop.borrow() && stop.has_changed().is_ok() =>
                {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the log cannot be sealed now");
                    self.fail(Some(&error));
                }
                done => return done,
            }
            tokio::select! { () = tokio::time::sleep(RETRY) => {} _ = stop.changed() => {} }
        }
    }

    pub(super) fn fail(&self, error: Option<&SealerError>) {
        let reason = error.map(|error| error.to_string());
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Why the log is not sealed any more, if it is not.
    pub fn failure(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
