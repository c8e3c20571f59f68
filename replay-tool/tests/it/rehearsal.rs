//! What a rule of automation would have done with real data; nothing is written.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use crate::support::{Desk, full_sets, repository};

fn rehearse_lost_deals(dir: &Path, lost: u64) {
    let desk = Desk::new();
    desk.import_set("maven", dir);
    let before = desk.report("stat", &[]);
    let rule = json!({ "rule": "win-back", "on": ["deal.lost"],
        "then": [{ "do": "plan_task", "kind": "win-back", "due_in_s": 2_592_000, "to": { "department": "sales" } }] });
    std::fs::write(desk.path("rule.json"), rule.to_string()).expect("written");
    let report = desk.report("rehearse", &["--change", "{}/rule.json"]);
    assert_eq!(report["total"]["would_record"], json!({ "task.planned": lost }), "{}", report["total"]);
    let clients = report["clients"].as_array().expect("clients");
    let sum: u64 = clients.iter().filter_map(|client| client["would_record"]["task.planned"].as_u64()).sum();
    assert_eq!(sum, lost, "clients add up to the total");
    assert_eq!(desk.report("stat", &[])["head"], before["head"], "nothing is written");
}

#[test]
fn a_rule_for_lost_deals_would_have_planned_a_task_for_each_that_is_lost_in_the_table() {
    let dir = repository().join("fixtures/data/maven");
    let file = std::fs::File::open(dir.join("maven_sales_pipeline.csv.gz")).expect("the table");
    let mut table = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut table).expect("text");
    let lost = table.lines().filter(|line| line.contains(",Lost,")).count();
    assert!(lost > 500, "{lost}");
    rehearse_lost_deals(&dir, lost as u64);
}

#[test]
fn a_rule_for_lost_deals_would_have_planned_as_many_tasks_as_were_published_as_lost() {
    let Some(dir) = full_sets("a_rule_for_lost_deals_would_have_planned_as_many_tasks_as_were_published_as_lost")
    else {
        return;
    };
    rehearse_lost_deals(&dir, 2_473);
}

#[test]
fn a_rule_that_does_not_parse_is_refused_with_its_place() {
    let desk = Desk::new();
    let wrong = json!({ "rule": "x", "on": ["deal.lost"], "when": "data.reason ==", "then": [] });
    std::fs::write(desk.path("rule.json"), wrong.to_string()).expect("written");
    let error = desk.run("rehearse", &["--change", "{}/rule.json"]).expect_err("no rule").to_string();
    assert!(error.contains("line 1") && error.contains("rule.json"), "{error}");
}
