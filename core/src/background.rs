//! Threads that may wait: what follows the log gives way to those who wait for an answer.

use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;

/// How much further behind a thread stands in the queue for a processor; it gets about a third of the time of one
/// that does not give way when both want all of it, and everything when nobody else wants any.
#[cfg(target_os = "linux")]
const STEPS: i32 = 5;

/// Steps of SQLite's machine from one look for others to the next: some microseconds.
const LOOK: i32 = 100;

/// Runs work on a thread of its own that stands behind the threads on which answers are waited for, and so do those
/// that it starts. Tools of the system show it by its name. Where the system knows no rank of single threads, all stay
/// equal.
///
/// # Panics
/// As [`std::thread::spawn`], when the system starts no thread.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let run = || {
        give_way();
        work()
    };
    Builder::new().name(name.to_owned()).spawn(run).expect("the system starts a thread")
}

/// Lets others go first while a statement of this connection runs, too: whatever its rank, a thread goes on for
/// milliseconds before the system looks for others.
///
/// # Errors
/// When SQLite does not take the hook.
pub fn give_way_within(conn: &mut Connection) -> rusqlite::Result<()> {
    let look = || {
        std::thread::yield_now();
        false
    };
    conn.progress_handler(LOOK, Some(look))
}

fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // No process stands for the calling thread here.
        let done = getpriority_process(None).and_then(|rank| setpriority_process(None, rank + STEPS));
        if let Err(error) = done {
            tracing::debug!(%error, "a thread has the rank of those it should give way to");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_with_those_that_it_starts_and_no_other() {
        let rank = || rustix::process::getpriority_process(None).expect("a rank");
        let before = rank();
        let behind = spawn("behind", move || (rank(), std::thread::spawn(rank).join().expect("no panic")));
        let due = (before + STEPS).min(19);
        assert_eq!(behind.join().expect("no panic"), (due, due));
        assert_eq!(rank(), before);
    }
}
