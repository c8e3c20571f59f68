//! What waits for the writer, and how much of it goes into one transaction.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::ids::Position;
use crate::log::sequence::Hashes;
use crate::log::{AppendError, Commit, LogError, Placed};

/// Most jobs that wait for the writer.
pub(super) const QUEUE: usize = 1_024;
/// Most events of one group; a group ends with the job that reaches it.
const GROUP_EVENTS: usize = 8_192;
/// Most bytes of one group; a group ends with the job that reaches it.
const GROUP_BYTES: usize = 4 << 20;
/// How long a group waits once for writers that were in the last one and are on their way again.
const LINGER: Duration = Duration::from_micros(100);
/// How long the writer stays awake when nothing waits.
const AWAKE: Duration = Duration::from_micros(100);
/// Most events of one job; it ends with the commit that reaches it.
const JOB_EVENTS: usize = 1_024;
/// Most bytes of one job; it ends with the commit that reaches it.
const JOB_BYTES: usize = 1 << 20;

/// The answers to the commits of one job.
pub(super) type Answers = Vec<Result<Vec<Placed>, AppendError>>;

/// Commits that were submitted together.
pub(super) struct Job {
    /// Each with the hashes of its events.
    pub(super) commits: Vec<(Commit, Vec<Hashes>)>,
    /// Where the answers go.
    pub(super) reply: oneshot::Sender<Answers>,
    events: usize,
    bytes: usize,
}

/// What the writer is asked to do.
pub(super) enum Message {
    /// To append.
    Append(Job),
    /// To delete sealed parts.
    Erase(Vec<Position>, oneshot::Sender<Result<(), LogError>>),
}

/// Hashes the bodies, on the caller's thread, and cuts the commits into jobs of a bounded size.
pub(super) fn jobs(commits: Vec<Commit>) -> Vec<(Job, oneshot::Receiver<Answers>)> {
    let mut commits = commits.into_iter().peekable();
    let mut jobs = Vec::new();
    while commits.peek().is_some() {
        let (reply, answers) = oneshot::channel();
        let mut job = Job { commits: Vec::new(), reply, events: 0, bytes: 0 };
        while job.events < JOB_EVENTS && job.bytes < JOB_BYTES {
            let Some(commit) = commits.next() else { break };
            let body = |sealed: &Option<Box<[u8]>>| sealed.as_ref().map_or(0, |sealed| sealed.len());
            job.events += commit.events.len().max(1);
            job.bytes += commit.events.iter().map(|e| e.meta.len() + e.facts.len() + body(&e.sealed)).sum::<usize>();
            let hashes = commit.events.iter().map(Hashes::of).collect();
            job.commits.push((commit, hashes));
        }
        jobs.push((job, answers));
    }
    jobs
}

/// The next message; `None` when nobody can send one any more.
///
/// Whoever writes one event after the other sends the next as soon as he has his answer: a thread that sleeps by then
/// takes longer to wake than the event takes to be written.
pub(super) fn receive(queue: &mut mpsc::Receiver<Message>) -> Option<Message> {
    let since = Instant::now();
    while since.elapsed() < AWAKE {
        match queue.try_recv() {
            Ok(message) => return Some(message),
            Err(mpsc::error::TryRecvError::Disconnected) => return None,
            Err(mpsc::error::TryRecvError::Empty) => std::thread::yield_now(),
        }
    }
    queue.blocking_recv()
}

/// Takes what waits, up to the bounds; also the message behind the group when it is no append.
///
/// `last` is the number of jobs in the last group: writers that wait for each answer all come back at once, and
/// an early start would leave most of them to the next fsync. A lone writer never waits.
pub(super) fn collect(first: Job, queue: &mut mpsc::Receiver<Message>, last: usize) -> (Vec<Job>, Option<Message>) {
    let (mut events, mut bytes) = (first.events, first.bytes);
    let mut group = vec![first];
    let mut lingered = false;
    while events < GROUP_EVENTS && bytes < GROUP_BYTES {
        match queue.try_recv() {
            Ok(Message::Append(job)) => {
                events += job.events;
                bytes += job.bytes;
                group.push(job);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) if group.len() < last && !lingered => {
                lingered = true;
                std::thread::sleep(LINGER);
            }
            Err(_) => break,
        }
    }
    (group, None)
}
