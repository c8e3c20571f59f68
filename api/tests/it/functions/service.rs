//! B: workflows, service levels, letters, solutions, promises.

use serde_json::{Value, json};

use super::{agree, fact};
use crate::support::Server;

pub(super) async fn say(server: &Server, client: &str, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, client, at, data)).await
}

pub(super) async fn define(server: &Server, name: &str, at: &str, data: Value) {
    server.accept(&json!({ "type": name, "source": "shop", "occurred_at": at, "data": data })).await;
}

pub(super) fn of(case: &str, more: Value) -> Value {
    let mut data = more;
    data["case"] = case.into();
    data
}

/// The ULID that the server gave to a case.
pub(super) async fn ulid(server: &Server, path: &str) -> String {
    let answer = server.fresh(path).await.json;
    answer["data"]["case"].as_str().unwrap_or_else(|| panic!("{path}: {answer}")).to_owned()
}

pub(super) const LONG_AGO: &str = "2025-06-01T00:00:00Z";

#[tokio::test]
async fn b2_a_dossier_holds_letters_calls_and_mails_of_one_case_in_order() {
    let server = Server::start().await;
    let case = "desk:T-1";
    say(&server, "shop:1", "case.raised", "2026-01-05T09:00:00Z", of(case, json!({ "kind": "incident" }))).await;
    let letter = |number: &str, direction: &str, media: &str| {
        of(
            case,
            json!({ "journal": "main", "number": number, "direction": direction, "media": media, "correspondent": "client" }),
        )
    };
    say(&server, "shop:1", "letter.registered", "2026-01-08T09:00:00Z", letter("1", "in", "post")).await;
    say(&server, "shop:1", "call.logged", "2026-01-06T09:00:00Z", of(case, json!({ "direction": "in" }))).await;
    let mail = of(case, json!({ "direction": "out", "media": "email", "text": "we are on it" }));
    say(&server, "shop:1", "letter.logged", "2026-01-07T09:00:00Z", mail).await;
    let document = of(case, json!({ "sha256": format!("{:064x}", 7), "media_type": "application/pdf", "size": 9 }));
    say(&server, "shop:1", "document.attached", "2026-01-09T09:00:00Z", document).await;
    say(&server, "shop:1", "letter.registered", "2026-02-03T09:00:00Z", letter("2", "out", "fax")).await;
    // Of the same client, and of another case.
    say(&server, "shop:1", "call.logged", "2026-01-06T10:00:00Z", json!({ "direction": "in" })).await;
    let id = ulid(&server, "/v1/cases/desk:T-1").await;
    let dossier = agree(&server, "/v1/cases/desk:T-1/dossier", &["case", "dossier", &id]).await;
    let items = dossier["items"].as_array().expect("items");
    let told: Vec<(&str, &str)> = items
        .iter()
        .map(|item| (item["event_type"].as_str().expect("a type"), item["registered"]["number"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            ("case.raised", ""),
            ("call.logged", ""),
            ("letter.logged", ""),
            ("letter.registered", "1"),
            ("document.attached", ""),
            ("letter.registered", "2"),
        ]
    );
    assert_eq!((&items[5]["registered"]["media"], &items[5]["direction"]), (&json!("fax"), &json!("out")));
    let then = server.built("/v1/cases/desk:T-1/dossier?as_of=2026-01-31").await.json;
    assert_eq!(then["data"]["items"].as_array().map(Vec::len), Some(5));
    let first = server.fresh("/v1/cases/desk:T-1/dossier?limit=4").await.json["data"].clone();
    let next = first["next"].as_str().expect("a cursor");
    let rest = server.fresh(&format!("/v1/cases/desk:T-1/dossier?limit=4&cursor={next}")).await.json["data"].clone();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn b3_one_register_of_letters_with_numbers_given_once_and_what_waits_for_an_answer() {
    let server = Server::start().await;
    let letter = |journal: &str, number: &str, direction: &str, correspondent: &str, more: Value| {
        let mut data = json!({ "journal": journal, "number": number, "direction": direction, "media": "post", "correspondent": correspondent });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        data
    };
    let due = |day: &str| json!({ "due": day });
    let first = letter("in", "1", "in", "client", due("2026-01-20"));
    let asked = say(&server, "shop:1", "letter.registered", "2026-01-05T09:00:00Z", first).await;
    let second = letter("in", "2", "in", "supplier", due("2026-01-25"));
    say(&server, "erp:S-9", "letter.registered", "2026-01-06T09:00:00Z", second).await;
    let third = letter("in", "3", "in", "partner", due("2026-04-30"));
    say(&server, "erp:P-3", "letter.registered", "2026-02-20T09:00:00Z", third).await;
    // Number 2 of this journal and year is given; of another journal or year it is not.
    let again = letter("in", "2", "in", "client", json!({}));
    let taken = server.post(&fact("letter.registered", "shop:1", "2026-01-07T09:00:00Z", again.clone())).await;
    assert_eq!((taken.status.as_u16(), &taken.json["code"]), (422, &json!("letter.number_taken")), "{}", taken.json);
    say(&server, "shop:1", "letter.registered", "2025-12-07T09:00:00Z", again).await;
    let listed =
        agree(&server, "/v1/letters?journal=in&year=2026", &["letters", "--journal", "in", "--year", "2026"]).await;
    let numbers: Vec<&Value> = listed["items"].as_array().expect("items").iter().map(|item| &item["number"]).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let waits = agree(&server, "/v1/letters/unanswered", &["letters", "unanswered"]).await;
    let numbers = |page: &Value| {
        let items = page["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["number"].as_str().expect("a number").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&waits), &waits["items"][0]["overdue"]), (vec!["1".into(), "2".into()], &json!(true)));
    let reply = letter("out", "1", "out", "client", json!({ "answers": asked["id"] }));
    say(&server, "shop:1", "letter.registered", "2026-02-10T09:00:00Z", reply).await;
    let waits = agree(&server, "/v1/letters/unanswered", &["letters", "unanswered"]).await;
    assert_eq!(numbers(&waits), ["2"]);
    let then = server.built("/v1/letters/unanswered?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(numbers(&then), ["1", "2"], "the answer came later");
    let all = agree(&server, "/v1/letters/unanswered?due=all", &["letters", "unanswered", "--due", "all"]).await;
    assert_eq!(numbers(&all), ["2", "3"]);
    let answered = server.fresh("/v1/letters?journal=in&number=1").await.json["data"]["items"][0].clone();
    assert!(answered["answered_at"].as_str().expect("a time").starts_with("2026-02-10"), "{answered}");
}

#[tokio::test]
async fn b4_solutions_of_a_problem_are_ranked_by_the_success_to_be_relied_on() {
    let server = Server::start().await;
    define(&server, "problem.identified", LONG_AGO, json!({ "problem": "no-signal", "label": "No signal" })).await;
    for (solution, label) in [("restart", "Restart it"), ("replace", "Replace it"), ("pray", "Hope")] {
        let recorded = json!({ "solution": solution, "problem": "no-signal", "label": label });
        define(&server, "solution.recorded", LONG_AGO, recorded).await;
    }
    // One of one is less to be relied on than eight of nine.
    let tried = [("replace", 8, 1), ("restart", 1, 0)];
    let mut n = 0;
    for (solution, worked, failed) in tried {
        for at in 0..worked + failed {
            n += 1;
            let applied = json!({ "case": format!("desk:T-{n}"), "problem": "no-signal", "solution": solution, "worked": at < worked });
            let when = format!("2026-0{}-11T09:{n:02}:00Z", if n % 2 == 0 { 1 } else { 2 });
            say(&server, "shop:1", "solution.applied", &when, applied).await;
        }
    }
    let ranked = agree(&server, "/v1/solutions?problem=no-signal", &["solutions", "--problem", "no-signal"]).await;
    let solutions = ranked["solutions"].as_array().expect("solutions");
    let order: Vec<&Value> = solutions.iter().map(|solution| &solution["solution"]).collect();
    assert_eq!(order, ["replace", "restart", "pray"]);
    let success = &solutions[0]["success"];
    assert_eq!(
        (&success["numerator"], &success["denominator"], &success["small"]),
        (&json!(8), &json!(9), &json!(true))
    );
    assert_eq!((&solutions[2]["success"]["value"], &solutions[2]["at_least"]), (&Value::Null, &Value::Null));
    assert_eq!(ranked["identified"], "problem:no-signal@1");
    // Wilson: 8 of 9 with z = 1.96.
    assert!((solutions[0]["at_least"].as_f64().expect("a share") - 0.5650).abs() < 0.001, "{}", solutions[0]);
}

#[tokio::test]
async fn b7_each_case_runs_under_the_workflow_in_force_at_its_opening_and_illegal_moves_are_on_record() {
    let server = Server::start().await;
    let workflow = |ways: Value| json!({ "kind": "complaint", "states": [{ "state": "new", "limit_s": 3_600 }, { "state": "checked" }, { "state": "settled" }], "transitions": ways });
    let strict =
        json!([{ "from": "new", "to": "checked" }, { "from": "checked", "to": "settled", "when": "case.answers > 0" }]);
    define(&server, "workflow.defined", LONG_AGO, workflow(strict)).await;
    let case = "desk:T-1";
    say(&server, "shop:1", "case.raised", "2026-01-05T09:00:00Z", of(case, json!({ "kind": "complaint" }))).await;
    // A short cut is allowed from February on, and not for this one.
    define(&server, "workflow.defined", "2026-02-01T00:00:00Z", workflow(json!([{ "from": "new", "to": "settled" }])))
        .await;
    let slip = fact("case.state_changed", "shop:1", "2026-02-02T09:00:00Z", of(case, json!({ "to": "settled" })));
    let refused = server.post(&slip).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json["code"]),
        (409, &json!("workflow.transition")),
        "{}",
        refused.json
    );
    let detail = refused.json["detail"].as_str().expect("words");
    assert!(detail.contains("in state new; workflow:complaint@1 leads from there to checked"), "{detail}");
    say(&server, "shop:1", "case.state_changed", "2026-01-06T09:00:00Z", of(case, json!({ "to": "checked" }))).await;
    let early = fact("case.state_changed", "shop:1", "2026-01-07T09:00:00Z", of(case, json!({ "to": "settled" })));
    assert_eq!(server.post(&early).await.json["code"], "workflow.condition");
    say(&server, "shop:1", "case.answered", "2026-01-07T10:00:00Z", of(case, json!({}))).await;
    say(&server, "shop:1", "case.state_changed", "2026-02-05T09:00:00Z", of(case, json!({ "to": "settled" }))).await;
    say(&server, "shop:2", "case.raised", "2026-02-06T09:00:00Z", of("desk:T-2", json!({ "kind": "complaint" }))).await;
    let id = ulid(&server, "/v1/cases/desk:T-1").await;
    let course = agree(&server, "/v1/cases/desk:T-1/workflow", &["case", "workflow", &id]).await;
    assert_eq!((&course["workflow"], &course["state"]), (&json!("workflow:complaint@1"), &json!("settled")));
    let stays = course["stays"].as_array().expect("stays");
    let first = &stays[0];
    assert_eq!(
        (&first["state"], &first["seconds"], &first["over_limit"]),
        (&json!("new"), &json!(86_400), &json!(true))
    );
    let slips: Vec<(&Value, &Value)> =
        course["refused"].as_array().expect("attempts").iter().map(|slip| (&slip["met"], &slip["rule"])).collect();
    assert_eq!(
        slips,
        [(&json!("checked"), &json!("workflow.condition")), (&json!("new"), &json!("workflow.transition"))]
    );
    let then = server.built("/v1/cases/desk:T-1/workflow?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((&then["state"], &then["next"][0]["to"]), (&json!("checked"), &json!("settled")));
    let board = agree(&server, "/v1/cases/states?kind=complaint", &["cases", "states", "--kind", "complaint"]).await;
    let line = |state: &str| board.as_array().expect("lines").iter().find(|line| line["state"] == state).cloned();
    assert_eq!(line("new").expect("a line")["workflows"], json!(["workflow:complaint@2"]));
    let history = server.fresh("/v1/clients/shop:1/history").await.json.to_string();
    assert!(history.contains("case.move_refused"), "an attempt is part of the history");
}

#[tokio::test]
async fn b8_clocks_of_the_service_level_stand_the_same_on_every_replay() {
    let server = Server::start().await;
    let weekly = json!([{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00" }]);
    let calendar = |holidays: Value| json!({ "calendar": "office", "zone": "Europe/Moscow", "weekly": weekly, "holidays": holidays });
    define(&server, "calendar.defined", LONG_AGO, calendar(json!([]))).await;
    let level = |code: &str, rank: u32, when: Value, first: u32, resolution: u32| json!({ "level": code, "rank": rank, "calendar": "office", "when": when, "first_response_s": first, "resolution_s": resolution });
    let vip = level("vip", 1, json!("has(client.class) && client.class == 'vip'"), 1_800, 14_400);
    define(&server, "service_level.defined", LONG_AGO, vip).await;
    define(&server, "service_level.defined", LONG_AGO, level("all", 9, Value::Null, 7_200, 28_800)).await;
    let vip = json!({ "kind": "company", "attributes": { "class": "vip" } });
    say(&server, "shop:1", "client.registered", "2025-07-01T09:00:00Z", vip).await;
    // Who is a client of class vip no more had the level while he was.
    let lowered = json!({ "attribute": "class", "old": "vip", "new": "plain" });
    // Monday 10:00 in Moscow; answered after an hour; waiting from noon until Tuesday 15:00; resolved at 16:00.
    for (client, case) in [("shop:1", "desk:T-1"), ("shop:2", "desk:T-2")] {
        say(&server, client, "case.raised", "2026-01-12T07:00:00Z", of(case, json!({ "kind": "question" }))).await;
        say(&server, client, "case.answered", "2026-01-12T08:00:00Z", of(case, json!({}))).await;
        say(&server, client, "case.paused", "2026-01-12T09:00:00Z", of(case, json!({ "reason": "papers" }))).await;
        say(&server, client, "case.resumed", "2026-01-13T12:00:00Z", of(case, json!({}))).await;
        say(&server, client, "case.resolved", "2026-01-13T13:00:00Z", of(case, json!({ "resolution": "told" }))).await;
    }
    say(&server, "shop:1", "client.attribute_changed", "2026-01-20T09:00:00Z", lowered).await;
    // A holiday that is declared later.
    define(&server, "calendar.defined", "2026-02-01T00:00:00Z", calendar(json!(["2026-01-12"]))).await;
    say(&server, "shop:3", "case.raised", "2026-03-10T11:00:00Z", of("desk:T-3", json!({ "kind": "wish" }))).await;
    let id = ulid(&server, "/v1/cases/desk:T-1").await;
    let clock = agree(&server, "/v1/cases/desk:T-1/clock", &["case", "clock", &id]).await["clocks"].clone();
    assert_eq!((&clock["level"], &clock["calendar"]), (&json!("service-level:vip@1"), &json!("calendar:office@1")));
    let of_clock = |clock: &Value, name: &str| (clock[name]["elapsed_s"].clone(), clock[name]["state"].clone());
    assert_eq!(of_clock(&clock, "first_response"), (json!(3_600), json!("breached")));
    assert_eq!(of_clock(&clock, "resolution"), (json!(10_800), json!("met")));
    assert_eq!(clock["paused_s"], 12 * 3_600);
    let listed = agree(&server, "/v1/cases/clocks", &["cases", "clocks"]).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
    let running = agree(&server, "/v1/cases/clocks?state=running", &["cases", "clocks", "--state", "running"]).await;
    let item = &running["items"][0];
    assert_eq!(of_clock(&item["clocks"], "resolution"), (json!(3_600), json!("running")), "{running}");
    let path = "/v1/cases/service-levels?by=level";
    let shares = agree(&server, path, &["cases", "service-levels", "--by", "level"]).await;
    let line = |key: &str| shares["lines"].as_array().expect("lines").iter().find(|line| line["key"] == key).cloned();
    let all = line("service-level:all@1").expect("a line");
    assert_eq!(
        (&all["cases"], &all["first_response"]["met"], &all["first_response"]["running"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let vip = line("service-level:vip@1").expect("a line");
    let share = &vip["first_response_share"];
    assert_eq!((&share["numerator"], &share["denominator"], &share["small"]), (&json!(0), &json!(1), &json!(true)));
    assert_eq!(
        shares["rests_on"],
        json!(["calendar:office@1", "calendar:office@2", "service-level:all@1", "service-level:vip@1"])
    );
}

#[tokio::test]
async fn every_date_promised_to_a_client_is_kept_or_broken_by_somebody() {
    let server = Server::start().await;
    define(&server, "employee.defined", LONG_AGO, json!({ "employee": "hr:7", "department": "sales" })).await;
    let case = "desk:T-1";
    let step = async |name: &str, at: &str, data: Value| drop(say(&server, "shop:1", name, at, data).await);
    step("case.raised", "2026-01-05T09:00:00Z", of(case, json!({ "kind": "complaint" }))).await;
    step("case.assigned", "2026-01-05T09:10:00Z", of(case, json!({ "employee": "hr:8", "department": "service" })))
        .await;
    step("case.due_set", "2026-01-05T10:00:00Z", of(case, json!({ "due": "2026-01-10T10:00:00Z" }))).await;
    step(
        "case.due_moved",
        "2026-01-09T10:00:00Z",
        of(case, json!({ "due": "2026-02-10T10:00:00Z", "reason": "supplier" })),
    )
    .await;
    step("case.resolved", "2026-02-09T10:00:00Z", of(case, json!({ "resolution": "mended" }))).await;
    let lines = json!([{ "product": "tea", "quantity": "2", "unit_price": "1.50" }]);
    let placed = |order: &str, promised: &str| json!({ "order": order, "currency": "EUR", "lines": lines, "promised": promised, "employee": "hr:7" });
    step("order.placed", "2026-01-02T09:00:00Z", placed("shop:O-1", "2026-01-15")).await;
    step(
        "order.promise_moved",
        "2026-01-14T09:00:00Z",
        json!({ "order": "shop:O-1", "promised": "2026-01-20", "reason": "customs" }),
    )
    .await;
    let half =
        |order: &str, quantity: &str| json!({ "order": order, "lines": [{ "product": "tea", "quantity": quantity }] });
    step("goods.shipped", "2026-01-18T09:00:00Z", half("shop:O-1", "1")).await;
    step("goods.shipped", "2026-02-18T09:00:00Z", half("shop:O-1", "1")).await;
    step("order.placed", "2026-01-03T09:00:00Z", placed("shop:O-2", "2026-02-01")).await;
    step("goods.shipped", "2026-02-01T23:59:59Z", half("shop:O-2", "2")).await;
    let listed = agree(&server, "/v1/promises", &["promises"]).await;
    let states: Vec<(&Value, &Value, &Value)> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (&item["source"], &item["state"], &item["moves"]))
        .collect();
    let told = |source: &'static str, state: &'static str, moves: u32| (json!(source), json!(state), json!(moves));
    let (broken, kept, case) = (told("order", "broken", 1), told("order", "kept", 0), told("case", "kept", 1));
    let wanted = [(&broken.0, &broken.1, &broken.2), (&kept.0, &kept.1, &kept.2), (&case.0, &case.1, &case.2)];
    assert_eq!(states, wanted);
    assert_eq!(
        (&listed["items"][0]["dates"][1]["reason"], &listed["items"][0]["department"]),
        (&json!("customs"), &json!("sales"))
    );
    let path = "/v1/promises/reliability?by=department";
    let reliable = agree(&server, path, &["promises", "reliability", "--by", "department"]).await;
    let line = |key: &str| {
        reliable.as_array().expect("lines").iter().find(|line| line["key"] == key).cloned().expect("a line")
    };
    let kept = |line: &Value, name: &str| (line[name]["numerator"].clone(), line[name]["denominator"].clone());
    let (service, sales) = (line("service"), line("sales"));
    assert_eq!((kept(&service, "kept"), kept(&service, "kept_first")), ((json!(1), json!(1)), (json!(0), json!(1))));
    assert_eq!((kept(&sales, "kept"), &sales["reasons"]), ((json!(1), json!(2)), &json!({ "customs": 1 })));
    let by =
        agree(&server, "/v1/promises/reliability?by=employee", &["promises", "reliability", "--by", "employee"]).await;
    assert_eq!(by.as_array().map(Vec::len), Some(2));
    let then = server.built("/v1/promises?as_of=2026-01-16&state=pending").await.json["data"].clone();
    assert_eq!(then["items"].as_array().map(Vec::len), Some(3), "nothing was due by then: {then}");
    let order = server.fresh("/v1/orders/shop:O-1").await.json["data"]["promised"].clone();
    assert_eq!(order, "2026-01-20", "the card of the order says the day that was promised last");
}
