//! What the server says of itself: metrics, and structured logs without personal data.

use std::io::IsTerminal;
use std::sync::OnceLock;

use letopis_core::intake::Outcome;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Bounds of the buckets of request times, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

/// Starts the log on standard error.
pub fn start_log(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Said with a macro that panics when standard error is closed: whoever reads the lines may end before the server.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match format {
        LogFormat::Pretty => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("no log lines: {error}");
    }
}

/// The metrics of this process.
pub fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        // Bounds that are not empty cannot be refused; without them histograms become summaries.
        let builder = PrometheusBuilder::new().set_buckets(SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was there first");
        }
        metrics::describe_counter!("letopis_http_requests_total", "Requests by method, route and status.");
        metrics::describe_histogram!("letopis_http_request_seconds", "Time to the head of the answer.");
        metrics::describe_counter!("letopis_posted_events_total", "Posted events by what became of them.");
        metrics::describe_gauge!("letopis_log_position", "The last position of the log.");
        metrics::describe_gauge!("letopis_view_lag_events", "Events that are not in the views yet.");
        metrics::describe_gauge!("letopis_view_parked_keys", "Rows that could not be folded, by view.");
        metrics::describe_gauge!("letopis_unsealed_events", "Events that no checkpoint has yet.");
        metrics::describe_gauge!("letopis_unsealed_seconds", "Age of the oldest event that no checkpoint has yet.");
        metrics::describe_gauge!("letopis_seal_failed", "1 when the log is not sealed any more.");
        metrics::describe_gauge!("letopis_witness_size", "Events of the last checkpoint that the witness cosigned.");
        metrics::describe_gauge!("letopis_witness_failing", "1 when the witness was asked last without success.");
        handle
    })
}

/// Counts a request.
pub fn request(method: &str, route: &str, status: u16, seconds: f64) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned())];
    metrics::histogram!("letopis_http_request_seconds", &labels).record(seconds);
    let [method, route] = labels;
    let labels = [method, route, ("status", status.to_string())];
    metrics::counter!("letopis_http_requests_total", &labels).increment(1);
}

/// Counts what became of a posted event.
pub fn posted(outcome: &Outcome) {
    let status = match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Conflict { .. } => "conflict",
        Outcome::Rejected(_) => "rejected",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Refused { .. } => "refused",
    };
    metrics::counter!("letopis_posted_events_total", "status" => status).increment(1);
}
