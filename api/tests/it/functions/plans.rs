//! D: the cube, products in use, plans, forecasts, first contacts, rivals and the market.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::Server;

async fn define(server: &Server, name: &str, at: &str, data: Value) -> Value {
    let item = json!({ "type": name, "source": "shop", "occurred_at": format!("{at}T09:00:00Z"), "data": data });
    server.accept(&item).await
}

async fn say(server: &Server, client: &str, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, client, &format!("{at}T09:00:00Z"), data)).await
}

/// Products in groups, an employee with a manager, clients with a sector, and five orders.
async fn orders(server: &Server) {
    for (product, group, price) in [("tea", "drinks", "10"), ("coffee", "drinks", "20"), ("cups", "dishes", "5")] {
        let data =
            json!({ "product": product, "label": product, "group": group, "list_price": price, "currency": "EUR" });
        define(server, "product.defined", "2026-01-01", data).await;
    }
    define(server, "employee.defined", "2026-01-01", json!({ "employee": "hr:1", "manager": "hr:9", "name": "Anna" }))
        .await;
    for (n, sector) in [(1, "retail"), (2, "retail"), (3, "software")] {
        let data = json!({ "kind": "company", "attributes": { "sector": sector } });
        say(server, &format!("shop:{n}"), "client.registered", "2026-01-01", data).await;
    }
    let placed = async |n: u32, client: &str, at: &str, product: &str, quantity: &str, price: &str, more: Value| {
        let lines = json!([{ "product": product, "quantity": quantity, "unit_price": price }]);
        let mut data = json!({ "order": format!("shop:O-{n}"), "currency": "EUR", "lines": lines, "channel": "web", "region": "north", "employee": "hr:1" });
        for (name, value) in more.as_object().expect("fields") {
            data[name] = value.clone();
        }
        say(server, client, "order.placed", at, data).await
    };
    placed(1, "shop:1", "2026-01-10", "tea", "10", "10", json!({})).await;
    placed(2, "shop:1", "2026-01-20", "cups", "4", "5", json!({ "channel": "shop" })).await;
    placed(3, "shop:2", "2026-02-05", "tea", "5", "10", json!({ "region": "south" })).await;
    placed(4, "shop:3", "2026-02-06", "coffee", "1", "20", json!({ "employee": "hr:2" })).await;
    placed(5, "shop:3", "2026-02-20", "tea", "3", "10", json!({})).await;
    say(server, "shop:3", "order.cancelled", "2026-02-25", json!({ "order": "shop:O-5" })).await;
}

