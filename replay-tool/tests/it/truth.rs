//! The published numbers of the full sets come out of the views.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Desk, full_sets};

/// A folder with one full set and its views.
fn imported(set: &str, dir: &Path) -> Desk {
    let desk = Desk::new();
    let report = desk.import_set(set, dir);
    println!("{set}: {report}");
    desk.report("rebuild", &["--install"]);
    assert_eq!(desk.report("verify", &["--views"])["findings"]["total"], 0);
    desk
}

fn find<'a>(list: &'a Value, key: &str, value: &Value) -> &'a Value {
    let items = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
    items.iter().find(|item| item[key] == *value).unwrap_or_else(|| panic!("{value} is not in {list}"))
}

#[test]
fn maven_deals_won_and_lost_come_out_of_the_funnel() {
    let Some(dir) = full_sets("maven_deals_won_and_lost_come_out_of_the_funnel") else { return };
    let desk = imported("maven", &dir);
    let answer = desk.ask(&["funnel", "win-rate", "--by", "manager"]);
    let total = &answer["total"];
    assert_eq!((total["won"].as_i64(), total["lost"].as_i64()), (Some(4_238), Some(2_473)));
    assert_eq!(total["value"][0]["won"]["minor"], 1_000_553_400);
    let celia = find(&answer["groups"], "label", &json!("Celia Rouche"));
    assert_eq!((celia["won"].as_i64(), celia["lost"].as_i64()), (Some(610), Some(352)));
    assert_eq!(celia["value"][0]["won"]["minor"], 160_389_700);
    maven_cycles_and_pipeline(&desk);
}

/// The won deals in the cycles of every product, agent and sector; the open ones in the pipeline.
fn maven_cycles_and_pipeline(desk: &Desk) {
    let cycles = desk.ask(&["sales", "cycle"]);
    assert_eq!((&cycles["definition"], &cycles["groups"][0]["won"]), (&json!("stage-model:default@1"), &json!(4_238)));
    let sum = |answer: &Value, field: &str| -> i64 {
        answer["groups"].as_array().expect("groups").iter().filter_map(|group| group[field].as_i64()).sum()
    };
    for words in [&["--by", "product"][..], &["--by", "agent"], &["--by", "segment", "--attribute", "sector"]] {
        let cut = desk.ask(&[&["sales", "cycle"], words].concat());
        assert_eq!((sum(&cut, "won"), sum(&cut, "deals")), (4_238, 8_300), "{words:?}");
    }
    // Nobody said when the open deals will close, so all of them are without a date: 1,589 engaging, 500 prospecting.
    let pipeline = desk.ask(&["sales", "pipeline"]);
    assert_eq!((&pipeline["without_date"]["deals"], &pipeline["expected"]["deals"]), (&json!(2_089), &json!(0)));
    // Every closed deal came to `engaging`: (4,238 + 1) / (6,711 + 2).
    let engaging = find(&pipeline["without_date"]["stages"], "stage", &json!("engaging"));
    assert_eq!((&engaging["deals"], &engaging["empirical"]["numerator"]), (&json!(1_589), &json!(4_239)));
    assert_eq!(engaging["empirical"]["denominator"], 6_713);
}

#[test]
fn cfpb_complaints_come_out_of_the_cases() {
    let Some(dir) = full_sets("cfpb_complaints_come_out_of_the_cases") else { return };
    let desk = imported("cfpb", &dir);
    let overview = desk.ask(&["cases", "overview"]);
    assert_eq!((overview[0]["raised"].as_i64(), overview[0]["untimely"].as_i64()), (Some(29_271), Some(90)));
    let responses = desk.ask(&["cases", "responses"]);
    let sum = |test: &dyn Fn(&Value) -> bool| -> i64 {
        let lines = responses.as_array().expect("lines").iter().filter(|line| test(line));
        lines.filter_map(|line| line["cases"].as_i64()).sum()
    };
    assert_eq!(sum(&|line| line["response"] == "closed-with-explanation"), 19_702);
    assert_eq!(sum(&|line| line["timely"] == false), 90);
}

#[test]
fn retail_revenue_comes_out_exact() {
    let Some(dir) = full_sets("retail_revenue_comes_out_exact") else { return };
    let desk = imported("retail", &dir);
    let answer = desk.ask(&["revenue", "--by", "client", "--identified", "true", "--limit", "1000"]);
    assert_eq!(answer["totals"][0]["ordered"]["exact"], "8911407.904");
    let sales = desk.ask(&["loyalty", "repeat", "--sales"]);
    assert_eq!((sales["orders"].as_i64(), sales["rate"]["denominator"].as_i64()), (Some(18_532), Some(4_338)));
    let best = desk.ask(&["purchases", "retail:14646", "--sales"]);
    assert_eq!(best["orders"], 73);
    let settlement = desk.ask(&["settlement", "retail:14646"]);
    assert_eq!(settlement["currencies"][0]["ordered"], "280206.02");
    retail_cube_and_products(&desk);
}

/// The cube adds up to the revenue, whichever way it is cut; the pair that is bought together most is in use together.
fn retail_cube_and_products(desk: &Desk) {
    let all = desk.ask(&["revenue", "--by", "month"])["totals"][0]["net"]["exact"].clone();
    for by in ["month", "region", "product"] {
        let cube = desk.ask(&["sales", "cube", "--by", by, "--limit", "1000"]);
        assert_eq!(cube["totals"][0]["net"]["exact"], all, "by {by}");
    }
    let months = desk.ask(&["products", "in-use"]);
    let last = months.as_array().and_then(|months| months.last()).expect("months");
    let pair = desk.ask(&["products", "with-without", "--with", "22386", "--without", "85099B"]);
    println!("retail: {last} {}", pair["both"]);
    assert!(last["clients"].as_i64().is_some_and(|clients| (4_000..=4_372).contains(&clients)), "{last}");
    assert!(pair["both"]["value"].as_f64() > Some(0.4) && pair["lift"].as_f64() > Some(2.0), "{}", pair["both"]);
}

#[test]
fn bank_calls_and_subscriptions_come_out_of_the_views() {
    let Some(dir) = full_sets("bank_calls_and_subscriptions_come_out_of_the_views") else { return };
    let desk = imported("bank", &dir);
    let contacts = desk.ask(&["contacts", "--by", "type"]);
    let calls = find(&contacts, "key", &json!(["call.logged"]));
    assert_eq!(calls["duration_s"], 11_671_811);
    let won = desk.ask(&["funnel", "win-rate"]);
    assert_eq!(won["total"]["won"], 5_289);
    // Every client of the set was called, and the deals are those of the calls.
    let contacts = desk.ask(&["sales", "first-contacts"]);
    assert_eq!(
        (&contacts["total"]["contacts"], &contacts["total"]["won"]["numerator"]),
        (&json!(45_211), &json!(5_289))
    );
}

#[test]
fn cdnow_purchases_come_out_of_loyalty() {
    let Some(dir) = full_sets("cdnow_purchases_come_out_of_loyalty") else { return };
    let desk = imported("cdnow", &dir);
    let repeat = desk.ask(&["loyalty", "repeat"]);
    assert_eq!(
        (repeat["rate"]["numerator"].as_i64(), repeat["rate"]["denominator"].as_i64()),
        (Some(1_139), Some(2_357))
    );
}
