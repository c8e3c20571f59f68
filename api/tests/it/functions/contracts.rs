//! G1, G2, G3, G6: contracts, the level of service they give, the knowledge base, what service earns.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::{Server, TODAY};

async fn say(server: &Server, client: &str, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, client, at, data)).await
}

async fn define(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&json!({ "type": name, "source": "shop", "occurred_at": at, "data": data })).await;
}

fn signed(contract: &str, from: &str, until: &str) -> Value {
    json!({ "contract": contract, "kind": "maintenance", "from": from, "until": until, "fee": eur(120_000),
        "employee": "hr:7", "number": "K-17" })
}

fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    let items = answer["items"].as_array().expect("items").iter();
    items.map(|item| item[field].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn g1_contracts_in_force_and_due_for_renewal() {
    let server = Server::start().await;
    say(&server, "shop:1", "contract.signed", "2026-01-02T09:00:00Z", signed("shop:A", "2026-01-05", "2026-03-20"))
        .await;
    say(&server, "shop:2", "contract.signed", "2026-01-03T09:00:00Z", signed("shop:B", "2026-01-05", "2026-02-10"))
        .await;
    say(&server, "shop:3", "contract.signed", "2026-01-04T09:00:00Z", signed("shop:C", "2026-06-01", "2027-05-31"))
        .await;
    say(&server, "shop:4", "contract.signed", "2026-01-04T10:00:00Z", signed("shop:D", "2026-01-05", "2026-12-31"))
        .await;
    say(
        &server,
        "shop:2",
        "contract.renewed",
        "2026-02-09T09:00:00Z",
        json!({ "contract": "shop:B", "until": "2027-02-10" }),
    )
    .await;
    say(
        &server,
        "shop:4",
        "contract.interrupted",
        "2026-02-20T09:00:00Z",
        json!({ "contract": "shop:D", "reason": "unpaid" }),
    )
    .await;
    let held = agree(&server, "/v1/contracts?state=in_force", &["contracts", "--state", "in_force"]).await;
    assert_eq!(of(&held, "until"), ["2026-03-20", "2027-02-10"], "{held}");
    let due = ["contracts", "--due-within-days", "30"];
    let due = agree(&server, "/v1/contracts?due_within_days=30", &due).await;
    assert_eq!((of(&due, "until"), &due["items"][0]["days_left"]), (vec!["2026-03-20"], &json!(10)));
    // Before the interruption four were signed, one had not begun; the renewal was known by then.
    let then = server.built("/v1/contracts?state=in_force&as_of=2026-02-14").await.json["data"].clone();
    assert_eq!(of(&then, "until"), ["2026-03-20", "2026-12-31", "2027-02-10"], "{then}");
    let then = server.built("/v1/contracts?state=in_force&as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(of(&then, "until"), ["2026-02-10", "2026-03-20", "2026-12-31"], "before the renewal: {then}");
    let one = agree(&server, "/v1/clients/shop:4/contracts", &["client-contracts", "shop:4"]).await;
    assert_eq!(of(&one, "state"), ["interrupted"]);
    say(&server, "shop:4", "contract.resumed", "2026-03-01T09:00:00Z", json!({ "contract": "shop:D" })).await;
    let card = agree(&server, "/v1/contracts/shop:D", &["contract", "shop:D"]).await;
    assert_eq!((&card["state"], &card["fee"]["minor"]), (&json!("in_force"), &json!(120_000)));
    say(&server, "shop:4", "contract.terminated", "2026-03-05T09:00:00Z", json!({ "contract": "shop:D" })).await;
    let refused = server
        .post(&fact("contract.renewed", "shop:4", TODAY, json!({ "contract": "shop:D", "until": "2027-12-31" })))
        .await;
    assert_eq!(refused.json["code"], "contract.ended", "{}", refused.json);
}

#[tokio::test]
async fn g2_why_a_client_has_this_level_of_service() {
    let server = Server::start().await;
    let scheme = |scheme: &str, rank: i32, when: &str| json!({ "scheme": scheme, "rank": rank, "when": when, "label": scheme.to_uppercase(), "gives": { "first-response-min": 60 / rank.max(1) } });
    define(&server, "service_scheme.defined", "2026-01-01T00:00:00Z", scheme("standard", 1, "true")).await;
    define(
        &server,
        "service_scheme.defined",
        "2026-01-01T00:00:00Z",
        scheme("silver", 2, "has(bought.EUR) && bought.EUR >= 500"),
    )
    .await;
    let gold = "has(client.attributes.class) && client.attributes.class == 'vip' && contracts.exists(c, c.kind == 'maintenance')";
    define(&server, "service_scheme.defined", "2026-01-01T00:00:00Z", scheme("gold", 3, gold)).await;
    let lines = json!([{ "product": "tea", "quantity": "10", "unit_price": "60" }]);
    say(
        &server,
        "shop:1",
        "order.placed",
        "2026-01-10T09:00:00Z",
        json!({ "order": "shop:O", "currency": "EUR", "lines": lines }),
    )
    .await;
    let attribute = json!({ "attribute": "class", "new": "vip" });
    say(&server, "shop:1", "client.attribute_changed", "2026-02-20T09:00:00Z", attribute).await;
    say(&server, "shop:1", "contract.signed", "2026-02-21T09:00:00Z", signed("shop:A", "2026-02-21", "2026-12-31"))
        .await;
    let level = agree(&server, "/v1/clients/shop:1/service-level", &["service-level", "shop:1"]).await;
    assert_eq!(
        (&level["scheme"], &level["gives"]["first-response-min"]),
        (&json!("service-scheme:gold@1"), &json!(20))
    );
    assert_eq!(level["why"].as_array().map(Vec::len), Some(3), "{level}");
    let then = server.built("/v1/clients/shop:1/service-level?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then["scheme"], "service-scheme:silver@1", "{then}");
    assert_eq!((&then["why"][0]["holds"], &then["facts"]["bought"]["EUR"]), (&json!(false), &json!(600)));
    // Another version of the rule counts from its own day on; the answer for the day before names the old one.
    define(&server, "service_scheme.defined", "2026-03-01T00:00:00Z", scheme("gold", 3, "false")).await;
    let level = agree(&server, "/v1/clients/shop:1/service-level", &["service-level", "shop:1"]).await;
    assert_eq!(
        (&level["scheme"], &level["why"][0]["scheme"]),
        (&json!("service-scheme:silver@1"), &json!("service-scheme:gold@2"))
    );
    let then = server.built("/v1/clients/shop:1/service-level?as_of=2026-02-28").await.json["data"].clone();
    assert_eq!(then["scheme"], "service-scheme:gold@1");
}

#[tokio::test]
async fn g3_the_best_articles_and_the_topics_without_one() {
    let server = Server::start().await;
    let article = |article: &str, topic: &str| json!({ "article": article, "label": article, "text": "Text.", "topics": [topic] });
    define(&server, "article.published", "2026-01-01T00:00:00Z", article("restart", "outage")).await;
    define(&server, "article.published", "2026-01-02T00:00:00Z", article("restart", "outage")).await;
    define(&server, "article.published", "2026-01-01T00:00:00Z", article("call-us", "outage")).await;
    for (n, (topic, used, solved)) in
        [("outage", "restart", true), ("outage", "restart", true), ("outage", "call-us", false), ("invoice", "", false)]
            .into_iter()
            .enumerate()
    {
        let case = format!("desk:T-{n}");
        let at = format!("2026-01-1{n}T09:00:00Z");
        say(&server, "shop:1", "case.raised", &at, json!({ "case": case, "kind": "question", "topic": topic })).await;
        if !used.is_empty() {
            let at = format!("2026-01-1{n}T10:00:00Z");
            say(
                &server,
                "shop:1",
                "article.used",
                &at,
                json!({ "article": used, "case": case, "solved": solved, "version": 1 }),
            )
            .await;
        }
    }
    let best = agree(&server, "/v1/articles/best", &["articles", "best"]).await;
    assert_eq!(of(&best, "name"), ["article:restart@2", "article:call-us@1"], "{best}");
    let solved = &best["items"][0]["solved"];
    assert_eq!((&solved["numerator"], &solved["denominator"], &solved["small"]), (&json!(2), &json!(2), &json!(true)));
    let gaps = agree(&server, "/v1/articles/gaps", &["articles", "gaps"]).await;
    let told: Vec<(&str, i64, i64)> = gaps["items"]
        .as_array()
        .expect("topics")
        .iter()
        .map(|g| {
            (
                g["topic"].as_str().expect("a topic"),
                g["unsolved"].as_i64().expect("n"),
                g["articles"].as_i64().expect("n"),
            )
        })
        .collect();
    assert_eq!(told, [("invoice", 1, 0), ("outage", 1, 2)], "{gaps}");
    let page = server.built("/v1/articles/gaps?limit=1").await.json["data"].clone();
    let next =
        server.built(&format!("/v1/articles/gaps?limit=1&cursor={}", page["next"].as_str().expect("more"))).await;
    assert_eq!(
        (&page["items"][0]["topic"], &next.json["data"]["items"][0]["topic"]),
        (&json!("invoice"), &json!("outage"))
    );
}

#[tokio::test]
async fn g6_service_as_a_profit_centre() {
    let server = Server::start().await;
    say(&server, "shop:1", "contract.signed", "2026-01-02T09:00:00Z", signed("shop:A", "2026-01-05", "2026-12-31"))
        .await;
    let charge = |minor: i64| json!({ "contract": "shop:A", "amount": eur(minor) });
    say(&server, "shop:1", "contract.charged", "2026-01-05T09:00:00Z", charge(10_000)).await;
    say(&server, "shop:1", "contract.charged", "2026-02-05T09:00:00Z", charge(10_000)).await;
    let cost =
        |kind: &str, minor: i64| json!({ "contract": "shop:A", "kind": kind, "amount": eur(minor), "labour_s": 7200 });
    say(&server, "shop:1", "service_cost.incurred", "2026-01-20T09:00:00Z", cost("labour", 4_000)).await;
    say(&server, "shop:1", "service_cost.incurred", "2026-02-20T09:00:00Z", cost("parts", 13_000)).await;
    say(
        &server,
        "shop:2",
        "service.rendered",
        "2026-01-21T09:00:00Z",
        json!({ "service": "repair", "amount": eur(2_500) }),
    )
    .await;
    let of_month = agree(&server, "/v1/service/result?by=month", &["service", "result", "--by", "month"]).await;
    assert_eq!(of(&of_month, "key"), ["2026-01", "2026-02"], "{of_month}");
    let results = |answer: &Value| -> Vec<i64> {
        answer["items"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| line["result_minor"].as_i64().expect("n"))
            .collect()
    };
    assert_eq!(results(&of_month), [8_500, -3_000]);
    let of_contract = agree(&server, "/v1/service/result", &["service", "result"]).await;
    assert_eq!(results(&of_contract), [2_500, 3_000], "what is of no contract comes first: {of_contract}");
    let january = server.built("/v1/service/result?by=client&as_of=2026-01-31").await.json["data"].clone();
    let mut sums = results(&january);
    sums.sort_unstable();
    assert_eq!(sums, [2_500, 6_000]);
    let contract = of_contract["items"][1]["key"].as_str().expect("a contract").to_owned();
    let lines = agree(
        &server,
        &format!("/v1/service/lines?contract={contract}"),
        &["service", "lines", "--contract", &contract],
    )
    .await;
    let (earned, cost): (i64, i64) = lines["items"]
        .as_array()
        .expect("events")
        .iter()
        .map(|e| (e["earned_minor"].as_i64().expect("n"), e["cost_minor"].as_i64().expect("n")))
        .fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
    assert_eq!(
        (earned - cost, lines["items"].as_array().map(Vec::len)),
        (3_000, Some(4)),
        "every cell comes from its events"
    );
    let mine = agree(&server, "/v1/service/lines?client=shop:2", &["service", "lines", "--client", "shop:2"]).await;
    assert_eq!(of(&mine, "kind"), ["service"]);
}