#[tokio::test]
async fn d9_one_cube_over_all_dimensions_and_every_cell_drills_down_to_its_events() {
    let server = Server::start().await;
    orders(&server).await;
    say(
        &server,
        "shop:1",
        "deal.opened",
        "2026-01-05",
        json!({ "deal": "shop:D-1", "stage": "offer", "product": "tea" }),
    )
    .await;
    let done =
        json!({ "action": "shop:A-1", "deal": "shop:D-1", "kind": "sample", "cost": eur(700), "employee": "hr:1" });
    let done = say(&server, "shop:1", "presale_action.done", "2026-01-06", done).await;

    let words = ["sales", "cube", "--by", "product_group,channel"];
    let cube = agree(&server, "/v1/sales/cube?by=product_group,channel", &words).await;
    let cells = cube["items"].as_array().expect("cells");
    let net = |keys: Value| {
        cells.iter().find(|cell| cell["keys"] == keys).map(|cell| cell["net"]["rounded"]["minor"].clone())
    };
    assert_eq!(net(json!(["dishes", "shop"])), Some(json!(2_000)), "{cube}");
    assert_eq!(net(json!(["drinks", "web"])), Some(json!(17_000)), "{cube}");
    let cost = cells.iter().find(|cell| cell["keys"] == json!(["drinks", null])).expect("without a channel");
    assert_eq!(cost["presale_cost"]["rounded"], eur(700), "{cube}");
    assert_eq!((&cost["goods_cost"]["rounded"], &cost["contribution"]["rounded"]), (&eur(0), &eur(-700)), "{cube}");
    assert_eq!(
        (&cube["totals"][0]["net"]["rounded"]["minor"], &cube["totals"][0]["lines"]),
        (&json!(19_000), &json!(5)),
        "{cube}"
    );
    // Of the drinks only tea has a known cost, 4 a piece and 6 from February: 10 × 4 + 5 × 6.
    let tea = |cost: &str| json!({ "product": "tea", "unit_cost": cost, "currency": "EUR" });
    define(&server, "product_cost.set", "2026-01-01", tea("4")).await;
    define(&server, "product_cost.set", "2026-02-01", tea("6")).await;
    let words = ["sales", "cube", "--by", "product"];
    let costed = agree(&server, "/v1/sales/cube?by=product", &words).await;
    let product = |name: &str| {
        let found = costed["items"].as_array().expect("cells").iter().find(|cell| cell["keys"] == json!([name]));
        found.cloned().expect("a product")
    };
    assert_eq!(product("tea")["goods_cost"]["rounded"], eur(7_000), "{costed}");
    assert_eq!(product("tea")["contribution"]["rounded"], eur(15_000 - 7_000 - 700), "{costed}");
    assert_eq!(
        (&product("coffee")["goods_cost"], &product("coffee")["pieces_without_cost"]),
        (&Value::Null, &json!("1")),
        "{costed}"
    );
    assert_eq!(costed["costs"], json!(["product-cost:tea@1", "product-cost:tea@2"]), "{costed}");
    for (by, more) in
        [("employee", ""), ("manager", ""), ("region", ""), ("month", ""), ("segment", "attribute=sector")]
    {
        let (path, mut words) = (format!("/v1/sales/cube?by={by}&{more}"), vec!["sales", "cube", "--by", by]);
        words.extend(more.split_once('=').map(|_| ["--attribute", "sector"]).into_iter().flatten());
        let cut = agree(&server, path.trim_end_matches('&'), &words).await;
        let sum: i64 = cut["items"]
            .as_array()
            .expect("cells")
            .iter()
            .filter_map(|cell| cell["net"]["rounded"]["minor"].as_i64())
            .sum();
        assert_eq!(sum, 19_000, "every cut adds up, by {by}: {cut}");
    }
    let page = server.built("/v1/sales/cube?by=product,month&limit=2").await.json["data"].clone();
    let rest = server
        .built(&format!("/v1/sales/cube?by=product,month&limit=1000&cursor={}", page["next"].as_str().expect("more")))
        .await;
    let all = server.built("/v1/sales/cube?by=product,month&limit=1000").await.json["data"]["items"].clone();
    let joined: Vec<Value> = [&page["items"], &rest.json["data"]["items"]]
        .into_iter()
        .flat_map(|items| items.as_array().cloned().expect("items"))
        .collect();
    assert_eq!(json!(joined), all);

    // The tea of the web in the north is one order, a cancelled one with its cancellation, and no cost.
    let words = ["sales", "drill", "--product", "tea", "--channel", "web", "--region", "north"];
    let events = agree(&server, "/v1/sales/cube/events?product=tea&channel=web&region=north", &words).await;
    let types: Vec<&Value> =
        events["items"].as_array().expect("items").iter().map(|item| &item["event_type"]).collect();
    assert_eq!(types, ["order.placed", "order.placed", "order.cancelled"], "{events}");
    let words = ["sales", "drill", "--product", "tea", "--without", "channel"];
    let costs = agree(&server, "/v1/sales/cube/events?product=tea&without=channel", &words).await;
    assert_eq!(
        (costs["items"].as_array().map(Vec::len), &costs["items"][0]["event"]),
        (Some(1), &done["id"]),
        "{costs} {done}"
    );
    let one = server.built("/v1/sales/cube/events?product=tea&limit=2").await.json["data"].clone();
    let next = one["next"].as_str().expect("more");
    let rest =
        server.built(&format!("/v1/sales/cube/events?product=tea&limit=50&cursor={next}")).await.json["data"].clone();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(3), "{rest}");
    let wrong = server.get("/v1/sales/cube?by=colour").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("by")));
}

