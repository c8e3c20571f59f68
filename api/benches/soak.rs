//! A long run at a third of what the server can take: memory stays flat, the write-ahead log bounded, times flat.
//!
//! `cargo bench -p letopis-api --bench soak` runs for 30 minutes, or as many as `LETOPIS_MINUTES` says, and prints a
//! line a minute. Posts are sent when they are due, and timed from then, whether or not earlier ones are answered. Ends
//! with 1 when something grew that must not.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use letopis_core::testing::desk::posted;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

mod server;

const CONNECTIONS: usize = 64;
/// Clients of the business.
const CLIENTS: u64 = 20_000;
/// How long the maximum is measured.
const SPRINT: Duration = Duration::from_secs(15);
/// Most that a write-ahead log may take: what SQLite keeps of it, and what comes in before it is carried over.
const MAX_WAL_MIB: f64 = 384.0;

fn event(n: u64) -> Value {
    posted(n, CLIENTS)
}

struct Connection(TcpStream, Vec<u8>);

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        Self(stream, Vec::with_capacity(4_096))
    }

    /// Posts an event. Returns whether it was taken.
    async fn post(&mut self, n: u64) -> bool {
        let body = event(n).to_string();
        let head = "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length:";
        self.0.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await.expect("sent");
        self.1.clear();
        loop {
            assert!(self.0.read_buf(&mut self.1).await.expect("an answer") > 0, "the server hung up");
            let Some(end) = self.1.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.1[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            if self.1.len() >= end + 4 + length.unwrap_or(0_usize) {
                return head.starts_with("http/1.1 201");
            }
        }
    }
}

/// As fast as the server answers.
async fn sprint(address: &str, next: &Arc<AtomicU64>) -> f64 {
    let (started, mut tasks) = (Instant::now(), tokio::task::JoinSet::new());
    for _ in 0..CONNECTIONS {
        let (address, next) = (address.to_owned(), Arc::clone(next));
        tasks.spawn(async move {
            let (mut connection, mut count) = (Connection::open(&address).await, 0_u64);
            while started.elapsed() < SPRINT {
                count += u64::from(connection.post(next.fetch_add(1, Ordering::Relaxed)).await);
            }
            count
        });
    }
    tasks.join_all().await.into_iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64()
}

/// What a minute came to.
#[derive(Debug, Clone, Copy)]
struct Minute {
    rate: f64,
    p50: f64,
    p99: f64,
    worst: f64,
    memory_mib: f64,
    wal_mib: f64,
    failed: u64,
}

/// Starts callers who share the load and note how long each post took, in ms; a refused one is noted as negative.
fn pace(address: &str, rate: f64, next: &Arc<AtomicU64>, noted: &Arc<Mutex<Vec<f64>>>) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let step = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    for at in 0..CONNECTIONS {
        let (address, next, noted) = (address.to_owned(), Arc::clone(next), Arc::clone(noted));
        tasks.spawn(async move {
            let mut connection = Connection::open(&address).await;
            let mut due = Instant::now() + step.mul_f64(at as f64 / CONNECTIONS as f64);
            loop {
                tokio::time::sleep_until(due.into()).await;
                let taken = connection.post(next.fetch_add(1, Ordering::Relaxed)).await;
                let took = due.elapsed().as_secs_f64() * 1_000.0;
                noted.lock().await.push(if taken { took } else { -1.0 });
                due += step;
            }
        });
    }
    tasks
}

fn minute(mut times: Vec<f64>, seconds: f64, pid: u32, data: &Path) -> Minute {
    times.sort_by(f64::total_cmp);
    let failed = times.iter().take_while(|time| **time < 0.0).count();
    let times = &times[failed..];
    let at =
        |share: f64| times.get((times.len() as f64 * share) as usize).or(times.last()).copied().unwrap_or(f64::NAN);
    let rate = times.len() as f64 / seconds;
    let (memory_mib, wal_mib) = (memory(pid), wal(data));
    Minute { rate, p50: at(0.5), p99: at(0.99), worst: at(1.0), memory_mib, wal_mib, failed: failed as u64 }
}

fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    line.map_or(f64::NAN, |kib: f64| kib / 1_024.0)
}

/// The largest write-ahead log of the folder.
fn wal(data: &Path) -> f64 {
    let sizes =
        [data.to_owned(), data.join("views")].into_iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten());
    let sizes = sizes.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with("-wal"));
    sizes.filter_map(|entry| Some(entry.metadata().ok()?.len())).max().unwrap_or(0) as f64 / f64::from(1 << 20)
}

/// What grew from the second quarter to the last one.
fn complaints(minutes: &[Minute]) -> Vec<String> {
    let quarter = minutes.len().div_ceil(4);
    let middle = |of: fn(&Minute) -> f64, part: &[Minute]| {
        let mut values: Vec<f64> = part.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (early, late) = (&minutes[..minutes.len().min(2 * quarter)], &minutes[minutes.len() - quarter..]);
    let early = &early[early.len() - quarter..];
    let mut found = Vec::new();
    let (from, to) = (middle(|m| m.memory_mib, early), middle(|m| m.memory_mib, late));
    if to > from * 1.2 + 32.0 {
        found.push(format!("memory grew from {from:.0} to {to:.0} MiB"));
    }
    let (from, to) = (middle(|m| m.p99, early), middle(|m| m.p99, late));
    if to > from * 2.0 + 5.0 {
        found.push(format!("the 99th percentile grew from {from:.1} to {to:.1} ms"));
    }
    found.extend(
        minutes
            .iter()
            .position(|m| m.wal_mib > MAX_WAL_MIB)
            .map(|at| format!("a large write-ahead log in minute {}", at + 1)),
    );
    found
        .extend(minutes.iter().position(|m| m.failed > 0).map(|at| format!("posts were refused in minute {}", at + 1)));
    found
}

async fn soak(minutes: u64, dir: &Path) -> Vec<String> {
    let (mut child, address) = server::start(dir);
    let next = Arc::new(AtomicU64::new(0));
    let most = sprint(&address, &next).await;
    println!("{most:.0} posts/s at {CONNECTIONS} connections; the run goes at a third of that");
    println!(
        "| minute | posts/s | p50 ms | p99 ms | worst ms | memory MiB | largest WAL MiB | refused |\n|---|---|---|---|---|---|---|---|"
    );
    let noted = Arc::new(Mutex::new(Vec::new()));
    let mut callers = pace(&address, most / 3.0, &next, &noted);
    let mut seen = Vec::new();
    for at in 1..=minutes {
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let times = std::mem::take(&mut *noted.lock().await);
        let m = minute(times, began.elapsed().as_secs_f64(), child.id(), dir);
        println!(
            "| {at} | {:.0} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {} |",
            m.rate, m.p50, m.p99, m.worst, m.memory_mib, m.wal_mib, m.failed
        );
        seen.push(m);
    }
    callers.shutdown().await;
    child.kill().expect("killed");
    child.wait().expect("ends");
    complaints(&seen)
}

fn main() -> ExitCode {
    let minutes = std::env::var("LETOPIS_MINUTES").map_or(30, |text| text.parse().expect("a number of minutes"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
    let found = runtime.block_on(soak(minutes, dir.path()));
    if found.is_empty() {
        println!("memory, write-ahead logs and times are flat");
        return ExitCode::SUCCESS;
    }
    found.iter().for_each(|one| println!("GREW: {one}"));
    ExitCode::FAILURE
}
