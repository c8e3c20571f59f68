use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::{Server, call};

const NOON: &str = "2026-03-01T12:30:00Z";

#[tokio::test]
async fn the_feed_is_read_to_its_end_by_its_own_cursor() {
    let server = Server::start().await;
    for n in 1..=5 {
        server.accept(&call("shop:C-1", &n.to_string(), NOON, "x")).await;
    }
    let (mut after, mut positions) = (json!(0), Vec::new());
    loop {
        let page = server.get(&format!("/v1/events?after={after}&limit=2")).await;
        let data = page.json["data"].as_array().expect("events").clone();
        if data.is_empty() {
            break;
        }
        positions.extend(data.iter().map(|event| event["position"].as_u64().expect("a position")));
        after = page.json["next"].clone();
    }
    let head = server.app.log.head().await.expect("head").0;
    assert_eq!(positions, (1..=head).collect::<Vec<_>>());
    let none = server.get("/v1/events?type=deal.won").await;
    assert_eq!((&none.json["data"], &none.json["next"]), (&json!([]), &json!(head)), "the cursor passes what it skips");
}

#[tokio::test]
async fn a_stream_of_events_goes_on_where_it_broke_off_and_follows_live() {
    let server = Server::start().await;
    let first = server.accept(&call("shop:C-1", "1", NOON, "one")).await;
    let request = Request::get("/v1/events")
        .header("accept", "text/event-stream")
        .header("last-event-id", first["position"].to_string())
        .body(Body::empty())
        .expect("a request");
    let response = server.send(request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let second = server.accept(&call("shop:C-1", "2", NOON, "two")).await;
    let message = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("in time");
    let message = String::from_utf8(message.expect("a message").expect("bytes").to_vec()).expect("text");
    let line =
        |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).expect("the line").trim().to_owned();
    assert_eq!(line("id:"), second["position"].to_string());
    let event: Value = serde_json::from_str(&line("data:")).expect("JSON");
    assert_eq!((&event["id"], &event["data"]["summary"]), (&second["id"], &json!("two")));
    server.app.stop.cancel();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("in time");
    assert!(end.is_none(), "the stream ends with the server");
}
