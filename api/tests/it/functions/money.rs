//! C10, E8, E9 and the traps of money: rates, closed months, concessions, margins, reconciliation.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::{Server, with};

async fn say(server: &Server, name: &str, client: &str, at: &str, data: Value) {
    server.accept(&fact(name, client, at, data)).await;
}

/// Something that is nobody's, recorded now, counting from an instant.
async fn define(server: &Server, name: &str, at: &str, data: Value) {
    let item = json!({ "type": name, "source": "office", "occurred_at": at, "data": data });
    server.accept(&item).await;
}

async fn rate(server: &Server, from: &str, to: &str, at: &str, rate: &str) {
    define(server, "exchange_rate.set", at, json!({ "from": from, "to": to, "rate": rate })).await;
}

/// An order of one line, `shop:O-<n>`.
async fn order(server: &Server, n: u32, at: &str, currency: &str, product: &str, quantity: &str, price: &str) {
    let lines = json!([{ "product": product, "quantity": quantity, "unit_price": price }]);
    let data = json!({ "order": format!("shop:O-{n}"), "currency": currency, "lines": lines });
    say(server, "order.placed", &format!("shop:{}", n % 2), at, data).await;
}

/// Orders in euros, dollars, yen and dinars, with rates of two days.
async fn four_currencies() -> Server {
    let server = Server::start().await;
    rate(&server, "USD", "EUR", "2026-01-01T00:00:00Z", "0.90").await;
    rate(&server, "USD", "EUR", "2026-02-01T00:00:00Z", "0.80").await;
    rate(&server, "JPY", "EUR", "2026-01-01T00:00:00Z", "0.0061").await;
    rate(&server, "EUR", "KWD", "2026-01-01T00:00:00Z", "0.4").await;
    order(&server, 1, "2026-01-10T09:00:00Z", "EUR", "tea", "2", "10.00").await;
    order(&server, 2, "2026-01-12T09:00:00Z", "USD", "tea", "1", "100.00").await;
    order(&server, 3, "2026-02-12T09:00:00Z", "USD", "tea", "1", "100.00").await;
    order(&server, 4, "2026-01-20T09:00:00Z", "JPY", "cup", "1", "1234").await;
    order(&server, 5, "2026-01-21T09:00:00Z", "KWD", "cup", "1", "1.005").await;
    server
}

#[tokio::test]
async fn c10_reports_convert_at_the_rate_of_the_day_of_the_event() {
    let server = four_currencies().await;
    let path = "/v1/revenue?by=month&report_currency=EUR";
    let report = agree(&server, path, &["revenue", "--by", "month", "--report-currency", "EUR"]).await;
    // January: 20 € + 100 $ × 0.90 + 1234 ¥ × 0.0061 + 1.005 KWD ÷ 0.4. February: 100 $ × 0.80.
    let exact: Vec<&Value> =
        report["page"]["items"].as_array().expect("months").iter().map(|month| &month["net"]["exact"]).collect();
    assert_eq!(exact, ["120.0399", "80"], "{report}");
    assert_eq!(report["totals"]["net"]["rounded"], json!({ "minor": 20_004, "currency": "EUR" }), "{report}");
    let rates: Vec<&str> =
        report["rates"].as_array().expect("rates").iter().filter_map(|rate| rate["name"].as_str()).collect();
    assert_eq!(
        rates,
        ["exchange-rate:EUR-KWD@1", "exchange-rate:JPY-EUR@1", "exchange-rate:USD-EUR@1", "exchange-rate:USD-EUR@2"]
    );
    // What a client owes comes to the same sums, each debt at the rate of its day.
    let mut owed = 0;
    for client in ["shop:0", "shop:1"] {
        let path = format!("/v1/clients/{client}/settlement?report_currency=EUR");
        let state = agree(&server, &path, &["settlement", client, "--report-currency", "EUR"]).await;
        owed += state["report"]["owed"]["rounded"]["minor"].as_i64().expect("a sum");
    }
    assert_eq!(owed, 20_004);
}

