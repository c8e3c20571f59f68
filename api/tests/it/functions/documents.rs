//! C3, C5, C6, C8, C11: documents, their exchange, packs, back-orders, languages.

use serde_json::{Value, json};

use super::{agree, fact, told};
use crate::support::{Server, TODAY, with};

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

async fn say(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&fact(name, "shop:1", at, data)).await;
}

async fn define(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&json!({ "type": name, "source": "office", "occurred_at": at, "data": data })).await;
}

async fn ordered(server: &Server) {
    let lines = json!([
        { "product": "tea", "quantity": "4", "unit_price": "12.50" },
        { "product": "cup", "quantity": "2", "unit_price": "3" },
    ]);
    let placed = json!({ "order": "shop:O", "currency": "EUR", "lines": lines, "promised": "2026-01-20" });
    say(server, "order.placed", "2026-01-02T09:00:00Z", placed).await;
}

fn issued(document: &str, number: &str, product: &str, quantity: &str) -> Value {
    let lines = json!([{ "product": product, "quantity": quantity }]);
    json!({ "document": document, "kind": "waybill", "number": number, "order": "shop:O", "lines": lines, "sha256": SHA })
}

#[tokio::test]
async fn c3_documents_stand_by_the_lines_of_an_order_and_no_number_is_used_twice() {
    let server = Server::start().await;
    ordered(&server).await;
    say(&server, "document.issued", "2026-01-10T09:00:00Z", issued("dms:1", "2026-0001", "tea", "3")).await;
    let post = |client: &str, data: Value| fact("document.issued", client, "2026-02-10T09:00:00Z", data);
    // Not by the same client, not by another, and not after the document became void.
    let again = server.post(&post("shop:1", issued("dms:2", "2026-0001", "tea", "1"))).await;
    assert_eq!(again.json["code"], "document.number_used", "{}", again.json);
    let void = json!({ "document": "dms:1", "reason": "misprint" });
    say(&server, "document.voided", "2026-02-01T09:00:00Z", void).await;
    let other = server.post(&post("shop:2", issued("dms:3", "2026-0001", "tea", "1"))).await;
    assert_eq!((other.status.as_u16(), &other.json["code"]), (422, &json!("document.number_used")));
    say(&server, "document.issued", "2026-02-02T09:00:00Z", issued("dms:4", "2026-0002", "tea", "4")).await;
    for (document, product, quantity) in [("dms:5", "tea", "1"), ("dms:6", "pot", "1")] {
        let much = server.post(&post("shop:1", issued(document, "2026-0003", product, quantity))).await;
        assert_eq!(much.json["code"], "document.not_ordered", "{}", much.json);
    }
    let documents = agree(&server, "/v1/orders/shop:O/documents", &["order", "documents", "shop:O"]).await;
    let lines = documents["lines"].as_array().expect("lines");
    assert_eq!((&lines[0]["product"], &lines[0]["stated"]), (&json!("cup"), &json!({})), "{documents}");
    assert_eq!((&lines[1]["ordered"], &lines[1]["stated"]), (&json!("4"), &json!({ "waybill": "4" })));
    let list = agree(&server, "/v1/documents?kind=waybill", &["documents", "--kind", "waybill"]).await;
    let numbers: Vec<&Value> = list["items"].as_array().expect("items").iter().map(|item| &item["number"]).collect();
    assert_eq!(numbers, ["2026-0002", "2026-0001"]);
    assert_eq!(list["items"][1]["void_reason"], "misprint");
}

