//! Threads that may wait: what follows the log gives way to those who wait for an answer.

/// How much further behind a thread stands in the queue for a processor; it gets about a third of the time of one
/// that does not give way when both want all of it, and everything when nobody else wants any.
#[cfg(target_os = "linux")]
const STEPS: i32 = 5;

/// Lets the calling thread stand behind the threads on which answers are waited for. Where the system knows no rank
/// of single threads, all stay equal.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // No process stands for the calling thread here.
        let done = getpriority_process(None).and_then(|rank| setpriority_process(None, rank + STEPS));
        if let Err(error) = done {
            tracing::debug!(%error, "a follower of the log has the rank of those it should give way to");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_alone() {
        let rank = || rustix::process::getpriority_process(None).expect("a rank");
        let before = rank();
        let behind = std::thread::spawn(move || {
            give_way();
            rank()
        });
        assert_eq!(behind.join().expect("no panic"), (before + STEPS).min(19));
        assert_eq!(rank(), before);
    }
}