#[tokio::test]
async fn c10_a_report_of_a_closed_month_is_the_same_to_the_byte_after_new_rates() {
    let server = four_currencies().await;
    let january = "/v1/revenue?by=day&report_currency=EUR&from=2026-01-01&to=2026-02-01";
    let before = server.built(january).await.json["data"].to_string();
    define(&server, "period.closed", "2026-02-05T00:00:00Z", json!({ "month": "2026-01" })).await;
    assert_eq!(server.built(january).await.json["data"].to_string(), before);
    // Another rate for the middle of January, one from its first instant, and the opposite one.
    rate(&server, "USD", "EUR", "2026-01-11T00:00:00Z", "0.5").await;
    rate(&server, "JPY", "EUR", "2026-01-01T00:00:00Z", "0.5").await;
    rate(&server, "KWD", "EUR", "2026-01-01T00:00:00Z", "2.6").await;
    let words = ["revenue", "--by", "day", "--report-currency", "EUR", "--from", "2026-01-01", "--to", "2026-02-01"];
    assert_eq!(agree(&server, january, &words).await.to_string(), before);
    // The same rate counts in a month that is open: 100 $ in February, for which 0.8 was set later.
    rate(&server, "USD", "EUR", "2026-02-12T00:00:00Z", "0.7").await;
    let february = "/v1/revenue?by=month&report_currency=EUR&from=2026-02-01&to=2026-03-01";
    let report = server.built(february).await.json["data"].clone();
    assert_eq!(report["totals"]["net"]["exact"], "70", "{report}");
}

#[tokio::test]
async fn c10_a_rate_that_a_closed_month_may_rest_on_is_not_corrected() {
    let server = Server::start().await;
    let set = json!({ "from": "USD", "to": "EUR", "rate": "0.9" });
    let item = json!({ "type": "exchange_rate.set", "source": "office", "id": "r1", "occurred_at": "2026-01-01T00:00:00Z", "data": set });
    server.accept(&item).await;
    let mend = |data: Value| json!({ "type": "event.corrected", "source": "office", "occurred_at": "2026-03-01T00:00:00Z", "data": { "target": "office:r1", "data": data } });
    server.accept(&mend(json!({ "from": "USD", "to": "EUR", "rate": "0.8" }))).await;
    define(&server, "period.closed", "2026-02-05T00:00:00Z", json!({ "month": "2026-01" })).await;
    let refused = server.post(&mend(json!({ "from": "USD", "to": "EUR", "rate": "0.7" }))).await;
    assert_eq!(refused.json["code"], "period.closed", "{}", refused.json);
    let drop = json!({ "type": "event.retracted", "source": "office", "occurred_at": "2026-03-01T00:00:00Z", "data": { "target": "office:r1" } });
    assert_eq!(server.post(&drop).await.json["code"], "period.closed");
}

#[tokio::test]
async fn c10_currencies_are_never_summed_without_a_rate() {
    let server = Server::start().await;
    rate(&server, "USD", "EUR", "2026-02-01T00:00:00Z", "0.80").await;
    order(&server, 1, "2026-01-10T09:00:00Z", "EUR", "tea", "2", "10.00").await;
    order(&server, 2, "2026-01-12T09:00:00Z", "USD", "tea", "1", "100.00").await;
    order(&server, 3, "2026-01-13T09:00:00Z", "GBP", "tea", "1", "7.00").await;
    let report = server.built("/v1/revenue?report_currency=EUR").await.json["data"].clone();
    assert_eq!(report["totals"]["net"]["exact"], "20", "{report}");
    let missing: Vec<(&str, &str)> = report["unconverted"]
        .as_array()
        .expect("currencies")
        .iter()
        .filter_map(|none| Some((none["currency"].as_str()?, none["from"].as_str()?)))
        .collect();
    assert_eq!(missing, [("GBP", "2026-01-13"), ("USD", "2026-01-12")]);
    let plain = server.built("/v1/revenue").await.json["data"].clone();
    assert_eq!(plain["totals"].as_array().map(Vec::len), Some(3), "each currency for itself: {plain}");
}

