//! A12: the same recognition over all channels.

use serde_json::{Value, json};

use super::{agree, fact};
use crate::support::{Server, with};

const PHONE: &str = "phone:+4917612345678";
const MAIL: &str = "email:ivan@example.com";
const COOKIE: &str = "cookie:7f3a";

fn contact(name: &str, at: &str, ids: &[&str], data: Value) -> Value {
    with(fact(name, "", at, data), "client", json!({ "any_of": ids }))
}

fn queue(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a12_whatever_id_a_contact_carries_it_finds_the_client_and_the_unknown_wait() {
    let server = Server::start().await;
    let registered = json!({ "kind": "person", "name": "Ivan" });
    let ivan = server.accept(&fact("client.registered", "shop:1", "2026-01-01T08:00:00Z", registered)).await;
    for (point, kind, value) in [("shop:P1", "phone", "+49 176 12345678"), ("shop:P2", "email", "Ivan@Example.com")] {
        let data = json!({ "contact_point": point, "kind": kind, "value": value });
        server.accept(&fact("contact_point.added", "shop:1", "2026-01-01T09:00:00Z", data)).await;
    }
    let call = |at: &str, ids: &[&str]| contact("call.logged", at, ids, json!({ "direction": "in" }));
    // By phone, e-mail, account and an unknown cookie beside a known account.
    for (n, (ids, matched)) in [
        (vec![PHONE], json!(["phone"])),
        (vec![MAIL], json!(["email"])),
        (vec!["shop:1"], json!(["shop"])),
        (vec![COOKIE, "shop:1", MAIL], json!(["shop", "email"])),
    ]
    .into_iter()
    .enumerate()
    {
        let told = server.accept(&call(&format!("2026-01-1{n}T09:00:00Z"), &ids)).await;
        assert_eq!((&told["client"], &told["matched_by"]), (&ivan["client"], &matched), "{ids:?}");
    }
    let plain = server.accept(&fact("call.logged", PHONE, "2026-01-15T09:00:00Z", json!({ "direction": "in" }))).await;
    assert_eq!((&plain["client"], &plain["matched_by"]), (&ivan["client"], &json!(["phone"])));
    assert_eq!(queue(&agree(&server, "/v1/clients/unidentified", &["unidentified"]).await), Vec::<Value>::new());

    // Nobody has these yet: both contacts wait under one unknown.
    let ids = [COOKIE, "email:new@example.com"];
    let web = |id: &str, at: &str| with(contact("web_request.logged", at, &ids, json!({ "text": "hello" })), "id", id);
    let first = server.accept(&web("w-1", "2026-01-20T09:00:00Z")).await;
    let second = server.accept(&web("w-2", "2026-02-20T09:00:00Z")).await;
    assert_eq!(first["client"], second["client"]);
    assert!(first["client"] != ivan["client"] && first["matched_by"].is_null(), "{first}");
    let waiting = queue(&agree(&server, "/v1/clients/unidentified", &["unidentified"]).await);
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0]["client"], &waiting[0]["unresolved"]), (&first["client"], &json!(["cookie", "email"])));
    assert_eq!(waiting[0]["events"], 4, "two requests, and by what nobody was found, once each");
    let listed = server.fresh("/v1/clients?identified=false").await.json["data"]["items"].as_array().map(Vec::len);
    assert_eq!(listed, Some(1));

    // It is Ivan: what waited is his, the queue is empty, and his cookie is recognised from now on.
    let merged = json!({ "absorbed": first["client"] });
    server.accept(&fact("client.merged", "shop:1", "2026-02-21T09:00:00Z", merged)).await;
    let linked = json!({ "scheme": "cookie", "value": "7f3a" });
    server.accept(&fact("identity.linked", "shop:1", "2026-02-21T09:00:00Z", linked)).await;
    assert_eq!(queue(&agree(&server, "/v1/clients/unidentified", &["unidentified"]).await), Vec::<Value>::new());
    let history = agree(&server, "/v1/clients/shop:1/history", &["history", "shop:1"]).await.to_string();
    assert!(history.contains(first["id"].as_str().expect("an id")), "{history}");
    let again = server.accept(&call("2026-03-01T09:00:00Z", &[COOKIE])).await;
    assert_eq!((&again["client"], &again["matched_by"]), (&ivan["client"], &json!(["cookie"])));
    let repeated = server.post(&web("w-1", "2026-01-20T09:00:00Z")).await;
    assert_eq!((repeated.status.as_u16(), &repeated.json["id"]), (200, &first["id"]), "{}", repeated.json);
}

#[tokio::test]
async fn ids_of_two_clients_are_flagged_and_the_first_counts() {
    let server = Server::start().await;
    for client in ["shop:1", "shop:2"] {
        server.accept(&fact("client.registered", client, "2026-01-01T08:00:00Z", json!({ "kind": "person" }))).await;
    }
    let call = contact("call.logged", "2026-01-02T08:00:00Z", &["shop:2", "shop:1"], json!({ "direction": "in" }));
    let told = server.accept(&call).await;
    assert_eq!(told["flags"][0]["rule"], "identity.ambiguous", "{told}");
    let second = server.fresh("/v1/clients/shop:2").await.json["data"]["client"].clone();
    assert_eq!(told["client"], second);
    for (ids, field) in [(json!([]), "client.any_of"), (json!(["x"]), "client.any_of[0]"), (json!(5), "client.any_of")]
    {
        let wrong = with(call.clone(), "client", json!({ "any_of": ids }));
        assert_eq!(server.post(&wrong).await.json["field"], field);
    }
}
