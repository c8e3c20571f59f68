//! The mapping language on small tables.

use std::io::Write as _;

use letopis_replay_tool::mapping::{Files, Mapping, MappingError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Outcome, repository, run};

const ORDERS: &str = r#"
source = "shop"
[[input]]
name = "lines"
files = ["lines.csv"]
[[input.reject]]
when = { qty = { le = 0 } }
reason = "nothing was sold"
[[input.event]]
type = "product.defined"
group_by = "{code}"
id = "product/{code}"
occurred_at = "{at | time %Y-%m-%d %H:%M | min}"
data = { product = "{code}", label = "{name | most_common}" }
[[input.event]]
type = "order.placed"
group_by = "{no}"
id = "order/{no}"
client = "shop:{client | optional}"
unidentified = "shop:{no}"
occurred_at = "{at | time %Y-%m-%d %H:%M | min}"
[input.event.data]
order = "shop:{no}"
currency = "EUR"
lines.each_row = { product = "{code}", quantity = "{qty | decimal}", unit_price = "{price | decimal}" }
"#;
const HEADER: &str = "no,client,at,code,name,qty,price";

fn read(text: &str) -> Result<Mapping, MappingError> {
    Mapping::read("test.toml", text)
}

fn outcome(mapping: &str, table: impl AsRef<[u8]>) -> Outcome {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::write(dir.path().join("lines.csv"), table).expect("file");
    run(&read(mapping).expect("mapping"), dir.path()).expect("run")
}

/// A mapping of one event of one row; `field` goes into `data`.
fn one(extra: &str, data: &str) -> String {
    format!(
        r#"source = "s"
{extra}
[[input]]
name = "t"
files = ["lines.csv"]
[[input.event]]
type = "thing.happened"
id = "{{#hash}}/{{#n}}"
client = "s:1"
occurred_at = "2026-01-01T00:00:00Z"
data = {data}"#
    )
}

/// What `template` makes of the cell.
fn value(template: &str, cell: &str) -> Result<Value, String> {
    let out = outcome(
        &one("[tables.t]\nyes = \"da\"", &format!("{{ x = '{template}', y = 1 }}")),
        format!("a\n\"{cell}\"\n"),
    );
    match out.rejected.into_iter().next() {
        Some(rejected) => Err(rejected.reason),
        None => Ok(out.mapped[0].event["data"].get("x").cloned().unwrap_or(Value::Null)),
    }
}

#[test]
fn every_step_does_what_it_says() {
    for (template, cell, want) in [
        ("{a | trim | upper}", " ab ", json!("AB")),
        ("{a | slug}", "Hong Kong", json!("hong-kong")),
        ("{a | code}", "85123A", json!("85123A")),
        ("{a | code}", "BANK CHARGES", json!("bank-charges")),
        ("{a | table t}", "yes", json!("da")),
        ("{a | replace t}", "no", json!("no")),
        ("{a | default none}", "", json!("none")),
        ("{a | optional}", "", Value::Null),
        ("x{a | optional}", "", Value::Null),
        ("{a | decimal}", "2.550", json!("2.55")),
        ("{a | decimal_comma | money RUB}", "1 234,50", json!({"minor": 123_450, "currency": "RUB"})),
        ("{a | money USD}", "1054", json!({"minor": 105_400, "currency": "USD"})),
        ("{a | negate}", "-6.0", json!("6")),
        ("{a | times a}", "0.3", json!("0.09")),
        ("{a | integer}", "261", json!(261)),
        ("{a | bool Yes No}", "No", json!(false)),
        ("{a | split ; | slug}", "Red Wine; Tea;", json!(["red-wine", "tea"])),
        ("{a | part - 2}", "12-AB", json!("AB")),
        ("{a | pad 3}", "7", json!("007")),
        ("{a | day %d.%m.%Y}", "01.03.2026", json!("2026-03-01")),
        ("{a | time %Y-%m-%d %H:%M:%S}", "2010-12-01 08:26:00", json!("2010-12-01T08:26:00Z")),
        ("a{{b}}{a}-{#row}", "c", json!("a{b}c-1")),
    ] {
        assert_eq!(value(template, cell), Ok(want), "{template} of {cell:?}");
    }
}

