//! B: the way of requests through plans, departments and reviews.

use serde_json::{Value, json};

use super::service::{LONG_AGO, define, of, say, ulid};
use super::{agree, fact};
use crate::support::Server;

#[tokio::test]
async fn b10_who_waits_for_an_item_of_the_plan_and_which_item_answers_a_request() {
    let server = Server::start().await;
    let item = json!({ "item": "dark-mode", "plan": "development", "label": "Dark mode", "planned": "2026-02-01" });
    define(&server, "plan_item.defined", "2025-12-01T00:00:00Z", item).await;
    let moved = json!({ "item": "dark-mode", "planned": "2026-03-20", "reason": "staff" });
    define(&server, "plan_item.moved", "2026-02-05T00:00:00Z", moved).await;
    let other = json!({ "item": "export", "plan": "development", "label": "Export" });
    define(&server, "plan_item.defined", "2025-12-01T00:00:00Z", other).await;
    for (n, client) in ["shop:1", "shop:2", "shop:3"].into_iter().enumerate() {
        let case = format!("desk:T-{n}");
        say(&server, client, "case.raised", "2026-01-05T09:00:00Z", of(&case, json!({ "kind": "wish" }))).await;
        let at = format!("2026-01-0{}T09:00:00Z", n + 6);
        say(&server, client, "case.linked_to_plan_item", &at, of(&case, json!({ "item": "dark-mode" }))).await;
    }
    // One does not wait any more, and one never meant it.
    say(&server, "shop:2", "case.closed", "2026-02-10T09:00:00Z", of("desk:T-1", json!({}))).await;
    say(
        &server,
        "shop:3",
        "case.unlinked_from_plan_item",
        "2026-02-10T09:00:00Z",
        of("desk:T-2", json!({ "item": "dark-mode" })),
    )
    .await;
    let words = ["plan-items", "waiting", "--item", "dark-mode"];
    let waiting = agree(&server, "/v1/plan-items/waiting?item=dark-mode", &words).await;
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
    assert_eq!((&waiting["item"]["planned"], &waiting["item"]["moves"]), (&json!("2026-03-20"), &json!(1)));
    assert_eq!(waiting["item"]["days"][1]["reason"], "staff");
    let then = server.built("/v1/plan-items/waiting?item=dark-mode&as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((then["items"].as_array().map(Vec::len), &then["item"]["planned"]), (Some(3), &json!("2026-02-01")));
    let id = ulid(&server, "/v1/cases/desk:T-0").await;
    let answers = agree(&server, "/v1/cases/desk:T-0/plan-items", &["case", "plan-items", &id]).await;
    assert_eq!(
        (&answers["items"][0]["item"], &answers["items"][0]["released_at"]),
        (&json!("dark-mode"), &Value::Null)
    );
    let released = json!({ "item": "dark-mode", "release": "v7" });
    define(&server, "plan_item.released", "2026-03-09T00:00:00Z", released).await;
    let waiting = agree(&server, "/v1/plan-items/waiting?item=dark-mode", &words).await;
    assert_eq!((&waiting["items"], &waiting["item"]["release"]), (&json!([]), &json!("v7")));
    let items = agree(&server, "/v1/plan-items?released=false", &["plan-items", "--released", "false"]).await;
    assert_eq!((&items["items"][0]["item"], items["items"].as_array().map(Vec::len)), (&json!("export"), Some(1)));
}

/// A case on its way through three departments, with hand-overs by a check-list.
async fn processed(server: &Server) {
    define(server, "check_list.defined", LONG_AGO, json!({ "list": "papers", "items": ["contract", "passport"] }))
        .await;
    let case = "desk:T-1";
    let step = async |name: &str, at: &str, data: Value| drop(say(server, "shop:1", name, at, of(case, data)).await);
    step("case.raised", "2026-01-05T09:00:00Z", json!({ "kind": "application" })).await;
    let due = json!({ "department": "front", "due": "2026-01-05T12:00:00Z", "employee": "hr:1" });
    step("work_item.entered_department", "2026-01-05T09:00:00Z", due).await;
    let over = |from: &str, to: &str, checked: &[&str]| json!({ "from": from, "to": to, "list": "papers", "checked": checked });
    step("work_item.handed_over", "2026-01-05T13:00:00Z", over("front", "lawyers", &["contract"])).await;
    step("work_item.left_department", "2026-01-05T13:00:00Z", json!({ "department": "front", "labour_s": 1_200 }))
        .await;
    step("work_item.entered_department", "2026-01-05T15:00:00Z", json!({ "department": "lawyers" })).await;
    step("work_item.handed_over", "2026-01-07T15:00:00Z", over("lawyers", "front", &["contract", "passport"])).await;
    step("work_item.left_department", "2026-01-07T15:00:00Z", json!({ "department": "lawyers", "labour_s": 7_200 }))
        .await;
    step("work_item.entered_department", "2026-02-20T09:00:00Z", json!({ "department": "front" })).await;
}

#[tokio::test]
async fn b11_where_work_is_the_path_it_travelled_and_time_and_labour_in_each_department() {
    let server = Server::start().await;
    processed(&server).await;
    let id = ulid(&server, "/v1/cases/desk:T-1").await;
    let path = agree(&server, "/v1/cases/desk:T-1/path", &["case", "path", &id]).await;
    assert_eq!((&path["department"], &path["labour_s"]), (&json!("front"), &json!(8_400)));
    let stays: Vec<(&Value, &Value, &Value)> = path["stays"]
        .as_array()
        .expect("stays")
        .iter()
        .map(|stay| (&stay["department"], &stay["stayed_s"], &stay["late"]))
        .collect();
    assert_eq!(stays[0], (&json!("front"), &json!(4 * 3_600), &json!(true)));
    assert_eq!(stays[1], (&json!("lawyers"), &json!(48 * 3_600), &json!(false)));
    let there = agree(&server, "/v1/work-items?department=front", &["work-items", "--department", "front"]).await;
    assert_eq!(there["items"].as_array().map(Vec::len), Some(1));
    let then = server.built("/v1/work-items?as_of=2026-01-06").await.json["data"].clone();
    assert_eq!(then["items"][0]["department"], "lawyers");
    let departments = agree(&server, "/v1/departments", &["departments"]).await;
    let front = departments
        .as_array()
        .expect("lines")
        .iter()
        .find(|line| line["department"] == "front")
        .cloned()
        .expect("front");
    let field = |name: &str| front[name].as_i64().expect("a number");
    assert_eq!((field("entered"), field("left"), field("there"), field("late")), (2, 1, 1, 1));
    assert_eq!((field("stayed_s"), field("mean_stay_s"), field("labour_s")), (14_400, 14_400, 1_200));
    // A stage that its workflow does not lead to is refused, with the state it met.
    let states = json!([{ "state": "new" }, { "state": "legal", "department": "lawyers" }]);
    define(
        &server,
        "workflow.defined",
        LONG_AGO,
        json!({ "kind": "application", "states": states, "transitions": [{ "from": "new", "to": "legal" }] }),
    )
    .await;
    let entered = |department: &str| of("desk:T-1", json!({ "department": department, "stage": "legal" }));
    let wrong =
        server.post(&fact("work_item.entered_department", "shop:1", "2026-03-01T09:00:00Z", entered("cellar"))).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["code"]), (409, &json!("workflow.department")), "{}", wrong.json);
    say(&server, "shop:1", "work_item.entered_department", "2026-03-01T09:00:00Z", entered("lawyers")).await;
    let course = agree(&server, "/v1/cases/desk:T-1/workflow", &["case", "workflow", &id]).await;
    assert_eq!((&course["state"], &course["refused"][0]["wanted"]), (&json!("legal"), &json!("legal")));
}

