//! D: leads, deals on their way, those who work on them, what is done to win them.

use serde_json::{Value, json};

use super::{agree, eur, fact};
use crate::support::Server;

async fn say(server: &Server, client: &str, name: &str, at: &str, data: Value) -> Value {
    let mut at = at.to_owned();
    if at.len() == 10 {
        at += "T09:00:00Z";
    }
    server.accept(&fact(name, client, &at, data)).await
}

#[tokio::test]
async fn d1_leads_are_captured_judged_and_counted_by_source() {
    let server = Server::start().await;
    for n in 1..=6_u32 {
        let source = if n <= 4 { "fair" } else { "web-form" };
        let captured = json!({ "lead": format!("shop:L-{n}"), "source": source, "channel": "web", "region": "north", "note": "wants a roof" });
        let who = if n == 6 { json!({ "unidentified": "visitor-6" }) } else { json!(format!("shop:{n}")) };
        let mut item = fact("lead.captured", "", &format!("2026-01-{:02}T09:00:00Z", 10 + n), captured);
        item["client"] = who;
        server.accept(&item).await;
    }
    say(&server, "shop:1", "lead.qualified", "2026-01-20", json!({ "lead": "shop:L-1", "score": 80 })).await;
    say(&server, "shop:2", "lead.qualified", "2026-02-10", json!({ "lead": "shop:L-2" })).await;
    let aside = json!({ "lead": "shop:L-3", "reason": "no-budget", "reason_text": "next year perhaps" });
    say(&server, "shop:3", "lead.disqualified", "2026-02-01", aside).await;
    say(&server, "shop:1", "lead.converted", "2026-02-20", json!({ "lead": "shop:L-1", "deal": "shop:D-1" })).await;

    let funnel = agree(&server, "/v1/leads/funnel", &["leads", "funnel"]).await;
    let fair = &funnel["groups"][0];
    assert_eq!((&fair["key"], &fair["captured"]), (&json!("fair"), &json!(4)), "{funnel}");
    assert_eq!((&fair["qualified"]["numerator"], &fair["qualified"]["small"]), (&json!(2), &json!(true)), "{funnel}");
    assert_eq!((&fair["disqualified"]["numerator"], &fair["reasons"]), (&json!(1), &json!({ "no-budget": 1 })));
    assert_eq!((&fair["converted"]["numerator"], &fair["converted"]["denominator"]), (&json!(1), &json!(4)));
    let web = &funnel["groups"][1];
    assert_eq!((&web["captured"], &web["unidentified"]), (&json!(2), &json!(1)), "{funnel}");
    let then = server.built("/v1/leads/funnel?as_of=2026-02-14").await.json["data"]["total"].clone();
    assert_eq!((&then["qualified"]["numerator"], &then["converted"]["numerator"]), (&json!(2), &json!(0)), "{then}");
    agree(
        &server,
        "/v1/leads/funnel?by=region&from=2026-01-12",
        &["leads", "funnel", "--by", "region", "--from", "2026-01-12"],
    )
    .await;
    let aside = agree(&server, "/v1/leads?status=disqualified", &["leads", "--status", "disqualified"]).await;
    assert_eq!(aside["items"].as_array().map(Vec::len), Some(1), "{aside}");
    let pages = server.built("/v1/leads?limit=4").await.json["data"].clone();
    let rest = server.built(&format!("/v1/leads?limit=4&cursor={}", pages["next"].as_str().expect("more"))).await;
    assert_eq!(
        (rest.json["data"]["items"].as_array().map(Vec::len), &rest.json["data"]["next"]),
        (Some(2), &Value::Null)
    );
}

