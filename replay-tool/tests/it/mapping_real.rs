//! The mappings of the public sets: what their publishers and the independent counts say must come out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::path::Path;

use letopis_core::money::Exact;
use letopis_replay_tool::mapping::{Files, Item};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::support::{Outcome, assert_fits_the_vocabulary, full_sets, mapping, repository, run, text};

fn map(set: &str, dir: &Path) -> Outcome {
    let out = run(&mapping(set), dir).expect("run");
    for mapped in &out.mapped {
        assert_fits_the_vocabulary(&mapped.event);
    }
    assert_eq!(out.by_id().len(), out.mapped.len(), "every event has an id of its own");
    println!("{set}: {:?}, {:?}", out.summary.by_type, out.summary.inputs);
    out
}

fn count<'a>(events: impl IntoIterator<Item = &'a Value>, test: impl Fn(&Value) -> bool) -> usize {
    events.into_iter().filter(|event| test(event)).count()
}

fn number(value: &Value) -> Decimal {
    text(value).parse().expect("decimal")
}

/// The exact sum of an order's lines.
fn total(order: &Value) -> Exact {
    let lines = order["data"]["lines"].as_array().expect("lines");
    let amount = |line: &Value| Exact::line(number(&line["quantity"]), number(&line["unit_price"])).expect("exact").0;
    Exact(lines.iter().map(amount).sum())
}

fn clients<'a>(events: impl IntoIterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    events.into_iter().filter_map(|event| event["client"].as_str()).collect()
}

#[test]
fn maven_deals_come_out_as_published() {
    let Some(dir) = full_sets("maven") else { return };
    let out = map("maven", &dir);
    assert!(out.rejected.is_empty());
    let (opened, won, lost) = (out.of("deal.opened"), out.of("deal.won"), out.of("deal.lost"));
    assert_eq!((opened.len(), won.len(), lost.len()), (8_800, 4_238, 2_473));
    let minor = |event: &Value| event["data"]["amount"]["minor"].as_i64().expect("minor units");
    assert_eq!(won.iter().map(|event| minor(event)).sum::<i64>(), 1_000_553_400);
    let dated = count(opened.iter().copied(), |event| event["data"]["date_known"] != false);
    assert_eq!(dated + won.len() + lost.len(), 15_011);
    assert_eq!(count(opened.iter().copied(), |event| event["client"].is_object()), 1_425);

    let employees = out.of("employee.defined");
    assert_eq!(employees.len(), 41);
    let managers: HashMap<&str, &Value> =
        employees.iter().map(|event| (text(&event["data"]["employee"]), &event["data"]["manager"])).collect();
    let agents: HashMap<&str, &str> =
        opened.iter().map(|event| (text(&event["data"]["deal"]), text(&event["data"]["agent"]))).collect();
    let hers = |event: &&&Value| managers[agents[text(&event["data"]["deal"])]] == "maven:Celia Rouche";
    assert_eq!(won.iter().filter(hers).count(), 610);
    assert_eq!(lost.iter().filter(hers).count(), 352);
    assert_eq!(won.iter().filter(hers).map(|event| minor(event)).sum::<i64>(), 160_389_700);

    let products: BTreeSet<_> = out.of("product.defined").iter().map(|event| text(&event["data"]["product"])).collect();
    let sold: BTreeSet<_> = opened.iter().map(|event| text(&event["data"]["product"])).collect();
    assert_eq!((products.len(), products), (7, sold), "GTXPro and GTX Pro are one product");
    let accounts = out.of("client.registered");
    assert!(clients(opened).is_subset(&clients(accounts)), "every deal's account is registered");
}

#[test]
fn cdnow_purchases_come_out_as_published() {
    let Some(dir) = full_sets("cdnow") else { return };
    let out = map("cdnow", &dir);
    assert!(out.rejected.is_empty());
    let orders = out.of("order.placed");
    assert_eq!((orders.len(), clients(orders.iter().copied()).len()), (6_919, 2_357));
    let cds = |order: &Value| number(&order["data"]["lines"][0]["quantity"]);
    assert_eq!(orders.iter().map(|order| cds(order)).sum::<Decimal>(), Decimal::from(16_479));
    assert_eq!(Exact(orders.iter().map(|order| total(order).0).sum()).to_string(), "244091.94");
    let mut days: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for order in &orders {
        days.entry(text(&order["client"])).or_default().insert(text(&order["occurred_at"]));
    }
    assert_eq!(days.values().filter(|days| days.len() > 1).count(), 1_139);
}

