//! C9, E2, E3, G4, G5: what a client has of ours, what fits beside it, what he may see of it himself.

use letopis_core::events::{FieldKind, types};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::{Server, TODAY};

async fn say(server: &Server, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, "shop:1", at, data)).await
}

async fn define(server: &Server, name: &str, at: &str, data: Value) -> Value {
    server.accept(&json!({ "type": name, "source": "shop", "occurred_at": at, "data": data })).await
}

async fn products(server: &Server) {
    for (product, group) in [("boiler-s", "boiler"), ("boiler-l", "boiler"), ("valve", "part"), ("filter", "part")] {
        let data = json!({ "product": product, "label": product.to_uppercase(), "group": group });
        define(server, "product.defined", "2026-01-01T00:00:00Z", data).await;
    }
}

async fn install(server: &Server, at: &str, asset: &str, more: Value) {
    let mut data = json!({ "asset": asset, "product": "boiler-s", "serial": format!("SN-{asset}") });
    data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    say(server, "asset.installed", at, data).await;
}

#[tokio::test]
async fn e2_what_a_client_has_as_of_a_date() {
    let server = Server::start().await;
    install(&server, "2026-01-05T09:00:00Z", "shop:A", json!({ "warranty_until": "2028-01-05" })).await;
    install(&server, "2026-01-06T09:00:00Z", "shop:B", json!({ "product": "valve" })).await;
    say(&server, "asset.changed", "2026-02-05T09:00:00Z", json!({ "asset": "shop:A", "product": "boiler-l" })).await;
    say(&server, "asset.removed", "2026-02-20T09:00:00Z", json!({ "asset": "shop:B", "reason": "scrapped" })).await;
    let now = agree(&server, "/v1/clients/shop:1/assets", &["client-assets", "shop:1"]).await;
    let products = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().expect("items").iter();
        items.map(|item| item["product"].as_str().expect("a product").to_owned()).collect()
    };
    assert_eq!(products(&now), ["boiler-l"]);
    assert_eq!((&now["items"][0]["serial"], &now["items"][0]["in_warranty"]), (&json!("SN-shop:A"), &json!(true)));
    let then = server.built("/v1/clients/shop:1/assets?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(products(&then), ["valve", "boiler-s"]);
    let all = agree(&server, "/v1/assets?removed=true&limit=1", &["assets", "--removed", "true", "--limit", "1"]).await;
    let rest = format!("/v1/assets?removed=true&limit=1&cursor={}", all["next"].as_str().expect("a next page"));
    let rest = server.built(&rest).await.json["data"].clone();
    assert_eq!(
        (products(&all), products(&rest), &rest["next"]),
        (vec!["valve".into()], vec!["boiler-l".into()], &Value::Null)
    );
}

#[tokio::test]
async fn e3_what_fits_beside_it_and_which_rule_says_so() {
    let server = Server::start().await;
    products(&server).await;
    install(&server, "2026-01-05T09:00:00Z", "shop:A", json!({})).await;
    let rule = |rule: &str, verdict: &str, rank: i32, when: &str| json!({ "rule": rule, "verdict": verdict, "rank": rank, "when": when });
    let owns = "owned.exists(o, o.group == 'boiler')";
    for data in [
        rule("parts", "allows", 3, &format!("candidate.group == 'part' && {owns}")),
        rule("filters", "allows", 2, "candidate.product == 'filter'"),
        rule("one-boiler", "refuses", 1, &format!("candidate.group == 'boiler' && {owns}")),
        rule("bigger", "allows", 1, "candidate.product == 'boiler-l'"),
    ] {
        define(&server, "compatibility_rule.defined", "2026-01-02T00:00:00Z", data).await;
    }
    let fits = agree(&server, "/v1/clients/shop:1/fits", &["fits", "shop:1"]).await;
    let told: Vec<(&str, bool, i64)> = fits["items"]
        .as_array()
        .expect("candidates")
        .iter()
        .map(|f| (f["product"].as_str().expect("a product"), f["fits"] == true, f["rank"].as_i64().expect("a rank")))
        .collect();
    assert_eq!(
        told,
        [("filter", true, 5), ("valve", true, 3), ("boiler-l", false, 1), ("boiler-s", false, 0)],
        "{fits}"
    );
    assert_eq!(fits["items"][2]["said"][1]["rule"], "compatibility-rule:one-boiler@1");
    let before = server.built("/v1/clients/shop:1/fits?as_of=2026-01-01").await.json["data"].clone();
    assert!(
        before["items"].as_array().expect("candidates").iter().all(|f| f["fits"] == false),
        "no rule then: {before}"
    );
    let wrong = json!({ "type": "compatibility_rule.defined", "source": "shop", "occurred_at": TODAY,
        "data": { "rule": "r", "verdict": "allows", "when": "candidate.group ==\n ==" } });
    let refused = server.post(&wrong).await.json;
    assert!(refused.to_string().contains("line 2, column"), "{refused}");
}