#[tokio::test]
async fn d2_a_lead_that_becomes_a_deal_and_an_order_keeps_one_history() {
    let server = Server::start().await;
    let client = "shop:1";
    let lead = "shop:L-1";
    say(&server, client, "lead.captured", "2026-01-10", json!({ "lead": lead, "source": "call-centre" })).await;
    let call = json!({ "direction": "in", "topics": ["roof"], "deal": "shop:D-1" });
    say(&server, client, "call.logged", "2026-01-11", call).await;
    let handed = json!({ "lead": lead, "employee": "hr:2", "branch": "tver", "from": "call-centre" });
    say(&server, client, "lead.assigned", "2026-01-12", handed).await;
    say(&server, client, "lead.qualified", "2026-01-13", json!({ "lead": lead, "employee": "hr:2" })).await;
    say(&server, client, "lead.converted", "2026-02-02", json!({ "lead": lead, "deal": "shop:D-1" })).await;
    let opened = json!({ "deal": "shop:D-1", "stage": "offer", "amount": eur(5_000), "agent": "hr:2" });
    say(&server, client, "deal.opened", "2026-02-03", opened).await;
    say(&server, client, "deal.won", "2026-02-20", json!({ "deal": "shop:D-1" })).await;
    let lines = json!([{ "product": "roof", "quantity": "1", "unit_price": "50" }]);
    let placed = json!({ "order": "shop:O-1", "currency": "EUR", "lines": lines, "deal": "shop:D-1" });
    say(&server, client, "order.placed", "2026-02-21", placed).await;
    let lines = json!([{ "product": "roof", "quantity": "1" }]);
    say(&server, client, "goods.shipped", "2026-02-25", json!({ "order": "shop:O-1", "lines": lines })).await;
    // Somebody else's, and another order of his.
    say(&server, "shop:2", "lead.captured", "2026-01-10", json!({ "lead": "shop:L-2", "source": "fair" })).await;
    let lines = json!([{ "product": "door", "quantity": "1", "unit_price": "5" }]);
    say(
        &server,
        client,
        "order.placed",
        "2026-02-22",
        json!({ "order": "shop:O-2", "currency": "EUR", "lines": lines }),
    )
    .await;

    let history = agree(&server, "/v1/deals/shop:D-1/history", &["deal", "history", "shop:D-1"]).await;
    let types: Vec<&str> =
        history["items"].as_array().expect("items").iter().filter_map(|item| item["event_type"].as_str()).collect();
    let wanted = [
        "lead.captured",
        "call.logged",
        "lead.assigned",
        "lead.qualified",
        "lead.converted",
        "deal.opened",
        "deal.won",
        "order.placed",
        "goods.shipped",
    ];
    assert_eq!(types, wanted, "{history}");
    let page = server.built("/v1/deals/shop:D-1/history?limit=5").await.json["data"].clone();
    let next = page["next"].as_str().expect("more");
    let rest = server.built(&format!("/v1/deals/shop:D-1/history?limit=5&cursor={next}")).await.json["data"].clone();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(4), "{rest}");
    let lead = agree(&server, "/v1/leads/shop:L-1", &["lead", "shop:L-1"]).await;
    assert_eq!(
        (&lead["status"], &lead["branch"], &lead["first_handover_s"]),
        (&json!("converted"), &json!("tver"), &json!(172_800))
    );
    let deal = agree(&server, "/v1/deals/shop:D-1", &["deal", "shop:D-1"]).await;
    assert_eq!(
        (deal["leads"].as_array().map(Vec::len), deal["orders"].as_array().map(Vec::len)),
        (Some(1), Some(1)),
        "{deal}"
    );

    // A lead becomes a deal once, and not while it is put aside.
    let again =
        fact("lead.converted", client, "2026-03-01T09:00:00Z", json!({ "lead": "shop:L-1", "deal": "shop:D-9" }));
    let refused = server.post(&again).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json["code"].as_str()),
        (422, Some("lead.converted")),
        "{}",
        refused.json
    );
    say(&server, "shop:2", "lead.disqualified", "2026-02-10", json!({ "lead": "shop:L-2", "reason": "duplicate" }))
        .await;
    let early =
        fact("lead.converted", "shop:2", "2026-03-01T09:00:00Z", json!({ "lead": "shop:L-2", "deal": "shop:D-2" }));
    let refused = server.post(&early).await;
    assert_eq!(refused.json["code"].as_str(), Some("lead.disqualified"), "{}", refused.json);
}

