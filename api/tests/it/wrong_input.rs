use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, call, with};

const NOON: &str = "2026-03-01T12:30:00Z";

#[tokio::test]
async fn every_bad_event_is_answered_with_its_status_and_field() {
    let server = Server::start().await;
    let good = || call("shop:C-1", "1", NOON, "a");
    let order = |currency: &str, quantity: &str| {
        let line = json!({ "product": "p", "quantity": quantity, "unit_price": "1" });
        let data = json!({ "order": "shop:O-1", "currency": currency, "lines": [line] });
        with(with(good(), "type", "order.placed"), "data", data)
    };
    let data = |data: Value| with(good(), "data", data);
    let cases = [
        (with(good(), "type", "call.loged"), "unknown_type", "type"),
        (with(good(), "colour", "red"), "unknown_field", "colour"),
        (with(good(), "position", 7), "server_owned_field", "position"),
        (with(good(), "occurred_at", "2026-02-30T10:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "0000-01-01T00:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "9999-12-31T00:00:00Z"), "invalid_field", "occurred_at"),
        (with(good(), "occurred_at", "2026-04-01T00:00:00Z"), "in_future", "occurred_at"),
        (with(good(), "client", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "unknown_client", "client"),
        (data(json!({ "direction": "in", "mood": 1 })), "unknown_field", "data.mood"),
        (order("EURO", "1"), "invalid_field", "data.currency"),
        (order("EUR", "NaN"), "invalid_field", "data.lines[0].quantity"),
    ];
    for (item, code, field) in cases {
        let answer = server.post(&item).await;
        let told = (answer.status.as_u16(), &answer.json["code"], &answer.json["field"]);
        assert_eq!(told, (422, &json!(code), &json!(field)), "{item}: {}", answer.json);
        assert_eq!(answer.head["content-type"], "application/problem+json");
        assert_eq!(answer.json["request_id"], answer.head["x-request-id"].to_str().expect("text"));
    }
    assert_eq!(server.app.log.head().await.expect("head").0, 0);
}

#[tokio::test]
async fn what_is_no_json_is_told_by_line_and_column() {
    let server = Server::start().await;
    let deep = format!("{{\"data\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let cases = [
        ("{\n  \"type\": call.logged\n}".to_owned(), "malformed_json"),
        ("{\"a\": NaN}".to_owned(), "malformed_json"),
        (r#"{"a": "\ud800"}"#.to_owned(), "malformed_json"),
        ("".to_owned(), "malformed_json"),
        (deep, "too_deep"),
    ];
    for (body, code) in cases {
        let answer = server.post_as("application/json", "/v1/events", body.clone()).await;
        let told = (answer.status.as_u16(), &answer.json["code"]);
        assert_eq!(told, (400, &json!(code)), "{}", &answer.json);
        assert!(answer.json["line"].is_u64() && answer.json["column"].is_u64());
    }
    let answer = server.post_as("application/json", "/v1/events", "{\n  \"type\": call.logged\n}").await;
    assert_eq!(answer.json["line"], 2);
}

#[tokio::test]
async fn a_body_beyond_the_limit_and_one_of_another_type_are_refused() {
    let server = Server::start().await;
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(9 << 20));
    let answer = server.post_as("application/json", "/v1/events", large).await;
    assert_eq!((answer.status, &answer.json["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("body_too_large")));
    let answer = server.post_as("text/plain", "/v1/events", "x").await;
    assert_eq!((answer.status.as_u16(), &answer.json["field"]), (415, &json!("content-type")));
}

#[tokio::test]
async fn every_bad_question_is_answered_with_its_status_and_parameter() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    let cases = [
        ("/v1/clients?colour=red", 400, "parameter", "colour"),
        ("/v1/clients?limit=0", 400, "parameter", "limit"),
        ("/v1/clients?limit=1001", 400, "parameter", "limit"),
        ("/v1/clients?limit=5&limit=6", 400, "parameter", "limit"),
        ("/v1/clients?as_of=yesterday", 400, "parameter", "as_of"),
        ("/v1/clients?cursor=00ff", 400, "cursor", "cursor"),
        ("/v1/clients?kind=robot", 400, "parameter", "kind"),
        ("/v1/clients/shop:C-9", 404, "unknown_client", "id"),
        ("/v1/clients/01ARZ3NDEKTSV4RRFFQ69G5FAV/history", 404, "unknown_client", "id"),
        ("/v1/orders/shop:O-9", 404, "not_found", "id"),
        ("/v1/orders/nonsense", 400, "parameter", "order"),
        ("/v1/cases/desk:T-9", 404, "not_found", "id"),
        ("/v1/funnel/board?by=weather", 400, "parameter", "by"),
        ("/v1/funnel/flow?from=2026-01-32", 400, "parameter", "from"),
        ("/v1/funnel/flow?from=2026-02-01&to=2026-01-01", 400, "parameter", "to"),
        ("/v1/clients/shop:C-9/purchases", 404, "unknown_client", "id"),
        ("/v1/loyalty/rfm?scores=5,9,1", 400, "parameter", "scores"),
        ("/v1/revenue?currency=EURO", 400, "parameter", "currency"),
        ("/v1/events?after=-1", 400, "parameter", "after"),
        ("/v1/search", 400, "parameter", "q"),
    ];
    for (path, status, code, field) in cases {
        let answer = server.fresh(path).await;
        let told = (answer.status.as_u16(), &answer.json["code"], &answer.json["field"]);
        assert_eq!(told, (status, &json!(code), &json!(field)), "{path}: {}", answer.json);
    }
    let missing = server.get("/v1/nothing").await;
    assert_eq!((missing.status.as_u16(), &missing.json["code"]), (404, &json!("not_found")));
    let method = server.post_as("application/json", "/v1/clients", "{}").await;
    assert_eq!((method.status.as_u16(), &method.json["code"]), (405, &json!("method_not_allowed")));
    assert!(method.head.contains_key("allow"));
}