#[tokio::test]
async fn d13_products_in_use_over_time_and_clients_with_one_without_another() {
    let server = Server::start().await;
    orders(&server).await;
    let months = agree(&server, "/v1/sales/products-in-use", &["products", "in-use"]).await;
    let line = |n: usize| {
        (
            &months[n]["day"],
            &months[n]["clients"],
            &months[n]["per_client"]["numerator"],
            &months[n]["clients_by_products"],
        )
    };
    assert_eq!(line(0), (&json!("2026-01-31"), &json!(1), &json!(2), &json!({ "2": 1 })), "{months}");
    // The tea of the third client was cancelled: he uses coffee alone.
    assert_eq!(line(1), (&json!("2026-02-28"), &json!(3), &json!(4), &json!({ "1": 2, "2": 1 })), "{months}");
    let words = ["products", "with-without", "--with", "tea", "--without", "cups"];
    let without = agree(&server, "/v1/sales/with-without?with=tea&without=cups", &words).await;
    let second = server.fresh("/v1/clients/shop:2").await.json["data"]["client"].clone();
    assert_eq!(
        (without["items"].as_array().map(Vec::len), &without["items"][0]["client"]),
        (Some(1), &second),
        "{without}"
    );
    assert_eq!(
        (&without["clients"], &without["both"]["numerator"], &without["lift"]),
        (&json!(2), &json!(1), &Value::Null)
    );
    let own = agree(&server, "/v1/clients/shop:3/products", &["products", "client", "shop:3"]).await;
    let uses: Vec<(&Value, &Value)> =
        own.as_array().expect("products").iter().map(|one| (&one["product"], &one["in_use"])).collect();
    assert_eq!(uses, [(&json!("coffee"), &json!(true)), (&json!("tea"), &json!(false))], "{own}");
}

#[tokio::test]
async fn d7_plan_fact_and_run_rate_by_employee_product_channel_and_region() {
    let server = Server::start().await;
    orders(&server).await;
    let plan = |plan: &str, target: Value, more: Value| {
        let mut data =
            json!({ "plan": plan, "measure": "revenue", "from": "2026-02-01", "to": "2026-03-01", "target": target });
        for (name, value) in more.as_object().expect("fields") {
            data[name] = value.clone();
        }
        data
    };
    let amount = |minor: i64| json!({ "amount": eur(minor) });
    define(&server, "plan.set", "2026-01-15", plan("anna", amount(20_000), json!({ "employee": "hr:1" }))).await;
    define(&server, "plan.set", "2026-02-10", plan("anna", amount(10_000), json!({ "employee": "hr:1" }))).await;
    define(&server, "plan.set", "2026-01-15", plan("drinks", amount(14_000), json!({ "product_group": "drinks" })))
        .await;
    define(&server, "plan.set", "2026-01-15", plan("tea", amount(5_000), json!({ "product": "tea" }))).await;
    define(&server, "plan.set", "2026-01-15", plan("web", amount(7_000), json!({ "channel": "web" }))).await;
    define(&server, "plan.set", "2026-01-15", plan("south", amount(2_500), json!({ "region": "south" }))).await;
    let new = json!({ "plan": "clients", "measure": "new_clients", "from": "2026-02-01", "to": "2026-03-01", "target": { "count": 4 } });
    define(&server, "plan.set", "2026-01-15", new).await;

    let plans = agree(&server, "/v1/sales/plans", &["sales", "plans"]).await;
    let items = plans["items"].as_array().expect("plans");
    let find = |name: &str| {
        items.iter().find(|item| item["plan"].as_str().is_some_and(|plan| plan.starts_with(name))).expect("a plan")
    };
    let fact = |name: &str| find(name)["fact"]["amount"]["minor"].as_i64();
    assert_eq!(
        (fact("plan:anna"), fact("plan:drinks"), fact("plan:tea")),
        (Some(5_000), Some(7_000), Some(5_000)),
        "{plans}"
    );
    assert_eq!((fact("plan:web"), fact("plan:south")), (Some(7_000), Some(5_000)), "{plans}");
    let anna = find("plan:anna@2");
    assert_eq!(
        (&anna["attainment"]["value"], &anna["label"], &anna["missing"]),
        (&json!(0.5), &json!("Anna"), &amount(5_000))
    );
    assert_eq!(
        (&find("plan:clients")["fact"], &find("plan:clients")["attainment"]["value"]),
        (&json!({ "count": 2 }), &json!(0.5))
    );
    // On the evening of the 14th ten of twenty working days are over; 50 + 20 for drinks had come, twice that is expected.
    let then = server.built("/v1/sales/plans?by=product_group&as_of=2026-02-14").await.json["data"]["items"][0].clone();
    assert_eq!((&then["elapsed_working_days"], &then["working_days"]), (&json!(10), &json!(20)), "{then}");
    assert_eq!((&then["run_rate"], &then["outlook"]["value"]), (&amount(14_000), &json!(1.0)), "{then}");
    // With a holiday on the 13th nine of nineteen are over; the plan without a calendar knows nothing of it.
    let days = json!(["mon", "tue", "wed", "thu", "fri"]);
    let office = json!({ "calendar": "office", "zone": "UTC", "holidays": ["2026-02-13"], "weekly": [{ "days": days, "from": "09:00", "to": "18:00" }] });
    define(&server, "calendar.defined", "2026-01-01", office).await;
    let own = json!({ "region": "south", "product": "tea", "calendar": "office" });
    define(&server, "plan.set", "2026-01-15", plan("south-tea", amount(2_500), own)).await;
    let path = "/v1/sales/plans?by=region&as_of=2026-02-14";
    let then = server.built(path).await.json["data"].clone();
    let days: Vec<[&Value; 3]> = then["items"]
        .as_array()
        .expect("plans")
        .iter()
        .map(|item| [&item["calendar"], &item["elapsed_working_days"], &item["working_days"]])
        .collect();
    let named = json!("calendar:office@1");
    assert_eq!(days, [[&Value::Null, &json!(10), &json!(20)], [&named, &json!(9), &json!(19)]], "{then}");
    let early = server.built("/v1/sales/plans?by=employee&as_of=2026-01-31").await.json["data"]["items"][0].clone();
    assert_eq!(
        (&early["plan"], &early["target"], &early["run_rate"]),
        (&json!("plan:anna@1"), &amount(20_000), &Value::Null),
        "{early}"
    );
    agree(
        &server,
        "/v1/sales/plans?by=channel&measure=revenue&from=2026-02-01",
        &["sales", "plans", "--by", "channel", "--measure", "revenue", "--from", "2026-02-01"],
    )
    .await;
    let wrong = json!({ "type": "plan.set", "source": "shop", "occurred_at": "2026-01-15T09:00:00Z", "data": plan("x", json!({ "count": 5 }), json!({})) });
    let refused = server.post(&wrong).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json["field"].as_str()),
        (422, Some("data.target")),
        "{}",
        refused.json
    );
}

