//! Rules, decided.

use serde_json::{Value, json};

use super::*;
use crate::events::Event;
use crate::fact::Fact;
use crate::ids::{ClientId, EventId};
use crate::time::{SECOND_US, Timestamp};

const CLIENT: ClientId = ClientId(7);
const TASK: &str = "01J00000000000000000000000";
const MANAGER: &str = "01J00000000000000000000009";

fn fact(n: u64, seconds: i64, name: &str, data: Value) -> Fact {
    Fact::sample(n, CLIENT, Timestamp(seconds * SECOND_US), Event::from_input(name, data).expect("decodes"))
}

fn rule(data: Value) -> Rule {
    let mut fact = fact(1, 0, "automation_rule.defined", data);
    fact.stream = crate::log::StreamName::parse("automation-rule/r").expect("a stream");
    Rule::of(&fact).expect("a rule")
}

fn call_back() -> Value {
    json!({ "rule": "r", "on": ["call.logged"], "when": "'prices' in data.topics && client.class == 'vip'",
        "then": [{ "do": "plan_task", "kind": "call-back", "due_in_s": 3600, "to": { "manager": true } }] })
}

fn known() -> Vec<Fact> {
    let registered = json!({ "kind": "company", "attributes": { "class": "vip" } });
    vec![
        fact(2, 1, "client.registered", registered),
        fact(3, 2, "client.manager_assigned", json!({ "manager": MANAGER })),
        fact(4, 100, "call.logged", json!({ "direction": "in", "topics": ["prices"] })),
    ]
}

#[test]
fn an_intent_names_rule_and_cause_and_has_the_same_id_whenever_it_is_decided() {
    let (rule, facts) = (rule(call_back()), known());
    let trigger = Trigger::fact(&facts[2]).expect("of a client");
    let intents = decide(&rule, &trigger, &ClientState::of(&facts)).expect("decided");
    let [intent] = &intents[..] else { panic!("{intents:?}") };
    assert_eq!((intent.event_type, intent.client, intent.causation), ("task.planned", CLIENT, EventId(4)));
    assert_eq!((&intent.data["employee"], &intent.data["rule"]), (&json!(MANAGER), &json!("automation-rule:r@1")));
    assert_eq!(intent.data["due"], "1970-01-01T01:01:40Z");
    assert_eq!(decide(&rule, &trigger, &ClientState::of(&facts)).expect("decided"), intents);
    let mut later = rule.clone();
    later.name.version = crate::ids::Version(2);
    assert_ne!(decide(&later, &trigger, &ClientState::of(&facts)).expect("decided")[0].id, intent.id);
    assert!(Event::from_input("task.planned", Value::Object(intent.data.clone())).is_ok());
}

#[test]
fn a_condition_that_cannot_be_decided_is_told_and_does_nothing() {
    let (rule, facts) = (rule(call_back()), known());
    let trigger = Trigger::fact(&facts[2]).expect("of a client");
    let error = decide(&rule, &trigger, &ClientState::default()).expect_err("nobody knows his class");
    assert!(error.to_string().contains("automation-rule:r@1"), "{error}");
    let other = fact(9, 200, "call.logged", json!({ "direction": "in", "topics": ["weather"] }));
    assert_eq!(decide(&rule, &Trigger::fact(&other).expect("one"), &ClientState::of(&facts)), Ok(vec![]));
}

#[test]
fn what_is_told_too_late_is_not_acted_upon() {
    let mut data = call_back();
    data["max_age_s"] = json!(60);
    let (rule, mut facts) = (rule(data), known());
    facts[2].recorded_at = Timestamp(161 * SECOND_US);
    let decided = |fact: &Fact| decide(&rule, &Trigger::fact(fact).expect("one"), &ClientState::of(&facts));
    assert_eq!(decided(&facts[2]), Ok(vec![]));
    let mut in_time = facts[2].clone();
    in_time.recorded_at = Timestamp(160 * SECOND_US);
    assert_eq!(decided(&in_time).map(|intents| intents.len()), Ok(1));
}

#[test]
fn a_rehearsal_tells_what_a_rule_would_have_done_in_a_period() {
    let rule = rule(json!({ "rule": "r", "on": ["task.overdue"], "when": "client.class == 'vip'",
        "then": [{ "do": "escalate_task", "to": { "manager": true } }] }));
    let mut facts = known();
    let at = |seconds: i64| json!(crate::time::Moment::utc(Timestamp(seconds * SECOND_US)));
    facts.push(fact(5, 110, "task.planned", json!({ "task": TASK, "kind": "visit", "due": at(200) })));
    facts.push(fact(6, 150, "task.due_moved", json!({ "task": TASK, "due": at(300) })));
    facts.push(fact(7, 400, "task.done", json!({ "task": TASK })));
    let run = |from: i64, to: i64| rehearse(&rule, &facts, (Timestamp(from * SECOND_US), Timestamp(to * SECOND_US)));
    let told = run(0, 1_000);
    let [only] = &told[..] else { panic!("{told:?}") };
    assert_eq!((only.event, only.occurred.at), (EventId(6), Timestamp(300 * SECOND_US)));
    assert_eq!(only.result.as_ref().map(|intents| intents[0].event_type), Ok("task.escalated"));
    assert_eq!(run(0, 300), vec![], "its date has not passed");
    assert_eq!(run(301, 1_000), vec![], "it passed before");
}

#[test]
fn a_rule_acts_from_its_recording_on_and_until_it_is_switched_off() {
    let stream = |mut fact: Fact, version: u64| {
        fact.stream = crate::log::StreamName::parse("automation-rule/r").expect("a stream");
        (fact.client, fact.version) = (None, crate::ids::Version(version));
        fact
    };
    let mut book = RuleBook::default();
    assert!(book.take(&stream(fact(1, 10, "automation_rule.defined", call_back()), 1)));
    let mut off = call_back();
    off["active"] = json!(false);
    assert!(book.take(&stream(fact(2, 20, "automation_rule.defined", off), 2)));
    assert!(!book.take(&known()[0]));
    let force = |seconds: i64| book.in_force("call.logged", Timestamp(seconds * SECOND_US)).count();
    assert_eq!((force(9), force(11), force(21)), (0, 1, 0));
}