#[tokio::test]
async fn yen_have_no_places_and_dinars_three() {
    let server = four_currencies().await;
    let yen = server.built("/v1/revenue?report_currency=JPY&currency=JPY").await.json["data"].clone();
    assert_eq!(yen["totals"]["net"]["rounded"], json!({ "minor": 1_234, "currency": "JPY" }));
    let dinars = server.built("/v1/revenue?report_currency=KWD&currency=EUR").await.json["data"].clone();
    assert_eq!(dinars["totals"]["net"]["rounded"], json!({ "minor": 8_000, "currency": "KWD" }), "20 € × 0.4");
    let state = server.fresh("/v1/clients/shop:1/settlement").await.json["data"].clone();
    let dinars = state["currencies"].as_array().expect("currencies").iter().find(|own| own["currency"] == "KWD");
    assert_eq!(dinars.map(|own| &own["owed_minor"]), Some(&json!(1_005)));
}

/// Orders that are returned, cancelled, invoiced, paid, conceded.
async fn troubled() -> Server {
    let server = Server::start().await;
    for n in 1..=6 {
        order(&server, n, &format!("2026-01-{:02}T09:00:00Z", n * 3), "EUR", "tea", "3", "10.05").await;
    }
    let goods = |n: u32, quantity: &str| json!({ "order": format!("shop:O-{n}"), "lines": [{ "product": "tea", "quantity": quantity }] });
    let client = |n: u32| format!("shop:{}", n % 2);
    say(&server, "goods.shipped", &client(1), "2026-01-21T09:00:00Z", goods(1, "3")).await;
    say(&server, "goods.returned", &client(1), "2026-02-01T09:00:00Z", goods(1, "1")).await;
    say(&server, "order.cancelled", &client(1), "2026-02-02T09:00:00Z", json!({ "order": "shop:O-1" })).await;
    say(&server, "goods.returned", &client(1), "2026-02-20T09:00:00Z", goods(1, "1")).await;
    say(&server, "order.cancelled", &client(2), "2026-02-02T09:00:00Z", json!({ "order": "shop:O-2" })).await;
    say(&server, "goods.returned", &client(3), "2026-02-10T09:00:00Z", goods(3, "1")).await;
    let invoice = json!({ "order": "shop:O-4", "invoice": "shop:I-4", "amount": eur(3_200) });
    say(&server, "invoice.issued", &client(4), "2026-02-10T09:00:00Z", invoice).await;
    say(
        &server,
        "payment.received",
        &client(4),
        "2026-02-11T09:00:00Z",
        json!({ "order": "shop:O-4", "amount": eur(3_000) }),
    )
    .await;
    say(&server, "payment.received", &client(4), "2026-02-12T09:00:00Z", json!({ "amount": eur(100) })).await;
    let conceded = json!({ "order": "shop:O-5", "amount": eur(215), "reason": "late", "approver": "hr:boss", "employee": "hr:anna" });
    say(&server, "price_concession.made", &client(5), "2026-02-12T09:00:00Z", conceded).await;
    let conceded = json!({ "order": "shop:O-6", "amount": eur(100), "reason": "damaged", "approver": "hr:boss" });
    say(&server, "price_concession.made", &client(6), "2026-02-13T09:00:00Z", conceded).await;
    server
}

#[tokio::test]
async fn d8_settlement_and_revenue_meet_after_returns_cancellations_and_concessions() {
    let server = troubled().await;
    let way = agree(&server, "/v1/revenue/reconciliation", &["reconciliation"]).await;
    let euro = &way[0];
    // Six orders of 30.15; two cancelled, one piece of another back: 4 × 30.15 − 10.05.
    assert_eq!(euro["revenue"], "110.55", "{way}");
    // Of the cancelled one 3 left and 2 came back: one piece was kept.
    assert_eq!((&euro["kept_of_cancelled"], &euro["invoiced_beyond"]), (&json!("10.05"), &json!("1.85")));
    assert_eq!((&euro["conceded"], &euro["paid"], &euro["difference"]), (&json!("3.15"), &json!("31"), &json!("0")));
    let mut owed = 0;
    for client in ["shop:0", "shop:1"] {
        let state = agree(&server, &format!("/v1/clients/{client}/settlement"), &["settlement", client]).await;
        owed += state["currencies"][0]["owed_minor"].as_i64().expect("a sum");
    }
    // 110.55 + 10.05 + 1.85 − 3.15 − 31.00
    assert_eq!((owed, &euro["owed"]), (8_830, &json!("88.3")), "{way}");
    // In one currency, and in another at one for one, it is the same.
    rate(&server, "EUR", "USD", "2026-01-01T00:00:00Z", "1").await;
    for currency in ["EUR", "USD"] {
        let mut sum = 0;
        for client in ["shop:0", "shop:1"] {
            let path = format!("/v1/clients/{client}/settlement?report_currency={currency}");
            let state = server.fresh(&path).await.json["data"].clone();
            sum += state["report"]["owed"]["rounded"]["minor"].as_i64().expect("a sum");
        }
        assert_eq!(sum, owed, "{currency}");
    }
}