#[tokio::test]
async fn c3_many_who_want_one_number_at_once_get_it_once() {
    let server = Server::start().await;
    let posts = (0..8).map(|n| {
        let item = fact(
            "document.issued",
            &format!("shop:{n}"),
            "2026-02-10T09:00:00Z",
            issued(&format!("dms:{n}"), "7", "tea", "1"),
        );
        let server = &server;
        async move { server.post(&item).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(posts).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
}

#[tokio::test]
async fn c5_the_journal_of_exchange_and_what_is_not_matched() {
    let server = Server::start().await;
    ordered(&server).await;
    let envelope = |id: &str, direction: &str, partner: &str, order: Option<&str>| {
        json!({ "envelope": id, "direction": direction, "partner": partner, "format": "ubl-2.1", "sha256": SHA,
            "status": "queued", "order": order, "reference": "their number 7" })
    };
    say(&server, "envelope.exchanged", "2026-01-10T09:00:00Z", envelope("edi:1", "out", "operator", Some("shop:O")))
        .await;
    say(&server, "envelope.exchanged", "2026-01-11T09:00:00Z", envelope("edi:2", "in", "bank", None)).await;
    say(&server, "envelope.exchanged", "2026-02-11T09:00:00Z", envelope("edi:3", "in", "bank", None)).await;
    let changed = json!({ "envelope": "edi:1", "status": "rejected", "reason": "no-signature" });
    say(&server, "envelope.status_changed", "2026-02-01T09:00:00Z", changed).await;
    let open = agree(&server, "/v1/exchange?matched=false", &["exchange", "--matched", "false"]).await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(2), "{open}");
    say(&server, "envelope.matched", "2026-02-12T09:00:00Z", json!({ "envelope": "edi:2", "payment": "bank:77" }))
        .await;
    let open = agree(&server, "/v1/exchange?matched=false", &["exchange", "--matched", "false"]).await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "{open}");
    let sent = agree(&server, "/v1/exchange?direction=out", &["exchange", "--direction", "out"]).await;
    let states: Vec<&Value> =
        sent["items"][0]["states"].as_array().expect("states").iter().map(|state| &state["status"]).collect();
    assert_eq!(states, ["queued", "rejected"]);
    assert_eq!((&sent["items"][0]["sha256"], &sent["items"][0]["partner"]), (&json!(SHA), &json!("operator")));
    let then = server.built("/v1/exchange?as_of=2026-01-31&matched=false").await.json["data"].clone();
    assert_eq!(then["items"].as_array().map(Vec::len), Some(1), "{then}");
    let nothing = fact("envelope.matched", "shop:1", "2026-02-12T09:00:00Z", json!({ "envelope": "edi:2" }));
    assert_eq!(server.post(&nothing).await.json["field"], "data.order");
}

#[tokio::test]
async fn c6_the_card_of_a_client_lists_what_is_not_delivered_with_the_day_it_is_expected() {
    let server = Server::start().await;
    ordered(&server).await;
    let goods = json!({ "order": "shop:O", "lines": [{ "product": "tea", "quantity": "3" }] });
    say(&server, "goods.shipped", "2026-01-10T09:00:00Z", goods).await;
    let moved = json!({ "order": "shop:O", "expected": "2026-04-01", "product": "cup", "reason": "supplier-late" });
    say(&server, "order.deferred", "2026-02-10T09:00:00Z", moved).await;
    let card = agree(&server, "/v1/clients/shop:1", &["client", "shop:1"]).await;
    let told = |card: &Value| -> Vec<(String, String, String, bool)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = card["back_orders"].as_array().expect("a list").iter();
        items
            .map(|item| {
                let late = item["late"].as_bool().expect("known");
                (text(&item["product"]), text(&item["undelivered"]), text(&item["expected"]), late)
            })
            .collect()
    };
    let line = |product: &str, pieces: &str, day: &str, late| (product.into(), pieces.into(), day.into(), late);
    assert_eq!(told(&card), [line("tea", "1", "2026-01-20", true), line("cup", "2", "2026-04-01", false)], "{card}");
    let then = server.built("/v1/clients/shop:1?as_of=2026-01-05").await.json["data"].clone();
    assert_eq!(told(&then), [line("cup", "2", "2026-01-20", false), line("tea", "4", "2026-01-20", false)]);
    say(&server, "order.completed", "2026-03-01T09:00:00Z", json!({ "order": "shop:O" })).await;
    let refused = fact(
        "order.deferred",
        "shop:1",
        "2026-03-02T09:00:00Z",
        json!({ "order": "shop:O", "expected": "2026-05-01" }),
    );
    assert_eq!(server.post(&refused).await.json["code"], "order.completed");
}

