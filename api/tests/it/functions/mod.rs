//! The functions of a CRM, each asked of the live views, of rebuilt ones and of the command line, as of either
//! clock. The names begin with the ids of `docs/functions.md`.

mod assets;
mod automation;
mod cases;
mod contracts;
mod documents;
mod leads;
mod money;
mod orders;
mod planning;
mod plans;
mod prices;
mod process;
mod recognition;
mod register;
mod sales;
mod service;

use clap::Parser;
use letopis_replay_tool::commands::{self, Cli};
use letopis_replay_tool::console::Console;
use serde_json::{Value, json};

use crate::support::{Server, TODAY};

/// A fact of a client of the shop.
pub(super) fn fact(name: &str, client: &str, occurred_at: &str, data: Value) -> Value {
    json!({ "type": name, "source": "shop", "client": client, "occurred_at": occurred_at, "data": data })
}

pub(super) fn eur(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "EUR" })
}

/// What the command line answers on the server's folder.
pub(super) async fn told(server: &Server, words: &[&str]) -> Value {
    let data = server.dir.path().display().to_string();
    let words: Vec<String> = ["replay-tool", "--quiet", words[0], "--data", &data]
        .iter()
        .chain(&words[1..])
        .map(ToString::to_string)
        .collect();
    let run = move || {
        let cli = Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        commands::run(&cli.command, &Console { json: true, quiet: true }).expect("an answer").report
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

/// The words of an event are added by the server alone.
fn without_words(mut answer: Value) -> Value {
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| drop(item.remove("data")));
    }
    answer
}

/// Asks the live views, rebuilt ones and the command line the same, now and as of a date; they agree.
/// Returns what they say now.
pub(super) async fn agree(server: &Server, path: &str, question: &[&str]) -> Value {
    let live = server.built(path).await;
    assert_eq!(live.status, 200, "{path}: {}", live.json);
    let live = without_words(live.json["data"].clone());
    server.app.views.rebuild(&|_, _| {}).await.expect("rebuilt");
    let rebuilt = without_words(server.built(path).await.json["data"].clone());
    assert_eq!(live, rebuilt, "{path}, live and rebuilt");
    let asked = told(server, &[&["as-of", "--as-of", TODAY], question].concat()).await;
    assert_eq!(live, without_words(asked["answer"].clone()), "{path}, server and {question:?}");
    for date in ["2026-01-31", "2026-02-14"] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let head = server.app.log.head().await.expect("head");
        let dated = server.built(&format!("{path}{mark}as_of={date}&min_position={head}")).await;
        let asked = told(server, &[&["as-of", "--as-of", date], question].concat()).await;
        let known = if dated.status == 404 { Value::Null } else { without_words(dated.json["data"].clone()) };
        assert_eq!(known, without_words(asked["answer"].clone()), "{path} as of {date}, server and {question:?}");
        // Nothing was known of anything before it was recorded.
        let unknown = server.built(&format!("{path}{mark}as_of={date}&known_at=2026-03-01")).await;
        assert!(matches!(unknown.status.as_u16(), 200 | 404), "{path}: {}", unknown.json);
    }
    live
}

#[tokio::test]
async fn every_definition_is_read_as_of_any_instant_and_in_every_version() {
    let server = Server::start().await;
    let model = |stages: &[&str]| {
        let stages: Vec<Value> = stages.iter().map(|stage| json!({ "stage": stage })).collect();
        json!({ "model": "m", "stages": stages })
    };
    let define = |at: &str, stages: &[&str]| json!({ "type": "stage_model.defined", "source": "shop", "occurred_at": at, "data": model(stages) });
    server.accept(&define("2026-01-10T00:00:00Z", &["a"])).await;
    server.accept(&define("2026-02-10T00:00:00Z", &["a", "b"])).await;
    let now = agree(&server, "/v1/definitions?kind=stage-model", &["definitions", "--kind", "stage-model"]).await;
    assert_eq!((&now["items"][0]["name"], now["items"].as_array().map(Vec::len)), (&json!("stage-model:m@2"), Some(1)));
    let then = server.built("/v1/definitions?kind=stage-model&as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then["items"][0]["says"], model(&["a"]), "{then}");
    let all =
        agree(&server, "/v1/definitions?code=m&versions=all", &["definitions", "--code", "m", "--versions", "all"]);
    assert_eq!(all.await["items"].as_array().map(Vec::len), Some(2));
    let wrong = server.get("/v1/definitions?kin=x").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("kin")));
}
