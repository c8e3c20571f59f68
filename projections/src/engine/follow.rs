//! Following a log on a thread of its own.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use letopis_core::background;
use letopis_core::error::chain;
use letopis_core::ids::Position;
use letopis_core::log::EventLog;
use tokio::sync::watch;

use super::EngineError;
use super::pool::lock;

/// A step that held so many events is followed by the next at once: there is a backlog.
const MANY: usize = 256;

/// How far a follower of the log has come, and whether it goes on.
pub(crate) struct Progress {
    at: watch::Sender<Position>,
    failure: Mutex<Option<String>>,
}

impl Progress {
    pub(crate) fn new(at: Position) -> Self {
        Self { at: watch::Sender::new(at), failure: Mutex::default() }
    }

    /// Up to where the log is taken in.
    pub(crate) fn position(&self) -> Position {
        *self.at.borrow()
    }

    /// Tells that it is taken in up to here.
    pub(crate) fn reach(&self, position: Position) {
        self.at.send_replace(position);
    }

    /// Waits until an event is taken in, at most so long. Returns whether it is.
    pub(crate) async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        let mut seen = self.at.subscribe();
        tokio::time::timeout(at_most, seen.wait_for(|at| *at >= position)).await.is_ok_and(|at| at.is_ok())
    }

    /// Why it has stopped, if it has.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Notes why it has stopped, or that it goes on.
    pub(crate) fn set_failure(&self, reason: Option<String>) {
        *lock(&self.failure) = reason;
    }
}

/// Calls `step` again and again, which takes in the next page of the log and says how many events it held; waits for
/// more at the head. Ends when `stop` changes, its sender is dropped, or a step fails.
///
/// What is appended within a `pause` is taken in together: a transaction for every event would cost those who write to
/// the log more than the events do. Whoever waits for a position waits so much longer.
pub(crate) fn follow<T: Send + Sync + 'static>(
    name: &str,
    log: Arc<dyn EventLog>,
    mut stop: watch::Receiver<bool>,
    pause: Duration,
    who: Arc<T>,
    progress: impl Fn(&T) -> &Progress + Send + 'static,
    step: impl AsyncFn(&T) -> Result<usize, EngineError> + Send + 'static,
) -> JoinHandle<()> {
    background::spawn(name, move || {
        let progress = progress(&who);
        let fail = |reason: String| {
            tracing::error!(reason, "the log is not followed any more");
            progress.set_failure(Some(reason));
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format!("no runtime: {error}")),
        };
        runtime.block_on(async {
            while !*stop.borrow() && stop.has_changed().is_ok() {
                match step(&who).await {
                    Ok(MANY..) => {}
                    Ok(_) => tokio::select! {
                        more = log.wait_beyond(progress.position()) => match more {
                            Ok(_) => tokio::time::sleep(pause).await,
                            Err(error) => return fail(chain(&error)),
                        },
                        _ = stop.changed() => return,
                    },
                    Err(error) => return fail(chain(&error)),
                }
            }
        });
    })
}
