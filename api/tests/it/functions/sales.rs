//! D and H: deals, the funnel, priority and loyal clients.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::Server;

async fn deals(server: &Server) {
    let say = async |client: &str, name: &str, at: &str, data: Value| {
        server.accept(&fact(name, client, at, data)).await;
    };
    for n in 0..6_i64 {
        let (client, deal) = (format!("shop:{n}"), format!("shop:D-{n}"));
        let opened = json!({ "deal": deal, "stage": "engaging", "product": "tea", "amount": eur(1_000 * (n + 1)), "agent": "hr:1" });
        say(&client, "deal.opened", &format!("2026-01-0{}T09:00:00Z", n + 1), opened).await;
    }
    say("shop:0", "deal.stage_changed", "2026-01-20T09:00:00Z", json!({ "deal": "shop:D-0", "to": "offer" })).await;
    say("shop:1", "deal.won", "2026-02-02T09:00:00Z", json!({ "deal": "shop:D-1", "amount": eur(1_900) })).await;
    let lost = |n: u32, reason: &str, rival: &str| json!({ "deal": format!("shop:D-{n}"), "reason": reason, "competitor": rival });
    say("shop:2", "deal.lost", "2026-02-03T09:00:00Z", lost(2, "price", "acme")).await;
    say("shop:3", "deal.lost", "2026-02-04T09:00:00Z", lost(3, "price", "acme")).await;
    say("shop:4", "deal.lost", "2026-02-20T09:00:00Z", lost(4, "timing", "globex")).await;
}

#[tokio::test]
async fn d4_the_board_of_today_and_of_any_day() {
    let server = Server::start().await;
    deals(&server).await;
    let board = agree(&server, "/v1/funnel/board", &["funnel", "board"]).await;
    let then = server.built("/v1/funnel/board?as_of=2026-01-10").await.json["data"].clone();
    let count = |board: &Value, stage: &str| -> i64 {
        let stages = board["groups"][0]["stages"].as_array().expect("stages");
        let found = stages.iter().find(|line| line["stage"] == stage);
        found.map_or(0, |line| line["deals"].as_i64().or(line["count"].as_i64()).expect("a count"))
    };
    assert_eq!((count(&board, "engaging"), count(&board, "offer")), (1, 1), "{board}");
    assert_eq!((count(&then, "engaging"), count(&then, "offer")), (6, 0), "{then}");
    agree(&server, "/v1/funnel/flow", &["funnel", "flow"]).await;
    agree(&server, "/v1/funnel/cohort", &["funnel", "cohort"]).await;
    agree(&server, "/v1/funnel/win-rate?by=product", &["funnel", "win-rate", "--by", "product"]).await;
}

#[tokio::test]
async fn d10_lost_deals_by_reason_and_rival() {
    let server = Server::start().await;
    deals(&server).await;
    let reasons = agree(&server, "/v1/funnel/lost-reasons", &["funnel", "lost-reasons"]).await;
    let lines = reasons["reasons"].as_array().or(reasons["items"].as_array()).expect("lines");
    let price = lines.iter().find(|line| line["reason"] == "price").expect("a line");
    assert_eq!((&price["competitor"], &price["deals"]["numerator"]), (&json!("acme"), &json!(2)), "{reasons}");
    let then = server.built("/v1/funnel/lost-reasons?as_of=2026-02-14").await.json["data"].clone();
    assert!(!then.to_string().contains("globex"), "{then}");
}

#[tokio::test]
async fn h2_clients_ranked_by_income_with_the_cut() {
    let server = Server::start().await;
    for n in 1..=5_u32 {
        let lines = json!([{ "product": "tea", "quantity": (10_u32.pow(n) / 10).to_string(), "unit_price": "1" }]);
        let placed = json!({ "order": format!("shop:O-{n}"), "currency": "EUR", "lines": lines });
        server
            .accept(&fact(
                "client.registered",
                &format!("shop:{n}"),
                "2026-01-01T09:00:00Z",
                json!({ "kind": "person" }),
            ))
            .await;
        server
            .accept(&fact("order.placed", &format!("shop:{n}"), &format!("2026-0{}-10T09:00:00Z", 1 + n % 2), placed))
            .await;
    }
    let ranked = agree(&server, "/v1/loyalty/abc?limit=100", &["loyalty", "abc"]).await;
    let items = ranked["page"]["items"].as_array().expect("items");
    let best = server.fresh("/v1/clients/shop:5").await.json["data"]["client"].clone();
    assert_eq!((&items[0]["id"], &items[0]["class"]), (&best, &json!("A")), "{ranked}");
    agree(&server, "/v1/loyalty/rfm?limit=100", &["loyalty", "rfm"]).await;
    agree(&server, "/v1/loyalty/repeat-rate", &["loyalty", "repeat-rate"]).await;
    agree(&server, "/v1/loyalty/loyal-share", &["loyalty", "loyal-share"]).await;
}
