//! What would be under another definition or without a campaign, and pictures of what is.

use serde_json::{Value, json};

use crate::support::{Desk, text};

/// A stage model, and deals of three clients of 1,000, 2,000 and 3,000 in the stage `offer`.
fn deals() -> Desk {
    let desk = Desk::new();
    let stages = json!([{ "stage": "offer", "probability_bp": 5_000 }]);
    let mut events = vec![json!({
        "type": "stage_model.defined", "id": "model", "source": "shop", "occurred_at": "2026-01-01T00:00:00Z",
        "data": { "model": "default", "stages": stages },
    })];
    for n in 1..=3 {
        let mut add = |ty: &str, at: String, data: Value| {
            events.push(json!({ "type": ty, "id": format!("{ty}/{n}"), "source": "shop", "client": format!("shop:{n}"), "occurred_at": at, "data": data }));
        };
        let mut call = json!({ "direction": "in", "topics": ["roof"] });
        if n == 1 {
            call["campaign"] = "spring".into();
        }
        add("call.logged", format!("2026-01-0{n}T09:00:00Z"), call);
        let amount = json!({ "minor": n * 1_000, "currency": "EUR" });
        let opened = json!({ "deal": format!("shop:D-{n}"), "stage": "offer", "amount": amount });
        add("deal.opened", format!("2026-01-1{n}T09:00:00Z"), opened);
    }
    desk.import(&events, &[]);
    desk
}

fn changed(desk: &Desk, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(desk.path("change.ndjson"), text).expect("written");
}

fn difference(list: &Value, path: &str) -> f64 {
    let found = list.as_array().expect("differences").iter().find(|one| one["path"] == path);
    found.and_then(|one| one["difference"].as_f64()).unwrap_or_else(|| panic!("{path} is not in {list}"))
}

#[test]
fn another_stage_model_differs_in_total_as_much_as_client_by_client_and_nothing_is_written() {
    let desk = deals();
    let log = std::fs::read(desk.data().join("log.db")).expect("log");
    let stages = json!([{ "stage": "offer", "probability_bp": 8_000 }]);
    changed(&desk, &[json!({ "type": "stage_model.defined", "data": { "model": "default", "stages": stages } })]);
    let report = desk.report("what-if", &["--change", "{}/change.ndjson", "funnel", "board"]);
    let path = "groups[000000].weighted[EUR].minor";
    assert_eq!((&report["assumed"], difference(&report["total"], path)), (&json!(["stage-model:default@2"]), 1_800.0));
    let clients = report["clients"].as_array().expect("clients");
    let sum: f64 = clients.iter().map(|client| difference(&client["differences"], path)).sum();
    assert_eq!((clients.len(), sum), (3, 1_800.0), "{report}");
    // A definition that counts from a later day changes nothing that is asked as of an earlier one.
    changed(
        &desk,
        &[
            json!({ "type": "stage_model.defined", "occurred_at": "2026-02-01T00:00:00Z", "data": { "model": "default", "stages": [{ "stage": "offer" }] } }),
        ],
    );
    let then = desk.report("what-if", &["--change", "{}/change.ndjson", "--as-of", "2026-01-31", "funnel", "board"]);
    assert_eq!((&then["total"], &then["clients"]), (&json!([]), &json!([])), "{then}");
    assert!(log == std::fs::read(desk.data().join("log.db")).expect("log"), "the log stays as it is");
    assert_eq!(desk.ask(&["funnel", "board"]), report["is"], "the views stay as they are");
}

