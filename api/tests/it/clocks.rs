use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Server, at, call, registered};

#[tokio::test]
async fn a_late_fact_changes_what_happened_and_not_what_was_known() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", "2026-03-05T10:00:00Z", "first")).await;
    server.clock.set(at("2026-03-11T12:00:00Z"));
    server.accept(&call("shop:C-1", "2", "2026-03-01T10:00:00Z", "late")).await;
    let count = async |query: &str| {
        let answer = server.get(&format!("/v1/clients/shop:C-1/history?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
        answer.json["data"]["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("as_of=2026-03-01").await, 1, "a date is the end of its day");
    assert_eq!(count("as_of=2026-02-28").await, 0);
    assert_eq!(count("known_at=2026-03-10").await, 1);
    assert_eq!(count("as_of=2026-03-01&known_at=2026-03-10").await, 0);
    assert_eq!(count("as_of=2026-03-05T13:00:00+03:00").await, 1, "bounds are exclusive, a bare plus is one");
    assert_eq!(count("late=true").await, 1);
}

#[tokio::test]
async fn totals_of_a_past_day_come_at_once_and_whole_views_of_a_past_knowledge_are_built() {
    let server = Server::start().await;
    server.accept(&registered("shop:C-1", "A")).await;
    server.accept(&call("shop:C-1", "1", "2026-03-05T10:00:00Z", "first")).await;
    server.clock.set(at("2026-03-11T12:00:00Z"));
    server.accept(&call("shop:C-1", "2", "2026-03-01T10:00:00Z", "late")).await;
    let contacts = |answer: &crate::support::Got| answer.json["data"][0]["contacts"].clone();
    let now = server.fresh("/v1/contacts").await;
    assert_eq!(contacts(&now), 2, "{}", now.json);
    let past = server.fresh("/v1/contacts?as_of=2026-03-01").await;
    assert_eq!((past.status, contacts(&past)), (StatusCode::OK, json!(1)), "{}", past.json);
    let known = server.built("/v1/contacts?known_at=2026-03-10").await;
    assert_eq!((known.status, contacts(&known)), (StatusCode::OK, json!(1)), "{}", known.json);
    let clients = server.built("/v1/clients?as_of=2025-12-31").await;
    assert_eq!(clients.json["data"]["items"], json!([]), "{}", clients.json);
}

#[tokio::test]
async fn an_answer_waits_for_a_position_or_says_that_it_is_not_there() {
    let server = Server::without_views().await;
    let receipt = server.accept(&call("shop:C-1", "1", "2026-03-05T10:00:00Z", "x")).await;
    let position = receipt["position"].as_u64().expect("a position");
    let path = format!("/v1/contacts?min_position={position}");
    let early = server.get(&path).await;
    assert_eq!((early.status.as_u16(), &early.json["code"]), (503, &json!("not_there_yet")));
    assert!(early.head.contains_key("retry-after"));
    let strong = server.get("/v1/clients/shop:C-1/history").await;
    assert_eq!(strong.json["data"]["items"].as_array().map(Vec::len), Some(1), "one client is never stale");
    let server = server.follow();
    let there = server.get(&path).await;
    assert_eq!(there.status, StatusCode::OK, "{}", there.json);
    assert!(there.json["position"].as_u64() >= Some(position));
    let beyond = server.get("/v1/contacts?min_position=99999").await;
    assert_eq!((beyond.status.as_u16(), &beyond.json["field"]), (503, &json!("min_position")));
}