#[tokio::test]
async fn g5_service_visits_on_a_thing_under_the_regulation_of_their_case() {
    let server = Server::start().await;
    install(&server, "2026-01-05T09:00:00Z", "shop:A", json!({})).await;
    let raised = json!({ "case": "desk:T", "kind": "error_report", "topic": "leak" });
    say(&server, "case.raised", "2026-01-10T09:00:00Z", raised).await;
    let visit = |kind: &str, case: Value| json!({ "asset": "shop:A", "kind": kind, "case": case, "labour_s": 3600, "note": "SECRET" });
    say(&server, "asset.serviced", "2026-01-12T09:00:00Z", visit("repair", json!("desk:T"))).await;
    say(&server, "case.resolved", "2026-01-12T12:00:00Z", json!({ "case": "desk:T", "resolution": "repaired" })).await;
    say(&server, "asset.serviced", "2026-02-20T09:00:00Z", visit("maintenance", Value::Null)).await;
    let card = agree(&server, "/v1/assets/shop:A", &["asset", "shop:A"]).await;
    assert_eq!(card["history"].as_array().map(Vec::len), Some(2), "{card}");
    let first = &card["history"][0];
    assert_eq!((&first["kind"], &first["case_state"]["status"]), (&json!("repair"), &json!("resolved")));
    assert_eq!(card["history"][1]["case_state"], Value::Null);
    let then = server.built("/v1/assets/shop:A?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then["visits"], 1);
    let stranger =
        server.post(&fact("asset.serviced", "shop:1", TODAY, json!({ "asset": "shop:Z", "kind": "repair" }))).await;
    assert_eq!(stranger.json["flags"][0]["rule"], "asset.not_installed", "{}", stranger.json);
}

#[tokio::test]
async fn c9_the_client_sees_what_he_bought_its_serials_and_the_end_of_each_warranty() {
    let server = Server::start().await;
    products(&server).await;
    let lines = json!([{ "product": "boiler-s", "quantity": "1", "unit_price": "900" }]);
    let placed = json!({ "order": "shop:O", "currency": "EUR", "lines": lines, "note": "SECRET" });
    say(&server, "order.placed", "2026-01-02T09:00:00Z", placed).await;
    let shipped = json!({ "order": "shop:O", "lines": [{ "product": "boiler-s", "quantity": "1" }] });
    say(&server, "goods.shipped", "2026-01-04T09:00:00Z", shipped).await;
    install(&server, "2026-01-05T09:00:00Z", "shop:A", json!({ "order": "shop:O", "warranty_until": "2026-02-28" }))
        .await;
    let seen = agree(&server, "/v1/clients/shop:1/portal/purchases", &["portal", "purchases", "shop:1"]).await;
    let order = &seen["items"][0];
    assert_eq!(
        (&order["lines"][0]["label"], &order["lines"][0]["shipped"]),
        (&json!("BOILER-S"), &json!("1")),
        "{seen}"
    );
    let thing = &order["things"][0];
    assert_eq!((&thing["serial"], &thing["warranty_until"]), (&json!("SN-shop:A"), &json!("2026-02-28")));
    assert_eq!(thing["in_warranty"], false, "it has ended");
    let then = server.built("/v1/clients/shop:1/portal/purchases?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then["items"][0]["things"][0]["in_warranty"], true);
}

#[tokio::test]
async fn g4_the_client_gets_help_with_what_he_has() {
    let server = Server::start().await;
    products(&server).await;
    install(&server, "2026-01-05T09:00:00Z", "shop:A", json!({})).await;
    let article = |article: &str, product: &str, visible: bool| {
        json!({ "article": article, "label": article, "text": "Turn it off and on.", "topics": ["leak"],
            "product": product, "client_visible": visible })
    };
    for (data, at) in [
        (article("restart", "boiler", true), "2026-01-02T00:00:00Z"),
        (article("internal", "boiler-s", false), "2026-01-02T00:00:00Z"),
        (article("valves", "valve", true), "2026-01-02T00:00:00Z"),
        (article("descale", "boiler-s", true), "2026-02-20T00:00:00Z"),
    ] {
        define(&server, "article.published", at, data).await;
    }
    let help = agree(&server, "/v1/clients/shop:1/portal/help", &["portal", "help", "shop:1"]).await;
    let told = |help: &Value| -> Vec<String> {
        let articles = help["articles"].as_array().expect("articles").iter();
        articles.map(|a| a["article"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(told(&help), ["article:descale@1", "article:restart@1"], "{help}");
    assert_eq!(help["things"][0]["product"], "boiler-s");
    let then = server.built("/v1/clients/shop:1/portal/help?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(told(&then), ["article:restart@1"]);
    define(&server, "article.retired", "2026-02-25T00:00:00Z", json!({ "article": "restart" })).await;
    let help = agree(&server, "/v1/clients/shop:1/portal/help", &["portal", "help", "shop:1"]).await;
    assert_eq!(told(&help), ["article:descale@1"]);
}

/// A payload of a type with `word` in every personal field of text but serial numbers, which the client knows.
fn noted(info: &letopis_core::events::TypeInfo, word: &str) -> Option<Value> {
    let id = |name: &str| format!("shop:{name}");
    let mut data = serde_json::Map::new();
    for field in info.fields {
        let value = match (field.kind, field.name, field.ty) {
            (FieldKind::Personal, "serial", _) => continue,
            (FieldKind::Personal, _, "String") => json!(format!("{word} {}", field.name)),
            (FieldKind::Personal, ..) | (FieldKind::Optional, _, "EventId" | "ClientId") => continue,
            (_, "sha256", _) => json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            (_, name, ty) if ty.ends_with("Id") && ty != "EventId" && ty != "ClientId" => json!(id(name)),
            (_, _, "Code") => json!("code"),
            (_, _, "Money") => eur(100),
            (_, _, "Currency") => json!("EUR"),
            (_, _, "Day") => json!("2026-05-01"),
            (_, _, "Moment") => json!("2026-05-01T10:00:00Z"),
            (_, _, "bool") => json!(true),
            (_, _, "u32") => json!(1),
            (_, _, "Vec<Line>") => json!([{ "product": "boiler-s", "quantity": "1", "unit_price": "1" }]),
            (_, _, "Vec<Goods>") => json!([{ "product": "boiler-s", "quantity": "1" }]),
            (_, _, "CaseKind") => json!("incident"),
            (_, _, "Direction") => json!("in"),
            (_, _, "LetterMedia") => json!("post"),
            (FieldKind::Optional, ..) => continue,
            _ => return None,
        };
        data.insert(field.name.to_owned(), value);
    }
    Some(data.into())
}

/// Types that stand in a client's stream and can be made up field by field.
fn made_up() -> Vec<(&'static str, Value)> {
    let areas = ["asset", "article", "case", "contract", "deal", "interaction", "order"];
    let wanted = types().iter().filter(|info| areas.contains(&info.area));
    wanted.filter_map(|info| Some((info.name, noted(info, "INTERNAL")?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn internal_notes_never_stand_in_an_answer_for_the_client(picks in proptest::collection::vec((0usize..1_000, 1i64..60), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Server::start().await;
            let types = made_up();
            assert!(types.len() > 30, "{} types", types.len());
            products(&server).await;
            install(&server, "2026-01-05T09:00:00Z", "shop:asset", json!({ "note": "INTERNAL", "order": "shop:order" })).await;
            for (pick, day) in picks {
                let (name, data) = &types[pick % types.len()];
                let at = format!("2026-{:02}-{:02}T09:00:00Z", 1 + day / 28, 1 + day % 28);
                // Refusals are fine: what counts is what is shown of the rest.
                server.post(&fact(name, "shop:1", &at, data.clone())).await;
            }
            for path in ["purchases", "help"] {
                let seen = server.fresh(&format!("/v1/clients/shop:1/portal/{path}")).await;
                assert_eq!(seen.status, 200, "{}", seen.json);
                assert!(!seen.json.to_string().contains("INTERNAL"), "{path}: {}", seen.json);
            }
            let ours = server.fresh("/v1/clients/shop:1/history?limit=1000").await.json.to_string();
            assert!(ours.contains("INTERNAL"), "the notes are there, for us");
        });
    }
}