#[test]
fn a_value_that_does_not_fit_refuses_its_row_with_column_and_value() {
    for (template, cell, part) in [
        ("{a}", "", "a: is empty"),
        ("{a | slug}", "££", "££"),
        ("{a | table t}", "no", "\"no\" is not in table \"t\""),
        ("{a | decimal}", "1e3", "\"1e3\""),
        ("{a | money USD}", "0.105", "0.105 has more than the 2 decimal places of USD"),
        ("{a | day %Y-%m-%d}", "2026-02-30", "2026-02-30"),
        ("{a | bool Yes No}", "maybe", "maybe"),
    ] {
        let reason = value(template, cell).expect_err(template);
        assert!(reason.contains(part) && reason.contains("data: x"), "{reason}");
    }
}

#[test]
fn what_the_mapping_gets_wrong_is_named_with_its_place() {
    let event = |line: &str| one("", "{ y = 1 }").replace("client = \"s:1\"", line);
    for (mapping, parts) in [
        ("source = 's'\nfoo = 1".to_owned(), vec!["line 2", "foo"]),
        (event("client = 's:1'\ncolour = 'red'"), vec!["line 10", "colour"]),
        (event("client = '{a | mony USD}'"), vec!["input \"t\", event 1 (thing.happened), client", "unknown step `mony`"]),
        (event("client = '{a'"), vec!["closing brace"]),
        (event("client = 's:1'\nwhen = { a = { equals = 'x' } }"), vec!["when.a", "equals"]),
        (event("client = '{a | min}'"), vec!["`min`", "group_by"]),
        (event("client = '{a | running_year 2008}'"), vec!["running_year", "order of the file"]),
        (event("client = '{#now}'"), vec!["#now"]),
        (one("", "{ x = { deep = ['{a | table none}'] } }"), vec!["data.x.deep.0", "tables.none"]),
        (one("", "{ x = 1.5 }"), vec!["data.x", "float"]),
        (one("", "{ x = { each_row = { y = '{a}' } } }"), vec!["each_row", "group_by"]),
        (one("zone = 'Mars'", "{ y = 1 }"), vec!["zone", "Mars"]),
        (one("", "{ y = '{a | money XXQ}' }"), vec!["data.y", "XXQ"]),
        (ORDERS.replace("currency =", "curency ="), vec!["data.curency", "order.placed", "currency"]),
        (ORDERS.replace("shop:{no}\"\noccurred", "shop:{#hash}\"\noccurred"), vec!["unidentified", "#hash"]),
        (
            one("", "{ y = 1 }").replace("[[input.event]]", "[input.fields]\np = '{q}'\nq = '{p}'\n[[input.event]]"),
            vec!["fields.p", "circle"],
        ),
        (
            "source='s'\n[[event]]\ntype='product.defined'\nid='1'\nclient='s:1'\noccurred_at='2026-01-01T00:00:00Z'\ndata={product='a',label='b'}"
                .to_owned(),
            vec!["event 1 (product.defined)", "client"],
        ),
    ] {
        let error = read(&mapping).expect_err(&mapping).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} not in: {error}");
    }
}

#[test]
fn a_missing_file_or_column_is_named() {
    let dir = tempfile::tempdir().expect("folder");
    let mapping = read(ORDERS).expect("mapping");
    let error = run(&mapping, dir.path()).err().expect("no file").to_string();
    assert!(error.contains("lines.csv"), "{error}");
    std::fs::write(dir.path().join("lines.csv"), "no,client,at,code,name,quantity,price\n").expect("file");
    let error = run(&mapping, dir.path()).err().expect("no column").to_string();
    assert!(error.contains("\"qty\"") && error.contains("quantity"), "{error}");
}

