//! Rebuild, live lag and reads of one client while others write, at the size that is asked for.
//!
//! `LETOPIS_BENCH_EVENTS=1000000 cargo bench -p letopis-projections --bench views` prints a table. What is
//! measured is in `docs/performance.md`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use letopis_core::events::Event;
use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::{CaseId, ClientId, CommitId, DealId, EventId, OrderId, Position};
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{Commit, EventLog, MAX_PAGE, NewEvent, StreamName};
use letopis_core::random::Random;
use letopis_core::time::{Clock, Moment, SECOND_US, SystemClock, Timestamp, Zone};
use letopis_core::trust::leaf::Meta;
use letopis_core::trust::seal::{self, DataKey, Place};
use letopis_core::trust::vault::{LocalKek, Vault};
use letopis_projections::engine::generations::Views;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::list::Window;
use letopis_projections::engine::live::Source;
use letopis_projections::engine::rebuild::{MEMORY, Options, rebuild};
use letopis_projections::engine::row::Owner;
use letopis_projections::views;
use letopis_projections::views::funnel::{self, By};
use letopis_projections::views::history::{self, HistoryQuery};
use serde_json::{Value, json};

/// Events of one client in the generated log.
const PER_CLIENT: u64 = 10;
/// 2024-01-01T00:00Z.
const START: i64 = 1_704_067_200 * SECOND_US;

struct World {
    dir: tempfile::TempDir,
    log: Arc<SqliteLog>,
    vault: Arc<Vault>,
    random: Random,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
        let log = SqliteLog::open(&dir.path().join("log.db"), Arc::new(SystemClock), SqliteOptions::default());
        let kek = Box::new(LocalKek::new([7; 32]));
        let vault = Vault::open(&dir.path().join("keys.db"), kek, Random::system()).expect("keys");
        Self { dir, log: Arc::new(log.expect("a log")), vault: Arc::new(vault), random: Random::system() }
    }

    /// The n-th thing that happens to a client, as intake would put it.
    fn event(&self, client: u64, n: u64, key: &(u64, DataKey)) -> NewEvent {
        let (own, day) = (u128::from(client), (client * 31 + n * 3) % 700);
        let money = |minor: u64| json!({ "minor": minor, "currency": "EUR" });
        let line = json!([{ "product": format!("p{}", client % 40), "quantity": "2", "unit_price": "12.50" }]);
        let (name, data): (&str, Value) = match n % PER_CLIENT {
            0 => ("client.registered", json!({ "kind": "person", "name": format!("Client number {client}") })),
            1 | 4 | 8 => (
                "call.logged",
                json!({ "direction": "in", "duration_s": 60 + n, "topics": ["delivery", "price"],
                    "summary": "Asked where the parcel is; promised to call back before noon." }),
            ),
            2 => {
                ("order.placed", json!({ "order": OrderId(own), "currency": "EUR", "channel": "shop", "lines": line }))
            }
            3 => (
                "goods.shipped",
                json!({ "order": OrderId(own), "lines": [{ "product": format!("p{}", client % 40), "quantity": "2" }] }),
            ),
            5 => ("payment.received", json!({ "order": OrderId(own), "amount": money(2_500) })),
            6 => (
                "deal.opened",
                json!({ "deal": DealId(own), "stage": (["engaging", "offer", "contract"][(client % 3) as usize]),
                    "product": format!("p{}", client % 40), "amount": money(10_000 + client % 900) }),
            ),
            7 => ("deal.won", json!({ "deal": DealId(own), "amount": money(9_000 + client % 900) })),
            _ => ("case.raised", json!({ "case": CaseId(own), "kind": "complaint", "topic": "delivery" })),
        };
        let event = Event::from_input(name, data).expect("a valid event");
        let id = EventId(self.random.ulid(&SystemClock));
        let stream = StreamName::client(ClientId(own + 1));
        let place = Place { stream: &stream, id, event_type: name, schema: event.schema() };
        let personal = event.personal();
        let sealed = (!personal.is_empty()).then(|| seal::seal(key.0, &key.1, self.random.bytes(), place, &personal));
        NewEvent {
            id,
            event_type: name.into(),
            schema: event.schema(),
            occurred: Moment::utc(Timestamp(START + (day as i64 * 86_400 + n as i64) * SECOND_US)),
            order: 0,
            meta: Meta::default().encode().into(),
            salt: self.random.bytes(),
            facts: event.facts().into(),
            sealed,
            stream,
            if_new: false,
        }
    }

    async fn append(&self, events: Vec<NewEvent>) -> Position {
        let id = CommitId(self.random.ulid(&SystemClock));
        let commit = Commit { id, expected: Vec::new(), events, index: Vec::new() };
        self.log.append(commit).await.expect("appended").last().map(|placed| placed.position).unwrap_or_default()
    }

    /// So many mixed events, all clients side by side.
    async fn fill(&self, events: u64) {
        let clients = events / PER_CLIENT;
        for part in 0..clients.div_ceil(1_000) {
            let clients: Vec<u64> = (part * 1_000..((part + 1) * 1_000).min(clients)).collect();
            let keys: Vec<_> = clients.iter().map(|_| self.vault.take().expect("a key")).collect();
            for n in 0..PER_CLIENT {
                let page = clients.iter().zip(&keys).map(|(client, key)| self.event(*client, n, key));
                self.append(page.collect()).await;
            }
        }
    }

    fn source<'a>(&'a self, views: &'a [Box<dyn letopis_projections::engine::view::View>]) -> Source<'a> {
        Source { log: &*self.log, vault: Some(&self.vault), views }
    }
}