/// Six deals of two products, two agents and two sectors, on a model that was redefined; three of them closed.
async fn deals(server: &Server) {
    open_deals(server).await;
    close_deals(server).await;
}

async fn close_deals(server: &Server) {
    say(server, "shop:1", "deal.won", "2026-01-31", json!({ "deal": "shop:D-1" })).await;
    say(server, "shop:4", "deal.won", "2026-02-13", json!({ "deal": "shop:D-4" })).await;
    say(server, "shop:5", "deal.lost", "2026-02-12", json!({ "deal": "shop:D-5", "reason": "price" })).await;
}

async fn open_deals(server: &Server) {
    let model = |at: &str, stages: Value| json!({ "type": "stage_model.defined", "source": "shop", "occurred_at": at, "data": { "model": "default", "stages": stages } });
    server.accept(&model("2026-01-01T00:00:00Z", json!([{ "stage": "lead", "probability_bp": 1_000 }]))).await;
    let stages = json!([{ "stage": "lead", "probability_bp": 2_000 }, { "stage": "offer", "probability_bp": 5_000 }]);
    server.accept(&model("2026-02-10T00:00:00Z", stages)).await;
    for n in 1..=6_u32 {
        let client = format!("shop:{n}");
        let sector = if n % 2 == 0 { "software" } else { "retail" };
        let registered = json!({ "kind": "company", "attributes": { "sector": sector } });
        say(server, &client, "client.registered", "2026-01-01", registered).await;
        let product = if n <= 3 { "tea" } else { "cups" };
        let opened = json!({ "deal": format!("shop:D-{n}"), "stage": "lead", "product": product, "amount": eur(i64::from(n) * 1_000), "agent": format!("hr:{}", n % 2 + 1) });
        say(server, &client, "deal.opened", &format!("2026-01-0{n}"), opened).await;
        let to_offer = json!({ "deal": format!("shop:D-{n}"), "to": "offer" });
        say(server, &client, "deal.stage_changed", &format!("2026-01-{:02}", 10 + n), to_offer).await;
    }
}

#[tokio::test]
async fn d3_the_cycle_and_the_time_in_each_stage_by_product_segment_and_employee() {
    let server = Server::start().await;
    deals(&server).await;
    let by = |what: &str| format!("/v1/funnel/cycle?by={what}");
    let products = agree(&server, &by("product"), &["sales", "cycle", "--by", "product"]).await;
    assert_eq!(products["definition"], "stage-model:default@2", "{products}");
    let cups = &products["groups"][0];
    assert_eq!((&cups["key"], &cups["deals"], &cups["won"]), (&json!("cups"), &json!(3), &json!(1)), "{products}");
    // Opened on 4 January, won on 13 February; ten days in the first stage each.
    assert_eq!(
        (&cups["mean_days"]["value"], &cups["cycle"]["median_s"]),
        (&json!(40.0), &json!(40 * 86_400)),
        "{cups}"
    );
    let lead = &cups["stages"][0];
    assert_eq!((&lead["stage"], &lead["per_visit"]["median_s"]), (&json!("lead"), &json!(10 * 86_400)), "{cups}");
    let words = ["sales", "cycle", "--by", "segment", "--attribute", "sector"];
    let segments = agree(&server, "/v1/funnel/cycle?by=segment&attribute=sector", &words).await;
    let keys: Vec<&Value> = segments["groups"].as_array().expect("groups").iter().map(|group| &group["key"]).collect();
    assert_eq!(keys, [&json!("retail"), &json!("software")], "{segments}");
    agree(&server, &by("agent"), &["sales", "cycle", "--by", "agent"]).await;
    let then = server.built("/v1/funnel/cycle?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(
        (&then["definition"], &then["groups"][0]["won"]),
        (&json!("stage-model:default@1"), &json!(1)),
        "{then}"
    );
    let wrong = server.get("/v1/funnel/cycle?by=segment").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("attribute")));
}