#[test]
fn gzip_tabs_a_byte_order_mark_and_several_files_read_alike() {
    let dir = tempfile::tempdir().expect("folder");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all("\u{feff}a\tb\nx\ty\n".as_bytes()).expect("gzip");
    std::fs::write(dir.path().join("one.tsv.gz"), packed.finish().expect("gzip")).expect("file");
    std::fs::write(dir.path().join("two.tsv"), "b\ta\nw\t\"v\tv\"\n").expect("file");
    let text = one("", "{ a = '{a}', b = '{b}', row = '{#row}' }").replace("\"lines.csv\"", "\"one.tsv\", \"two.tsv\"");
    let out = run(&read(&text).expect("mapping"), dir.path()).expect("run");
    let data: Vec<_> = out.mapped.iter().map(|mapped| mapped.event["data"].clone()).collect();
    assert_eq!(data, [json!({"a": "x", "b": "y", "row": 1}), json!({"a": "v\tv", "b": "w", "row": 2})]);
}

#[test]
fn broken_rows_are_kept_as_rejected_and_the_others_go_on() {
    let mut table = b"a,b\n1,2\n3\n".to_vec();
    table.extend(b"4,\xff\xfe\n5,6\n");
    let out = outcome(&one("", "{ x = '{a}' }"), table);
    assert_eq!(out.mapped.iter().map(|m| m.rows.clone()).collect::<Vec<_>>(), [[1], [4]]);
    let rejected: Vec<_> =
        out.rejected.iter().map(|r| (r.record.row, r.reason.as_str(), r.record.fields.len())).collect();
    assert_eq!(rejected, [(2, "has 1 fields where the header has 2", 1), (3, "is not UTF-8", 2)]);
    assert_eq!((out.summary.inputs[0].rows, out.summary.inputs[0].rejected), (4, 2));
}

#[test]
fn a_torn_gzip_file_is_an_error_and_not_the_end_of_the_table() {
    let dir = tempfile::tempdir().expect("folder");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a\n1\n2\n3\n").expect("gzip");
    let packed = packed.finish().expect("gzip");
    std::fs::write(dir.path().join("lines.csv"), &packed[..packed.len() - 6]).expect("file");
    let mapping = read(&one("", "{ x = '{a}' }")).expect("mapping");
    assert!(matches!(run(&mapping, dir.path()), Err(MappingError::Read { .. })));
}

#[test]
fn rows_of_a_group_become_one_event_and_the_smallest_time_counts() {
    let out = outcome(
        ORDERS,
        format!(
            "{HEADER}\n7,K,2026-01-01 10:01,b,Tea,2,1.50\n7,K,2026-01-01 10:00,a,Milk,1,0.90\n7,K,2026-01-01 10:01,b,tea,1,1.50\n8,,2026-01-02 09:00,b,Tea,0,1.50\n"
        ),
    );
    let order = out.of("order.placed");
    assert_eq!(order.len(), 1);
    assert_eq!(order[0]["occurred_at"], "2026-01-01T10:00:00Z");
    assert_eq!(
        order[0]["data"]["lines"],
        json!([
            {"product": "a", "quantity": "1", "unit_price": "0.9"},
            {"product": "b", "quantity": "1", "unit_price": "1.5"},
            {"product": "b", "quantity": "2", "unit_price": "1.5"},
        ])
    );
    assert_eq!(out.mapped.last().expect("event").rows, [1, 2, 3]);
    assert_eq!(out.of("product.defined")[0]["data"]["label"], "Tea", "the smallest of equally common names");
    assert_eq!((out.rejected.len(), out.rejected[0].reason.as_str()), (1, "nothing was sold"));
}

#[test]
fn the_example_of_the_manual_does_what_the_manual_says() {
    let manual = std::fs::read_to_string(repository().join("docs/mapping.md")).expect("manual");
    let block = |language: &str| {
        let (_, after) = manual.split_once(&format!("```{language}\n")).expect("block");
        after.split_once("```").expect("end").0.to_owned()
    };
    let out = outcome(&block("toml"), block("csv"));
    let orders = out.of("order.placed");
    assert_eq!(
        (&orders[0]["client"], &orders[0]["occurred_at"]),
        (&json!("shop:K-12"), &json!("2026-03-01T12:30:00+03:00"))
    );
    assert_eq!(orders[0]["data"]["lines"][1], json!({"product": "tea", "quantity": "2", "unit_price": "1.5"}));
    assert_eq!(orders[1]["client"], json!({"unidentified": "shop:9"}));
    assert_eq!((out.rejected[0].record.row, out.rejected[0].reason.as_str()), (3, "nothing was sold"));
}

