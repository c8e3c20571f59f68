//! Lines of JSON: read as they come, stored in batches, answered one by one.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::post::Desk;
use crate::error::Problem;

/// Longest line, in bytes; an event is at most 64 KiB of facts.
pub(super) const MAX_LINE_BYTES: usize = 1 << 20;
/// Lines that are stored together.
const BATCH: usize = 500;
/// Bytes of lines that are stored together.
const BATCH_BYTES: usize = 4 << 20;
/// Batches of answers that wait for a caller who reads only after he has sent everything.
const MAX_WAITING: usize = 1_024;
/// A body that is silent for so long is given up.
const MAX_SILENCE: Duration = Duration::from_secs(60);

/// A line with its number, from 1.
type Line = (u64, Result<Value, Problem>);

/// Cuts bytes into lines.
#[derive(Default)]
struct Cutter {
    rest: Vec<u8>,
    number: u64,
    /// The present line is too long and is skipped up to its end.
    skipping: bool,
}

impl Cutter {
    /// Takes bytes in and gives the lines that end in them.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Line>) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ended = part.ends_with(b"\n");
            if !self.skipping {
                self.rest.extend_from_slice(part);
            }
            if self.rest.len() > MAX_LINE_BYTES {
                self.skipping = true;
                self.rest.clear();
            }
            if ended {
                self.end(out);
            }
        }
    }

    /// The present line is over.
    fn end(&mut self, out: &mut Vec<Line>) {
        self.number += 1;
        let line = std::mem::take(&mut self.rest);
        let text = line.trim_ascii();
        if std::mem::take(&mut self.skipping) {
            let detail = format!("the line is longer than {MAX_LINE_BYTES} bytes");
            out.push((self.number, Err(Problem::new(crate::error::Kind::TooLarge, detail))));
        } else if !text.is_empty() {
            out.push((self.number, serde_json::from_slice(text).map_err(|error| Problem::json(&error))));
        }
    }

    /// The body is over; its last line may lack its end.
    fn finish(&mut self, out: &mut Vec<Line>) {
        if self.skipping || !self.rest.is_empty() {
            self.end(out);
        }
    }
}

/// All lines of a body, every one of them good.
pub(super) fn all(body: &[u8]) -> Result<Vec<Value>, Problem> {
    let (mut cutter, mut lines) = (Cutter::default(), Vec::new());
    cutter.push(body, &mut lines);
    cutter.finish(&mut lines);
    lines.into_iter().map(|(number, line)| line.map_err(|problem| problem.with("line", number))).collect()
}

/// Answers a body of lines while it is read.
///
/// Reading goes on while the caller does not read yet, up to a bound: many send everything first.
pub(super) fn answer(desk: Desk, body: Body) -> Response {
    let (answers, waiting) = mpsc::channel::<Bytes>(MAX_WAITING);
    tokio::spawn(take(desk, body, answers));
    let stream = futures_util::stream::unfold(waiting, |mut waiting| async move {
        waiting.recv().await.map(|bytes| (Ok::<_, Infallible>(bytes), waiting))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response()
}

async fn take(desk: Desk, body: Body, answers: mpsc::Sender<Bytes>) {
    let mut chunks = body.into_data_stream();
    let (mut cutter, mut lines, mut bytes) = (Cutter::default(), Vec::new(), 0);
    loop {
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(MAX_SILENCE, chunks.next()) => chunk,
            () = desk.app.stop.cancelled() => return,
        };
        match chunk {
            Ok(Some(Ok(chunk))) => {
                bytes += chunk.len();
                cutter.push(&chunk, &mut lines);
            }
            Ok(None) => {
                cutter.finish(&mut lines);
                store(&desk, &mut lines, &answers).await;
                return;
            }
            // What was not sent to its end is not an event: the last, cut line is left out.
            Ok(Some(Err(_))) | Err(_) => {
                tracing::warn!(request_id = desk.request_id, line = cutter.number, "a body of lines broke off");
                store(&desk, &mut lines, &answers).await;
                return;
            }
        }
        if lines.len() >= BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            if !store(&desk, &mut lines, &answers).await {
                return;
            }
        }
    }
}

/// Stores lines and writes their answers; false when nobody wants them any more.
async fn store(desk: &Desk, lines: &mut Vec<Line>, answers: &mpsc::Sender<Bytes>) -> bool {
    let mut rest = std::mem::take(lines).into_iter().peekable();
    while rest.peek().is_some() {
        let (mut items, mut marks) = (Vec::new(), Vec::new());
        for (number, line) in rest.by_ref().take(BATCH) {
            match line {
                Ok(item) => {
                    items.push(item);
                    marks.push((number, None));
                }
                Err(problem) => marks.push((number, Some(problem))),
            }
        }
        let mut outcomes = desk.post(items, false).await.into_iter();
        let mut text = Vec::new();
        for (number, problem) in marks {
            let mut line = match problem {
                Some(problem) => rejected(&problem, &desk.request_id),
                None => outcomes.next().map(|outcome| desk.line(&outcome)).unwrap_or_default(),
            };
            line["line"] = number.into();
            text.extend_from_slice(line.to_string().as_bytes());
            text.push(b'\n');
        }
        if answers.send(text.into()).await.is_err() {
            return false;
        }
    }
    true
}

/// A line that is no JSON, as an outcome.
fn rejected(problem: &Problem, request_id: &str) -> Value {
    let document = problem.document(request_id);
    json!({
        "status": "rejected",
        "rule": document["code"],
        "field": "",
        "message": document["detail"],
        "column": document["column"],
        "request_id": request_id,
    })
}