#[test]
fn cfpb_complaints_come_out_as_published() {
    let Some(dir) = full_sets("cfpb") else { return };
    check_cfpb(&map("cfpb", &dir));
}

fn check_cfpb(out: &Outcome) {
    assert!(out.rejected.is_empty());
    let forwarded = out.of("case.forwarded");
    assert_eq!((out.of("case.raised").len(), forwarded.len()), (29_271, 29_271));
    assert_eq!(clients(out.of("case.raised")).len(), 29_271);
    assert_eq!(count(forwarded.iter().copied(), |event| event["data"]["timely"] == false), 90);
    let response = |code: &str| count(forwarded.iter().copied(), |event| event["data"]["response"] == code);
    assert_eq!(response("closed-with-explanation"), 19_702);
    assert_eq!(response("closed-with-monetary-relief"), 7_204);
    assert_eq!(out.of("web_request.logged").len(), 19_246);
    assert_eq!((out.of("call.logged").len(), out.of("letter.logged").len()), (1_887, 996 + 222 + 2));
    let topics: BTreeSet<_> = out.of("case.raised").iter().map(|event| text(&event["data"]["topic"])).collect();
    assert_eq!(topics.len(), 73, "no two issues fall together in one code");
}

#[test]
fn retail_orders_come_out_as_published() {
    let Some(dir) = full_sets("retail") else { return };
    let out = map("retail", &dir);
    assert_eq!(out.summary.inputs[0].rows, 541_909);
    assert_eq!(out.rejected.len(), 1_336);
    for rejected in &out.rejected {
        assert!(rejected.reason.starts_with("a stock correction"), "{}", rejected.reason);
        assert_eq!(rejected.record.fields[6], "", "no client loses a line");
    }
    let orders = out.of("order.placed");
    let sold = |line: &&Value| number(&line["quantity"]) > Decimal::ZERO && number(&line["unit_price"]) > Decimal::ZERO;
    let sales: Vec<(&Value, usize)> = orders
        .iter()
        .filter(|order| order["client"].is_string())
        .map(|order| (*order, order["data"]["lines"].as_array().expect("lines").iter().filter(sold).count()))
        .filter(|(_, lines)| *lines > 0)
        .collect();
    assert_eq!(sales.iter().map(|(_, lines)| lines).sum::<usize>(), 397_884);
    assert_eq!(sales.len(), 18_532);
    assert_eq!(clients(sales.iter().map(|(order, _)| *order)).len(), 4_338);
    let sum = |orders: &mut dyn Iterator<Item = &Value>| Exact(orders.map(|order| total(order).0).sum()).to_string();
    assert_eq!(sum(&mut sales.iter().map(|(order, _)| *order)), "8911407.904");
    let best = || sales.iter().map(|(order, _)| *order).filter(|order| order["client"] == "retail:14646");
    assert_eq!((best().count(), sum(&mut best()).as_str()), (73, "280206.02"));
    let has = |order: &Value, code: &str| {
        order["data"]["lines"].as_array().expect("lines").iter().any(|line| line["product"] == code)
    };
    assert_eq!(count(orders.iter().copied(), |order| has(order, "22386") && has(order, "85099B")), 825);
    assert_eq!((out.of("goods.returned").len(), out.of("order.adjusted").len()), (3_836, 3));
    let adjusted: i64 = out.of("order.adjusted").iter().filter_map(|e| e["data"]["amount"]["minor"].as_i64()).sum();
    assert_eq!(adjusted, -1_106_206);
}

#[test]
fn bank_calls_come_out_as_published() {
    let Some(dir) = full_sets("bank") else { return };
    check_bank(&map("bank", &dir));
}

