//! A, B: meetings, tasks, the client in one answer, the feed, exceptional situations.

use serde_json::{Value, json};

use super::{agree, fact};
use crate::support::Server;

async fn say(server: &Server, client: &str, name: &str, at: &str, data: Value) -> Value {
    server.accept(&fact(name, client, at, data)).await
}

/// A client of a class, whom somebody looks after.
async fn enter(server: &Server, client: &str, class: &str, manager: &str) {
    let data = json!({ "kind": "company", "attributes": { "class": class, "sector": "retail" } });
    say(server, client, "client.registered", "2026-01-01T08:00:00Z", data).await;
    say(server, client, "client.manager_assigned", "2026-01-01T09:00:00Z", json!({ "manager": manager })).await;
}

fn column(answer: &Value, field: &str) -> Vec<Value> {
    answer["items"].as_array().expect("items").iter().map(|item| item[field].clone()).collect()
}

#[tokio::test]
async fn a7_calendars_of_employees_and_clients_and_planned_versus_held() {
    let server = Server::start().await;
    let planned = |n: u32, starts: &str| {
        json!({ "meeting": format!("shop:M-{n}"), "starts_at": starts, "employee": "hr:7", "topics": ["prices"],
            "title": "Offer", "place": "Tver" })
    };
    let meeting = |n: u32| json!({ "meeting": format!("shop:M-{n}") });
    for (n, client, starts) in [
        (1, "shop:1", "2026-01-20T10:00:00Z"),
        (2, "shop:1", "2026-02-01T10:00:00Z"),
        (3, "shop:2", "2026-02-02T10:00:00Z"),
        (4, "shop:2", "2026-03-20T10:00:00Z"),
        (5, "shop:2", "2026-01-25T10:00:00Z"),
    ] {
        say(&server, client, "meeting.scheduled", "2026-01-10T09:00:00Z", planned(n, starts)).await;
    }
    say(&server, "shop:1", "meeting.held", "2026-01-20T10:00:00Z", meeting(1)).await;
    let moved = json!({ "meeting": "shop:M-2", "starts_at": "2026-02-20T10:00:00Z" });
    say(&server, "shop:1", "meeting.rescheduled", "2026-01-28T09:00:00Z", moved).await;
    say(&server, "shop:1", "meeting.missed", "2026-02-20T11:00:00Z", meeting(2)).await;
    say(&server, "shop:2", "meeting.cancelled", "2026-02-01T09:00:00Z", meeting(3)).await;
    say(&server, "shop:2", "meeting.held", "2026-02-25T09:00:00Z", meeting(9)).await;

    let all = agree(&server, "/v1/meetings?employee=hr:7", &["meetings", "--employee", "hr:7"]).await;
    let states = ["held", "planned", "cancelled", "missed", "planned"];
    assert_eq!(column(&all, "status"), states.map(Value::from), "by the time at which they begin");
    assert_eq!(column(&all, "past"), [false, true, false, false, false].map(Value::from));
    assert_eq!(all["items"][3]["first_starts_at"], "2026-02-01T10:00:00Z", "{all}");
    let own = agree(&server, "/v1/clients/shop:2/meetings", &["meetings", "client", "shop:2"]).await;
    assert_eq!(column(&own, "status"), ["planned", "cancelled", "held", "planned"].map(Value::from));
    assert_eq!(own, agree(&server, "/v1/meetings?client=shop:2", &["meetings", "--client", "shop:2"]).await);
    let to_come = agree(&server, "/v1/meetings?from=2026-03-11", &["meetings", "--from", "2026-03-11"]).await;
    assert_eq!(column(&to_come, "starts_at"), ["2026-03-20T10:00:00Z"].map(Value::from));

    let by = agree(&server, "/v1/meetings/summary?by=employee", &["meetings", "summary", "--by", "employee"]).await;
    let line = by.as_array().expect("lines").iter().find(|line| !line["key"].is_null()).expect("a line").clone();
    let counts = ["planned", "held", "missed", "cancelled", "silent", "ahead", "moved"].map(|name| line[name].clone());
    assert_eq!(counts, [5, 1, 1, 1, 1, 1, 1].map(Value::from), "{line}");
    let share = &line["held_share"];
    assert_eq!((&share["numerator"], &share["denominator"], &share["small"]), (&json!(1), &json!(4), &json!(true)));
    let then = server.built("/v1/meetings/summary?as_of=2026-01-31").await.json["data"][0].clone();
    let counts = ["planned", "held", "missed", "silent", "ahead"].map(|name| then[name].clone());
    assert_eq!(counts, [5, 1, 0, 1, 3].map(Value::from), "{then}");
    let wrong = server.get("/v1/meetings?from=2026-02-01&to=2026-01-01").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["field"]), (400, &json!("to")));
}

