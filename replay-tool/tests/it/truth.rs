//! The published numbers of the full sets come out of the views.

use std::collections::BTreeMap;
use std::path::Path;

use letopis_core::time::Day;
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
    cfpb_contacts_topics_and_clocks(&desk, &complaints(&dir));
}

/// Day, way and issue of every complaint, out of the published table alone.
fn complaints(dir: &Path) -> Vec<(Day, String, String)> {
    let file = std::fs::File::open(dir.join("cfpb_boa_2017_2020.csv.gz")).expect("the table");
    let mut table = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let column = |headers: &csv::StringRecord, name: &str| headers.iter().position(|header| header == name);
    let headers = table.headers().expect("a header").clone();
    let at = ["Date submitted", "Submitted via", "Issue"].map(|name| column(&headers, name).expect(name));
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.expect("a row");
        let [day, way, issue] = at.map(|n| row[n].to_owned());
        (day.parse().expect("a day"), way, issue)
    };
    table.records().map(row).collect()
}

/// Calls, letters, topics and clocks of service are what the table says by itself.
fn cfpb_contacts_topics_and_clocks(desk: &Desk, table: &[(Day, String, String)]) {
    let came = |ways: &[&str]| table.iter().filter(|(_, way, _)| ways.contains(&way.as_str())).count();
    let contacts = desk.ask(&["contacts", "--by", "type"]);
    for (name, ways) in [
        ("call.logged", &["Phone"][..]),
        ("letter.logged", &["Postal mail", "Fax", "Email"]),
        ("web_request.logged", &["Web"]),
    ] {
        assert_eq!(find(&contacts, "key", &json!([name]))["contacts"], came(ways), "{name}");
    }
    let mut issues: BTreeMap<&str, u64> = BTreeMap::new();
    table.iter().for_each(|(_, _, issue)| *issues.entry(issue).or_default() += 1);
    let topics = desk.ask(&["cases", "overview", "--by", "topic"]);
    let mut raised: Vec<u64> =
        topics.as_array().expect("topics").iter().filter_map(|line| line["raised"].as_u64()).collect();
    let mut counted: Vec<u64> = issues.into_values().collect();
    raised.sort_unstable();
    counted.sort_unstable();
    assert_eq!(raised, counted);

    // Three working days and an hour for a first answer, which the table never tells: at the end of 2018 it is late
    // for whoever came with four working days left.
    let days = json!(["mon", "tue", "wed", "thu", "fri"]);
    let define = |name: &str, data: Value| json!({ "type": name, "id": name, "source": "desk", "occurred_at": "2010-01-01T00:00:00Z", "data": data });
    let hours = json!([{ "days": days, "from": "00:00", "to": "24:00" }]);
    let calendar = json!({ "calendar": "office", "zone": "UTC", "weekly": hours });
    let level = json!({ "level": "all", "rank": 1, "calendar": "office", "first_response_s": (3 * 24 + 1) * 3_600 });
    desk.import(&[define("calendar.defined", calendar), define("service_level.defined", level)], &[]);
    let bound: Day = "2019-01-01".parse().expect("a day");
    let working_days = |from: Day| (from.0..bound.0).filter(|day| (day + 3).rem_euclid(7) < 5).count();
    let before: Vec<Day> = table.iter().map(|(day, _, _)| *day).filter(|day| *day < bound).collect();
    let late = before.iter().filter(|day| working_days(**day) >= 4).count();
    let shares = desk.ask(&["--as-of", "2018-12-31", "cases", "service-levels"]);
    let line = &shares["lines"][0];
    let first = |state: &str| line["first_response"][state].as_u64().unwrap_or_default() as usize;
    assert_eq!((line["cases"].as_u64(), first("breached")), (Some(before.len() as u64), late), "{shares}");
    assert_eq!(first("running") + first("at_risk"), before.len() - late, "{shares}");
    assert_eq!(shares["rests_on"], json!(["calendar:office@1", "service-level:all@1"]));
}

#[test]
fn retail_revenue_comes_out_exact() {
    let Some(dir) = full_sets("retail_revenue_comes_out_exact") else { return };
    let desk = imported("retail", &dir);
    let answer = desk.ask(&["revenue", "--by", "client", "--identified", "true", "--limit", "1000"]);
    assert_eq!(answer["totals"][0]["ordered"]["exact"], "8911407.904");
    let sales = desk.ask(&["loyalty", "repeat-rate", "--basis", "sales"]);
    assert_eq!((sales["orders"].as_i64(), sales["rate"]["denominator"].as_i64()), (Some(18_532), Some(4_338)));
    let best = desk.ask(&["purchases", "retail:14646", "--basis", "sales"]);
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
    let repeat = desk.ask(&["loyalty", "repeat-rate"]);
    assert_eq!(
        (repeat["rate"]["numerator"].as_i64(), repeat["rate"]["denominator"].as_i64()),
        (Some(1_139), Some(2_357))
    );
}
