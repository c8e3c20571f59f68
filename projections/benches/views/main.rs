//! Rebuild, reads and live lag at one or several sizes of the log.
//!
//! `LETOPIS_BENCH_EVENTS=10000,100000,1000000 cargo bench -p letopis-projections --bench views` prints a table for
//! each size and, when there are several, one of how the figures grow. `LETOPIS_BENCH_CHART=docs/growth.svg`
//! draws that, too. What is measured is in `docs/performance.md`.

mod growth;
mod reads;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use letopis_core::fact::{Fact, Opener};
use letopis_core::ids::Position;
use letopis_core::log::{EventLog, MAX_PAGE, NewEvent};
use letopis_core::time::{Clock, Moment, SystemClock, Zone};
use letopis_projections::engine::generations::Views;
use letopis_projections::engine::group::Aliases;
use letopis_projections::engine::live;
use letopis_projections::engine::rebuild::{MEMORY, Options, rebuild};
use letopis_projections::views;

use crate::growth::Figures;
use crate::reads::{READS, Writers};
use crate::world::{PER_CLIENT, World};

// As the server does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events that are folded in together, and how many are.
const LIVE: [u64; 2] = [10, 1_000];
const LIVE_EVENTS: u64 = 20_000;

/// A field of `/proc/self/status`, in MiB.
fn status_mib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1_024
}

/// Processor time of this process so far, in seconds; ticks of a hundredth.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = |n| after.split(' ').nth(n).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn size_of(path: &Path) -> u64 {
    ["", "-wal"]
        .iter()
        .filter_map(|end| std::fs::metadata(format!("{}{end}", path.display())).ok())
        .map(|m| m.len())
        .sum()
}

/// Reads and decodes the whole log on one thread; events in a second.
async fn bare(world: &World, events: u64) -> f64 {
    let started = Instant::now();
    let mut at = Position(0);
    loop {
        let page = world.log.read_all(at, MAX_PAGE).await.expect("a page");
        let Some(last) = page.last() else { return events as f64 / started.elapsed().as_secs_f64() };
        at = last.position;
        for recorded in page {
            std::hint::black_box(Fact::decode(recorded, Opener::Closed).expect("a fact"));
        }
    }
}

/// Processor time of the calling thread so far, in µs.
fn thread_us() -> f64 {
    // The system counts it when the thread gives the processor away, or at its next tick, which is late here.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e3
}

/// Folds new events, a few or many at a time, into views of the whole log; µs of processor time an event.
async fn lives(world: &World, figures: &mut Figures) {
    let (list, clients) = (views::all(), figures.events / PER_CLIENT);
    let path = world.dir.path().join("live.db");
    let file = rebuild(world.source(&list), &path, &Zone::default(), Options::default(), &|_, _| {}).await;
    let (mut file, mut aliases) = (file.expect("rebuilt"), Aliases::default());
    let key = world.vault.take().expect("a key");
    let mut n = 0;
    for (batch, live_us) in LIVE.into_iter().zip(&mut figures.live_us) {
        let mut used = 0.0;
        for _ in 0..LIVE_EVENTS / batch {
            let event = |n: u64| NewEvent {
                occurred: Moment::utc(SystemClock.now()),
                ..world.event(n * 104_729 % clients, 1_000_000 + n, &key)
            };
            world.append((n..n + batch).map(event).collect()).await;
            n += batch;
            let before = thread_us();
            while live::step(world.source(&list), &mut file, &mut aliases).await.expect("folded") > 0 {}
            used += thread_us() - before;
        }
        *live_us = used / LIVE_EVENTS as f64;
    }
}

