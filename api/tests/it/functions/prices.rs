//! E1, E4, E5, E6, E7: kits, price rules and quotes, offers, advice.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::Server;

async fn say(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&fact(name, "shop:1", at, data)).await;
}

async fn define(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&json!({ "type": name, "source": "office", "occurred_at": at, "data": data })).await;
}

async fn order(server: &Server, id: &str, at: &str, lines: Value) {
    say(server, "order.placed", at, json!({ "order": id, "currency": "EUR", "lines": lines })).await;
}

fn line(product: &str, quantity: &str, price: &str) -> Value {
    json!({ "product": product, "quantity": quantity, "unit_price": price })
}

#[tokio::test]
async fn e1_a_line_of_a_kit_stands_for_its_components_and_missing_parts_are_told() {
    let server = Server::start().await;
    let kit = |product: &str, parts: &[(&str, &str)]| {
        let parts: Vec<Value> =
            parts.iter().map(|(product, quantity)| json!({ "product": product, "quantity": quantity })).collect();
        json!({ "product": product, "components": parts })
    };
    define(&server, "kit.defined", "2026-01-01T00:00:00Z", kit("set", &[("pot", "1"), ("cup", "6")])).await;
    define(&server, "kit.defined", "2026-01-01T00:00:00Z", kit("gift", &[("set", "1"), ("tea", "2")])).await;
    order(&server, "shop:O", "2026-01-10T09:00:00Z", json!([line("gift", "2", "50"), line("cup", "1", "3")])).await;
    // Another make-up of the kit counts for later orders alone.
    define(&server, "kit.defined", "2026-02-01T00:00:00Z", kit("set", &[("pot", "1"), ("cup", "4")])).await;
    order(&server, "shop:P", "2026-02-10T09:00:00Z", json!([line("set", "1", "40")])).await;
    let goods = |order: &str, product: &str, quantity: &str| json!({ "order": order, "lines": [{ "product": product, "quantity": quantity }] });
    say(&server, "goods.shipped", "2026-01-20T09:00:00Z", goods("shop:O", "gift", "1")).await;
    say(&server, "goods.shipped", "2026-02-20T09:00:00Z", goods("shop:O", "cup", "5")).await;
    let order = agree(&server, "/v1/orders/shop:O/parts", &["order", "parts", "shop:O"]).await;
    let parts: Vec<[&str; 3]> = order["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| ["product", "needed", "missing"].map(|name| part[name].as_str().expect("text")))
        .collect();
    // Two gifts: 2 pots, 12 cups, 4 teas, and a cup; one gift left (1 pot, 6 cups, 2 teas), then 5 cups.
    assert_eq!(parts, [["cup", "13", "2"], ["pot", "2", "1"], ["tea", "4", "2"]], "{order}");
    assert_eq!(order["lines"][0]["kits"], json!(["kit:gift@1", "kit:set@1"]));
    let client = agree(&server, "/v1/clients/shop:1/missing-parts", &["missing", "parts", "shop:1"]).await;
    let cups = &client["items"][0];
    assert_eq!((&cups["product"], &cups["missing"]), (&json!("cup"), &json!("6")), "2 and 4 more: {client}");
    assert_eq!(cups["orders"].as_array().map(Vec::len), Some(2));
    let pages = server.built("/v1/clients/shop:1/missing-parts?limit=1").await.json["data"].clone();
    assert!(pages["next"].is_string() && pages["items"].as_array().map(Vec::len) == Some(1));
    let itself = json!({ "type": "kit.defined", "source": "office", "occurred_at": "2026-01-01T00:00:00Z", "data": kit("a", &[("a", "1")]) });
    assert_eq!(server.post(&itself).await.json["field"], "data.components[0].product");
}

#[tokio::test]
async fn e1_products_that_are_bought_together_are_found() {
    let server = Server::start().await;
    for n in 0..12 {
        let lines = json!([line("tea", "1", "10"), line("cup", "2", "3")]);
        order(&server, &format!("shop:O-{n}"), &format!("2026-01-{:02}T09:00:00Z", n + 1), lines).await;
    }
    for n in 12..20 {
        order(&server, &format!("shop:O-{n}"), "2026-02-10T09:00:00Z", json!([line("pot", "1", "10")])).await;
    }
    let sets = agree(&server, "/v1/products/sets", &["sets"]).await;
    let pair = &sets["page"]["items"][0];
    assert_eq!((&pair["products"], &pair["together"]), (&json!(["cup", "tea"]), &json!(12)), "{sets}");
    assert_eq!(sets["page"]["items"].as_array().map(Vec::len), Some(1));
    // 12 · 20 / (12 · 12)
    assert!((pair["lift"].as_f64().expect("a number") - 20.0 / 12.0).abs() < 1e-12);
    let few = server.get("/v1/products/sets?min_support=2").await;
    assert_eq!((few.status.as_u16(), &few.json["field"]), (400, &json!("min_support")));
}

async fn rules(server: &Server) {
    let product =
        json!({ "product": "tea", "label": "Tea", "group": "drinks", "list_price": "12.50", "currency": "EUR" });
    define(server, "product.defined", "2026-01-01T00:00:00Z", product).await;
    let rule = |code: &str, when: &str, change: Value, priority: i32, stacks: bool| json!({ "rule": code, "when": when, "change": change, "priority": priority, "stacks": stacks });
    let many = rule("many", "quantity >= 10", json!({ "discount_bp": 500 }), 20, true);
    define(server, "price_rule.defined", "2026-01-01T00:00:00Z", many).await;
    let loyal = rule(
        "loyal",
        "purchases.orders >= 2 && 'tea' in purchases.products",
        json!({ "discount": eur(100) }),
        10,
        false,
    );
    define(server, "price_rule.defined", "2026-01-01T00:00:00Z", loyal).await;
    let small = rule("small", "quantity < 5", json!({ "markup_bp": 200 }), 5, true);
    define(server, "price_rule.defined", "2026-01-01T00:00:00Z", small).await;
    let odd = rule("odd", "client.mood == 'good'", json!({ "discount_bp": 9_000 }), 30, true);
    define(server, "price_rule.defined", "2026-01-01T00:00:00Z", odd).await;
}

#[tokio::test]
async fn e4_a_quote_says_why_this_price_step_by_step() {
    let server = Server::start().await;
    rules(&server).await;
    order(&server, "shop:O", "2026-01-10T09:00:00Z", json!([line("tea", "1", "12.50")])).await;
    order(&server, "shop:P", "2026-01-12T09:00:00Z", json!([line("tea", "1", "12.50")])).await;
    let path = "/v1/clients/shop:1/price?lines=tea:10&currency=EUR";
    let words = ["price", "shop:1", "--lines", "tea:10", "--currency", "EUR"];
    let price = agree(&server, path, &words).await;
    let tea = &price["lines"][0];
    // 12.50 × 0.95 = 11.875, less 1.00, rounded once.
    let steps: Vec<[&str; 3]> = tea["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| ["rule", "before", "after"].map(|name| step[name].as_str().expect("text")))
        .collect();
    assert_eq!(steps, [["many", "12.50", "11.875"], ["loyal", "11.875", "10.875"]], "{price}");
    assert_eq!((&tea["unit_price"], &price["total"]["exact"]), (&json!("10.88"), &json!("108.8")));
    let why: Vec<(&str, bool)> = price["why"][0]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|why| Some((why["rule"].as_str()?, why["applied"].as_bool()?)))
        .collect();
    let asked = [("odd", false), ("many", true), ("loyal", true), ("small", false)];
    assert_eq!(
        why,
        asked
            .map(|(code, applied)| (format!("price-rule:{code}@1"), applied))
            .each_ref()
            .map(|(name, applied)| (name.as_str(), *applied))
    );
    let because = |n: usize| price["why"][0][n]["because"].as_str().unwrap_or_default().to_owned();
    assert!(because(0).contains("cannot be decided") && because(3).contains("does not stack"), "{price}");
    let quote = json!({ "quote": "crm:Q", "currency": "EUR", "lines": price["lines"], "until": "2026-03-01" });
    say(&server, "quote.made", "2026-02-10T09:00:00Z", quote).await;
    // A later version of a rule changes no quote.
    let other = json!({ "rule": "many", "when": "quantity >= 100", "change": { "discount_bp": 100 }, "priority": 20, "stacks": true });
    define(&server, "price_rule.defined", "2026-02-20T00:00:00Z", other).await;
    let quote = agree(&server, "/v1/quotes/crm:Q", &["quote", "crm:Q"]).await;
    let step = &quote["lines"][0]["steps"][0];
    assert_eq!((&step["rule"], &step["when"]), (&json!("price-rule:many@1"), &json!("quantity >= 10")), "{quote}");
    assert_eq!((&step["change"], &quote["expired"]), (&json!({ "discount_bp": 500 }), &json!(true)));
    let bad = json!({ "type": "price_rule.defined", "source": "office", "occurred_at": "2026-01-01T00:00:00Z",
        "data": { "rule": "bad", "when": "quantity >", "change": { "discount_bp": 1 }, "priority": 1, "stacks": true } });
    let refused = server.post(&bad).await;
    assert_eq!(refused.json["field"], "data.when", "{}", refused.json);
    assert!(
        refused.json["detail"].as_str().is_some_and(|detail| detail.contains("line 1, column")),
        "{}",
        refused.json
    );
}

#[tokio::test]
async fn e5_a_discount_for_earlier_purchases_counts_as_of_the_quote() {
    let server = Server::start().await;
    rules(&server).await;
    order(&server, "shop:O", "2026-01-10T09:00:00Z", json!([line("tea", "1", "12.50")])).await;
    order(&server, "shop:P", "2026-02-12T09:00:00Z", json!([line("tea", "1", "12.50")])).await;
    let path = "/v1/clients/shop:1/price?lines=tea:5&currency=EUR";
    let now = agree(&server, path, &["price", "shop:1", "--lines", "tea:5", "--currency", "EUR"]).await;
    assert_eq!(
        (&now["lines"][0]["unit_price"], &now["names"]["purchases"]["orders"]),
        (&json!("11.5"), &json!(2)),
        "{now}"
    );
    for (day, price) in [("2026-02-11", "12.50"), ("2026-02-12T08:59:59Z", "12.50"), ("2026-02-12T09:00:01Z", "11.5")] {
        let then = server.built(&format!("{path}&as_of={day}")).await.json["data"].clone();
        assert_eq!(then["lines"][0]["unit_price"], price, "{day}: {then}");
    }
    say(&server, "order.cancelled", "2026-02-20T09:00:00Z", json!({ "order": "shop:P" })).await;
    let after = server.fresh(path).await.json["data"].clone();
    assert_eq!(after["lines"][0]["unit_price"], "12.50", "a cancelled order is no purchase: {after}");
}

#[tokio::test]
async fn e6_offers_are_taken_or_not_and_cost_margin() {
    let server = Server::start().await;
    for n in 0..4 {
        let made =
            json!({ "offer": format!("crm:F-{n}"), "kind": "spring", "discount": eur(250 + n), "until": "2026-02-01" });
        say(&server, "offer.made", "2026-01-10T09:00:00Z", made).await;
    }
    let open = json!({ "offer": "crm:G", "kind": "club", "discount": eur(99), "until": "2026-05-01" });
    say(&server, "offer.made", "2026-02-10T09:00:00Z", open).await;
    for n in 0..2 {
        let taken = json!({ "offer": format!("crm:F-{n}"), "order": format!("shop:O-{n}") });
        say(&server, "offer.accepted", "2026-01-20T09:00:00Z", taken).await;
    }
    say(&server, "offer.expired", "2026-01-25T09:00:00Z", json!({ "offer": "crm:F-2" })).await;
    let offers = agree(&server, "/v1/offers", &["offers"]).await;
    let spring = &offers["groups"][1];
    let states = ["made", "accepted", "expired", "open"].map(|state| spring[state].as_i64().expect("a count"));
    assert_eq!(states, [4, 2, 2, 0], "one has run out by itself: {offers}");
    assert_eq!((&spring["take_up"]["numerator"], &spring["take_up"]["small"]), (&json!(2), &json!(true)));
    assert_eq!(spring["margin_cost"], json!([eur(501)]));
    let then = server.built("/v1/offers?as_of=2026-01-22").await.json["data"].clone();
    assert_eq!((&then["groups"][0]["open"], &then["groups"][0]["expired"]), (&json!(2), &json!(0)), "{then}");
    let open = agree(&server, "/v1/offers?state=open", &["offers", "--state", "open"]).await;
    assert_eq!(open["page"]["items"].as_array().map(Vec::len), Some(1));
    // The client's word is taken and flagged; a decision of ours against it is refused.
    let late =
        server.accept(&fact("offer.accepted", "shop:1", "2026-02-10T09:00:00Z", json!({ "offer": "crm:F-3" }))).await;
    assert_eq!(late["flags"][0]["rule"], "offer.over", "{late}");
    let gone = fact("offer.expired", "shop:1", "2026-02-10T09:00:00Z", json!({ "offer": "crm:F-0" }));
    assert_eq!(server.post(&gone).await.json["code"], "offer.accepted");
}

#[tokio::test]
async fn e7_advice_comes_with_its_facts_and_is_taken_or_not() {
    let server = Server::start().await;
    rules(&server).await;
    let cost = json!({ "product": "tea", "unit_cost": "9", "currency": "EUR" });
    define(&server, "product_cost.set", "2026-01-01T00:00:00Z", cost).await;
    order(&server, "shop:O", "2026-01-10T09:00:00Z", json!([line("tea", "1", "11.20")])).await;
    let invoice = json!({ "order": "shop:O", "invoice": "shop:I", "amount": eur(1_120), "due": "2026-02-10" });
    say(&server, "invoice.issued", "2026-01-11T09:00:00Z", invoice).await;
    let case = json!({ "case": "crm:C", "kind": "complaint", "topic": "delivery" });
    say(&server, "case.raised", "2026-02-11T09:00:00Z", case).await;
    let path = "/v1/clients/shop:1/price-advice?product=tea&currency=EUR";
    let words = ["price", "advice", "shop:1", "--product", "tea", "--currency", "EUR"];
    let told = agree(&server, path, &words).await;
    let kinds: Vec<&Value> = told["advice"].as_array().expect("advice").iter().map(|item| &item["advice"]).collect();
    assert_eq!(kinds, ["price", "prepayment", "settle-complaint"], "{told}");
    // By the rules 12.75 for one piece; he paid 11.20 last; it costs us 9.
    let price = &told["advice"][0];
    assert_eq!(price["unit_price"], "11.2", "{told}");
    let facts: Vec<&Value> = price["because"].as_array().expect("facts").iter().map(|fact| &fact["fact"]).collect();
    assert_eq!(facts, ["list-price", "rules", "last-paid", "cost"]);
    assert_eq!(price["because"][3]["source"], "product-cost:tea@1");
    let then = server.built(&format!("{path}&as_of=2026-01-31")).await.json["data"].clone();
    assert_eq!(then["advice"].as_array().map(Vec::len), Some(1), "neither overdue nor a complaint: {then}");
    let advice = |reason: Option<&str>| json!({ "advice": "price", "product": "tea", "unit_price": "11.20", "currency": "EUR", "reason": reason });
    let mut taken = advice(None);
    taken.as_object_mut().map(|taken| taken.remove("reason"));
    say(&server, "price_advice.accepted", "2026-02-12T09:00:00Z", taken).await;
    say(&server, "price_advice.rejected", "2026-02-13T09:00:00Z", advice(Some("rival-cheaper"))).await;
    let decided = agree(&server, "/v1/price-advice/decisions", &["advice", "decisions"]).await;
    let group = &decided["groups"][0];
    assert_eq!(
        (&group["accepted"]["numerator"], &group["accepted"]["denominator"]),
        (&json!(1), &json!(2)),
        "{decided}"
    );
    assert_eq!(group["reasons"], json!({ "rival-cheaper": 1 }));
}