#[tokio::test]
async fn a8_overdue_tasks_by_employee_and_by_class_with_vips_first() {
    let server = Server::start().await;
    enter(&server, "shop:1", "regular", "hr:1").await;
    enter(&server, "shop:2", "vip", "hr:1").await;
    let task = |n: u32, due: &str, employee: &str| json!({ "task": format!("shop:T-{n}"), "kind": "call-back", "due": due, "employee": employee, "title": "Call" });
    for (n, client, due, employee) in [
        (1, "shop:1", "2026-01-20T10:00:00Z", "hr:7"),
        (2, "shop:2", "2026-02-20T10:00:00Z", "hr:7"),
        (3, "shop:2", "2026-01-25T10:00:00Z", "hr:8"),
        (4, "shop:1", "2026-01-15T10:00:00Z", "hr:7"),
        (5, "shop:3", "2026-01-12T10:00:00Z", "hr:7"),
        (6, "shop:1", "2026-04-01T10:00:00Z", "hr:7"),
    ] {
        say(&server, client, "task.planned", "2026-01-10T09:00:00Z", task(n, due, employee)).await;
    }
    let of = |n: u32, more: Value| {
        let mut data = json!({ "task": format!("shop:T-{n}") });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        data
    };
    let due = json!({ "due": "2026-02-10T10:00:00Z", "reason": "client-away" });
    say(&server, "shop:1", "task.due_moved", "2026-01-14T09:00:00Z", of(4, due)).await;
    say(&server, "shop:2", "task.assigned", "2026-01-16T09:00:00Z", of(3, json!({ "employee": "hr:9" }))).await;
    say(&server, "shop:1", "task.done", "2026-01-19T09:00:00Z", of(1, json!({ "outcome": "reached" }))).await;

    let late = agree(&server, "/v1/tasks/overdue", &["tasks", "overdue"]).await;
    assert_eq!(column(&late, "class"), [json!("vip"), json!("vip"), json!("regular"), Value::Null], "{late}");
    let due = ["2026-01-25T10:00:00Z", "2026-02-20T10:00:00Z", "2026-02-10T10:00:00Z", "2026-01-12T10:00:00Z"];
    assert_eq!(column(&late, "due"), due.map(Value::from), "the longest overdue first within a class");
    let counts = |field: &str| -> Vec<Value> {
        late[field].as_array().expect("lines").iter().map(|line| line["overdue"].clone()).collect()
    };
    assert_eq!(
        (counts("by_employee"), counts("by_class")),
        (vec![json!(3), json!(1)], vec![2.into(), 1.into(), 1.into()])
    );
    assert_eq!(late["by_class"][0]["key"], "vip");
    let one = agree(&server, "/v1/tasks/overdue?employee=hr:9", &["tasks", "overdue", "--employee", "hr:9"]).await;
    assert_eq!(column(&one, "class"), ["vip"].map(Value::from), "who has it now, not who had it");

    let all = agree(&server, "/v1/tasks?client=shop:1", &["tasks", "--client", "shop:1"]).await;
    assert_eq!(column(&all, "status"), ["done", "open", "open"].map(Value::from), "done tasks stay");
    assert_eq!((&all["items"][0]["in_time"], &all["items"][0]["outcome"]), (&json!(true), &json!("reached")));
    assert_eq!(all, agree(&server, "/v1/clients/shop:1/tasks", &["tasks", "client", "shop:1"]).await);
    let done = agree(&server, "/v1/tasks/shop:T-1", &["task", "shop:T-1"]).await;
    assert_eq!(done, all["items"][0]);
    let then = server.built("/v1/tasks/overdue?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(column(&then, "class"), [json!("vip"), Value::Null], "{then}");

    // Page after page is the whole list.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.fresh(&format!("/v1/tasks/overdue?limit=1{cursor}")).await.json["data"].clone();
        paged.extend(column(&page, "task"));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, column(&late, "task"));
    let again =
        fact("task.due_moved", "shop:1", "2026-01-20T09:00:00Z", of(1, json!({ "due": "2026-05-01T00:00:00Z" })));
    let refused = server.post(&again).await.json;
    assert_eq!(refused["code"], "task.closed", "{refused}");
}

