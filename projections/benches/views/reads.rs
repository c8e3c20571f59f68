//! Reads of single clients and of totals, alone and while others write; and how far the views lag behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use letopis_core::ids::{ClientId, Position};
use letopis_core::log::NewEvent;
use letopis_core::time::{Clock, Day, Moment, SECOND_US, SystemClock, Timestamp};
use letopis_projections::engine::generations::Views;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::list::Window;
use letopis_projections::engine::question::{About, Params};
use letopis_projections::engine::row::Owner;
use letopis_projections::views;
use letopis_projections::views::funnel::{self, By};
use letopis_projections::views::history::{self, HistoryQuery};

use crate::world::{PER_CLIENT, START, World};

/// What is read.
pub(crate) const READS: [&str; 5] = [
    "client card",
    "last page of history",
    "card as of a past day",
    "funnel board as of a past day",
    "everything for a call",
];

/// Median and 99th percentile, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Times {
    fn of(times: &mut [Duration]) -> Self {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

/// Card, history, dated answers and the card with all that belongs to it, in the order of [`READS`].
pub(crate) async fn reads(views: &Arc<Views>, clients: u64) -> [Times; READS.len()] {
    let now = SystemClock.now();
    // Behind all that happened: the most there is to fold of each client.
    let past = Timestamp(START + 701 * 86_400 * SECOND_US);
    let dated = Clocks { as_of: Some(past), known_at: None };
    let [mut cards, mut pages, mut as_of, mut boards, mut wholes] = [const { Vec::new() }; READS.len()];
    let whole = views::questions().find(|question| question.name == "client-360").expect("the question");
    let About::Client(whole) = whole.about else { panic!("it is about a client") };
    for n in 0..2_000_u64 {
        let client = ClientId(1 + u128::from(n * 7_919 % clients));
        let started = Instant::now();
        let card =
            views.read_client(client, Clocks::default(), now, |r, root| views::client::card(r, Owner::from(root)));
        std::hint::black_box(card.await.expect("a card").0.expect("known"));
        cards.push(started.elapsed());
        let started = Instant::now();
        let (query, window) = (HistoryQuery { newest_first: true, ..HistoryQuery::default() }, Window::default());
        let page = views.read_client(client, Clocks::default(), now, |r, root| {
            history::page(r, Owner::from(root), &query, &window)
        });
        std::hint::black_box(page.await.expect("a page"));
        pages.push(started.elapsed());
        let started = Instant::now();
        let answer =
            views.read_client(client, Clocks::default(), now, |r, root| whole(r, &mut Params::default(), root));
        std::hint::black_box(answer.await.expect("an answer"));
        wholes.push(started.elapsed());
        if n % 4 == 0 {
            let started = Instant::now();
            let card = views.read_client(client, dated, past, |r, root| views::client::card(r, Owner::from(root)));
            std::hint::black_box(card.await.expect("a card"));
            as_of.push(started.elapsed());
        }
        if n % 8 == 0 {
            let day = Day(19_723 + (n % 700) as i32);
            let started = Instant::now();
            let model = "default".parse().expect("a code");
            let board = views.read(now, |r| funnel::board(r, &model, By::default(), day));
            std::hint::black_box(board.await.expect("a board"));
            boards.push(started.elapsed());
        }
    }
    [&mut cards, &mut pages, &mut as_of, &mut boards, &mut wholes].map(|times| Times::of(times))
}

/// Some that write single events side by side, at a steady rate together.
pub(crate) struct Writers {
    done: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    since: Instant,
}

/// One of them alone does not keep a rate of thousands: each event is on disk before the next.
const WRITERS: u32 = 8;

impl Writers {
    /// Starts; `seen` is told where each event was put as soon as it is acknowledged.
    pub(crate) fn start(
        world: &Arc<World>,
        clients: u64,
        per_second: u32,
        seen: impl Fn(Position) + Clone + Send + 'static,
    ) -> Self {
        let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = |writer: u32| {
            let (world, done, written, seen) =
                (Arc::clone(world), Arc::clone(&done), Arc::clone(&written), seen.clone());
            tokio::spawn(async move {
                let key = world.vault.take().expect("a key");
                let mut tick = tokio::time::interval(Duration::from_secs(1) * WRITERS / per_second);
                tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
                let mut n = u64::from(writer);
                while !done.load(Ordering::Relaxed) {
                    tick.tick().await;
                    n += u64::from(WRITERS);
                    // Later than all that is there: a call of somebody.
                    let event = world.event(n * 104_729 % clients, 701 + n * PER_CLIENT, &key);
                    let event = NewEvent { occurred: Moment::utc(SystemClock.now()), ..event };
                    let position = world.append(vec![event]).await;
                    written.fetch_add(1, Ordering::Relaxed);
                    seen(position);
                }
            })
        };
        let tasks = (0..WRITERS).map(start).collect();
        Self { done, written, tasks, since: Instant::now() }
    }

    /// Ends, and tells how many events there were in a second.
    pub(crate) async fn stop(self) -> f64 {
        self.done.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("written");
        }
        self.written.load(Ordering::Relaxed) as f64 / self.since.elapsed().as_secs_f64()
    }
}

/// From acknowledged to visible in every view, for every tenth event; and the rate that was reached.
pub(crate) async fn lag(world: &Arc<World>, views: &Arc<Views>, clients: u64, per_second: u32) -> (Times, f64) {
    let (sender, mut waits) = tokio::sync::mpsc::unbounded_channel();
    let waiting = Arc::clone(views);
    let writers = Writers::start(world, clients, per_second, move |position| {
        if position.0.is_multiple_of(10) {
            let (views, sender, acked) = (Arc::clone(&waiting), sender.clone(), Instant::now());
            tokio::spawn(async move {
                assert!(views.wait_for(position, Duration::from_secs(60)).await, "{:?}", views.failure());
                let _ = sender.send(acked.elapsed());
            });
        }
    });
    tokio::time::sleep(Duration::from_secs(8)).await;
    let rate = writers.stop().await;
    let mut times = Vec::new();
    while let Some(time) = waits.recv().await {
        times.push(time);
    }
    (Times::of(&mut times), rate)
}
