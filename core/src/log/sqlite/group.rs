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

/// The jobs of one transaction, as they come: what waits when it begins, and what comes while they are written.
///
/// Whatever shares a transaction shares its sync and the pages that it touches.
pub(super) struct Group {
    first: Option<Job>,
    /// How many were taken.
    taken: usize,
    /// How many the last group had.
    last: usize,
    events: usize,
    bytes: usize,
    lingered: bool,
    /// The message that ended the group, when it was no append.
    pub(super) behind: Option<Message>,
}

impl Group {
    pub(super) fn new(first: Job, last: usize) -> Self {
        Self { first: Some(first), taken: 0, last, events: 0, bytes: 0, lingered: false, behind: None }
    }

    /// The next job; `None` when the group has reached its bounds or nothing waits.
    ///
    /// Writers that wait for each answer all come back at once, and an early end would leave most of them to the next
    /// sync: a group smaller than the last one waits once. A lone writer never waits.
    pub(super) fn next(&mut self, queue: &mut mpsc::Receiver<Message>) -> Option<Job> {
        let job = self.first.take().or_else(|| self.waiting(queue))?;
        self.taken += 1;
        self.events += job.events;
        self.bytes += job.bytes;
        Some(job)
    }

    fn waiting(&mut self, queue: &mut mpsc::Receiver<Message>) -> Option<Job> {
        if self.behind.is_some() || self.events >= GROUP_EVENTS || self.bytes >= GROUP_BYTES {
            return None;
        }
        let mut message = queue.try_recv();
        if message.is_err() && self.taken < self.last && !self.lingered {
            self.lingered = true;
            std::thread::sleep(LINGER);
            message = queue.try_recv();
        }
        match message.ok()? {
            Message::Append(job) => Some(job),
            other => {
                self.behind = Some(other);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples::{commit, event, stream};

    fn job(events: u128) -> Job {
        let events = (1..=events).map(|id| event(id, stream(1))).collect();
        jobs(vec![commit(events)]).remove(0).0
    }

    fn put(sender: &mpsc::Sender<Message>, message: Message) {
        assert!(sender.try_send(message).is_ok(), "there is room");
    }

    #[test]
    fn what_comes_while_a_group_is_written_belongs_to_it_up_to_its_bounds() {
        let (sender, mut queue) = mpsc::channel(QUEUE);
        let mut group = Group::new(job(1), 0);
        assert!(group.next(&mut queue).is_some());
        put(&sender, Message::Append(job(2)));
        assert_eq!(group.next(&mut queue).map(|job| job.events), Some(2));
        for _ in 0..20 {
            put(&sender, Message::Append(job(1_000)));
        }
        let more = std::iter::from_fn(|| group.next(&mut queue)).count();
        assert_eq!(more, GROUP_EVENTS.div_ceil(1_000));
        assert!(group.behind.is_none());
        assert!(matches!(receive(&mut queue), Some(Message::Append(_))), "the rest is left to the next group");
    }

    #[test]
    fn what_is_no_append_ends_the_group_and_comes_next() {
        let (sender, mut queue) = mpsc::channel(QUEUE);
        let mut group = Group::new(job(1), 0);
        put(&sender, Message::Erase(vec![Position(1)], oneshot::channel().0));
        put(&sender, Message::Append(job(1)));
        assert_eq!(std::iter::from_fn(|| group.next(&mut queue)).count(), 1);
        assert!(matches!(group.behind, Some(Message::Erase(..))));
        assert!(matches!(receive(&mut queue), Some(Message::Append(_))));
    }

    #[test]
    fn a_group_smaller_than_the_last_one_waits_once_and_a_lone_writer_never() {
        let (_sender, mut queue) = mpsc::channel(QUEUE);
        for (last, lingers) in [(0, false), (1, false), (2, true)] {
            let mut group = Group::new(job(1), last);
            assert_eq!(std::iter::from_fn(|| group.next(&mut queue)).count(), 1);
            assert_eq!(group.lingered, lingers, "{last}");
        }
    }
}