#[tokio::test]
async fn a10_a_client_on_the_line_is_seen_in_one_answer() {
    let server = Server::start().await;
    enter(&server, "shop:1", "vip", "hr:1").await;
    let at = "2026-02-01T09:00:00Z";
    say(&server, "shop:1", "case.raised", at, json!({ "case": "shop:K", "kind": "complaint" })).await;
    say(&server, "shop:1", "deal.opened", at, json!({ "deal": "shop:D", "stage": "offer" })).await;
    let lines = json!([{ "product": "tea", "quantity": "2", "unit_price": "1.50" }]);
    say(&server, "shop:1", "order.placed", at, json!({ "order": "shop:O", "currency": "EUR", "lines": lines })).await;
    say(
        &server,
        "shop:1",
        "task.planned",
        at,
        json!({ "task": "shop:T", "kind": "visit", "due": "2026-02-03T09:00:00Z" }),
    )
    .await;
    let meeting = json!({ "meeting": "shop:M", "starts_at": "2026-03-20T09:00:00Z" });
    say(&server, "shop:1", "meeting.scheduled", at, meeting).await;
    for day in 1..=12 {
        let at = format!("2026-01-{day:02}T09:00:00Z");
        say(&server, "shop:1", "call.logged", &at, json!({ "direction": "in", "topics": ["prices"] })).await;
    }
    let whole = agree(&server, "/v1/clients/shop:1/360", &["client-360", "shop:1"]).await;
    let card = &whole["card"];
    let open = ["cases", "deals", "orders"].map(|list| card[list].as_array().map(Vec::len));
    assert_eq!(open, [Some(1); 3], "{card}");
    assert_eq!((&card["attributes"]["class"], card["manager"].is_string()), (&json!("vip"), true));
    assert_eq!(
        (&whole["tasks"]["items"][0]["overdue"], &whole["meetings"]["items"][0]["status"]),
        (&json!(true), &json!("planned"))
    );
    assert_eq!(whole["contacts"]["items"].as_array().map(Vec::len), Some(10));
    assert!(whole["contacts"]["items"][0]["occurred_at"].as_str().expect("a time").starts_with("2026-01-12"));
    assert!(whole["contacts"]["next"].is_string(), "there are more, and the answer says so");
}

