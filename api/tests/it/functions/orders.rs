//! C: orders and settlement.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::{Server, with};

async fn say(server: &Server, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, "shop:1", at, data)).await
}

fn lines(quantity: &str) -> Value {
    json!([{ "product": "tea", "quantity": quantity, "unit_price": "12.50" }])
}

#[tokio::test]
async fn c1_an_order_is_placed_confirmed_changed_and_completed() {
    let server = Server::start().await;
    let placed = json!({ "order": "shop:O", "currency": "EUR", "lines": lines("2") });
    say(&server, "order.placed", "2026-01-02T09:00:00Z", placed).await;
    say(&server, "order.confirmed", "2026-01-03T09:00:00Z", json!({ "order": "shop:O" })).await;
    say(&server, "order.changed", "2026-02-03T09:00:00Z", json!({ "order": "shop:O", "lines": lines("4") })).await;
    say(&server, "order.completed", "2026-03-03T09:00:00Z", json!({ "order": "shop:O" })).await;
    let card = server.fresh("/v1/orders/shop:O").await.json["data"].clone();
    let id = card["order"].as_str().expect("an id").to_owned();
    let card = agree(&server, "/v1/orders/shop:O", &["order", &id]).await;
    let then = server.built("/v1/orders/shop:O?as_of=2026-01-31").await.json["data"].clone();
    assert_ne!(card["status"], then["status"]);
    assert!(card.to_string().contains("5000") && then.to_string().contains("2500"), "{card}\n{then}");
}

#[tokio::test]
async fn c2_what_was_ordered_delivered_paid_and_is_owed() {
    let server = Server::start().await;
    let placed = json!({ "order": "shop:O", "currency": "EUR", "lines": lines("4") });
    say(&server, "order.placed", "2026-01-02T09:00:00Z", placed).await;
    let invoice = json!({ "order": "shop:O", "invoice": "shop:I", "amount": eur(5_000), "due": "2026-01-20" });
    say(&server, "invoice.issued", "2026-01-05T09:00:00Z", invoice).await;
    let goods = |n: &str| json!({ "order": "shop:O", "lines": [{ "product": "tea", "quantity": n }] });
    say(&server, "goods.shipped", "2026-01-10T09:00:00Z", goods("3")).await;
    say(&server, "payment.received", "2026-02-01T09:00:00Z", json!({ "order": "shop:O", "amount": eur(2_000) })).await;
    let state = agree(&server, "/v1/clients/shop:1/settlement", &["settlement", "shop:1"]).await;
    let euro = &state["currencies"][0];
    assert_eq!((&euro["ordered"], &euro["shipped"]), (&json!("50"), &json!("37.5")), "{state}");
    assert_eq!((&euro["paid_minor"], &euro["owed_minor"]), (&json!(2_000), &json!(3_000)), "{state}");
    assert_eq!((&state["overdue"][0]["open_minor"], &state["overdue"][0]["overdue"]), (&json!(3_000), &json!(true)));
    let id = server.fresh("/v1/orders/shop:O").await.json["data"]["order"].as_str().expect("an id").to_owned();
    let card = agree(&server, "/v1/orders/shop:O", &["order", &id]).await;
    assert_eq!(card["products"][0]["undelivered"], "1", "{card}");
}

#[tokio::test]
async fn c4_the_same_notice_of_a_provider_changes_nothing() {
    let server = Server::start().await;
    let placed = json!({ "order": "shop:O", "currency": "EUR", "lines": lines("2") });
    say(&server, "order.placed", "2026-01-02T09:00:00Z", placed).await;
    let paid = json!({ "order": "shop:O", "payment": "bank:77", "amount": eur(2_500) });
    let notice = with(fact("payment.received", "shop:1", "2026-01-03T09:00:00Z", paid), "id", "bank-notice-77");
    let first = server.accept(&notice).await;
    let before = agree(&server, "/v1/clients/shop:1/settlement", &["settlement", "shop:1"]).await;
    let again = server.post(&notice).await;
    assert_eq!((&again.json["status"], &again.json["position"]), (&json!("duplicate"), &first["position"]));
    assert_eq!(agree(&server, "/v1/clients/shop:1/settlement", &["settlement", "shop:1"]).await, before);
}

#[tokio::test]
async fn d8_revenue_reconciles_with_the_settlements_to_the_cent() {
    let server = Server::start().await;
    for n in 1..=7_u32 {
        let lines = json!([{ "product": format!("p{}", n % 3), "quantity": "3", "unit_price": format!("1.0{n}5") }]);
        let placed = json!({ "order": format!("shop:O-{n}"), "currency": "EUR", "lines": lines });
        let client = format!("shop:{}", n % 2);
        server.accept(&fact("order.placed", &client, &format!("2026-01-{:02}T09:00:00Z", n * 4), placed)).await;
    }
    let revenue = agree(&server, "/v1/revenue?by=month", &["revenue", "--by", "month"]).await;
    let mut sum = Decimal::ZERO;
    for client in ["shop:0", "shop:1"] {
        let state = agree(&server, &format!("/v1/clients/{client}/settlement"), &["settlement", client]).await;
        sum += state["currencies"][0]["ordered"].as_str().expect("a sum").parse::<Decimal>().expect("a number");
    }
    // 3 × 1.015 + … + 3 × 1.075
    assert_eq!(sum.to_string(), "21.945");
    assert!(revenue.to_string().contains("21.945"), "{revenue}");
}