#[tokio::test]
async fn a_return_after_the_cancellation_takes_nothing_off_twice() {
    let server = troubled().await;
    let months = server.built("/v1/revenue?by=month&currency=EUR").await.json["data"].clone();
    let sums = &months["totals"][0];
    // 6 × 30.15 ordered; 2 pieces of the first came back, 1 of the third; cancelled is what did not come back.
    assert_eq!((&sums["ordered"]["exact"], &sums["returned"]["exact"]), (&json!("180.9"), &json!("30.15")), "{months}");
    assert_eq!((&sums["cancelled"]["exact"], &sums["net"]["exact"]), (&json!("40.2"), &json!("110.55")));
    let state = server.fresh("/v1/orders/shop:O-1").await.json["data"].clone();
    assert_eq!(state["accounts"][0]["owed_minor"], 1_005, "the one piece that was kept: {state}");
}

#[tokio::test]
async fn e8_concessions_by_client_and_manager() {
    let server = troubled().await;
    let staff = |who: &str, manager: Option<&str>| json!({ "employee": who, "manager": manager });
    define(&server, "employee.defined", "2026-01-01T00:00:00Z", staff("hr:anna", Some("hr:boss"))).await;
    let by_client = agree(&server, "/v1/concessions?by=client", &["concessions", "--by", "client"]).await;
    let groups = by_client["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 2, "{by_client}");
    let by_manager = agree(&server, "/v1/concessions?by=manager", &["concessions", "--by", "manager"]).await;
    let boss = &by_manager["groups"][0];
    assert_eq!((&boss["concessions"], &boss["amounts"]), (&json!(2), &json!([eur(315)])), "{by_manager}");
    let newest = &by_manager["page"]["items"][0];
    assert_eq!((&newest["reason"], &newest["amount"]), (&json!("damaged"), &eur(100)));
    let concede = |amount: i64, employee: &str| {
        let data = json!({ "order": "shop:O-5", "amount": eur(amount), "reason": "late", "approver": "hr:boss", "employee": employee });
        fact("price_concession.made", "shop:1", "2026-02-20T09:00:00Z", data)
    };
    let own = server.post(&concede(100, "hr:boss")).await;
    assert_eq!(own.json["code"], "concession.own_approval", "{}", own.json);
    // 30.15 less 2.15 before.
    let much = server.post(&concede(2_801, "hr:anna")).await;
    assert_eq!(much.json["code"], "concession.too_large", "{}", much.json);
    server.accept(&concede(2_800, "hr:anna")).await;
}

#[tokio::test]
async fn e9_margin_is_revenue_less_the_cost_of_its_day() {
    let server = Server::start().await;
    let cost = |product: &str, cost: &str| json!({ "product": product, "unit_cost": cost, "currency": "EUR" });
    define(&server, "product_cost.set", "2026-01-01T00:00:00Z", cost("tea", "6")).await;
    define(&server, "product_cost.set", "2026-02-01T00:00:00Z", cost("tea", "7")).await;
    define(&server, "product_cost.set", "2026-01-01T00:00:00Z", cost("cup", "1.5")).await;
    let parts = json!([{ "product": "tea", "quantity": "1" }, { "product": "cup", "quantity": "2" }]);
    define(&server, "kit.defined", "2026-01-01T00:00:00Z", json!({ "product": "set", "components": parts })).await;
    order(&server, 1, "2026-01-10T09:00:00Z", "EUR", "tea", "10", "10").await;
    order(&server, 2, "2026-02-10T09:00:00Z", "EUR", "tea", "2", "10").await;
    order(&server, 3, "2026-02-11T09:00:00Z", "EUR", "set", "1", "20").await;
    order(&server, 4, "2026-02-12T09:00:00Z", "EUR", "pot", "1", "50").await;
    let goods = json!({ "order": "shop:O-1", "lines": [{ "product": "tea", "quantity": "1" }] });
    say(&server, "goods.returned", "shop:1", "2026-01-20T09:00:00Z", goods).await;
    let margins = agree(&server, "/v1/margin", &["margin"]).await;
    let items = margins["page"]["items"].as_array().expect("items");
    let told: Vec<(&str, &Value, &Value)> = items
        .iter()
        .map(|item| (item["key"].as_str().expect("a key"), &item["cost"]["exact"], &item["margin"]["exact"]))
        .collect();
    // Tea: 9 × (10 − 6) + 2 × (10 − 7). A set: 20 − 7 − 2 × 1.5. What a pot costs nobody knows.
    let expected =
        [("tea", &json!("68"), &json!("42")), ("set", &json!("10"), &json!("10")), ("pot", &Value::Null, &Value::Null)];
    assert_eq!(told, expected, "{margins}");
    assert_eq!((&items[0]["share"]["numerator"], &items[0]["share"]["denominator"]), (&json!(4_200), &json!(11_000)));
    assert_eq!(items[2]["pieces_without_cost"], "1");
    let january =
        agree(&server, "/v1/margin?by=month&to=2026-02-01", &["margin", "--by", "month", "--to", "2026-02-01"]).await;
    assert_eq!(january["page"]["items"][0]["margin"]["exact"], "36", "{january}");
    rate(&server, "EUR", "JPY", "2026-01-01T00:00:00Z", "160").await;
    let yen = server.built("/v1/margin?report_currency=JPY").await.json["data"].clone();
    assert_eq!(yen["page"]["items"][0]["margin"]["rounded"], json!({ "minor": 6_720, "currency": "JPY" }), "{yen}");
}

#[tokio::test]
async fn c7_what_a_client_can_spend_as_of_a_day_and_in_the_forecast() {
    let server = Server::start().await;
    let model = json!({ "model": "default", "stages": [{ "stage": "offer", "probability_bp": 5_000 }] });
    define(&server, "stage_model.defined", "2026-01-01T00:00:00Z", model).await;
    let told =
        |source: &str, budget: i64| json!({ "source": source, "budget": eur(budget), "credit_limit": eur(5_000) });
    say(&server, "financial_profile.recorded", "shop:1", "2026-01-05T09:00:00Z", told("client", 90_000)).await;
    say(&server, "financial_profile.recorded", "shop:1", "2026-02-05T09:00:00Z", told("credit-bureau", 40_000)).await;
    let deal = json!({ "deal": "crm:D", "stage": "offer", "amount": eur(100_000) });
    say(&server, "deal.opened", "shop:1", "2026-01-06T09:00:00Z", deal).await;
    order(&server, 1, "2026-01-10T09:00:00Z", "EUR", "tea", "2", "10.00").await;
    let now = agree(&server, "/v1/clients/shop:1/finances", &["finances", "shop:1"]).await;
    assert_eq!((&now["budget"], &now["credit_left"]), (&eur(40_000), &eur(3_000)), "{now}");
    assert_eq!(now["profiles"].as_array().map(Vec::len), Some(2));
    // Half of 1000.00 is hoped for, of which the budget leaves 400.00.
    let hope = &now["forecast"][0];
    assert_eq!((&hope["weighted"], &hope["within_budget"]), (&eur(50_000), &eur(40_000)), "{now}");
    let then = server.built("/v1/clients/shop:1/finances?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((&then["budget"], &then["forecast"][0]["within_budget"]), (&eur(90_000), &eur(50_000)), "{then}");
    let empty =
        with(fact("financial_profile.recorded", "shop:1", "2026-02-05T09:00:00Z", json!({ "source": "x" })), "id", "e");
    let refused = server.post(&empty).await;
    assert_eq!(refused.json["field"], "data.budget", "{}", refused.json);
}