#[tokio::test]
async fn c8_the_same_pack_can_be_made_again_bit_for_bit() {
    let server = Server::start().await;
    server.accept(&crate::support::registered("shop:1", "Иван Петров")).await;
    ordered(&server).await;
    let template = |greeting: &str| {
        let text = format!(
            "{greeting} {{{{ client.name }}}}\n{{% for line in order.lines %}}{{{{ line.product }}}} {{{{ line.quantity }}}}\n{{% endfor %}}"
        );
        json!({ "template": "welcome", "forms": [{ "name": "letter", "text": text }, { "name": "order", "text": "{{ order.order }}" }] })
    };
    define(&server, "document_template.defined", "2026-01-01T00:00:00Z", template("Dear")).await;
    let preview = agree(
        &server,
        "/v1/orders/shop:O/pack?template=welcome",
        &["pack", "preview", "shop:O", "--template", "welcome"],
    )
    .await;
    let text = preview["text"].as_str().expect("a text");
    assert!(text.starts_with("--- letter ---\nDear Иван Петров\ntea 4\ncup 2\n"), "{text}");
    let produced = json!({
        "pack": "dms:P", "template": "welcome", "template_version": preview["template_version"], "order": "shop:O",
        "snapshot_sha256": preview["snapshot_sha256"], "sha256": preview["sha256"], "snapshot": preview["snapshot"],
    });
    let forged = with(produced.clone(), "snapshot_sha256", SHA);
    let refused = server.post(&fact("pack.produced", "shop:1", "2026-01-15T09:00:00Z", forged)).await;
    assert_eq!(refused.json["field"], "data.snapshot_sha256", "{}", refused.json);
    say(&server, "pack.produced", "2026-01-15T09:00:00Z", produced).await;
    // Another version of the template, another state of the order: the pack stays what it was.
    define(&server, "document_template.defined", "2026-02-01T00:00:00Z", template("Hello")).await;
    let lines = json!([{ "product": "pot", "quantity": "1", "unit_price": "1" }]);
    say(&server, "order.changed", "2026-02-02T09:00:00Z", json!({ "order": "shop:O", "lines": lines })).await;
    let again = agree(&server, "/v1/packs/dms:P", &["pack", "dms:P"]).await;
    assert_eq!((&again["same"], &again["text"]), (&json!(true), &preview["text"]), "{again}");
    assert_eq!(again["template"], "document-template:welcome@1");
    let broken = json!({ "template": "x", "forms": [{ "name": "a", "text": "fine\n{% for x %}" }] });
    let item = json!({ "type": "document_template.defined", "source": "office", "occurred_at": "2026-01-01T00:00:00Z", "data": broken });
    let refused = server.post(&item).await;
    assert_eq!(refused.json["field"], "data.forms[0].text", "{}", refused.json);
    assert!(refused.json["detail"].as_str().is_some_and(|detail| detail.contains("line 2")), "{}", refused.json);
}

#[tokio::test]
async fn c11_codes_are_told_in_the_language_that_is_asked_for_or_preferred() {
    let server = Server::start().await;
    server.accept(&crate::support::registered("shop:1", "Ann")).await;
    ordered(&server).await;
    let catalogue = |locale: &str, texts: Value| json!({ "locale": locale, "part": "goods", "texts": texts });
    define(
        &server,
        "catalogue.defined",
        "2026-01-01T00:00:00Z",
        catalogue("ru", json!({ "tea": "Чай", "placed": "Размещён" })),
    )
    .await;
    define(
        &server,
        "catalogue.defined",
        "2026-01-01T00:00:00Z",
        catalogue("en", json!({ "tea": "Tea", "cup": "Cup" })),
    )
    .await;
    define(
        &server,
        "catalogue.defined",
        "2026-02-20T00:00:00Z",
        catalogue("en-GB", json!({ "tea": "A nice cup of tea" })),
    )
    .await;
    say(&server, "client.language_preferred", "2026-02-01T09:00:00Z", json!({ "language": "ru" })).await;
    let plain = agree(&server, "/v1/orders/shop:O", &["order", "shop:O"]).await;
    for (locale, labels) in [
        ("ru", json!({ "tea": "Чай", "placed": "Размещён" })),
        ("en-GB", json!({ "tea": "A nice cup of tea", "cup": "Cup" })),
        ("de", json!({})),
    ] {
        let answer = server.built(&format!("/v1/orders/shop:O?locale={locale}")).await.json;
        assert_eq!((&answer["labels"], &answer["data"]), (&labels, &plain), "{locale}");
        let tool = told(&server, &["as-of", "--as-of", TODAY, "--locale", locale, "order", "shop:O"]).await;
        assert_eq!((&tool["labels"], &tool["answer"]), (&labels, &plain), "{locale}");
    }
    let then = server.built("/v1/orders/shop:O?locale=en-GB&as_of=2026-01-31").await.json;
    assert_eq!(then["labels"], json!({ "tea": "Tea", "cup": "Cup" }));
    let own = server.built("/v1/clients/shop:1/orders?locale=preferred").await.json;
    assert_eq!((&own["locale"], &own["labels"]), (&json!("ru"), &json!({ "placed": "Размещён" })), "{own}");
    let before = server.built("/v1/clients/shop:1/orders?locale=preferred&as_of=2026-01-15").await.json;
    assert_eq!((&before["locale"], &before["labels"]), (&Value::Null, &json!({})));
    let tool = told(&server, &["as-of", "--as-of", TODAY, "--locale", "preferred", "orders", "shop:1"]).await;
    assert_eq!(tool["labels"], own["labels"]);
    // Every answer takes it: also those that no question gives, and those over everybody.
    for path in ["/v1/clients/shop:1", "/v1/clients/shop:1/history", "/v1/revenue?by=product", "/v1/funnel/board"] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let answer = server.built(&format!("{path}{mark}locale=ru")).await;
        assert!(answer.status == 200 && answer.json["labels"].is_object(), "{path}: {}", answer.json);
    }
    let wrong = server.get("/v1/revenue?locale=a%20b").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("locale")));
}
