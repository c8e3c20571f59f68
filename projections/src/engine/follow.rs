//! Following a log on a thread of its own.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use letopis_core::error::chain;
use letopis_core::ids::Position;
use letopis_core::log::EventLog;
use tokio::sync::watch;

use super::EngineError;
use super::pool::lock;

/// A step that held so many events is followed by the next at once: there is a backlog.
const MANY: usize = 256;
/// Why a follower has stopped, if it has.
pub(crate) type Stopped = Mutex<Option<String>>;

/// Calls `step` again and again, which takes in the next page of the log and says how many events it held and
/// up to where all is taken in; waits for more at the head. Ends when `stop` changes, its sender is dropped, or a step
/// fails.
///
/// What is appended within a `pause` is taken in together: a transaction for every event would cost those who write to
/// the log more than the events do. Whoever waits for a position waits so much longer.
pub(crate) fn follow<T: Send + Sync + 'static>(
    log: Arc<dyn EventLog>,
    mut stop: watch::Receiver<bool>,
    pause: Duration,
    who: Arc<T>,
    stopped: impl Fn(&T) -> &Stopped + Send + 'static,
    step: impl AsyncFn(&T) -> Result<(usize, Position), EngineError> + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        letopis_core::background::give_way();
        let fail = |reason: String| {
            tracing::error!(reason, "the log is not followed any more");
            *lock(stopped(&who)) = Some(reason);
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format!("no runtime: {error}")),
        };
        runtime.block_on(async {
            while !*stop.borrow() && stop.has_changed().is_ok() {
                match step(&who).await {
                    Ok((MANY.., _)) => {}
                    Ok((_, at)) => tokio::select! {
                        more = log.wait_beyond(at) => match more {
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

/// Waits until a follower has taken in an event, at most so long. Returns whether it has.
pub(crate) async fn reached(at: &watch::Sender<Position>, position: Position, at_most: Duration) -> bool {
    let mut seen = at.subscribe();
    tokio::time::timeout(at_most, seen.wait_for(|at| *at >= position)).await.is_ok_and(|at| at.is_ok())
}
