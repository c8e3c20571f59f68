// What every peer in Rust is given to do; the scripts in Python and JavaScript have the same numbers.

use std::time::Duration;

/// Tasks that append one event after the other.
pub const WRITERS: usize = 64;
/// Events in a large commit.
pub const COMMIT: u64 = 1_000;
/// Streams that the events are spread over.
pub const CLIENTS: u64 = 10_000;

/// The personal part of an event.
#[allow(dead_code, reason = "only one of the peers keeps it apart")]
pub const SUMMARY: &str = "Asked where the parcel is; promised to call back before noon tomorrow.";

/// How long each kind of append runs.
pub fn run_time() -> Duration {
    Duration::from_secs_f64(number("PEERS_SECONDS", 3.0))
}

/// Events that are replayed, at least.
pub fn replayed() -> u64 {
    number("PEERS_REPLAYED", 100_000.0) as u64
}

fn number(variable: &str, otherwise: f64) -> f64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What a front office says about a call: 258 bytes of JSON.
pub fn facts(n: u64) -> String {
    let topics: Vec<String> = (0..12).map(|i| format!("\"topic-{:04}-{i:02}\"", n % 10_000)).collect();
    let (channel, duration, topics) = (n % 97, n % 900, topics.join(","));
    format!(r#"{{"channel":"line-{channel:04}","direction":"in","duration_s":{duration},"topics":[{topics}]}}"#)
}

/// Tells the runner.
pub fn report(peer: &str, work: &str, events: u64, took: Duration) {
    let rate = events as f64 / took.as_secs_f64();
    println!(r#"{{"peer":"{peer}","work":"{work}","events":{events},"rate":{rate:.0}}}"#);
}