/// Rebuilds all views beside bare scans, in turns.
async fn rebuilds(world: &World, figures: &mut Figures) {
    let (mut scans, mut ours, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    // One round is enough where it takes minutes.
    for round in 0..if figures.events > 2_000_000 { 1 } else { 3 } {
        scans.push(bare(world, figures.events).await);
        let list = views::all();
        // The peak from here on: 5 sets it back, see proc(5).
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let (started, used) = (Instant::now(), processor_s());
        let path = world.dir.path().join(format!("rebuilt-{round}.db"));
        let file = rebuild(world.source(&list), &path, &Zone::default(), Options::default(), &|_, _| {}).await;
        drop(file.expect("rebuilt"));
        ours.push(figures.events as f64 / started.elapsed().as_secs_f64());
        processor.push((processor_s() - used) * 1e6 / figures.events as f64);
        figures.peak_mib = figures.peak_mib.max(status_mib("VmHWM"));
        figures.view_bytes = size_of(&path);
        std::fs::remove_file(&path).expect("removed");
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    (figures.bare, figures.rebuild, figures.processor_us) = (median(scans), median(ours), median(processor));
    figures.log_bytes = size_of(&world.dir.path().join("log.db"));
}

async fn measure(events: u64) -> Figures {
    let clients = events / PER_CLIENT;
    let world = Arc::new(World::new());
    world.fill(events).await;
    let mut figures = Figures { events, ..Figures::default() };
    rebuilds(&world, &mut figures).await;
    lives(&world, &mut figures).await;

    let dir = world.dir.path().join("views");
    let (log, vault) = (Arc::clone(&world.log) as Arc<dyn EventLog>, Arc::clone(&world.vault));
    let opened = Views::open(&dir, log, Some(vault), Zone::default(), views::all(), MEMORY, &|_, _| {}).await;
    let views = opened.expect("views");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let follower = views.follow(stopped);
    figures.quiet = Some(reads::reads(&views, clients).await);
    let writers = Writers::start(&world, clients, 1_000, |_| ());
    figures.busy = Some(reads::reads(&views, clients).await);
    figures.busy_rate = writers.stop().await;
    let (lag, rate) = reads::lag(&world, &views, clients, 2_000).await;
    (figures.lag, figures.lag_rate) = (Some(lag), rate);
    stop.send_replace(true);
    follower.join().expect("no panic");
    figures
}

fn print(figures: &Figures) {
    let Figures { events, rebuild, bare, processor_us, .. } = figures;
    println!(
        "\n{events} events of {} clients\n| work | ours | against | ratio |\n|---|---|---|---|",
        events / PER_CLIENT
    );
    println!(
        "| rebuild of all views, events/s | {rebuild:.0} | bare scan and decode, one thread: {bare:.0} | {:.2} |",
        rebuild / bare
    );
    println!("| processor time of it, µs an event | {processor_us:.1} | {:.1} | |", 1e6 / bare);
    for (batch, live_us) in LIVE.iter().zip(figures.live_us) {
        println!("| live folding, {batch} events at a time, processor time in µs an event | {live_us:.1} | | |");
    }
    println!("| memory at the peak of the rebuild, MiB | {} | limit 1536 | |", figures.peak_mib);
    println!("| bytes per event: log, views | {}, {} | | |", figures.log_bytes / events, figures.view_bytes / events);
    for (times, what) in [
        (figures.quiet, "nobody writing".to_owned()),
        (figures.busy, format!("{:.0} events/s written", figures.busy_rate)),
    ] {
        for (name, times) in READS.iter().zip(times.into_iter().flatten()) {
            println!("| {name}, {what}, p50 / p99 in ms | {:.2} / {:.2} | | |", times.p50, times.p99);
        }
    }
    if let Some([card, _, as_of, ..]) = figures.quiet {
        println!("| card as of a past day beside the present card, p50 | | limit 5 | {:.1} |", as_of.p50 / card.p50);
    }
    if let Some(lag) = figures.lag {
        let rate = figures.lag_rate;
        println!(
            "| from acknowledged to visible in every view, at {rate:.0} events/s, p50 / p99 in ms | {:.1} / {:.1} | limit 50 | |",
            lag.p50, lag.p99
        );
    }
}

#[tokio::main]
async fn main() {
    let asked = std::env::var("LETOPIS_BENCH_EVENTS").unwrap_or_else(|_| "200000".to_owned());
    let mut all = Vec::new();
    for events in asked.split(',') {
        let events = events.trim().parse().expect("LETOPIS_BENCH_EVENTS is a list of numbers");
        let figures = measure(events).await;
        print(&figures);
        all.push(figures);
    }
    if all.len() > 1 {
        growth::print(&all);
        if let Some(path) = std::env::var_os("LETOPIS_BENCH_CHART") {
            // Cargo starts a bench in the folder of its crate, whoever starts cargo stands in that of the workspace.
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
            std::fs::write(path, growth::chart(&all)).expect("the chart is written");
        }
    }
}
