//! How long a server takes from its start until it is ready, after an orderly end and after a kill, and how that grows.
//!
//! `cargo bench -p letopis-api --bench restart` prints a table; logs of 10,000, 100,000 and 1,000,000 events, or as
//! `LETOPIS_EVENTS=10000,50000` says. The target is 2 s at a million, and no growth with the log.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use letopis_api::folder;
use letopis_core::intake::{Caller, Outcome};
use letopis_core::testing::desk::posted;

mod server;

const ROUNDS: usize = 5;
/// Events of a batch.
const BATCH: u64 = 1_000;

/// Makes the log longer, folds and seals it.
async fn fill(dir: &Path, from: u64, to: u64) {
    let app = folder::open(dir, false).await.expect("opens");
    for first in (from..to).step_by(BATCH as usize) {
        let events = (first..(first + BATCH).min(to)).map(|n| posted(n, to / 10 + 1)).collect();
        let answers = app.intake.post(&Caller::default(), events, false).await;
        assert!(answers.iter().all(|answer| matches!(answer, Outcome::Accepted { .. })));
    }
    app.views.rebuild(&|_, _| {}).await.expect("folded");
    app.search.catch_up().await.expect("indexed");
    app.sealer.seal().await.expect("sealed");
}

/// Starts the server and waits until `/readyz` says 200.
fn ready(dir: &Path) -> (Child, Duration) {
    let started = Instant::now();
    let (child, address) = server::start(dir);
    loop {
        let mut stream = TcpStream::connect(&address).expect("connected");
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
    }
    (child, started.elapsed())
}

fn end(mut child: Child, kill: bool) {
    let signal = if kill { "-KILL" } else { "-TERM" };
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    child.wait().expect("ends");
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn main() {
    let sizes = std::env::var("LETOPIS_EVENTS").unwrap_or_else(|_| "10000,100000,1000000".to_owned());
    let sizes: Vec<u64> = sizes.split(',').map(|size| size.trim().parse().expect("a number")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
    println!("medians of {ROUNDS} starts, seconds from the start of the process to `/readyz` 200");
    println!("| events | after an orderly end | after a kill |\n|---|---|---|");
    let mut before = 0;
    for events in sizes {
        runtime.block_on(fill(dir.path(), before, events));
        before = events;
        let (mut orderly, mut killed) = (Vec::new(), Vec::new());
        end(ready(dir.path()).0, false);
        for _ in 0..ROUNDS {
            let (child, time) = ready(dir.path());
            orderly.push(time);
            end(child, true);
            let (child, time) = ready(dir.path());
            killed.push(time);
            end(child, false);
        }
        println!("| {events} | {:.2} | {:.2} |", median(orderly), median(killed));
    }
}
