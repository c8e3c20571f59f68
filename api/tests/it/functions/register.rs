//! A: the register of interactions.

use serde_json::{Value, json};

use super::{agree, fact, told};
use crate::support::Server;

fn types(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().map(|item| item["event_type"].as_str().expect("a type")).collect()
}

fn called(client: &str, at: &str, topics: &[&str]) -> Value {
    fact(
        "call.logged",
        client,
        at,
        json!({ "direction": "in", "topics": topics, "duration_s": 60, "summary": "hello" }),
    )
}

#[tokio::test]
async fn a1_the_register_begins_before_anybody_is_known() {
    let server = Server::start().await;
    let phone = "phone:+4917612345678";
    let first = server.accept(&called(phone, "2026-01-10T09:00:00Z", &["prices"])).await;
    let client = first["client"].as_str().expect("a client").to_owned();
    server.accept(&fact("client.registered", &client, "2026-01-20T09:00:00Z", json!({ "kind": "person" }))).await;
    // Told last, happened first.
    server.accept(&fact("visit.logged", &client, "2026-01-05T09:00:00Z", json!({ "direction": "in" }))).await;
    let page = agree(&server, &format!("/v1/clients/{client}/history"), &["history", &client]).await;
    assert_eq!(types(&page), ["visit.logged", "call.logged", "client.registered"]);
    assert_eq!((&page["items"][0]["late"], &page["items"][1]["late"]), (&json!(true), &json!(false)));
    let card = agree(&server, &format!("/v1/clients/{phone}"), &["client", phone]).await;
    assert!(card["first_seen"].as_str().expect("a time").starts_with("2026-01-05"), "{card}");
}

#[tokio::test]
async fn a3_contacts_are_counted_by_client_topic_channel_and_period() {
    let server = Server::start().await;
    for (at, topics) in [
        ("2026-01-10T09:00:00Z", &["prices", "delivery"][..]),
        ("2026-01-11T09:00:00Z", &["prices"]),
        ("2026-02-10T09:00:00Z", &["delivery"]),
    ] {
        server.accept(&called("shop:1", at, topics)).await;
    }
    server.accept(&called("shop:2", "2026-01-12T09:00:00Z", &["prices"])).await;
    let lines = agree(&server, "/v1/clients/shop:1/contacts", &["frequency", "shop:1"]).await;
    let of = |month: &str, topic: &str| {
        let lines = lines.as_array().expect("lines");
        lines.iter().find(|line| line["month"] == month && line["topic"] == topic).map(|line| line["contacts"].clone())
    };
    assert_eq!((of("2026-01", "prices"), of("2026-01", "delivery")), (Some(json!(2)), Some(json!(1))));
    assert_eq!((of("2026-02", "delivery"), of("2026-02", "prices")), (Some(json!(1)), None));
    let all = agree(&server, "/v1/contacts?by=month&by=topic", &["contacts", "--by", "month", "--by", "topic"]).await;
    assert_eq!(all[0], json!({ "key": ["2026-01", "prices"], "contacts": 3, "duration_s": 180 }));
}

#[tokio::test]
async fn a4_every_kind_of_contact_keeps_its_own_payload_and_new_kinds_are_declared() {
    let server = Server::start().await;
    let say = async |name: &str, at: &str, data: Value| server.accept(&fact(name, "shop:1", at, data)).await;
    say("call.logged", "2026-01-01T09:00:00Z", json!({ "direction": "in", "duration_s": 75 })).await;
    say("visit.logged", "2026-01-02T09:00:00Z", json!({ "direction": "out", "place": "client-site" })).await;
    say("letter.logged", "2026-01-03T09:00:00Z", json!({ "direction": "in", "media": "fax" })).await;
    say("letter.logged", "2026-01-04T09:00:00Z", json!({ "direction": "out", "media": "email" })).await;
    say("meeting.held", "2026-01-05T09:00:00Z", json!({ "meeting": "shop:M-1", "duration_s": 1_800 })).await;
    say("web_request.logged", "2026-01-06T09:00:00Z", json!({})).await;
    say("chat.logged", "2026-01-07T09:00:00Z", json!({ "direction": "in", "duration_s": 30 })).await;
    let unknown = fact("video_call.logged", "shop:1", "2026-01-08T09:00:00Z", json!({ "duration_s": 9 }));
    assert_eq!(server.post(&unknown).await.json["code"], "unknown_type");
    let schema = json!({ "type": "object", "properties": { "duration_s": { "type": "integer" } } });
    server
        .accept(&json!({ "type": "event_type.declared", "source": "shop", "occurred_at": "2026-01-01T00:00:00Z",
            "data": { "name": "video_call.logged", "version": 1, "schema": schema } }))
        .await;
    server.accept(&unknown).await;
    let page = agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await;
    assert_eq!(types(&page).len(), 8);
    let item = |n: usize, field: &str| page["items"][n][field].clone();
    assert_eq!(
        (item(0, "duration_s"), item(2, "channel"), item(4, "duration_s")),
        (75.into(), "fax".into(), 1_800.into())
    );
    assert_eq!((item(7, "event_type"), item(7, "class")), ("video_call.logged".into(), "custom".into()));
}