#[tokio::test]
async fn b12_hand_overs_are_complete_by_their_check_list_and_wait_on_their_way() {
    let server = Server::start().await;
    processed(&server).await;
    // A longer list of later does not make old hand-overs incomplete.
    let longer = json!({ "list": "papers", "items": ["contract", "passport", "photo"] });
    define(&server, "check_list.defined", "2026-02-01T00:00:00Z", longer).await;
    let lines = agree(&server, "/v1/handovers", &["handovers"]).await;
    let line = |from: &str| {
        lines.as_array().expect("lines").iter().find(|line| line["from"] == from).cloned().expect("a line")
    };
    let front = line("front");
    let complete = |line: &Value| (line["complete"]["numerator"].clone(), line["complete"]["denominator"].clone());
    assert_eq!((complete(&front), &front["missing"]), ((json!(0), json!(1)), &json!({ "passport": 1 })));
    assert_eq!((&front["waited"]["median_s"], &front["on_the_way"]), (&json!(7_200), &json!(0)));
    let lawyers = line("lawyers");
    assert_eq!(complete(&lawyers), (json!(1), json!(1)));
    assert_eq!(lawyers["check_lists"], json!(["check-list:papers@1"]));
    let then = server.built("/v1/handovers?as_of=2026-01-31").await.json["data"].clone();
    let lawyers =
        then.as_array().expect("lines").iter().find(|line| line["from"] == "lawyers").cloned().expect("a line");
    assert_eq!(lawyers["on_the_way"], 1, "it came in February");
}

