//! Durable single-event posts over HTTP, against a handler that only parses the body and answers.
//!
//! `cargo bench -p letopis-api --bench http` prints a table; every figure is a median of [`ROUNDS`] runs that
//! alternate with their peer. Clients and server share the process and its processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use letopis_api::{folder, server};
use letopis_core::testing::desk::posted;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

// As the server does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
/// How long one measurement takes.
const RUN: Duration = Duration::from_secs(3);
/// Views and index are never further behind than this.
const MAX_BEHIND: Duration = Duration::from_secs(300);
/// Clients that the events are spread over.
const CLIENTS: u64 = 10_000;

fn event(n: u64) -> Value {
    posted(n, CLIENTS)
}

/// One connection that posts one event after the other. Returns how many were answered with success.
async fn post_all(address: std::net::SocketAddr, next: Arc<AtomicU64>, until: Instant) -> u64 {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("set");
    let (mut count, mut buffer) = (0, Vec::with_capacity(4_096));
    while Instant::now() < until {
        let body = event(next.fetch_add(1, Ordering::Relaxed)).to_string();
        let request = format!(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        assert!(answered(&mut stream, &mut buffer).await, "{}", String::from_utf8_lossy(&buffer));
        count += 1;
    }
    count
}

/// Reads one answer, head and body. Returns whether its status tells of success.
async fn answered(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "the server hung up");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        if buffer.len() >= end + 4 + length.expect("a length") {
            return head.starts_with("http/1.1 2");
        }
    }
}

async fn race(router: Router, connections: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let next = Arc::new(AtomicU64::new(CLIENTS));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(post_all(address, Arc::clone(&next), started + RUN));
    }
    let count: u64 = tasks.join_all().await.into_iter().sum();
    server.abort();
    count as f64 / started.elapsed().as_secs_f64()
}

/// What one run of ours came to.
#[derive(Clone, Copy)]
struct Ours {
    rate: f64,
    /// Events that were not in the views yet when the last post was answered: followers give way to posts.
    behind: u64,
    /// How long views and index took to come up to the log.
    caught_up_s: f64,
}

/// The whole server on a new folder, its clients known, its views, index and tree following.
async fn ours(connections: usize) -> Ours {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk of the build");
    let app = folder::open(dir.path(), false).await.expect("opens");
    let caller = letopis_core::intake::Caller::default();
    for part in 0..CLIENTS / 1_000 {
        let known = (part * 1_000..(part + 1) * 1_000).map(event).collect();
        assert_eq!(app.intake.post(&caller, known, false).await.len(), 1_000);
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let followers = [app.views.follow(stopped.clone()), app.search.follow(stopped.clone()), app.sealer.follow(stopped)];
    let followed = async || {
        let head = app.log.head().await.expect("a head");
        app.views.wait_for(head, MAX_BEHIND).await && app.search.wait_for(head, MAX_BEHIND).await
    };
    assert!(followed().await, "the clients are known everywhere");
    let rate = race(server::router(app.clone()), connections).await;
    let ended = Instant::now();
    let behind = app.log.head().await.expect("a head").0 - app.views.position().0;
    assert!(followed().await, "views and index come up to the log");
    let run = Ours { rate, behind, caught_up_s: ended.elapsed().as_secs_f64() };
    stop.send_replace(true);
    for follower in followers {
        tokio::task::spawn_blocking(move || follower.join()).await.expect("joined").expect("no panic");
    }
    run
}

async fn bare(connections: usize) -> f64 {
    let handler = async |Json(body): Json<Value>| Json(json!({ "status": "accepted", "id": body["id"] }));
    race(Router::new().route("/v1/events", post(handler)), connections).await
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("bodies of {} bytes; medians of {ROUNDS} rounds of {} s", event(1).to_string().len(), RUN.as_secs());
    println!(
        "| connections | durable posts/s | parse and answer/s | ratio | events behind at the end | caught up after s |"
    );
    println!("|---|---|---|---|---|---|");
    for connections in [1, 64, 256] {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            b.push(runtime.block_on(bare(connections)));
            a.push(runtime.block_on(ours(connections)));
        }
        a.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        b.sort_by(f64::total_cmp);
        let (Ours { rate, behind, caught_up_s }, b) = (a[ROUNDS / 2], b[ROUNDS / 2]);
        println!("| {connections} | {rate:.0} | {b:.0} | {:.2} | {behind} | {caught_up_s:.1} |", rate / b);
    }
}
