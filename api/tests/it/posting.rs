use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, call, registered, with};

const NOON: &str = "2026-03-01T12:30:00+03:00";

#[tokio::test]
async fn what_is_posted_stands_in_history_and_card() {
    let server = Server::start().await;
    server.accept(&registered("shop:C-1", "Анна Петрова")).await;
    let answer = server.accept(&call("shop:C-1", "1", NOON, "посылка не пришла")).await;
    assert_eq!(answer["status"], "accepted");
    assert!(answer["request_id"].as_str().is_some_and(|id| !id.is_empty()));
    let history = server.get("/v1/clients/shop:C-1/history?order=newest").await;
    assert_eq!(history.status, StatusCode::OK, "{}", history.json);
    let item = &history.json["data"]["items"][0];
    assert_eq!(item["event"], answer["id"]);
    assert_eq!(item["occurred_at"], "2026-03-01T12:30:00+03:00");
    assert_eq!(item["data"]["summary"], "посылка не пришла");
    assert_eq!(history.json["view"], "history@2");
    let card = server.get("/v1/clients/shop:C-1").await;
    assert_eq!(card.json["data"]["name"], "Анна Петрова", "{}", card.json);
    let by_id = server.get(&format!("/v1/clients/{}", answer["client"].as_str().expect("client"))).await;
    assert_eq!(by_id.json["data"], card.json["data"]);
    let list = server.fresh("/v1/clients?q=петр").await;
    assert_eq!(list.json["data"]["items"][0]["client"], answer["client"], "{}", list.json);
}

#[tokio::test]
async fn the_same_event_again_is_a_duplicate_and_another_body_a_conflict() {
    let server = Server::start().await;
    let item = call("shop:C-1", "1", NOON, "a");
    let first = server.accept(&item).await;
    let again = server.post(&item).await;
    assert_eq!((again.status, &again.json["status"]), (StatusCode::OK, &json!("duplicate")));
    assert_eq!(again.json["position"], first["position"]);
    let other = server.post(&call("shop:C-1", "1", NOON, "b")).await;
    assert_eq!((other.status, &other.json["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{}", other.json);
    assert_eq!(other.head["content-type"], "application/problem+json");
}

#[tokio::test]
async fn an_array_is_answered_item_by_item_and_atomic_ones_stand_or_fall_together() {
    let server = Server::start().await;
    let bad = with(call("shop:C-1", "2", NOON, "b"), "type", "call.loged");
    let items = json!([call("shop:C-1", "1", NOON, "a"), bad, call("shop:C-1", "3", NOON, "c")]);
    let answer = server.post_as("application/json", "/v1/events?atomic=true", items.to_string()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.json);
    assert_eq!((&answer.json["code"], &answer.json["item"]), (&json!("unknown_type"), &json!(1)));
    assert_eq!(server.app.log.head().await.expect("head").0, 0);
    let answer = server.post(&items).await;
    assert_eq!(answer.status, StatusCode::OK);
    let states: Vec<&Value> = answer.json.as_array().expect("an array").iter().map(|line| &line["status"]).collect();
    assert_eq!(states, ["accepted", "rejected", "accepted"]);
}

#[tokio::test]
async fn a_bad_line_is_named_by_number_and_the_good_ones_are_stored() {
    let server = Server::start().await;
    let mut body = String::new();
    for n in 1..=1_200 {
        match n {
            700 => body += "{\"type\": \"call.logged\",\n",
            701 => body += "\n",
            n => body += &format!("{}\n", call(&format!("shop:C-{}", n % 7), &n.to_string(), NOON, "x")),
        }
    }
    let answer = server.post_as("application/x-ndjson", "/v1/events", body.trim_end().to_owned()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = answer.json.as_str().expect("lines");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1_199, "an empty line has no answer");
    let bad: Vec<&Value> = lines.iter().filter(|line| line["status"] != "accepted").collect();
    assert_eq!(bad.len(), 1);
    assert_eq!((&bad[0]["line"], &bad[0]["rule"]), (&json!(700), &json!("malformed_json")));
    assert_eq!(lines.last().expect("lines")["line"], 1_200);
}

#[tokio::test]
async fn a_line_without_an_end_is_skipped_up_to_the_next_one() {
    let server = Server::start().await;
    let body = format!("\"{}\"\n{}\n", "x".repeat(2 << 20), call("shop:C-1", "1", NOON, "a"));
    let answer = server.post_as("application/x-ndjson", "/v1/events", body).await;
    let lines: Vec<Value> =
        answer.json.as_str().expect("lines").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["rule"], &lines[0]["line"]), (&json!("body_too_large"), &json!(1)));
    assert_eq!((&lines[1]["status"], &lines[1]["line"]), (&json!("accepted"), &json!(2)));
}

fn cloud(id: &str, time: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/pbx/1", "type": "call.logged", "subject": "shop:C-1", "time": time,
        "datacontenttype": "application/json", "letopisorder": 3, "data": { "direction": "in", "topics": [] },
    })
}

#[tokio::test]
async fn a_cloud_event_keeps_its_offset_and_its_order() {
    let server = Server::start().await;
    let kind = "application/cloudevents+json; charset=utf-8";
    let answer = server.post_as(kind, "/v1/events", cloud("1", NOON).to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    let feed = server.get("/v1/events?type=call.logged").await;
    let event = &feed.json["data"][0];
    assert_eq!((&event["occurred_at"], &event["order"]), (&json!(NOON), &json!(3)));
    let mut bad = cloud("2", NOON);
    bad["specversion"] = "0.3".into();
    let answer = server.post_as(kind, "/v1/events", bad.to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.json["field"]), (422, &json!("specversion")));
}

#[tokio::test]
async fn a_cloud_event_may_come_in_headers() {
    let server = Server::start().await;
    let request = axum::http::Request::post("/v1/events")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "9")
        .header("ce-source", "pbx")
        .header("ce-type", "call.logged")
        .header("ce-subject", "shop:C%2D1")
        .header("ce-time", NOON)
        .body(axum::body::Body::from(r#"{"direction":"out","topics":[]}"#))
        .expect("a request");
    let answer = crate::support::got(server.send(request).await).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    assert_eq!(server.get("/v1/clients/shop:C-1/history").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_of_cloud_events_is_stored_as_a_whole_or_not_at_all() {
    let server = Server::start().await;
    let kind = "application/cloudevents-batch+json";
    let batch = json!([cloud("1", NOON), cloud("2", "2026-02-30T00:00:00Z")]);
    let answer = server.post_as(kind, "/v1/events", batch.to_string()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((&answer.json["field"], &answer.json["item"]), (&json!("occurred_at"), &json!(1)), "{}", answer.json);
    assert_eq!(server.app.log.head().await.expect("head").0, 0);
    let batch = json!([cloud("1", NOON), cloud("2", NOON)]);
    assert_eq!(server.post_as(kind, "/v1/events", batch.to_string()).await.status, StatusCode::CREATED);
    assert_eq!(server.post_as(kind, "/v1/events", batch.to_string()).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_parallel_posts_for_one_new_identity_make_one_client() {
    let server = Server::start().await;
    let (a, b) = (call("email:a@example.com", "1", NOON, "a"), call("email:A@Example.com", "2", NOON, "b"));
    let (a, b) = tokio::join!(server.accept(&a), server.accept(&b));
    assert_eq!(a["client"], b["client"]);
    let same = call("shop:C-5", "5", NOON, "x");
    let posts = (0..20).map(|_| server.post(&same));
    let answers = futures_util::future::join_all(posts).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(accepted, 1);
    assert!(answers.iter().all(|answer| answer.json["position"] == answers[0].json["position"]));
}
