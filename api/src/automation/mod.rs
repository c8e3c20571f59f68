//! What is done by rule: follows the log, asks the rules about what was recorded, and records what they want done.
//!
//! Every intent has an id that follows from its rule and its cause, so acting twice on one event records once: after
//! a crash the last moments are simply gone through again. Facts recorded before a rule are never acted upon, and a
//! rebuild of views has nobody here who would act. Dates that pass are looked up in the view of tasks by the server's
//! clock; those that passed while it stood still are caught up with.

mod mark;
mod runner;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use letopis_core::ids::Position;
use letopis_core::time::Timestamp;
use tokio::sync::watch;

use crate::state::App;
use mark::MarkFile;
use runner::Runner;

/// How far what is done by rule has come.
#[derive(Debug)]
pub struct Automation {
    file: MarkFile,
    progress: watch::Sender<Progress>,
    failure: Mutex<Option<String>>,
}

/// How far what is done by rule has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last event that was gone through.
    pub position: Position,
    /// Dates of tasks up to here were acted upon when they passed.
    pub due_upto: Timestamp,
}

impl Automation {
    /// Of a data folder.
    pub fn open(dir: &Path) -> Self {
        let progress = watch::Sender::new(Progress::default());
        Self { file: MarkFile::in_folder(dir), progress, failure: Mutex::default() }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Why nothing is done by rule any more, if so.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has come so far, at most so long. Returns whether it has.
    pub async fn wait_until(&self, so_far: impl FnMut(&Progress) -> bool, at_most: Duration) -> bool {
        let mut seen = self.progress.subscribe();
        tokio::time::timeout(at_most, seen.wait_for(so_far)).await.is_ok_and(|reached| reached.is_ok())
    }
}

/// Acts by rule on a thread of its own until `stop` changes or its sender is dropped.
pub fn follow(app: App, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    letopis_core::background::spawn("automation", move || {
        let fail = |reason: String| {
            tracing::error!(reason, "nothing is done by rule any more");
            *app.automation.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format!("no runtime: {error}")),
        };
        if let Err(error) = runtime.block_on(Runner::new(&app).run(stop)) {
            fail(letopis_core::error::chain(&error));
        }
    })
}