/// The most memory that this process ever held, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1_024
}

fn size_of(path: &Path) -> u64 {
    ["", "-wal"]
        .iter()
        .filter_map(|end| std::fs::metadata(format!("{}{end}", path.display())).ok())
        .map(|m| m.len())
        .sum()
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize]
}

async fn rebuilds(world: &World, events: u64) {
    let mut bare = Vec::new();
    let mut ours = Vec::new();
    for round in 0..3 {
        let started = Instant::now();
        let mut at = Position(0);
        loop {
            let page = world.log.read_all(at, MAX_PAGE).await.expect("a page");
            let Some(last) = page.last() else { break };
            at = last.position;
            for recorded in page {
                std::hint::black_box(Fact::decode(recorded, Opener::Closed).expect("a fact"));
            }
        }
        bare.push(events as f64 / started.elapsed().as_secs_f64());
        let list = views::all();
        let started = Instant::now();
        let path = world.dir.path().join(format!("rebuilt-{round}.db"));
        let file = rebuild(world.source(&list), &path, &Zone::default(), Options::default(), &|_, _| {}).await;
        drop(file.expect("rebuilt"));
        ours.push(events as f64 / started.elapsed().as_secs_f64());
    }
    bare.sort_by(f64::total_cmp);
    ours.sort_by(f64::total_cmp);
    println!(
        "| rebuild of all views, events/s | {:.0} | bare scan and decode, one thread: {:.0} | {:.2} |",
        ours[1],
        bare[1],
        ours[1] / bare[1]
    );
    println!("| memory at the peak of the rebuild, MiB | {} | limit 1536 | |", peak_mib());
    let (log, views) = (size_of(&world.dir.path().join("log.db")), size_of(&world.dir.path().join("rebuilt-0.db")));
    println!("| bytes per event: log, views | {}, {} | | |", log / events, views / events);
}

