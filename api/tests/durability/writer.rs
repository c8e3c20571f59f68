//! A process that writes to a data folder by a short script, on a disk that is watched, and tells what it was promised.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use letopis_api::state::App;
use letopis_api::{folder, server};
use letopis_core::log::LogError;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The test that is the process.
const CHILD: &str = "writer::the_process_that_writes";
/// The folder in which the data folder and the promises lie.
const FOLDER: &str = "LETOPIS_WRITER";

/// How long the log of the round before may take to be let go.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A promise: an event at its place, or a word that nobody knows any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise {
    Stored { id: String, position: u64 },
    Erased(String),
}

/// Reads promises as they were written down.
pub(crate) fn promises(text: &str) -> Vec<Promise> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| match line.split_once(' ').expect("two words") {
        ("erased", word) => Promise::Erased(word.to_owned()),
        (id, position) => Promise::Stored { id: id.to_owned(), position: position.parse().expect("a number") },
    };
    whole.lines().map(parse).collect()
}

/// Runs the process below a folder, with its calls recorded; `fail` is a call that has to fail.
pub(crate) fn run(below: &Path, shim: &Path, trace: &Path, fail: Option<&str>, fault: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", CHILD, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env_remove("LETOPIS_FAULT").env("LD_PRELOAD", shim).env("WATCH_DIR", below).env("WATCH_TRACE", trace);
    command.env(FOLDER, below);
    command.envs(fail.map(|fail| ("WATCH_FAIL", fail))).envs(fault.map(|fault| ("LETOPIS_FAULT", fault)));
    command.output().expect("the process runs")
}

struct Script {
    data: PathBuf,
    promises: std::fs::File,
    /// The log said that it takes nothing any more.
    stopped: bool,
}

/// Why the process ends early; a clear end, not a panic.
type Step<T> = Result<T, String>;

impl Script {
    fn promise(&mut self, line: &str) -> Step<()> {
        assert!(!self.stopped, "{line} is promised by a log that had stopped");
        self.promises.write_all(format!("{line}\n").as_bytes()).map_err(|error| error.to_string())
    }

    async fn open(&mut self) -> Step<(App, Router)> {
        // What stopped an earlier log does not hold for one that is opened anew.
        self.stopped = false;
        let until = Instant::now() + PATIENCE;
        loop {
            match folder::open(&self.data, false).await {
                Ok(app) => return Ok((app.clone(), server::router(app))),
                // The log of the round before is let go by a thread of its own.
                Err(error) if is_taken(&error) && Instant::now() < until => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(format!("opening: {error:#}")),
            }
        }
    }

    /// Posts events together and writes the promises down.
    async fn post(&mut self, router: &Router, events: &[Value]) -> Step<()> {
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        let (_, text) = send(router, "/v1/events", "application/x-ndjson", lines).await?;
        // Lines are answered together: one that was stored may stand behind one whose write failed after it.
        let mut is_unknown = false;
        for line in text.lines() {
            let answer: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            match answer["status"].as_str() {
                Some("accepted" | "duplicate") => {
                    self.promise(&format!("{} {}", answer["id"].as_str().expect("an id"), answer["position"]))?;
                }
                Some("unknown") => is_unknown = true,
                _ => println!("not stored: {answer}"),
            }
        }
        self.stopped |= is_unknown;
        Ok(())
    }

    async fn erase(&mut self, router: &Router, client: &str, word: &str) -> Step<()> {
        let path = format!("/v1/clients/{client}/erasure?basis=gdpr-17");
        let (status, text) = send(router, &path, "application/json", String::new()).await?;
        if status == 200 {
            return self.promise(&format!("erased {word}"));
        }
        println!("not erased: {text}");
        Ok(())
    }
}

async fn send(router: &Router, path: &str, kind: &str, body: String) -> Step<(u16, String)> {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body)).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("infallible");
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 1 << 24).await.map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

fn call(n: u64) -> Value {
    json!({
        "type": "call.logged", "source": "pbx", "id": format!("call/{n}"), "client": format!("shop:C-{}", n % 5),
        "occurred_at": format!("2025-{:02}-10T10:00:00Z", n % 12 + 1),
        "data": { "direction": "in", "duration_s": n, "summary": format!("word{n}") },
    })
}

fn person(client: &str, word: &str) -> Value {
    json!({
        "type": "client.registered", "source": "shop", "id": format!("reg/{client}"), "client": client,
        "occurred_at": "2025-06-01T10:00:00Z", "data": { "kind": "person", "name": word },
    })
}

fn is_taken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<LogError>().is_some_and(LogError::is_transient)
}

/// Posts, seals, folds, erases, ends in an orderly way, begins again, does it all again.
async fn script(script: &mut Script) -> Step<()> {
    for round in 0..2 {
        let (app, router) = script.open().await?;
        let first = round * 100;
        for n in first..first + 4 {
            script.post(&router, &[call(n)]).await?;
        }
        let (client, word) = (format!("shop:E-{round}"), format!("zqcanary{round:09}zq"));
        script.post(&router, &[person(&client, &word), person(&format!("shop:F-{round}"), "Anna")]).await?;
        soft("folding", app.views.catch_up().await);
        soft("indexing", app.search.catch_up().await);
        soft("sealing", app.sealer.seal().await);
        script.post(&router, &(first + 10..first + 30).map(call).collect::<Vec<_>>()).await?;
        script.erase(&router, &client, &word).await?;
        soft("folding", app.views.catch_up().await);
        script.post(&router, &[call(first + 40)]).await?;
        soft("sealing", app.sealer.seal().await);
        script.post(&router, &[call(first + 41)]).await?;
    }
    Ok(())
}

/// What may fail on a failing disk without a promise being broken.
fn soft<T, E: std::fmt::Debug>(what: &str, done: Result<T, E>) {
    if let Err(error) = done {
        println!("{what}: {error:?}");
    }
}

#[test]
#[ignore = "a process that other tests start"]
fn the_process_that_writes() {
    let Some(below) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let promises = std::fs::File::options().append(true).create(true).open(below.join("promises")).expect("opens");
    let mut state = Script { data: below.join("data"), promises, stopped: false };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    match runtime.block_on(script(&mut state)) {
        Ok(()) => println!("the script ran to its end"),
        Err(reason) => println!("ENDED: {reason}"),
    }
}
