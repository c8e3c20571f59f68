//! Workflows, registers of letters, parallel reviews: what is refused, and what goes on record of it.

use letopis_core::events::{Event, LogEvent};
use letopis_core::intake::Outcome;
use serde_json::{Value, json};

use super::{Desk, definition, item, ulid, with};

const CLIENT: &str = "shop:C-1";

fn workflow(transitions: Value) -> Value {
    let states = json!([{ "state": "new" }, { "state": "legal", "department": "lawyers" }, { "state": "done" }]);
    definition("workflow.defined", json!({ "kind": "complaint", "states": states, "transitions": transitions }))
}

fn raised(case: &str, day: u8) -> Value {
    item("case.raised", CLIENT, day, json!({ "case": case, "kind": "complaint" }))
}

fn moved(case: &str, to: &str) -> Value {
    item("case.state_changed", CLIENT, 20, json!({ "case": case, "to": to }))
}

async fn refusals(desk: &Desk) -> Vec<(String, String, u64)> {
    let facts = desk.facts(CLIENT).await;
    let refused = facts.iter().filter_map(|fact| match &fact.event {
        Event::Log(LogEvent::Refused(e)) => Some((e.met.to_string(), e.wanted.to_string(), e.workflow_version)),
        _ => None,
    });
    refused.collect()
}

#[tokio::test]
async fn an_illegal_move_is_refused_with_the_state_it_met_and_goes_on_record() {
    for desk in [Desk::memory(), Desk::sqlite()] {
        desk.accept(workflow(json!([{ "from": "new", "to": "legal" }, { "from": "legal", "to": "done" }]))).await;
        desk.accept(raised("shop:K", 2)).await;
        let slip = with(moved("shop:K", "done"), "id", "slip");
        let refused = desk.reject(slip.clone()).await;
        assert_eq!((refused.rule, &*refused.field), ("workflow.transition", "data"));
        assert!(
            refused.message.contains("is in state new; workflow:complaint@1 leads from there to legal, not to done")
        );
        desk.reject(slip).await;
        assert_eq!(refusals(&desk).await, [("new".into(), "done".into(), 1)], "one attempt is recorded once");
        assert_eq!(desk.reject(moved("shop:K", "gone")).await.rule, "workflow.unknown_state");
        desk.accept(moved("shop:K", "legal")).await;
        let other = item("case.state_changed", CLIENT, 20, json!({ "case": "shop:K", "from": "new", "to": "done" }));
        assert_eq!(desk.reject(other).await.rule, "workflow.other_state");
        desk.accept(moved("shop:K", "done")).await;
        assert_eq!(refusals(&desk).await.len(), 3);
    }
}

#[tokio::test]
async fn nothing_of_an_atomic_batch_with_an_illegal_move_is_stored_but_the_record_of_it() {
    let desk = Desk::memory();
    desk.accept(workflow(json!([]))).await;
    let answers = desk.batch(vec![raised("shop:K", 2), moved("shop:K", "done")], true).await;
    assert!(matches!(&answers[0], Outcome::Rejected(r) if r.rule == "atomic_batch"), "{answers:?}");
    assert!(matches!(&answers[1], Outcome::Rejected(r) if r.rule == "workflow.transition"), "{answers:?}");
    assert_eq!(desk.head().await.0, 2, "the workflow and the record of the refusal");
}

#[tokio::test]
async fn a_case_runs_under_the_workflow_that_counted_when_it_was_raised() {
    let desk = Desk::memory();
    desk.accept(workflow(json!([{ "from": "new", "to": "legal" }]))).await;
    desk.accept(raised("shop:old", 2)).await;
    let later = with(workflow(json!([{ "from": "new", "to": "done" }])), "occurred_at", "2026-05-10T00:00:00Z");
    // The new regulation and what it allows stand in one batch.
    let answers = desk.batch(vec![later, raised("shop:new", 12), moved("shop:new", "done")], false).await;
    assert!(answers.iter().all(|answer| matches!(answer, Outcome::Accepted { .. })), "{answers:?}");
    assert!(desk.reject(moved("shop:old", "done")).await.message.contains("workflow:complaint@1"));
    desk.accept(moved("shop:old", "legal")).await;
}

#[tokio::test]
async fn a_move_asks_for_a_role_a_department_and_a_condition() {
    let desk = Desk::memory();
    let when = json!([
        { "from": "new", "to": "legal", "roles": ["expert"] },
        { "from": "legal", "to": "done", "when": "case.answers > 0" },
    ]);
    desk.accept(workflow(when)).await;
    let clerk = json!({ "employee": "hr:7", "role": "clerk" });
    desk.accept(with(definition("employee.defined", clerk), "source", "hr")).await;
    desk.accept(definition("employee.defined", json!({ "employee": "hr:8", "role": "expert" }))).await;
    desk.accept(raised("shop:K", 2)).await;
    let by = |employee: &str, department: &str| {
        let data = json!({ "case": "shop:K", "stage": "legal", "department": department, "employee": employee });
        item("work_item.entered_department", CLIENT, 5, data)
    };
    assert_eq!(desk.reject(moved("shop:K", "legal")).await.rule, "workflow.role");
    assert!(desk.reject(by("hr:7", "lawyers")).await.message.contains("not the role clerk"));
    assert_eq!(desk.reject(by("hr:8", "front-desk")).await.rule, "workflow.department");
    assert!(desk.flags(by("hr:8", "lawyers")).await.is_empty());
    assert_eq!(desk.reject(moved("shop:K", "done")).await.rule, "workflow.condition");
    desk.accept(item("case.answered", CLIENT, 6, json!({ "case": "shop:K" }))).await;
    desk.accept(moved("shop:K", "done")).await;
}

