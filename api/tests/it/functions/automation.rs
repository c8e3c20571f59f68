//! A9, B9, D12, I9: what is done by rule.

use serde_json::{Value, json};

use super::{agree, fact, told};
use crate::support::{Server, TODAY, at};

const MANAGER: &str = "01J00000000000000000000001";
const DESK: &str = "01J00000000000000000000002";

async fn define(server: &Server, data: Value) -> Value {
    server
        .accept(&json!({ "type": "automation_rule.defined", "source": "shop", "occurred_at": "2026-01-01T00:00:00Z",
            "data": data }))
        .await
}

/// A VIP whom somebody looks after.
async fn enter(server: &Server, client: &str) {
    let data = json!({ "kind": "company", "attributes": { "class": "vip" } });
    server.accept(&fact("client.registered", client, "2026-01-01T08:00:00Z", data)).await;
    let data = json!({ "manager": MANAGER });
    server.accept(&fact("client.manager_assigned", client, "2026-01-01T09:00:00Z", data)).await;
}

fn call(client: &str, at: &str, topic: &str) -> Value {
    fact("call.logged", client, at, json!({ "direction": "in", "topics": [topic], "summary": "please call" }))
}

fn call_back() -> Value {
    json!({ "rule": "call-back", "on": ["call.logged"], "when": "'prices' in data.topics",
        "then": [{ "do": "plan_task", "kind": "call-back", "due_in_s": 7_200, "to": { "manager": true } }] })
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a9_a_call_makes_a_task_for_the_manager_and_the_chain_is_in_the_history() {
    let server = Server::start().await;
    enter(&server, "shop:1").await;
    server.accept(&call("shop:1", "2026-01-05T09:00:00Z", "prices")).await;
    server.acted().await;
    let rule = define(&server, call_back()).await;
    let cause = server.accept(&call("shop:1", "2026-01-10T09:00:00Z", "prices")).await;
    server.accept(&call("shop:1", "2026-01-11T09:00:00Z", "weather")).await;
    server.acted().await;
    let tasks = items(&agree(&server, "/v1/tasks", &["tasks"]).await);
    let [task] = &tasks[..] else { panic!("only what was recorded after the rule, and fits: {tasks:?}") };
    assert_eq!((&task["employee"], &task["caused_by"]), (&json!(MANAGER), &cause["id"]));
    assert_eq!((&task["rule"], &task["due"]), (&json!("automation-rule:call-back@1"), &json!("2026-01-10T11:00:00Z")));
    let history = items(&agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await);
    let places: Vec<&str> = history.iter().filter_map(|item| item["event_type"].as_str()).collect();
    let after = places.iter().position(|name| *name == "task.planned").expect("there");
    assert_eq!((&history[after - 1]["event"], &history[after]["caused_by"]), (&cause["id"], &cause["id"]));
    assert_eq!((&history[after]["rule"], &history[after]["class"]), (&task["rule"], &json!("task")));

    let event = task["event"].as_str().expect("an id").to_owned();
    let why = server.get(&format!("/v1/events/{event}/why")).await.json["data"].clone();
    assert_eq!(why, told(&server, &["why", &event]).await, "the server and the command line");
    let steps = why["steps"].as_array().expect("steps");
    assert_eq!((steps.len(), &steps[1]["event"], &steps[0]["actor"]), (2, &cause["id"], &json!("automation")));
    let used = &steps[0]["rule"];
    assert_eq!((&used["event"], &used["says"]["then"][0]["kind"]), (&rule["id"], &json!("call-back")));
    assert_eq!(server.get(&format!("/v1/events/{event}/why?known_at=2026-01-01")).await.status, 404);
    assert_eq!(server.get("/v1/events/nothing/why").await.json["field"], "id");
}

#[tokio::test]
async fn a_rule_acts_once_whatever_stops_and_starts_again() {
    let mut server = Server::start().await;
    enter(&server, "shop:1").await;
    define(&server, call_back()).await;
    for day in 10..15 {
        server.accept(&call("shop:1", &format!("2026-01-{day}T09:00:00Z"), "prices")).await;
    }
    server.acted().await;
    let head = server.app.log.head().await.expect("head");
    let mark = std::fs::read(server.dir.path().join("automation.json"));
    // The mark is lost, is of another log, and is older than what was done: all is gone through again.
    let old =
        mark.map(|mark| String::from_utf8_lossy(&mark).replace("\"position\":", "\"position\":1")).unwrap_or_default();
    for meanwhile in [None, Some(old), Some("{".to_owned())] {
        server = server
            .restart(|dir| match meanwhile {
                None => drop(std::fs::remove_file(dir.join("automation.json"))),
                Some(text) => std::fs::write(dir.join("automation.json"), text).expect("written"),
            })
            .await;
        server.acted().await;
        assert_eq!(server.app.log.head().await.expect("head"), head, "nothing was done twice");
    }
    // What is recorded while nobody acts is acted upon at the next start.
    server.accept(&call("shop:1", "2026-01-20T09:00:00Z", "prices")).await;
    let server = server.restart(|_| {}).await;
    server.acted().await;
    assert_eq!(items(&server.fresh("/v1/tasks").await.json["data"]).len(), 6);
}

#[tokio::test]
async fn b9_requests_are_classified_routed_and_answered_from_the_knowledge_base() {
    let server = Server::start().await;
    define(
        &server,
        json!({ "rule": "classify", "on": ["case.raised"],
        "when": "has(data.text) && data.text.contains('refund')",
        "then": [{ "do": "classify_case", "topic": "refund", "priority": "high" }] }),
    )
    .await;
    define(
        &server,
        json!({ "rule": "route", "on": ["case.classified"],
        "when": "case.topic == 'refund' && case.priority == 'high'",
        "then": [{ "do": "assign_case", "to": { "department": "cash", "employee": DESK } },
            { "do": "propose_article", "article": "how-to-refund" }] }),
    )
    .await;
    let case = |n: u32, text: &str| json!({ "case": format!("desk:K-{n}"), "kind": "question", "text": text });
    server.accept(&fact("case.raised", "shop:1", "2026-01-10T09:00:00Z", case(1, "I want a refund"))).await;
    server.accept(&fact("case.raised", "shop:1", "2026-01-11T09:00:00Z", case(2, "Good morning"))).await;
    server.acted().await;
    let answer = agree(&server, "/v1/cases/desk:K-1", &["case", &case_id(&server, "desk:K-1").await]).await;
    let fields = ["topic", "priority", "department", "employee"].map(|name| answer[name].clone());
    assert_eq!(fields, ["refund", "high", "cash", DESK].map(Value::from));
    assert_eq!(server.fresh("/v1/cases/desk:K-2").await.json["data"]["topic"], Value::Null);
    let history = items(&agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await);
    let steps: Vec<(&str, &str)> =
        history.iter().filter_map(|item| Some((item["event_type"].as_str()?, item["rule"].as_str()?))).collect();
    let (classify, route) = ("automation-rule:classify@1", "automation-rule:route@1");
    assert_eq!(steps.len(), 3, "every automatic step is an event with the rule's version: {steps:?}");
    assert!(
        steps.contains(&("case.classified", classify)) && steps.contains(&("article.proposed", route)),
        "{steps:?}"
    );
    let proposed = history.iter().find(|item| item["event_type"] == "article.proposed").expect("there");
    assert_eq!(proposed["field"], "how-to-refund");
    let event = proposed["event"].as_str().expect("an id").to_owned();
    let why = told(&server, &["why", &event]).await;
    let types: Vec<&str> =
        why["steps"].as_array().expect("steps").iter().filter_map(|step| step["event_type"].as_str()).collect();
    assert_eq!(types, ["article.proposed", "case.classified", "case.raised"]);
}

async fn case_id(server: &Server, name: &str) -> String {
    let answer = server.fresh(&format!("/v1/cases/{name}")).await;
    answer.json["data"]["case"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn d12_a_wish_becomes_a_deal_that_names_it() {
    let server = Server::start().await;
    enter(&server, "shop:1").await;
    define(
        &server,
        json!({ "rule": "wish-to-deal", "on": ["case.raised"], "when": "data.kind == 'wish'",
        "then": [{ "do": "open_deal", "stage": "prospecting", "source": "wish", "to": { "manager": true } }] }),
    )
    .await;
    let wish = json!({ "case": "desk:K-1", "kind": "wish", "product": "tea" });
    let cause = server.accept(&fact("case.raised", "shop:1", "2026-01-10T09:00:00Z", wish)).await;
    let other = json!({ "case": "desk:K-2", "kind": "question", "product": "tea" });
    server.accept(&fact("case.raised", "shop:1", "2026-01-11T09:00:00Z", other)).await;
    server.acted().await;
    let card = agree(&server, "/v1/clients/shop:1", &["client", "shop:1"]).await;
    let deals = card["deals"].as_array().expect("deals");
    assert_eq!((deals.len(), &deals[0]["stage"], &deals[0]["agent"]), (1, &json!("prospecting"), &json!(MANAGER)));
    let history = items(&agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await);
    let opened = history.iter().find(|item| item["event_type"] == "deal.opened").expect("a deal");
    assert_eq!((&opened["caused_by"], &opened["rule"]), (&cause["id"], &json!("automation-rule:wish-to-deal@1")));
    let board = server.fresh("/v1/funnel/board").await.json["data"].to_string();
    assert!(board.contains("prospecting"), "the wish is in the funnel: {board}");
}

#[tokio::test]
async fn i9_an_overdue_task_of_a_vip_is_escalated_once_also_over_a_stop() {
    let server = Server::start().await;
    enter(&server, "shop:1").await;
    define(
        &server,
        json!({ "rule": "vip-overdue", "on": ["task.overdue"], "when": "client.class == 'vip'",
        "then": [{ "do": "escalate_task", "to": { "manager": true } }] }),
    )
    .await;
    let task = |n: u32, due: &str| json!({ "task": format!("shop:T-{n}"), "kind": "visit", "due": due });
    for (n, client, due) in [
        (1, "shop:1", "2026-03-11T10:00:00Z"),
        (2, "shop:2", "2026-03-11T10:00:00Z"),
        (3, "shop:1", "2026-03-12T10:00:00Z"),
        (4, "shop:1", "2026-03-13T10:00:00Z"),
        (5, "shop:1", "2026-03-01T10:00:00Z"),
    ] {
        server.accept(&fact("task.planned", client, "2026-02-20T09:00:00Z", task(n, due))).await;
    }
    server.accept(&fact("task.done", "shop:1", "2026-03-10T10:00:00Z", json!({ "task": "shop:T-3" }))).await;
    server.acted().await;
    let escalated = async |server: &Server| {
        let page = server.fresh("/v1/clients/shop:1/history?type=task.escalated").await.json["data"].clone();
        items(&page)
            .iter()
            .map(|item| item["occurred_at"].as_str().expect("a time")[..10].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(escalated(&server).await, ["2026-03-01"], "its date had passed when it was recorded");
    server.clock.set(at("2026-03-12T12:00:00Z"));
    server.acted().await;
    assert_eq!(escalated(&server).await, ["2026-03-01", "2026-03-11"], "nobody else's, and nothing that was done");
    // It stands still while the next date passes, and has forgotten what it did.
    let server = server.restart(|dir| drop(std::fs::remove_file(dir.join("automation.json")))).await;
    server.clock.set(at("2026-03-14T12:00:00Z"));
    server.acted().await;
    assert_eq!(escalated(&server).await, ["2026-03-01", "2026-03-11", "2026-03-13"]);
    let task = server.fresh("/v1/tasks/shop:T-1").await.json["data"].clone();
    assert_eq!((&task["escalations"], &task["escalated_to"]), (&json!(1), &json!(MANAGER)));
    let question = ["as-of", "--as-of", "2026-03-14T12:00:00Z", "task", "shop:T-1"];
    assert_eq!(told(&server, &question).await["answer"], task, "the server and the command line");
    server.app.views.rebuild(&|_, _| {}).await.expect("rebuilt");
    server.acted().await;
    assert_eq!(server.fresh("/v1/tasks/shop:T-1").await.json["data"], task, "a rebuild has nobody act");
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_by_field_and_place() {
    let server = Server::start().await;
    let refused = async |change: Value| {
        let mut data = call_back();
        data.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let item = json!({ "type": "automation_rule.defined", "source": "shop", "occurred_at": TODAY, "data": data });
        let answer = server.post(&item).await;
        assert_eq!(answer.status.as_u16() / 100, 4, "{}", answer.json);
        (answer.json["field"].as_str().unwrap_or_default().to_owned(), answer.json["detail"].to_string())
    };
    let (field, detail) = refused(json!({ "when": "data.topics ==" })).await;
    assert_eq!(field, "data.when");
    assert!(detail.contains("line 1") && detail.contains("column"), "{detail}");
    assert_eq!(refused(json!({ "on": ["call.loged"] })).await.0, "data.on[0]");
    assert_eq!(refused(json!({ "on": ["product.defined"] })).await.0, "data.on[0]");
    assert_eq!(refused(json!({ "then": [] })).await.0, "data.then");
    assert_eq!(refused(json!({ "then": [{ "do": "escalate_task", "to": {} }] })).await.0, "data.then[0]");
    assert!(refused(json!({ "then": [{ "do": "send_rocket" }] })).await.0.starts_with("data.then"));
    assert_eq!(items(&server.fresh("/v1/definitions?kind=automation-rule").await.json["data"]).len(), 0);
}

#[tokio::test]
async fn rules_that_feed_each_other_come_to_an_end() {
    let server = Server::start().await;
    for (rule, on, kind) in [("ping", "task.planned", "pong"), ("start", "call.logged", "pong")] {
        define(&server, json!({ "rule": rule, "on": [on], "then": [{ "do": "plan_task", "kind": kind }] })).await;
    }
    server.accept(&call("shop:1", "2026-01-10T09:00:00Z", "prices")).await;
    server.acted().await;
    let tasks = items(&server.fresh("/v1/tasks").await.json["data"]);
    assert_eq!(tasks.len(), 2, "a rule does not act on what it set going itself: {tasks:?}");
}

#[tokio::test]
async fn a_rehearsal_says_what_a_rule_would_have_done_and_writes_nothing() {
    let server = Server::start().await;
    for (client, at, topic) in [
        ("shop:1", "2026-01-10T09:00:00Z", "prices"),
        ("shop:1", "2026-02-10T09:00:00Z", "prices"),
        ("shop:2", "2026-01-12T09:00:00Z", "prices"),
        ("shop:2", "2026-01-13T09:00:00Z", "weather"),
    ] {
        server.accept(&call(client, at, topic)).await;
    }
    let head = server.app.log.head().await.expect("head");
    let file = server.dir.path().join("rule.json");
    std::fs::write(&file, call_back().to_string()).expect("written");
    let file = file.display().to_string();
    let all = told(&server, &["rehearse", "--change", &file]).await;
    assert_eq!((&all["rule"], &all["total"]["events"]), (&json!("automation-rule:call-back@1"), &json!(4)));
    assert_eq!((&all["total"]["would_record"]["task.planned"], &all["clients_with_intents"]), (&json!(3), &json!(2)));
    let clients = all["clients"].as_array().expect("clients");
    assert_eq!(clients.iter().map(|client| client["acted_on"].as_u64().unwrap_or(0)).sum::<u64>(), 3);
    let month = told(&server, &["rehearse", "--change", &file, "--from", "2026-02-01", "--to", "2026-03-01"]).await;
    assert_eq!(month["total"]["would_record"], json!({ "task.planned": 1 }));
    assert_eq!(month["clients"][0]["intents"][0]["data"]["due"], "2026-02-10T11:00:00Z");
    let undecided = json!({ "rule": "r", "on": ["call.logged"], "when": "client.class == 'vip'",
        "then": [{ "do": "flag_exception", "class": "x" }] });
    std::fs::write(&file, undecided.to_string()).expect("written");
    let told = told(&server, &["rehearse", "--change", &file]).await;
    assert_eq!((&told["total"]["undecided"], &told["total"]["acted_on"]), (&json!(4), &json!(0)));
    assert_eq!(server.app.log.head().await.expect("head"), head, "nothing is written");
}