#[tokio::test]
async fn d5_the_pipeline_of_a_period_as_seen_on_a_date() {
    let server = Server::start().await;
    deals(&server).await;
    let chance = |n: u32, bp: u32, close: &str| json!({ "deal": format!("shop:D-{n}"), "probability_bp": bp, "by": "human", "employee": "hr:1", "expected_close": close });
    say(&server, "shop:2", "probability.set", "2026-01-20", chance(2, 9_000, "2026-04-10")).await;
    say(&server, "shop:3", "probability.set", "2026-02-20", chance(3, 1_000, "2026-04-20")).await;
    let model = json!({ "deal": "shop:D-2", "probability_bp": 8_000, "by": "model", "version": "scoring-3" });
    say(&server, "shop:2", "probability.set", "2026-02-25", model).await;
    let path = "/v1/funnel/pipeline?from=2026-04-01&to=2026-05-01";
    let words = ["sales", "pipeline", "--from", "2026-04-01", "--to", "2026-05-01"];
    let now = agree(&server, path, &words).await;
    let part = &now["expected"];
    // 2,000 × 80 % + 3,000 × 10 %; by the stage `offer` 50 % of both.
    assert_eq!((&part["deals"], &part["weighted"]), (&json!(2), &json!([eur(1_900)])), "{now}");
    assert_eq!((&part["weighted_by_stage"], &part["expected_wins_bp"]), (&json!([eur(2_500)]), &json!(9_000)), "{now}");
    assert_eq!((&part["stated_by_model"], &part["stated_by_human"]), (&json!({ "scoring-3": 1 }), &json!(1)), "{now}");
    // Of three closed deals that came to `offer` two were won: (2 + 1) / (3 + 2) of 5,000.
    assert_eq!(part["weighted_empirical"], json!([eur(3_000)]), "{now}");
    assert_eq!(now["without_date"]["deals"], 1, "{now}");
    // In January nobody had judged the third deal, the first judgement of the second counted, and a stage had no chance.
    let then = server.built(&format!("{path}&as_of=2026-01-31")).await.json["data"].clone();
    let part = &then["expected"];
    assert_eq!((&part["deals"], &part["weighted"]), (&json!(1), &json!([eur(1_800)])), "{then}");
    assert_eq!(
        (&then["definition"], &part["weighted_by_stage"]),
        (&json!("stage-model:default@1"), &json!([])),
        "{then}"
    );
}