#[tokio::test]
async fn a_definition_that_does_not_parse_is_refused_with_line_and_column() {
    let desk = Desk::memory();
    let broken = workflow(json!([{ "from": "new", "to": "done", "when": "case.answers >\n> 0" }]));
    let refused = desk.reject(broken).await;
    assert_eq!((refused.rule, &*refused.field), ("invalid_field", "data.transitions[0].when"), "{}", refused.message);
    assert!(refused.message.contains("line 2, column"), "{}", refused.message);
    let nowhere = desk.reject(workflow(json!([{ "from": "new", "to": "heaven" }]))).await;
    assert_eq!((nowhere.rule, &*nowhere.field), ("invalid_value", "data.transitions[0].to"));
    let calendar = |zone: &str, to: &str| {
        let weekly = json!([{ "days": ["mon"], "from": "09:00", "to": to }]);
        definition("calendar.defined", json!({ "calendar": "c", "zone": zone, "weekly": weekly }))
    };
    assert_eq!(desk.reject(calendar("Mars/Olympus", "10:00")).await.field, "data.zone");
    assert_eq!(desk.reject(calendar("UTC", "08:00")).await.field, "data.weekly[0].to");
    assert_eq!(desk.reject(calendar("UTC", "25:00")).await.field, "data.weekly[0].to");
    assert_eq!(desk.head().await.0, 0);
}

fn letter(client: &str, day: u8, number: &str) -> Value {
    let data =
        json!({ "journal": "in", "number": number, "direction": "in", "media": "post", "correspondent": "client" });
    item("letter.registered", client, day, data)
}

#[tokio::test]
async fn a_number_is_given_once_in_a_journal_and_year_whoever_writes() {
    let desk = Desk::memory();
    let first = desk.accept(letter(CLIENT, 2, "17")).await;
    let taken = desk.reject(letter("shop:C-2", 3, "17")).await;
    assert_eq!((taken.rule, &*taken.field), ("letter.number_taken", "data.number"));
    assert!(taken.message.contains("number 17 of journal in in 2026"), "{}", taken.message);
    let again = desk.post(letter(CLIENT, 2, "17")).await;
    assert!(matches!(again, Outcome::Duplicate { receipt } if receipt.id == first.id), "{again:?}");
    desk.accept(with(letter("shop:C-2", 3, "17"), "occurred_at", "2025-12-31T23:30:00-01:00")).await;
    let batch = vec![letter(CLIENT, 4, "18"), letter(CLIENT, 5, "18")];
    let answers = desk.batch(batch, false).await;
    assert!(matches!(&answers[1], Outcome::Rejected(r) if r.rule == "letter.number_taken"), "{answers:?}");
    assert_eq!(desk.reject(with(letter(CLIENT, 6, "19"), "id", ulid(9))).await.rule, "numbered");
    let renumbered =
        json!({ "journal": "in", "number": "20", "direction": "in", "media": "post", "correspondent": "client" });
    let correction = json!({ "target": first.id, "data": renumbered });
    assert_eq!(desk.reject(item("event.corrected", CLIENT, 7, correction)).await.rule, "not_correctable");
}

#[tokio::test]
async fn an_application_is_decided_when_all_its_reviews_are() {
    let desk = Desk::memory();
    let step = |name: &str, data: Value| {
        let mut data = data;
        data["case"] = "bank:L-1".into();
        item(name, CLIENT, 3, data)
    };
    desk.accept(step("case.raised", json!({ "kind": "application" }))).await;
    for branch in ["legal", "appraisal", "security"] {
        desk.accept(step("review.requested", json!({ "branch": branch }))).await;
    }
    let decided = |branch: &str| step("review.decided", json!({ "branch": branch, "decision": "agreed" }));
    desk.accept(decided("legal")).await;
    let early = desk.reject(step("application.decided", json!({ "decision": "granted" }))).await;
    assert_eq!(early.rule, "application.review_open");
    assert!(early.message.ends_with("appraisal, security"), "{}", early.message);
    desk.accept(decided("appraisal")).await;
    desk.accept(decided("security")).await;
    let twice = with(decided("security"), "occurred_at", "2026-05-04T00:00:00Z");
    assert_eq!(desk.reject(twice).await.rule, "review.decided_already");
    desk.accept(step("application.decided", json!({ "decision": "granted" }))).await;
    assert_eq!(desk.flags(decided("taxes")).await, ["review.not_requested"]);
}