fn check_bank(out: &Outcome) {
    assert!(out.rejected.is_empty());
    let calls = out.of("call.logged");
    assert_eq!(calls.len(), 45_211);
    let seconds = |call: &Value| call["data"]["duration_s"].as_u64().expect("seconds");
    assert_eq!(calls.iter().map(|call| seconds(call)).sum::<u64>(), 11_671_811);
    let days: BTreeSet<_> = calls.iter().map(|call| text(&call["occurred_at"])).collect();
    assert_eq!(days.first().copied(), Some("2008-05-05T00:00:00Z"));
    assert_eq!(days.last().copied(), Some("2010-11-17T00:00:00Z"));
    assert_eq!(count(calls, |call| text(&call["occurred_at"]).starts_with("2008")), 27_729);
    let this = |event: &&&Value| event["data"]["campaign"] == "term-deposit";
    let sent = out.of("touch.sent");
    let ordinal = |event: &&Value| event["data"]["ordinal"].as_u64().expect("ordinal");
    assert_eq!(sent.iter().filter(this).map(ordinal).sum::<u64>(), 124_956);
    assert_eq!(sent.len(), 45_211 + 8_257);
    let yes = |event: &&&Value| event["data"]["outcome"] == "yes";
    assert_eq!(out.of("touch.answered").iter().filter(this).filter(yes).count(), 5_289);
    assert_eq!((out.of("deal.opened").len(), out.of("deal.won").len()), (5_289, 5_289));
}

#[test]
fn shuffled_tables_give_the_same_events() {
    let Some(full) = full_sets("shuffled") else { return };
    for (set, name, dir) in [
        ("cdnow", "cdnow_sample.csv.gz", full.clone()),
        ("maven", "maven_sales_pipeline.csv.gz", full),
        ("retail", "online_retail_2010_2011.csv.gz", repository().join("fixtures/data/retail")),
    ] {
        let straight = run(&mapping(set), &dir).expect("run");
        let mut table = String::new();
        let file = std::fs::File::open(dir.join(name)).expect("table");
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut table).expect("text");
        let (header, rows) = table.split_once('\n').expect("header");
        let mut rows: Vec<&str> = rows.lines().collect();
        // By a hash of place and row: far from the order of the file, the same in every run.
        let mixed = |(place, row): (usize, &str)| blake3::hash(format!("{place} {row}").as_bytes()).to_string();
        let keys: HashMap<usize, String> = rows.iter().enumerate().map(|(i, row)| (i, mixed((i, row)))).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|place| &keys[place]);
        rows = order.into_iter().map(|place| rows[place]).collect();
        let temporary = tempfile::tempdir().expect("folder");
        let shuffled = temporary.path().join("shuffled.csv");
        std::fs::write(&shuffled, format!("{header}\n{}\n", rows.join("\n"))).expect("file");
        let mapping = mapping(set);
        let input = mapping.inputs().last().expect("input").name().to_owned();
        let files = Files { dir, named: [(input, vec![shuffled])].into() };
        let mut events = BTreeMap::new();
        let keep = &mut |item| {
            if let Item::Event(mapped) = item {
                events.insert(text(&mapped.event["id"]).to_owned(), mapped.event);
            }
            Ok(())
        };
        let summary = mapping.run(&files, keep, &mut |_| {}).expect("run");
        assert!(events == straight.by_id(), "{set}: other events");
        assert_eq!(summary, straight.summary);
    }
}

#[test]
fn the_sets_carried_here_are_whole_or_whole_slices() {
    let dir = |set: &str| repository().join("fixtures/data").join(set);
    check_cfpb(&map("cfpb", &dir("cfpb")));
    check_bank(&map("bank", &dir("bank")));
    let maven = map("maven", &dir("maven"));
    assert!(maven.rejected.is_empty());
    assert_eq!(maven.of("deal.opened").len(), 2_934);
    let retail = map("retail", &dir("retail"));
    assert_eq!(retail.summary.inputs[0].rows, 77_628);
    assert!(retail.rejected.iter().all(|r| r.reason.starts_with("a stock correction")));
}