#[tokio::test]
async fn a11_important_events_of_a_portfolio_in_one_window() {
    let server = Server::start().await;
    enter(&server, "shop:1", "vip", "hr:1").await;
    enter(&server, "shop:2", "regular", "hr:1").await;
    enter(&server, "shop:3", "vip", "hr:2").await;
    for (n, client) in ["shop:1", "shop:2", "shop:3"].into_iter().enumerate() {
        let at = |day: usize| format!("2026-01-{:02}T09:00:00Z", 10 + day * 3 + n);
        let case = json!({ "case": format!("shop:K-{n}"), "kind": "complaint" });
        say(&server, client, "case.raised", &at(0), case.clone()).await;
        say(&server, client, "call.logged", &at(1), json!({ "direction": "in" })).await;
        let flagged = json!({ "class": "threat-of-court", "case": format!("shop:K-{n}") });
        say(&server, client, "exception.flagged", &format!("2026-02-{:02}T09:00:00Z", 10 + n), flagged).await;
    }
    let all = agree(&server, "/v1/feed", &["feed"]).await;
    assert_eq!(all["scale"], "built-in");
    let days = |answer: &Value| -> Vec<String> {
        let days = column(answer, "occurred_at");
        days.iter().map(|at| at.as_str().expect("a time")[5..10].to_owned()).collect()
    };
    assert_eq!(days(&all), ["02-12", "02-11", "02-10", "01-12", "01-11", "01-10"], "the latest first");
    let own = agree(&server, "/v1/feed?manager=hr:1", &["feed", "--manager", "hr:1"]).await;
    assert_eq!(days(&own), ["02-11", "02-10", "01-11", "01-10"]);
    let path = "/v1/feed?manager=hr:1&segment=class:vip&importance=critical";
    let words = ["feed", "--manager", "hr:1", "--segment", "class:vip", "--importance", "critical"];
    let few = agree(&server, path, &words).await;
    assert_eq!((days(&few), &few["items"][0]["importance"]), (vec!["02-10".to_owned()], &json!("critical")));

    let scale = json!({ "scale": "default", "importance": { "call.logged": "critical", "case.raised": "notable" } });
    server
        .accept(&json!({ "type": "event_importance.defined", "source": "shop", "occurred_at": "2026-02-01T00:00:00Z",
            "data": scale }))
        .await;
    let other = agree(&server, "/v1/feed", &["feed"]).await;
    assert_eq!(other["scale"], "event-importance:default@1");
    assert_eq!(days(&other), ["02-12", "02-11", "02-10", "01-15", "01-14", "01-13"]);
    let then = server.built("/v1/feed?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((&then["scale"], days(&then).len()), (&json!("built-in"), 3), "the scale counts from its day on");
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.fresh(&format!("/v1/feed?limit=4{cursor}")).await.json["data"].clone();
        paged.extend(column(&page, "event"));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, column(&other, "event"));
}

#[tokio::test]
async fn b13_exceptional_situations_by_client_employee_and_class() {
    let server = Server::start().await;
    let call = say(&server, "shop:1", "call.logged", "2026-01-10T09:00:00Z", json!({ "direction": "in" })).await;
    for (client, at, class, employee) in [
        ("shop:1", "2026-01-10T10:00:00Z", "threat-of-court", "hr:1"),
        ("shop:1", "2026-02-05T10:00:00Z", "lost-document", "hr:2"),
        ("shop:2", "2026-02-20T10:00:00Z", "threat-of-court", "hr:1"),
    ] {
        let data = json!({ "class": class, "employee": employee, "target": call["id"], "note": "loud" });
        say(&server, client, "exception.flagged", at, data).await;
    }
    let by = async |by: &str| {
        let lines =
            agree(&server, &format!("/v1/exceptions/report?by={by}"), &["exceptions", "report", "--by", by]).await;
        lines.as_array().expect("lines").iter().map(|line| line["exceptions"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (by("class").await, by("employee").await, by("client").await),
        ([2, 1].map(Value::from).to_vec(), [2, 1].map(Value::from).to_vec(), [2, 1].map(Value::from).to_vec())
    );
    assert_eq!(by("class,employee").await, [2, 1].map(Value::from));
    let list =
        agree(&server, "/v1/exceptions?class=threat-of-court", &["exceptions", "--class", "threat-of-court"]).await;
    assert_eq!(column(&list, "target"), [call["id"].clone(), call["id"].clone()]);
    let own = agree(&server, "/v1/clients/shop:1/exceptions", &["exceptions", "client", "shop:1"]).await;
    assert_eq!(column(&own, "class"), ["lost-document", "threat-of-court"].map(Value::from));
    let then = server.fresh("/v1/exceptions/report?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!(then, json!([{ "key": ["threat-of-court"], "exceptions": 1 }]));
}