#[tokio::test]
async fn d14_who_did_what_in_a_deal_and_in_which_role() {
    let server = Server::start().await;
    deals(&server).await;
    let team = |employee: &str, role: &str, joined: bool| json!({ "deal": "shop:D-2", "employee": employee, "role": role, "joined": joined });
    say(&server, "shop:2", "deal.team_changed", "2026-01-08", team("hr:7", "lawyer", true)).await;
    say(&server, "shop:2", "deal.team_changed", "2026-02-01", team("hr:2", "agent", true)).await;
    say(&server, "shop:2", "deal.team_changed", "2026-02-20", team("hr:7", "lawyer", false)).await;
    let call = json!({ "direction": "out", "topics": ["contract"], "deal": "shop:D-2", "employee": "hr:7" });
    say(&server, "shop:2", "call.logged", "2026-02-05", call).await;
    say(&server, "shop:2", "deal.amount_changed", "2026-02-10", json!({ "deal": "shop:D-2", "amount": eur(2_500) }))
        .await;
    let answer = agree(&server, "/v1/deals/shop:D-2/team", &["deal", "team", "shop:D-2"]).await;
    let roles: Vec<(&str, &Value)> = answer["roles"]
        .as_array()
        .expect("roles")
        .iter()
        .filter_map(|role| Some((role["role"].as_str()?, &role["to"])))
        .collect();
    let (left, handed) = (json!("2026-02-20T09:00:00Z"), json!("2026-02-01T09:00:00Z"));
    assert_eq!(roles, [("agent", &handed), ("lawyer", &left), ("agent", &Value::Null)], "{answer}");
    let people = answer["people"].as_array().expect("people");
    let of = |name: &str| people.iter().filter(|one| one["counts"][name] == 1).count();
    assert_eq!(
        (people.len(), of("call.logged"), of("deal.amount_changed"), of("deal.stage_changed")),
        (3, 1, 1, 1),
        "{answer}"
    );
    let changed = people.iter().find(|one| one["counts"]["deal.amount_changed"] == 1).expect("its leader");
    assert_eq!((&changed["roles"], &changed["deeds"][0]["by"]), (&json!(["agent"]), &json!("agent")), "{answer}");
    let then = server.built("/v1/deals/shop:D-2/team?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then["roles"].as_array().map(Vec::len), Some(2), "{then}");
}

#[tokio::test]
async fn d18_presale_actions_with_cost_and_effect() {
    let server = Server::start().await;
    open_deals(&server).await;
    let plan = |n: u32, due: &str| json!({ "action": format!("shop:A-{n}"), "deal": format!("shop:D-{n}"), "kind": "demo", "due": due, "employee": "hr:1", "budget": eur(300), "note": "bring samples" });
    say(&server, "shop:1", "presale_action.planned", "2026-01-10", plan(1, "2026-01-20")).await;
    say(&server, "shop:2", "presale_action.planned", "2026-01-10", plan(2, "2026-02-01")).await;
    say(&server, "shop:4", "presale_action.planned", "2026-01-10", plan(4, "2026-02-10")).await;
    let done = |n: u32, cost: i64| json!({ "action": format!("shop:A-{n}"), "deal": format!("shop:D-{n}"), "cost": eur(cost), "minutes": 90, "outcome": "liked" });
    say(&server, "shop:1", "presale_action.done", "2026-01-20", done(1, 250)).await;
    say(&server, "shop:4", "presale_action.done", "2026-02-09", done(4, 350)).await;
    close_deals(&server).await;
    let effect = agree(&server, "/v1/presale/effect", &["presale", "effect"]).await;
    let demo = &effect["kinds"][0];
    assert_eq!((&demo["planned"], &demo["done"], &demo["overdue"]), (&json!(3), &json!(2), &json!(1)), "{effect}");
    assert_eq!(
        (&demo["cost"], &demo["budget"], &demo["minutes"]),
        (&json!([eur(600)]), &json!([eur(900)]), &json!(180))
    );
    // Both deals with a demonstration were won, the one without was lost.
    assert_eq!(
        (&demo["with"]["value"], &demo["without"]["value"], &demo["difference"]),
        (&json!(1.0), &json!(0.0), &json!(1.0)),
        "{effect}"
    );
    assert_eq!(
        (&demo["cost_per_win"]["EUR"]["value"], &demo["with"]["small"]),
        (&json!(300.0), &json!(true)),
        "{effect}"
    );
    assert_eq!(demo["won_value"], json!([eur(5_000)]), "{effect}");
    let deal = agree(&server, "/v1/deals/shop:D-2/presale", &["presale", "deal", "shop:D-2"]).await;
    assert_eq!((&deal["items"][0]["overdue"], &deal["items"][0]["done_at"]), (&json!(true), &Value::Null), "{deal}");
    let closed = fact("presale_action.planned", "shop:1", "2026-03-01T09:00:00Z", plan(1, "2026-03-05"));
    assert_eq!(server.post(&closed).await.json["code"].as_str(), Some("deal.closed"));
}
