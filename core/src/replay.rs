//! [`replay`]: the log from one position to another, in order, read and decoded on all processors.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::ids::Position;
use crate::log::{EventLog, LogError, MAX_PAGE, Recorded};

/// Hands over the events after one position up to another, page by page in the order of the log. Each page is read,
/// decoded and taken on one of several threads, so that its memory stays with it; only one page is taken at a time.
///
/// # Errors
/// The first, in the order of the log, of what the log, `decode` or `take` say; nothing behind it is taken.
pub fn replay<T, E: From<LogError> + Send>(
    log: &dyn EventLog,
    after: Position,
    upto: Position,
    decode: impl Fn(Recorded) -> Result<T, E> + Sync,
    take: impl FnMut(Vec<T>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let pages = upto.0.saturating_sub(after.0).div_ceil(MAX_PAGE as u64);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Turns { state: Mutex::new(State { next: 0, take, end: End::Open }), moved: Condvar::new() };
    let read = |first: u64| {
        let _watch = Watch(&turns);
        // Reads of a log need nothing of a runtime but that there is one.
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                turns.take::<T>(first, Err(LogError::new("reading the log", error).into()));
                return;
            }
        };
        for number in (first..pages).step_by(threads) {
            let from = after.0 + number * MAX_PAGE as u64;
            let last = upto.0.min(from + MAX_PAGE as u64);
            let page = runtime.block_on(log.read_all(Position(from), (last - from) as usize));
            let page = page.map_err(E::from).and_then(|page| page.into_iter().map(&decode).collect());
            if !turns.take(number, page) {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for first in 0..threads as u64 {
            let read = &read;
            scope.spawn(move || read(first));
        }
    });
    match turns.state.into_inner().unwrap_or_else(PoisonError::into_inner).end {
        End::Failed(error) => Err(error),
        End::Open | End::Panicked => Ok(()),
    }
}

/// Whose turn it is.
struct Turns<F, E> {
    state: Mutex<State<F, E>>,
    moved: Condvar,
}

struct State<F, E> {
    /// The page that is taken next.
    next: u64,
    take: F,
    end: End<E>,
}

enum End<E> {
    Open,
    Failed(E),
    /// The scope of the threads goes on with the panic.
    Panicked,
}

impl<F, E> Turns<F, E> {
    fn state(&self) -> MutexGuard<'_, State<F, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a page when all before it are taken; drops it when one of them failed. Returns whether to go on.
    fn take<T>(&self, number: u64, page: Result<Vec<T>, E>) -> bool
    where
        F: FnMut(Vec<T>) -> Result<(), E>,
    {
        let waits = |state: &mut State<F, E>| state.next != number && matches!(state.end, End::Open);
        let mut state = self.moved.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        if matches!(state.end, End::Open) {
            match page.and_then(|page| (state.take)(page)) {
                Ok(()) => state.next += 1,
                Err(error) => state.end = End::Failed(error),
            }
            self.moved.notify_all();
        }
        matches!(state.end, End::Open)
    }
}

/// Lets the others go when the thread panics.
struct Watch<'a, F, E>(&'a Turns<F, E>);

impl<F, E> Drop for Watch<'_, F, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().end = End::Panicked;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::log::memory::MemoryLog;
    use crate::testing::samples::{commit, event, stream};
    use crate::time::SystemClock;

    /// A log of so many events.
    fn log(events: u64) -> MemoryLog {
        let log = MemoryLog::new(Arc::new(SystemClock));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ids: Vec<u64> = (1..=events).collect();
        for part in ids.chunks(MAX_PAGE) {
            let events = part.iter().map(|&id| event(id.into(), stream(id.into()))).collect();
            runtime.block_on(log.append(commit(events))).expect("appended");
        }
        log
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn each_event_comes_once_and_in_order_up_to_the_first_that_fails(
            events in 0u64..6_000, after in 0u64..3_000, upto in 0u64..6_000, broken in 0u64..9_000
        ) {
            let log = log(events);
            let decode = |event: Recorded| match event.position.0 {
                position if position == broken => Err(LogError::damage("broken")),
                position => Ok(position),
            };
            let mut taken = Vec::new();
            let done = replay(&log, Position(after), Position(upto), decode, |page| {
                taken.extend(page);
                Ok(())
            });
            let due: Vec<u64> = (after + 1..=upto.min(events)).collect();
            prop_assert_eq!(done.is_err(), due.contains(&broken));
            // The page that holds what is broken is not taken, all before it are.
            let whole = if done.is_err() { (broken - after - 1) / MAX_PAGE as u64 * MAX_PAGE as u64 } else { due.len() as u64 };
            prop_assert_eq!(&taken, &due[..whole as usize]);
        }
    }

    #[test]
    fn nothing_is_read_for_ever_when_taking_fails() {
        let log = log(5_000);
        let mut taken = 0;
        let done: Result<(), LogError> = replay(&log, Position(0), Position(5_000), Ok, |page: Vec<Recorded>| {
            taken += page.len();
            if taken > 1_500 { Err(LogError::damage("enough")) } else { Ok(()) }
        });
        assert_eq!((done.expect_err("enough").to_string().as_str(), taken), ("enough", 2_000));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_not_waited_for() {
        let decode = |event: Recorded| if event.position.0 == 1_500 { panic!("broken") } else { Ok(event) };
        let done: Result<(), LogError> = replay(&log(5_000), Position(0), Position(5_000), decode, |_| Ok(()));
        drop(done);
    }
}
