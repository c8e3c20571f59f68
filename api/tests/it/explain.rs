//! Why a card says what it says.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, at, registered, with};

fn item(kind: &str, id: &str, at: &str, data: &Value) -> Value {
    json!({ "type": kind, "id": id, "source": "shop", "client": "shop:C-1", "occurred_at": at, "data": data })
}

async fn server() -> Server {
    let server = Server::start().await;
    server.accept(&registered("shop:C-1", "Anna")).await;
    let renamed = json!({ "field": "name", "old": "Anna", "new": "Anna K.", "reason": "married" });
    server.accept(&item("client.profile_changed", "e-1", "2026-02-01T10:00:00Z", &renamed)).await;
    let line = json!([{ "product": "tea", "quantity": "2", "unit_price": "5.00" }]);
    let placed = json!({ "order": "shop:O-1", "currency": "EUR", "lines": line });
    server.accept(&item("order.placed", "e-2", "2026-02-02T10:00:00Z", &placed)).await;
    let shipped = json!({ "order": "shop:O-1", "lines": line });
    server.accept(&item("goods.shipped", "e-3", "2026-02-03T10:00:00Z", &shipped)).await;
    for (id, at, minor) in [("e-4", "2026-02-04T10:00:00Z", 300), ("e-5", "2026-02-05T10:00:00Z", 200)] {
        let paid = json!({ "payment": format!("shop:{id}"), "order": "shop:O-1", "amount": { "minor": minor, "currency": "EUR" } });
        server.accept(&item("payment.received", id, at, &paid)).await;
    }
    server
}

#[tokio::test]
async fn a_field_names_the_events_that_set_it_with_actor_and_reason() {
    let server = server().await;
    let explained = server.get("/v1/clients/shop:C-1/explain?field=name").await;
    assert_eq!(explained.status, StatusCode::OK, "{}", explained.json);
    let data = &explained.json["data"];
    assert_eq!(data["value"], "Anna K.");
    let settings = data["settings"].as_array().expect("settings");
    let told: Vec<_> = settings.iter().map(|s| (&s["event_type"], &s["value"], &s["reason"], &s["actor"])).collect();
    let local = json!("local");
    assert_eq!(
        told,
        [
            (&json!("client.registered"), &json!("Anna"), &Value::Null, &local),
            (&json!("client.profile_changed"), &json!("Anna K."), &json!("married"), &local),
        ]
    );
    let then = server.get("/v1/clients/shop:C-1/explain?field=name&as_of=2026-01-15").await;
    assert_eq!(then.json["data"]["value"], "Anna");
    let wrong = server.get("/v1/clients/shop:C-1/explain?field=nme").await;
    assert_eq!((wrong.status, &wrong.json["field"]), (StatusCode::BAD_REQUEST, &json!("field")));
}

#[tokio::test]
async fn a_total_is_the_sum_of_what_it_is_explained_by() {
    let server = server().await;
    let card = server.fresh("/v1/clients/shop:C-1").await.json["data"].clone();
    for what in ["owed", "paid"] {
        let data =
            server.get(&format!("/v1/clients/shop:C-1/explain?field=money.EUR.{what}")).await.json["data"].clone();
        let changes = data["settings"].as_array().expect("settings").iter().map(|s| s["change"].as_i64().expect("n"));
        assert_eq!(Some(changes.sum()), card["money"][0][what]["minor"].as_i64(), "{data}");
        let parts = server.fresh(&format!("/v1/explain/money?total={what}&currency=EUR")).await.json["data"].clone();
        assert_eq!(parts["items"][0]["amount"], card["money"][0][what], "{parts}");
        assert_eq!(parts["items"][0]["field"], format!("money.EUR.{what}"));
    }
    assert_eq!(card["money"][0]["paid"]["minor"], 500);
}

#[tokio::test]
async fn a_field_is_explained_by_the_group_as_it_was_known_then() {
    let server = server().await;
    let of_other = |item: Value| with(item, "client", "shop:C-2");
    server.accept(&of_other(registered("shop:C-2", "Anna again"))).await;
    let line = json!([{ "product": "tea", "quantity": "1", "unit_price": "9.00" }]);
    let placed = json!({ "order": "shop:O-2", "currency": "EUR", "lines": line });
    server.accept(&of_other(item("order.placed", "e-6", "2026-02-06T10:00:00Z", &placed))).await;
    let paid = json!({ "payment": "shop:e-7", "order": "shop:O-2", "amount": { "minor": 900, "currency": "EUR" } });
    server.accept(&of_other(item("payment.received", "e-7", "2026-02-07T10:00:00Z", &paid))).await;
    server.clock.set(at("2026-03-12T12:00:00Z"));
    let merged = json!({ "absorbed": "shop:C-2", "reason": "same phone" });
    server.accept(&item("client.merged", "m-1", "2026-03-12T10:00:00Z", &merged)).await;
    server.clock.set(at("2026-03-14T12:00:00Z"));
    server.accept(&item("client.unmerged", "m-2", "2026-03-14T10:00:00Z", &merged)).await;
    server.fresh("/v1/clients/shop:C-1").await;
    let (one, other) = ("shop:C-1", "shop:C-2");
    for (client, known_at, sum) in [
        (one, "2026-03-11", 500),
        (one, "2026-03-13", 1_400),
        (one, "2026-03-15", 500),
        (other, "2026-03-11", 900),
        (other, "2026-03-13", 1_400),
        (other, "2026-03-15", 900),
    ] {
        let path = format!("/v1/clients/{client}/explain?field=money.EUR.paid&known_at={known_at}");
        let data = server.get(&path).await.json["data"].clone();
        assert_eq!(data["value"]["minor"], sum, "{client} {known_at}: {data}");
    }
}