#[tokio::test]
async fn d6_forecasts_stay_as_made_and_are_held_against_the_fact() {
    let server = Server::start().await;
    orders(&server).await;
    let forecast = |minor: i64| json!({ "forecast": "house", "measure": "revenue", "from": "2026-02-01", "to": "2026-03-01", "value": { "amount": eur(minor) }, "method": "ses", "version": "1", "input_position": 7 });
    define(&server, "forecast.made", "2026-01-02", forecast(9_000)).await;
    define(&server, "forecast.made", "2026-01-28", forecast(6_000)).await;
    let answer = agree(&server, "/v1/sales/forecasts", &["sales", "forecasts"]).await;
    let items = answer["items"].as_array().expect("items");
    // 70 came: 50 of tea and 20 of coffee; what was cancelled is not among it.
    let errors: Vec<&Value> = items.iter().map(|item| &item["error"]).collect();
    assert_eq!((errors, &items[0]["horizon_days"]), (vec![&json!(-2_000), &json!(1_000)], &json!(30)), "{answer}");
    let by_horizon: Vec<(&Value, &Value)> = answer["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|line| (&line["from_days"], &line["mean_error"]["value"]))
        .collect();
    assert_eq!(by_horizon, [(&json!(0), &json!(1_000.0)), (&json!(7), &json!(2_000.0))], "{answer}");
    let then = server.built("/v1/sales/forecasts?as_of=2026-01-20").await.json["data"].clone();
    assert_eq!((then["items"].as_array().map(Vec::len), &then["items"][0]["fact"]), (Some(1), &Value::Null), "{then}");
}

#[tokio::test]
async fn d11_first_contacts_become_deals_week_by_week() {
    let server = Server::start().await;
    // Monday 5 January to Thursday; one of them nobody knows.
    for n in 0..4_u32 {
        let mut call = fact(
            "call.logged",
            "",
            &format!("2026-01-0{}T09:00:00Z", 5 + n),
            json!({ "direction": "in", "topics": ["roof"] }),
        );
        call["client"] = if n == 3 { json!({ "unidentified": "caller-3" }) } else { json!(format!("shop:{n}")) };
        server.accept(&call).await;
        if n < 3 {
            say(&server, &format!("shop:{n}"), "client.registered", "2026-02-01", json!({ "kind": "person" })).await;
        }
    }
    let open = |n: u32| json!({ "deal": format!("shop:D-{n}"), "stage": "offer" });
    say(&server, "shop:0", "deal.opened", "2026-01-06", open(0)).await;
    say(&server, "shop:1", "deal.opened", "2026-01-20", open(1)).await;
    say(&server, "shop:0", "deal.won", "2026-02-03", json!({ "deal": "shop:D-0" })).await;
    // Opened before he turned to us: not of it.
    say(&server, "shop:2", "deal.opened", "2026-01-02", open(2)).await;
    let answer = agree(&server, "/v1/sales/first-contacts?weeks=6", &["sales", "first-contacts", "--weeks", "6"]).await;
    let cohort = &answer["cohorts"][0];
    assert_eq!(
        (&cohort["week"], &cohort["contacts"], &cohort["unidentified"]),
        (&json!("2026-01-05"), &json!(4), &json!(1)),
        "{answer}"
    );
    let weeks: Vec<(i64, i64)> = cohort["weeks"]
        .as_array()
        .expect("weeks")
        .iter()
        .filter_map(|week| Some((week["deals"]["numerator"].as_i64()?, week["won"]["numerator"].as_i64()?)))
        .collect();
    assert_eq!(weeks, [(1, 0), (1, 0), (2, 0), (2, 0), (2, 1), (2, 1)], "{answer}");
    let then =
        server.built("/v1/sales/first-contacts?weeks=6&as_of=2026-01-20").await.json["data"]["cohorts"][0].clone();
    assert_eq!((&then["weeks"][2]["complete"], &then["weeks"][3]["deals"]), (&json!(false), &Value::Null), "{then}");
}

#[tokio::test]
async fn d15_the_next_months_are_forecast_only_by_what_beats_the_naive_model() {
    let server = Server::start().await;
    // Each month one new client more than the month before: a line that the last value lags behind.
    let mut next = 0;
    for month in 1..=12_u32 {
        for _ in 0..month {
            next += 1;
            let client = format!("shop:{next}");
            say(&server, &client, "client.registered", &format!("2025-{month:02}-01"), json!({ "kind": "person" }))
                .await;
            let lines = json!([{ "product": "tea", "quantity": "1", "unit_price": "10" }]);
            let placed = json!({ "order": format!("shop:O-{next}"), "currency": "EUR", "lines": lines });
            say(&server, &client, "order.placed", &format!("2025-{month:02}-10"), placed).await;
        }
    }
    let path = "/v1/sales/outlook?measure=new_clients&as_of=2025-12-31";
    let answer = server.built(path).await.json;
    assert!(answer["position"].as_u64().is_some_and(|position| position >= 156), "{answer}");
    let outlook = &answer["data"];
    assert_eq!((&outlook["model"], &outlook["cases"]), (&json!("holt@1"), &json!(78)), "{outlook}");
    let values: Vec<i64> = outlook["forecast"]
        .as_array()
        .expect("points")
        .iter()
        .filter_map(|point| point["value"]["count"].as_i64())
        .collect();
    assert_eq!(values, [13, 14, 15], "{outlook}");
    // January and February brought nobody: no model foresaw it, and the answer says what it tried.
    let now =
        agree(&server, "/v1/sales/outlook?measure=new_clients", &["sales", "outlook", "--measure", "new_clients"])
            .await;
    assert!(
        now["candidates"]
            .as_array()
            .is_some_and(|tried| tried.len() == 3 && tried.iter().all(|one| one["version"].is_string())),
        "{now}"
    );
    let words = ["sales", "outlook", "--measure", "revenue", "--currency", "EUR", "--unit", "week", "--ahead", "2"];
    agree(&server, "/v1/sales/outlook?measure=revenue&currency=EUR&unit=week&ahead=2", &words).await;
    let short = server.built("/v1/sales/outlook?measure=new_clients&as_of=2025-03-31").await.json["data"].clone();
    assert_eq!((&short["model"], &short["forecast"]), (&Value::Null, &json!([])), "{short}");
    let wrong = server.get("/v1/sales/outlook?measure=revenue").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("currency")));
}

