use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, call};

#[tokio::test]
async fn pages_of_a_history_join_without_a_gap_and_their_cursors_fit_no_other_query() {
    let server = Server::start().await;
    for n in 1..=7 {
        let when = format!("2026-03-0{n}T10:00:00Z");
        server.accept(&call("shop:C-1", &n.to_string(), &when, "x")).await;
    }
    server.accept(&call("shop:C-2", "20", "2026-03-01T10:00:00Z", "x")).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/clients/shop:C-1/history?limit=3".to_owned());
    let first = server.get(&path).await;
    assert_eq!(first.head["x-limit-max"], "1000");
    let cursor = first.json["data"]["next"].as_str().expect("a next page").to_owned();
    loop {
        let page = server.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.json);
        seen.extend(
            page.json["data"]["items"].as_array().expect("items").iter().map(|item| item["occurred_at"].clone()),
        );
        let Value::String(next) = &page.json["data"]["next"] else { break };
        path = format!("/v1/clients/shop:C-1/history?limit=3&cursor={next}");
    }
    let expected: Vec<Value> = (1..=7).map(|n| json!(format!("2026-03-0{n}T10:00:00Z"))).collect();
    assert_eq!(seen, expected);
    for other in ["shop:C-2/history?", "shop:C-1/history?kind=contact&", "shop:C-1/orders?"] {
        let answer = server.get(&format!("/v1/clients/{other}cursor={cursor}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json["code"]), (400, &json!("cursor")), "{other}");
    }
}

#[tokio::test]
async fn the_document_lists_every_route_and_is_openapi_3_1() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await;
    assert_eq!(document.status, StatusCode::OK);
    assert!(document.json["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document.json["paths"].as_object().expect("paths");
    for path in [
        "/v1/events",
        "/v1/clients",
        "/v1/clients/{id}",
        "/v1/clients/{id}/history",
        "/v1/clients/{id}/settlement",
        "/v1/clients/{id}/orders",
        "/v1/orders/{id}",
        "/v1/revenue",
        "/v1/funnel/board",
        "/v1/loyalty/rfm",
        "/v1/cases",
        "/v1/cases/{id}",
        "/v1/contacts",
        "/v1/search",
        "/v1/views",
        "/v1/views/rebuild",
        "/v1/log/checkpoint",
        "/v1/log/key",
        "/v1/log/tile/{level}/{*path}",
        "/v1/log/proof/{event}",
        "/v1/clients/{id}/proof",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert!(paths["/v1/events"]["post"].is_object() && paths["/v1/events"]["get"].is_object());
    server.accept(&call("shop:C-1", "1", "2026-03-01T10:00:00Z", "x")).await;
    server.app.sealer.seal().await.expect("seals");
    // Whatever is listed is there, and every answer without parameters is well-formed.
    for (path, methods) in paths {
        if methods.get("get").is_none() || path.contains('{') {
            continue;
        }
        let answer = server.fresh(path).await;
        assert!(matches!(answer.status.as_u16(), 200 | 202 | 400), "{path}: {} {}", answer.status, answer.json);
        if answer.status == StatusCode::BAD_REQUEST {
            assert!(answer.json["detail"].as_str().is_some_and(|text| text.contains("missing")), "{path}");
        }
    }
    assert_eq!(server.get("/docs/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn views_are_listed_rebuilt_and_measured() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", "2026-03-01T10:00:00Z", "x")).await;
    let views = server.fresh("/v1/views").await;
    let lines = views.json["data"].as_array().expect("views").clone();
    assert_eq!(lines.len(), server.app.views.list().len());
    assert!(lines.iter().all(|line| line["digest"].as_str().is_some_and(|digest| digest.len() == 32)));
    let started = server.post_as("application/json", "/v1/views/rebuild", "").await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.json);
    let mut after = server.get("/v1/views").await;
    while after.json["rebuild"]["state"] == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        after = server.get("/v1/views").await;
    }
    assert_eq!(after.json["rebuild"], json!({ "state": "idle" }));
    assert_eq!(after.json["data"], json!(lines), "rebuilt is the same as live");
    let metrics = server.get("/metrics").await;
    let text = metrics.json.as_str().expect("text");
    for name in ["letopis_http_request_seconds_bucket", "letopis_posted_events_total", "letopis_view_lag_events"] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert!(!text.contains("shop:C-1"), "no ids of people in labels");
    assert_eq!(server.get("/healthz").await.json["status"], "alive");
    assert_eq!(server.get("/readyz").await.json["status"], "ready");
}
