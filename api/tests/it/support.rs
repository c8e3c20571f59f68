//! A server in this process, and how to talk to it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode};
use letopis_api::state::App;
use letopis_api::{automation, folder, server};
use letopis_core::time::{ManualClock, Moment, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// The day of the tests.
pub(crate) const TODAY: &str = "2026-03-10T12:00:00Z";
/// Longest time for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) dir: TempDir,
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) key: Option<String>,
    router: Router,
    stop: watch::Sender<bool>,
    followers: Vec<JoinHandle<()>>,
}

/// A status with its JSON.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) json: Value,
    pub(crate) head: axum::http::HeaderMap,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse::<Moment>().expect("a moment").at
}

impl Server {
    pub(crate) async fn start() -> Self {
        let server = Self::without_views().await;
        server.follow()
    }

    /// A server on a folder of its own that gives the same things the same ids.
    pub(crate) async fn beside(other: &Self) -> Self {
        let dir = tempfile::tempdir().expect("tempdir");
        std::fs::create_dir_all(dir.path().join("secrets")).expect("a folder");
        let key = "secrets/identity.key";
        std::fs::copy(other.dir.path().join(key), dir.path().join(key)).expect("copied");
        Self::on(dir).await.follow()
    }

    /// Nothing is folded until [`Server::follow`].
    pub(crate) async fn without_views() -> Self {
        Self::on(tempfile::tempdir().expect("tempdir")).await
    }

    async fn on(dir: TempDir) -> Self {
        let clock = Arc::new(ManualClock::at(at(TODAY)));
        let app = folder::open_at(dir.path(), false, clock.clone()).await.expect("opens");
        let router = server::router(app.clone());
        Self { dir, app, clock, key: None, router, stop: watch::Sender::new(false), followers: Vec::new() }
    }

    pub(crate) fn follow(mut self) -> Self {
        self.followers = vec![
            self.app.views.follow(self.stop.subscribe()),
            self.app.search.follow(self.stop.subscribe()),
            automation::follow(self.app.clone(), self.stop.subscribe()),
        ];
        self
    }

    /// Ends, and starts again on the same folder after `meanwhile`, at the same time of day.
    pub(crate) async fn restart(mut self, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        let now = self.app.now();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().expect("tempdir"));
        drop(self);
        meanwhile(dir.path());
        let server = Self::on(dir).await;
        server.clock.set(now);
        server.follow()
    }

    /// Waits until everything that was recorded was gone through by rule, what the rules recorded too.
    pub(crate) async fn acted(&self) {
        loop {
            let (head, now) = (self.app.log.head().await.expect("head"), self.app.now());
            let automation = &self.app.automation;
            let there = automation.wait_until(|at| at.position >= head && at.due_upto >= now, PATIENCE).await;
            assert!(there, "rules do not follow: {:?}, {:?}", automation.progress(), automation.failure());
            if self.app.log.head().await.expect("head") == head {
                return;
            }
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        if let Some(key) = &self.key {
            let value = format!("Bearer {key}").parse().expect("a header");
            request.headers_mut().insert("authorization", value);
        }
        let answer = tokio::time::timeout(PATIENCE, self.router.clone().oneshot(request)).await;
        answer.expect("in time").expect("infallible")
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        got(self.send(request).await).await
    }

    /// As [`Server::get`], with everything that was posted in the views.
    pub(crate) async fn fresh(&self, path: &str) -> Got {
        let head = self.app.log.head().await.expect("head");
        let there = self.app.views.wait_for(head, PATIENCE).await;
        assert!(there, "the views do not follow: {:?}", self.app.views.failure());
        let there = self.app.search.wait_for(head, PATIENCE).await;
        assert!(there, "the index does not follow: {:?}", self.app.search.failure());
        self.get(path).await
    }

    /// As [`Server::fresh`], asking again while views are being built.
    pub(crate) async fn built(&self, path: &str) -> Got {
        for _ in 0..200 {
            let answer = self.fresh(path).await;
            if answer.status != StatusCode::ACCEPTED {
                return answer;
            }
            assert_eq!(answer.head["location"], path);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path} is never built");
    }

    pub(crate) async fn post_as(&self, kind: &str, path: &str, body: impl Into<Body>) -> Got {
        let request = Request::builder().method(Method::POST).uri(path).header("content-type", kind);
        got(self.send(request.body(body.into()).expect("a request")).await).await
    }

    pub(crate) async fn post(&self, item: &Value) -> Got {
        self.post_as("application/json", "/v1/events", item.to_string()).await
    }

    pub(crate) async fn accept(&self, item: &Value) -> Value {
        let answer = self.post(item).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{item}: {}", answer.json);
        answer.json
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for follower in std::mem::take(&mut self.followers) {
            follower.join().expect("no follower panics");
        }
    }
}

pub(crate) async fn got(response: Response<Body>) -> Got {
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.expect("a body");
    let json = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into()));
    Got { status: head.status, json, head: head.headers }
}

/// A call of a client of the shop.
pub(crate) fn call(client: &str, id: &str, occurred_at: &str, summary: &str) -> Value {
    json!({
        "type": "call.logged", "client": client, "id": id, "source": "pbx", "occurred_at": occurred_at,
        "data": { "direction": "in", "topics": ["delivery"], "summary": summary },
    })
}

pub(crate) fn registered(client: &str, name: &str) -> Value {
    json!({
        "type": "client.registered", "client": client, "id": format!("reg-{client}"), "source": "shop",
        "occurred_at": "2026-01-01T10:00:00Z", "data": { "kind": "person", "attributes": {}, "name": name },
    })
}

pub(crate) fn with(mut item: Value, field: &str, value: impl Into<Value>) -> Value {
    item[field] = value.into();
    item
}