#[tokio::test]
async fn d16_rivals_prices_over_time_and_our_position() {
    let server = Server::start().await;
    orders(&server).await;
    let seen = |rival: &str, minor: i64, terms: &str| json!({ "competitor": rival, "source": "price-list", "product": "tea", "rival_product": "green-tea", "price": eur(minor), "terms": terms });
    define(&server, "competitor.observed", "2026-01-12", seen("acme", 1_100, "prepaid")).await;
    define(&server, "competitor.observed", "2026-02-01", seen("acme", 900, "delivery-free")).await;
    define(&server, "competitor.observed", "2026-02-10", seen("globex", 1_300, "prepaid")).await;
    let act = json!({ "competitor": "acme", "source": "client", "activity": "campaign" });
    define(&server, "competitor.observed", "2026-02-20", act).await;
    say(&server, "shop:1", "deal.opened", "2026-01-05", json!({ "deal": "shop:D-1", "stage": "offer" })).await;
    say(&server, "shop:1", "deal.lost", "2026-02-06", json!({ "deal": "shop:D-1", "competitor": "acme" })).await;
    let prices =
        agree(&server, "/v1/market/rivals/prices?competitor=acme", &["rivals", "prices", "--competitor", "acme"]).await;
    let history: Vec<&Value> =
        prices["items"].as_array().expect("items").iter().map(|one| &one["price"]["minor"]).collect();
    assert_eq!(history, [&json!(1_100), &json!(900), &Value::Null], "{prices}");
    assert_eq!(
        (&prices["items"][0]["our_price"], &prices["items"][1]["name"]),
        (&eur(1_000), &json!("competitor:acme@2")),
        "{prices}"
    );
    let position = agree(&server, "/v1/market/position?product=tea", &["rivals", "position", "--product", "tea"]).await;
    let tea = &position["items"][0];
    assert_eq!((&tea["rank"], &tea["rivals"], &tea["lowest"][1]), (&json!(2), &json!(2), &json!("acme")), "{position}");
    let register = agree(&server, "/v1/market/rivals", &["rivals"]).await;
    let acme = &register["items"][0];
    assert_eq!(
        (&acme["observations"], &acme["lost_deals"], &acme["terms"]),
        (&json!(3), &json!(1), &json!("delivery-free")),
        "{register}"
    );
    let then = server.built("/v1/market/position?product=tea&as_of=2026-01-31").await.json["data"]["items"][0].clone();
    assert_eq!((&then["rank"], &then["dearer_than_mean"]["numerator"]), (&json!(1), &json!(-100)), "{then}");
}

