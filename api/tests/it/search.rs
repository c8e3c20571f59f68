//! Words of what was said, as corrected, in one history and in all.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::functions::told;
use crate::support::{Server, call, registered};

async fn found(server: &Server, path: &str) -> Vec<String> {
    let answer = server.fresh(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    assert_eq!(answer.json["view"], "search@1");
    let items = answer.json["data"]["items"].as_array().expect("items").clone();
    items.iter().map(|item| item["data"]["summary"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn words_are_found_in_one_history_and_in_all() {
    let server = Server::start().await;
    for (client, id, text) in [("shop:1", "a", "Обсудили договоры поставки"), ("shop:2", "b", "По договору не звонил")]
    {
        server.accept(&call(client, id, "2026-01-02T10:00:00Z", text)).await;
    }
    server.accept(&registered("shop:3", "Договорова Анна")).await;
    assert_eq!(found(&server, "/v1/search?q=договоров").await.len(), 3, "names are words too");
    assert_eq!(found(&server, "/v1/search?q=договором").await.len(), 2);
    assert_eq!(found(&server, "/v1/clients/shop:2/history?q=договоры").await, ["По договору не звонил"]);
    assert_eq!(found(&server, "/v1/clients/shop:2/history?q=договоры&as_of=2026-01-01").await, [""; 0]);
    let past = server.fresh("/v1/search?q=договор&known_at=2026-01-01").await;
    assert_eq!((past.status.as_u16(), &past.json["field"]), (400, &json!("known_at")));
    let views = server.fresh("/v1/views").await.json;
    assert_eq!((&views["search"]["lag"], &views["search"]["failure"]), (&json!(0), &json!(null)));
}

#[tokio::test]
async fn a_correction_is_found_and_what_it_mends_is_not_until_it_is_taken_back() {
    let server = Server::start().await;
    let wrong = server.accept(&call("shop:1", "a", "2026-01-02T10:00:00Z", "wants bricks")).await;
    let target = wrong["id"].clone();
    let replacement = json!({ "direction": "in", "summary": "wants blankets" });
    let correction = server
        .accept(&json!({ "type": "event.corrected", "client": "shop:1", "occurred_at": "2026-01-03T10:00:00Z",
            "data": { "target": target, "data": replacement } }))
        .await["id"]
        .clone();
    assert_eq!(found(&server, "/v1/search?q=blanket").await, ["wants blankets"]);
    assert_eq!(found(&server, "/v1/search?q=bricks").await, [""; 0]);
    let take_back = |target| json!({ "type": "event.retracted", "client": "shop:1", "occurred_at": "2026-01-04T10:00:00Z", "data": { "target": target } });
    server.accept(&take_back(correction)).await;
    assert_eq!(found(&server, "/v1/search?q=brick").await, ["wants bricks"]);
    assert_eq!(found(&server, "/v1/search?q=blankets").await, [""; 0]);
    server.accept(&take_back(target)).await;
    assert_eq!(found(&server, "/v1/search?q=wants").await, [""; 0]);
}

#[tokio::test]
async fn a_merged_client_is_searched_as_one() {
    let server = Server::start().await;
    for (n, client) in ["shop:1", "shop:2"].into_iter().enumerate() {
        server.accept(&call(client, client, "2026-01-02T10:00:00Z", &format!("parcel {n}"))).await;
    }
    assert_eq!(found(&server, "/v1/clients/shop:1/history?q=parcels").await, ["parcel 0"]);
    let absorbed = server.fresh("/v1/clients/shop:2").await.json["data"]["client"].clone();
    server
        .accept(&json!({ "type": "client.merged", "client": "shop:1", "occurred_at": "2026-01-03T10:00:00Z",
            "data": { "absorbed": absorbed } }))
        .await;
    assert_eq!(found(&server, "/v1/clients/shop:1/history?q=parcels").await.len(), 2);
    assert_eq!(found(&server, "/v1/clients/shop:2/history?q=parcels").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_verifies_beside_a_server_that_goes_on_finds_nothing_wrong() {
    let server = Server::start().await;
    let go_on = AtomicBool::new(true);
    let post = async {
        let mut posted = 0;
        while go_on.load(Ordering::Relaxed) {
            let call =
                call(&format!("shop:{}", posted % 20), &format!("call-{posted}"), "2026-01-02T10:00:00Z", "bricks");
            server.accept(&call).await;
            posted += 1;
        }
        posted
    };
    let verify = async {
        for _ in 0..5 {
            let said = told(&server, &["verify", "--views"]).await;
            let unsound: Vec<_> =
                said["views"].as_array().expect("views").iter().filter(|v| v["sound"] != true).collect();
            assert!(unsound.is_empty(), "{unsound:?}");
        }
        go_on.store(false, Ordering::Relaxed);
    };
    let (posted, ()) = tokio::join!(post, verify);
    assert!(posted > 20, "the server went on: {posted}");
}