#[tokio::test]
async fn b14_reviews_run_side_by_side_and_join_when_all_are_decided() {
    let server = Server::start().await;
    let case = "bank:L-1";
    let step = async |name: &str, at: &str, data: Value| drop(say(&server, "shop:1", name, at, of(case, data)).await);
    step("case.raised", "2026-01-05T09:00:00Z", json!({ "kind": "application" })).await;
    for branch in ["legal", "appraisal", "security"] {
        step("review.requested", "2026-01-05T10:00:00Z", json!({ "branch": branch, "due": "2026-01-09T10:00:00Z" }))
            .await;
    }
    let agreed = |branch: &str| json!({ "branch": branch, "decision": "agreed" });
    step("review.decided", "2026-01-06T10:00:00Z", agreed("legal")).await;
    step("review.decided", "2026-02-04T10:00:00Z", agreed("appraisal")).await;
    let granted =
        fact("application.decided", "shop:1", "2026-02-05T10:00:00Z", of(case, json!({ "decision": "granted" })));
    let early = server.post(&granted).await;
    assert_eq!(
        (early.status.as_u16(), &early.json["code"]),
        (422, &json!("application.review_open")),
        "{}",
        early.json
    );
    step("review.decided", "2026-01-08T10:00:00Z", agreed("security")).await;
    server.accept(&granted).await;
    let id = ulid(&server, "/v1/applications/bank:L-1").await;
    let application = agree(&server, "/v1/applications/bank:L-1", &["application", &id]).await;
    assert_eq!((&application["slowest"], &application["open"]), (&json!("appraisal"), &json!(0)));
    assert!(application["joined_at"].as_str().expect("a time").starts_with("2026-02-04"), "{application}");
    assert_eq!(application["decision_s"], 31 * 86_400);
    let review = |n: usize, field: &str| application["reviews"][n][field].clone();
    assert_eq!(
        (review(0, "branch"), review(0, "took_s"), review(0, "late")),
        (json!("appraisal"), json!(30 * 86_400), json!(true))
    );
    let then = server.built("/v1/applications/bank:L-1?as_of=2026-01-31").await.json["data"].clone();
    assert_eq!((&then["open"], &then["joined_at"], &then["slowest"]), (&json!(1), &Value::Null, &json!("appraisal")));
    let reviews = agree(&server, "/v1/applications/reviews", &["applications", "reviews"]).await;
    assert_eq!((&reviews["decided"], &reviews["decision"]["median_s"]), (&json!(1), &json!(31 * 86_400)));
    assert_eq!((&reviews["branches"][0]["slowest"], &reviews["branches"][1]["slowest"]), (&json!(1), &json!(0)));
    let listed = agree(&server, "/v1/applications?decided=true", &["applications", "--decided", "true"]).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}