/// Card, history and dated answers of single clients; `what` tells beside what.
async fn reads(world: &World, views: &Arc<Views>, clients: u64, what: &str) {
    let now = SystemClock.now();
    let past = Timestamp(START + 300 * 86_400 * SECOND_US);
    let dated = Clocks { as_of: Some(past), known_at: None };
    let (mut cards, mut pages, mut as_of) = (Vec::new(), Vec::new(), Vec::new());
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
        if n % 10 == 0 {
            let started = Instant::now();
            let card = views.read_client(client, dated, past, |r, root| views::client::card(r, Owner::from(root)));
            std::hint::black_box(card.await.expect("a card"));
            as_of.push(started.elapsed());
        }
    }
    let mut boards = Vec::new();
    for n in 0..200 {
        let day = letopis_core::time::Day(19_723 + n * 3);
        let started = Instant::now();
        let model = "default".parse().expect("a code");
        let board = views.read(now, |r| funnel::board(r, &model, By::default(), day));
        std::hint::black_box(board.await.expect("a board"));
        boards.push(started.elapsed());
    }
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let show = |name: &str, times: &mut [Duration]| {
        println!(
            "| {name}, {what}, p50 / p99 in ms | {:.2} / {:.2} | | |",
            ms(percentile(times, 0.5)),
            ms(percentile(times, 0.99))
        );
    };
    show("client card", &mut cards);
    show("last page of history", &mut pages);
    show("card as of a past day", &mut as_of);
    show("funnel board as of a past day", &mut boards);
    let _ = world;
}

/// Writes single events at a steady rate until told to stop.
async fn write(
    world: &World,
    clients: u64,
    per_second: u32,
    until: &AtomicBool,
    mut seen: impl AsyncFnMut(Position, Instant),
) {
    let key = world.vault.take().expect("a key");
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut n = 0_u64;
    while !until.load(Ordering::Relaxed) {
        tick.tick().await;
        n += 1;
        // Later than all that is there: a call of somebody.
        let event = world.event(n * 104_729 % clients, 701 + n * PER_CLIENT, &key);
        let event = NewEvent { occurred: Moment::utc(SystemClock.now()), ..event };
        let position = world.append(vec![event]).await;
        seen(position, Instant::now()).await;
    }
}

#[tokio::main]
async fn main() {
    let events: u64 = std::env::var("LETOPIS_BENCH_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let clients = events / PER_CLIENT;
    let world = Arc::new(World::new());
    world.fill(events).await;
    println!("{events} events of {clients} clients\n| work | ours | against | ratio |\n|---|---|---|---|");
    rebuilds(&world, events).await;

    let dir = world.dir.path().join("views");
    let (log, vault) = (Arc::clone(&world.log) as Arc<dyn EventLog>, Arc::clone(&world.vault));
    let opened = Views::open(&dir, log, Some(vault), Zone::default(), views::all(), MEMORY, &|_, _| {}).await;
    let views = opened.expect("views");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let follower = views.follow(stopped);
    reads(&world, &views, clients, "nobody writing").await;

    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        async move { write(&world, clients, 1_000, &done, async |_, _| ()).await }
    });
    reads(&world, &views, clients, "1,000 events/s written").await;
    done.store(true, Ordering::Relaxed);
    writer.await.expect("written");

    let mut lags = Vec::new();
    let ended = AtomicBool::new(false);
    let started = Instant::now();
    write(&world, clients, 2_000, &ended, async |position, acked| {
        // Every tenth is waited for; the others keep the pace.
        if position.0 % 10 == 0 {
            assert!(views.wait_for(position, Duration::from_secs(10)).await, "{:?}", views.failure());
            lags.push(acked.elapsed());
        }
        if started.elapsed() > Duration::from_secs(5) {
            ended.store(true, Ordering::Relaxed);
        }
    })
    .await;
    let rate = lags.len() as f64 * 10.0 / started.elapsed().as_secs_f64();
    println!(
        "| from acknowledged to visible in every view, at {rate:.0} events/s, p50 / p99 in ms | {:.1} / {:.1} | limit 50 | |",
        percentile(&mut lags, 0.5).as_secs_f64() * 1e3,
        percentile(&mut lags, 0.99).as_secs_f64() * 1e3
    );
    stop.send_replace(true);
    follower.join().expect("no panic");
}