#[tokio::test]
async fn d17_market_share_and_trend_by_segment_with_its_sources() {
    let server = Server::start().await;
    orders(&server).await;
    let size = |from: &str, to: &str, minor: i64, source: &str| json!({ "segment": "drinks", "product_group": "drinks", "from": from, "to": to, "size": { "amount": eur(minor) }, "source": source });
    define(&server, "market_fact.recorded", "2026-01-31", size("2026-01-01", "2026-02-01", 100_000, "statistics"))
        .await;
    define(&server, "market_fact.recorded", "2026-02-28", size("2026-02-01", "2026-03-01", 120_000, "statistics"))
        .await;
    define(&server, "market_fact.recorded", "2026-02-28", size("2026-02-01", "2026-03-01", 140_000, "press")).await;
    let mut ahead = size("2026-03-01", "2026-04-01", 130_000, "press");
    ahead["expected"] = true.into();
    define(&server, "market_fact.recorded", "2026-03-01", ahead).await;
    let answer = agree(&server, "/v1/market/share", &["market"]).await;
    let segment = &answer["items"][0];
    assert_eq!(segment["sources"], json!({ "statistics": 2, "press": 2 }), "{answer}");
    let period = |n: usize| &segment["periods"][n];
    // 100 of tea in January; 50 of tea and 20 of coffee in February.
    assert_eq!((&period(0)["ours"]["amount"], &period(0)["share"]["value"]), (&eur(10_000), &json!(0.1)), "{answer}");
    assert_eq!((&period(1)["source"], &period(1)["share"]["value"]), (&json!("press"), &json!(0.05)), "{answer}");
    assert_eq!((&period(2)["growth"]["value"], &period(2)["ours"]["amount"]), (&json!(0.2), &eur(7_000)), "{answer}");
    assert_eq!((&period(3)["expected"], &period(3)["share"]), (&json!(true), &Value::Null), "{answer}");
    assert_eq!(period(2)["name"], "market:drinks@2", "{answer}");
}