#[test]
fn a_bad_line_refuses_its_whole_group_and_no_other() {
    let out = outcome(
        ORDERS,
        format!(
            "{HEADER}\n7,K,2026-01-01 10:00,a,Milk,1,0.90\n8,K,2026-01-01 11:00,a,Milk,1,0.90\n7,K,2026-01-01 10:00,b,Tea,1,free\n"
        ),
    );
    assert_eq!(out.of("order.placed").len(), 1);
    let rejected: Vec<_> = out.rejected.iter().map(|r| (r.record.row, r.record.fields[3].as_str())).collect();
    assert_eq!(rejected, [(1, "a"), (3, "b")]);
    assert!(out.rejected.iter().all(|r| r.reason.contains("row 3") && r.reason.contains("free")), "{:?}", out.rejected);
}

#[test]
fn a_group_whose_rows_disagree_is_refused() {
    let out =
        outcome(ORDERS, format!("{HEADER}\n7,K,2026-01-01 10:00,a,Milk,1,0.90\n7,L,2026-01-01 10:00,a,Milk,1,0.90\n"));
    assert!(out.of("order.placed").is_empty());
    assert!(out.rejected[0].reason.contains("client") && out.rejected[0].reason.contains("K and L"));
}

#[test]
fn a_row_that_nothing_is_declared_for_is_rejected() {
    let text = one("", "{ x = '{a}' }").replace("client =", "when = { a = ['1', '2'] }\nclient =");
    let out = outcome(&text, "a\n1\n3\n");
    assert_eq!((out.mapped.len(), out.rejected.len()), (1, 1));
    assert_eq!(out.rejected[0].reason, "no event of the mapping fits this row");
}

#[test]
fn equal_rows_have_ids_of_their_own() {
    let out = outcome(&one("", "{ x = '{a}' }"), "a\n1\n2\n1\n1\n");
    assert_eq!(out.by_id().len(), 4);
}

#[test]
fn rows_are_found_again_by_number() {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::write(dir.path().join("lines.csv"), "a\nx\ny\nz\n").expect("file");
    let mapping = read(&one("", "{ x = '{a}' }")).expect("mapping");
    let mut found = Vec::new();
    let take = &mut |record: letopis_replay_tool::mapping::Record| {
        found.push((record.row, record.fields));
        Ok(())
    };
    mapping.records(&Files::in_dir(dir.path()), "t", &[3, 1].into(), take).expect("records");
    assert_eq!(found, [(1, vec!["x".to_owned()]), (3, vec!["z".to_owned()])]);
}

#[test]
fn a_sink_that_gives_up_ends_the_run() {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::write(dir.path().join("lines.csv"), "a\nx\n").expect("file");
    let mapping = read(&one("", "{ x = '{a}' }")).expect("mapping");
    let ended = mapping.run(&Files::in_dir(dir.path()), &mut |_| Err("full".into()), &mut |_| {});
    assert!(matches!(ended, Err(MappingError::Sink(_))));
}

fn line() -> impl Strategy<Value = String> {
    let code = prop::sample::select(vec!["a", "b", "c"]);
    let name = prop::sample::select(vec!["Tea", "tea", "Milk"]);
    (0..6u8, 0..3u8, code, name, -1..4i8, 0..300u16).prop_map(|(no, minute, code, name, qty, cents)| {
        let client = if no < 2 { String::new() } else { format!("K{}", no % 3) };
        format!("{no},{client},2026-01-01 10:0{minute},{code},{name},{qty},{}.{:02}", cents / 100, cents % 100)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shuffled_rows_give_the_same_events(
        (lines, shuffled) in prop::collection::vec(line(), 1..40)
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
    ) {
        let single = one("", "{ x = '{no}' }");
        for mapping in [ORDERS, single.as_str()] {
            let table = |lines: &[String]| outcome(mapping, format!("{HEADER}\n{}\n", lines.join("\n")));
            let (straight, mixed) = (table(&lines), table(&shuffled));
            prop_assert_eq!(straight.by_id(), mixed.by_id());
            prop_assert_eq!(straight.mapped.len(), mixed.mapped.len());
            prop_assert_eq!(straight.rejected.len(), mixed.rejected.len());
        }
    }
}