#[tokio::test]
async fn a5_what_was_done_with_each_contact_and_what_waits() {
    let server = Server::start().await;
    let first = server.accept(&called("shop:1", "2026-01-10T09:00:00Z", &["prices"])).await;
    server.accept(&called("shop:2", "2026-01-11T09:00:00Z", &["prices"])).await;
    let before = agree(&server, "/v1/contacts/unhandled", &["unhandled"]).await;
    assert_eq!(before["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(before["items"][0]["event"], first["id"], "the longest waiting first");
    let done = json!({ "interaction": first["id"], "outcome": "offer-sent", "employee": "hr:7" });
    server.accept(&fact("interaction.handled", "shop:1", "2026-02-01T09:00:00Z", done)).await;
    let after = agree(&server, "/v1/contacts/unhandled", &["unhandled"]).await;
    assert_eq!(after["items"].as_array().map(Vec::len), Some(1));
    let page = agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await;
    assert_eq!(page["items"][0]["handled"]["outcome"], "offer-sent", "{page}");
}

#[tokio::test]
async fn a6_documents_are_named_by_their_hash() {
    let server = Server::start().await;
    for (n, at) in [(1, "2026-01-10T09:00:00Z"), (2, "2026-02-20T09:00:00Z")] {
        let data = json!({ "sha256": format!("{n:064x}"), "media_type": "application/pdf", "size": 1_000 * n, "file_name": "offer.pdf" });
        server.accept(&fact("document.attached", "shop:1", at, data)).await;
    }
    server.accept(&called("shop:1", "2026-01-11T09:00:00Z", &[])).await;
    let listed = async |query: &str| {
        let answer = server.fresh(&format!("/v1/clients/shop:1/history?kind=document{query}")).await;
        let items = answer.json["data"]["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["data"]["sha256"].clone()).collect::<Vec<_>>()
    };
    let asked = async |rest: &[&str]| {
        let report = told(&server, &[&["history", "shop:1", "--type", "document.attached"], rest].concat()).await;
        let events = report["events"].as_array().expect("events").clone();
        events.iter().map(|event| event["data"]["sha256"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, [format!("{:064x}", 1), format!("{:064x}", 2)]);
    assert_eq!(listed("").await, asked(&[]).await);
    assert_eq!(listed("&as_of=2026-01-31").await, asked(&["--as-of", "2026-01-31"]).await);
    assert_eq!(listed("&as_of=2026-01-31").await.len(), 1);
}

#[tokio::test]
async fn a14_one_history_interleaves_contacts_cases_orders_and_money() {
    let server = Server::start().await;
    let say = async |name: &str, at: &str, data: Value| server.accept(&fact(name, "shop:1", at, data)).await;
    let lines = json!([{ "product": "tea", "quantity": "2", "unit_price": "1.50" }]);
    say("order.placed", "2026-01-02T09:00:00Z", json!({ "order": "shop:O", "currency": "EUR", "lines": lines })).await;
    say("case.raised", "2026-01-04T09:00:00Z", json!({ "case": "shop:K", "kind": "complaint" })).await;
    say("call.logged", "2026-01-01T09:00:00Z", json!({ "direction": "in" })).await;
    let goods = json!([{ "product": "tea", "quantity": "2" }]);
    say("goods.shipped", "2026-01-03T09:00:00Z", json!({ "order": "shop:O", "lines": goods })).await;
    say("payment.received", "2026-01-05T09:00:00Z", json!({ "order": "shop:O", "amount": super::eur(300) })).await;
    let page = agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await;
    assert_eq!(types(&page), ["call.logged", "order.placed", "goods.shipped", "case.raised", "payment.received"]);
    let classes: Vec<&str> =
        page["items"].as_array().expect("items").iter().filter_map(|item| item["class"].as_str()).collect();
    assert_eq!(classes, ["contact", "order", "order", "case", "money"]);
    let money = server.fresh("/v1/clients/shop:1/history?kind=money&kind=case").await.json;
    assert_eq!(types(&money["data"]), ["case.raised", "payment.received"]);
}

#[tokio::test]
async fn l1_who_speaks_and_decides_for_a_client_on_a_date() {
    let server = Server::start().await;
    let person =
        |id: &str, decides: bool| json!({ "person": id, "role": "buyer", "decision_maker": decides, "name": "N" });
    server.accept(&fact("contact_person.added", "shop:1", "2026-01-02T09:00:00Z", person("shop:P1", true))).await;
    server.accept(&fact("contact_person.added", "shop:1", "2026-02-02T09:00:00Z", person("shop:P2", false))).await;
    server
        .accept(&fact("contact_person.removed", "shop:1", "2026-02-20T09:00:00Z", json!({ "person": "shop:P1" })))
        .await;
    let card = agree(&server, "/v1/clients/shop:1", &["client", "shop:1"]).await;
    assert_eq!(card["people"].as_array().map(Vec::len), Some(1));
    let then = server.fresh("/v1/clients/shop:1?as_of=2026-02-10").await.json;
    let people = then["data"]["people"].as_array().expect("people");
    let decide: Vec<bool> = people.iter().filter_map(|person| person["decision_maker"].as_bool()).collect();
    assert_eq!(decide, [true, false]);
}

#[tokio::test]
async fn l2_links_between_clients_hold_from_a_date_to_a_date() {
    let server = Server::start().await;
    for client in ["shop:1", "shop:2"] {
        server.accept(&fact("client.registered", client, "2026-01-01T09:00:00Z", json!({ "kind": "company" }))).await;
    }
    let link = json!({ "relation": "shop:R", "kind": "supplier", "to": "shop:2" });
    server.accept(&fact("relation.established", "shop:1", "2026-01-10T09:00:00Z", link)).await;
    server.accept(&fact("relation.ended", "shop:1", "2026-02-10T09:00:00Z", json!({ "relation": "shop:R" }))).await;
    let card = agree(&server, "/v1/clients/shop:1", &["client", "shop:1"]).await;
    assert_eq!(card["relations"], json!([]));
    let then = server.fresh("/v1/clients/shop:1?as_of=2026-01-31").await.json["data"]["relations"].clone();
    let to = server.fresh("/v1/clients/shop:2").await.json["data"]["client"].clone();
    assert_eq!((&then[0]["kind"], &then[0]["to"]), (&json!("supplier"), &to));
}
