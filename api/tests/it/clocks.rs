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

/// Deals, orders and a case of a few clients, one thing a day from the first of January on.
fn story() -> Vec<serde_json::Value> {
    let mut items = Vec::new();
    for day in 1..=24_u32 {
        let client = format!("shop:C-{}", day % 5);
        let thing = |kind: &str| format!("shop:{kind}-{}", (day - 1) / 4);
        let lines = json!([{ "product": "tea", "quantity": day.to_string(), "unit_price": "1.25" }]);
        let (name, data) = match day % 4 {
            1 => (
                "deal.opened",
                json!({ "deal": thing("D"), "stage": "engaging", "product": "tea", "amount": { "minor": 1_000 * day, "currency": "EUR" } }),
            ),
            2 => ("order.placed", json!({ "order": thing("O"), "currency": "EUR", "channel": "shop", "lines": lines })),
            3 => ("deal.won", json!({ "deal": thing("D"), "amount": { "minor": 900 * day, "currency": "EUR" } })),
            _ => ("case.raised", json!({ "case": thing("K"), "kind": "complaint", "topic": "delivery" })),
        };
        // What is about one deal stands with one client.
        let client = if name.starts_with("deal") { format!("shop:C-{}", (day - 1) / 4) } else { client };
        items.push(json!({ "type": name, "source": "shop", "id": day.to_string(), "client": client,
            "occurred_at": format!("2026-01-{day:02}T12:00:00Z"), "data": data }));
    }
    items
}

const WHOLE: &[&str] = &[
    "/v1/funnel/board",
    "/v1/funnel/flow",
    "/v1/funnel/win-rate",
    "/v1/revenue",
    "/v1/loyalty/rfm",
    "/v1/loyalty/loyal-share",
    "/v1/cases/overview",
    "/v1/contacts",
];

#[tokio::test]
async fn every_answer_as_of_a_day_is_that_of_a_server_that_heard_of_nothing_later() {
    let all = Server::start().await;
    let before = Server::beside(&all).await;
    for item in story() {
        all.accept(&item).await;
        if item["occurred_at"].as_str() < Some("2026-01-14") {
            before.accept(&item).await;
        }
    }
    for path in WHOLE {
        let path = format!("{path}?as_of=2026-01-13");
        let (dated, whole) = (all.built(&path).await, before.built(&path).await);
        assert_eq!(dated.status, StatusCode::OK, "{path}: {}", dated.json);
        assert_eq!(dated.json["data"], whole.json["data"], "{path}");
    }
}

#[tokio::test]
async fn a_correction_made_today_changes_last_month_and_not_what_was_known_then() {
    let server = Server::start().await;
    for item in story() {
        server.accept(&item).await;
    }
    let board = async |query: &str| server.built(&format!("/v1/funnel/board?{query}")).await.json["data"].clone();
    let (then, known) = (board("as_of=2026-01-10").await, board("as_of=2026-01-10&known_at=2026-03-10").await);
    assert_eq!(then, known);
    server.clock.set(at("2026-03-11T12:00:00Z"));
    let data = json!({ "deal": "shop:D-2", "stage": "engaging", "product": "tea", "amount": { "minor": 77, "currency": "EUR" } });
    let correction = json!({ "target": "shop:9", "data": data });
    server
        .accept(&json!({ "type": "event.corrected", "source": "shop", "id": "mend",
        "occurred_at": "2026-03-11T12:00:00Z", "data": correction }))
        .await;
    let mended = board("as_of=2026-01-10").await;
    assert_ne!(mended, then, "a mistake mended today is mended in last month's answer");
    assert!(mended.to_string().contains("77"), "{mended}");
    assert_eq!(board("as_of=2026-01-10&known_at=2026-03-10").await, known);
}