#[test]
fn with_a_holiday_more_an_answer_would_have_been_in_time_and_a_higher_plan_further_away() {
    let desk = Desk::new();
    let at = |ty: &str, at: &str, data: Value| json!({ "type": ty, "id": format!("{ty}/{at}"), "source": "shop", "occurred_at": at, "data": data });
    let days = ["mon", "tue", "wed", "thu", "fri"];
    let calendar = |holidays: Value| {
        let weekly = json!([{ "days": days, "from": "09:00", "to": "18:00" }]);
        json!({ "calendar": "office", "zone": "UTC", "weekly": weekly, "holidays": holidays })
    };
    let level = json!({ "level": "all", "rank": 1, "calendar": "office", "first_response_s": 8 * 3_600 });
    let plan = |count: i64| {
        let period = ("2026-01-01", "2026-02-01");
        json!({ "plan": "new", "measure": "new_clients", "from": period.0, "to": period.1, "target": { "count": count } })
    };
    let mut events = vec![
        at("calendar.defined", "2025-01-01T00:00:00Z", calendar(json!([]))),
        at("service_level.defined", "2025-01-01T00:00:00Z", level),
        at("plan.set", "2025-01-01T00:00:00Z", plan(4)),
        at("case.raised", "2026-01-05T10:00:00Z", json!({ "case": "shop:K", "kind": "complaint" })),
        at("case.answered", "2026-01-06T12:00:00Z", json!({ "case": "shop:K" })),
    ];
    for event in &mut events[3..] {
        event["client"] = "shop:1".into();
    }
    desk.import(&events, &[]);
    // Monday from 10:00 and Tuesday until noon are eleven hours of work; without the Monday three.
    changed(&desk, &[json!({ "type": "calendar.defined", "data": calendar(json!(["2026-01-05"])) })]);
    let question = ["--change", "{}/change.ndjson", "cases", "service-levels", "--by", "kind"];
    let report = desk.report("what-if", &question);
    let moved = |state: &str| difference(&report["total"], &format!("lines[complaint].first_response.{state}"));
    assert_eq!((moved("breached"), moved("met")), (-1.0, 1.0), "{report}");
    changed(&desk, &[json!({ "type": "plan.set", "data": plan(10) })]);
    let report = desk.report("what-if", &["--change", "{}/change.ndjson", "--total", "sales", "plans"]);
    assert_eq!(difference(&report["total"], "items[plan:new].target.count"), 6.0, "{report}");
}

#[test]
fn without_a_campaign_its_contacts_are_gone() {
    let desk = deals();
    let report = desk.report("what-if", &["--without-campaign", "spring", "sales", "first-contacts"]);
    assert_eq!(difference(&report["total"], "total.contacts"), -1.0, "{report}");
    assert_eq!(report["clients"].as_array().map(Vec::len), Some(1), "{report}");
}

#[test]
fn a_change_that_is_no_definition_is_told_by_its_line() {
    let desk = deals();
    let told = |lines: &[Value]| {
        changed(&desk, lines);
        desk.run("what-if", &["--change", "{}/change.ndjson", "funnel", "board"]).expect_err("refused").to_string()
    };
    let product = json!({ "type": "product.defined", "data": { "product": "tea", "label": "Tea" } });
    let call = json!({ "type": "call.logged", "data": { "direction": "in" } });
    let error = told(&[product.clone(), call]);
    assert!(error.contains("line 2") && error.contains("call.logged"), "{error}");
    let error = told(&[json!({ "type": "product.defined", "data": { "product": "tea", "label": 7 } })]);
    assert!(error.contains("line 1") && error.contains("label"), "{error}");
    let error = desk.run("what-if", &["funnel", "board"]).expect_err("nothing is changed").to_string();
    assert!(error.contains("--change"), "{error}");
}

#[test]
fn a_chart_shows_what_the_question_answers() {
    let desk = deals();
    let report = desk.report("chart", &["--out", "{}/funnel.svg", "funnel", "--from", "2026-01-01"]);
    let picture = std::fs::read_to_string(desk.path("funnel.svg")).expect("a picture");
    assert!(picture.starts_with("<svg") && picture.contains("offer") && picture.contains("3 deals"), "{picture}");
    assert_eq!(report["answer"], desk.ask(&["funnel", "cohort", "--from", "2026-01-01"]));
    desk.report("chart", &["--out", "{}/flow.svg", "flow"]);
    assert!(text(&json!(std::fs::read_to_string(desk.path("flow.svg")).expect("a picture"))).contains("came in"));
    let error = desk.run("chart", &["--out", "{}/funnel.txt", "funnel"]).expect_err("no picture").to_string();
    assert!(error.contains(".svg"), "{error}");
    let error = desk.run("chart", &["--out", "{}/revenue.svg", "revenue"]).expect_err("no orders").to_string();
    assert!(error.contains("nothing to draw"), "{error}");
}
