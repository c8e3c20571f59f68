//! B: incidents and requests.

use serde_json::{Value, json};

use super::{agree, fact};
use crate::support::Server;

async fn say(server: &Server, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, "shop:1", at, data)).await
}

#[tokio::test]
async fn b1_an_incident_from_its_raising_to_its_close() {
    let server = Server::start().await;
    let of = |more: Value| {
        let mut data = json!({ "case": "desk:T-1" });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        data
    };
    say(&server, "case.raised", "2026-01-05T09:00:00Z", of(json!({ "kind": "incident", "topic": "outage" }))).await;
    say(&server, "case.classified", "2026-01-05T09:10:00Z", of(json!({ "priority": "high" }))).await;
    say(&server, "case.assigned", "2026-01-05T09:20:00Z", of(json!({ "employee": "hr:7" }))).await;
    say(&server, "case.answered", "2026-01-05T11:00:00Z", of(json!({}))).await;
    say(&server, "case.resolved", "2026-01-06T09:00:00Z", of(json!({ "resolution": "restarted" }))).await;
    say(&server, "case.reopened", "2026-02-01T09:00:00Z", of(json!({}))).await;
    say(&server, "case.resolved", "2026-02-20T09:00:00Z", of(json!({ "resolution": "replaced" }))).await;
    say(&server, "case.closed", "2026-02-21T09:00:00Z", of(json!({}))).await;
    let listed = agree(&server, "/v1/cases", &["cases", "list", "--limit", "50"]).await;
    let id = listed["items"][0]["case"].as_str().expect("an id").to_owned();
    let case = agree(&server, "/v1/cases/desk:T-1", &["case", &id]).await;
    let field = |name: &str| case[name].clone();
    assert_eq!((field("status"), field("priority"), field("reopened")), ("closed".into(), "high".into(), 1.into()));
    assert_eq!((field("first_response_s"), field("resolution")), (7_200.into(), "replaced".into()));
    let then = server.built("/v1/cases/desk:T-1?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((&then["status"], &then["resolution"]), (&json!("resolved"), &json!("restarted")));
    let path = server.fresh(&format!("/v1/clients/shop:1/history?case={id}")).await.json;
    assert_eq!(path["data"]["items"].as_array().map(Vec::len), Some(8), "the whole history of its states");
}

#[tokio::test]
async fn b5_kinds_of_requests_are_counted_and_timed() {
    let server = Server::start().await;
    for (n, kind) in ["question", "question", "error_report", "wish", "complaint"].into_iter().enumerate() {
        let case = format!("desk:T-{n}");
        say(&server, "case.raised", "2026-01-05T09:00:00Z", json!({ "case": case, "kind": kind, "topic": "web" }))
            .await;
        if n % 2 == 0 {
            let at = format!("2026-01-05T1{n}:00:00Z");
            say(&server, "case.answered", &at, json!({ "case": case })).await;
        }
    }
    let overview = agree(&server, "/v1/cases/overview?by=kind", &["cases", "overview", "--by", "kind"]).await;
    let text = overview.to_string();
    for kind in ["question", "error_report", "wish", "complaint"] {
        assert!(text.contains(kind), "{text}");
    }
    let responses = agree(&server, "/v1/cases/responses", &["cases", "responses"]).await;
    assert!(responses.is_object() || responses.is_array(), "{responses}");
}

#[tokio::test]
async fn b6_every_date_promised_stays_with_the_reason_of_its_move() {
    let server = Server::start().await;
    let raised = json!({ "case": "desk:T-1", "kind": "complaint" });
    say(&server, "case.raised", "2026-01-05T09:00:00Z", raised).await;
    let due = |due: &str| json!({ "case": "desk:T-1", "due": due });
    say(&server, "case.due_set", "2026-01-05T10:00:00Z", due("2026-01-20T18:00:00Z")).await;
    for (at, to, reason) in [
        ("2026-01-19T09:00:00Z", "2026-02-10T18:00:00Z", "supplier"),
        ("2026-02-09T09:00:00Z", "2026-03-01T18:00:00Z", "illness"),
    ] {
        let mut moved = due(to);
        moved["reason"] = reason.into();
        say(&server, "case.due_moved", at, moved).await;
    }
    let listed = agree(&server, "/v1/cases", &["cases", "list", "--limit", "50"]).await;
    let case = &listed["items"][0];
    assert_eq!((&case["moves"], case["dues"].as_array().map(Vec::len)), (&json!(2), Some(3)));
    assert!(case["due"].as_str().expect("a date").starts_with("2026-03-01"));
    assert_eq!(case["overdue"], true);
    assert!(case["dues"].to_string().contains("supplier") && case["dues"].to_string().contains("illness"), "{case}");
    let then = server.built("/v1/cases?as_of=2026-01-31").await.json["data"]["items"][0].clone();
    assert!(then["due"].as_str().expect("a date").starts_with("2026-02-10"), "{then}");
    let promises = agree(&server, "/v1/cases/promises", &["cases", "promises"]).await;
    assert_eq!(promises["items"].as_array().map(Vec::len), Some(1), "{promises}");
}

#[tokio::test]
async fn a15_complaints_and_wishes_by_topic() {
    let server = Server::start().await;
    for (n, (kind, topic)) in
        [("complaint", "delivery"), ("complaint", "delivery"), ("wish", "colours"), ("complaint", "price")]
            .into_iter()
            .enumerate()
    {
        let data = json!({ "case": format!("desk:T-{n}"), "kind": kind, "topic": topic });
        say(&server, "case.raised", &format!("2026-01-0{}T09:00:00Z", n + 1), data).await;
    }
    say(&server, "case.answered", "2026-02-01T09:00:00Z", json!({ "case": "desk:T-0" })).await;
    let overview = agree(&server, "/v1/cases/overview?by=topic", &["cases", "overview", "--by", "topic"]).await;
    let lines = overview["groups"].as_array().or(overview.as_array()).expect("lines");
    let delivery = lines.iter().find(|line| line.to_string().contains("delivery")).expect("a line");
    assert!(delivery.to_string().contains('2'), "raised again under one topic: {delivery}");
    let open = server.built("/v1/cases?status=open").await.json["data"]["items"].as_array().map(Vec::len);
    let answered = server.built("/v1/cases?status=answered").await.json["data"]["items"].as_array().map(Vec::len);
    assert_eq!((open, answered), (Some(3), Some(1)));
}
