//! Exports: what is copied is the same.

use clap::Parser;
use letopis_replay_tool::commands::export::guard;
use letopis_replay_tool::commands::{self, Cli};
use letopis_replay_tool::console::{Console, Exit};
use serde_json::{Value, json};

use crate::support::{Desk, history};

/// Two merged clients, a correction and a retraction beside the plain history.
fn entangled() -> (Desk, Vec<Value>) {
    let desk = Desk::new();
    desk.import(&history(12), &["--report", "{}/rows.ndjson"]);
    let rows = std::fs::read_to_string(desk.path("rows.ndjson")).expect("report");
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let absorbed = rows[5]["client"].clone();
    let at = "2026-04-01T00:00:00Z";
    desk.import(
        &[
            json!({ "type": "client.merged", "id": "m", "source": "shop", "client": "shop:C-0", "occurred_at": at,
                    "data": { "absorbed": absorbed, "reason": "the same" } }),
            json!({ "type": "event.corrected", "id": "c", "source": "shop", "occurred_at": at,
                    "data": { "target": "shop:call/3", "data": { "direction": "out", "summary": "we called" }, "reason": "typo" } }),
            json!({ "type": "event.retracted", "id": "r", "source": "shop", "occurred_at": at,
                    "data": { "target": "shop:case/4" } }),
            json!({ "type": "order.placed", "id": "late", "source": "shop", "client": {"unidentified": "till 4"},
                    "occurred_at": "2026-01-02T00:00:00Z", "order": -3, "correlation": "c",
                    "data": { "order": "shop:O-x", "currency": "EUR",
                              "lines": [{ "product": "tea", "quantity": "1", "unit_price": "2" }] } }),
        ],
        &[],
    );
    (desk, rows)
}

/// Every event's id, stream and version.
fn places(desk: &Desk) -> Vec<(Vec<u8>, String, u64)> {
    let conn = rusqlite::Connection::open(desk.data().join("log.db")).expect("log");
    let sql = "SELECT e.id, s.name, e.version FROM event e JOIN stream s ON s.key = e.stream ORDER BY 2, 3";
    let mut select = conn.prepare(sql).expect("query");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.map(|row| row.expect("row")).collect()
}

#[test]
fn an_export_imported_elsewhere_has_the_same_ids_versions_and_views() {
    let (desk, _) = entangled();
    // The register of exports stays with its log.
    let before = places(&desk);
    let exported = desk.report("export", &["--out", "{}/all.ndjson.gz"]);
    // Elsewhere: another identity key, other data keys.
    let other = Desk::new();
    let file = desk.path("all.ndjson.gz").display().to_string();
    let report = other.report("import", &["--restore", &file]);
    assert_eq!(report["accepted"], exported["events"]);
    assert_eq!(before, places(&other));
    assert_eq!(desk.digests(), other.digests());
    // Personal fields came along, and what entities are called elsewhere.
    let told = |desk: &Desk| desk.report("history", &["shop:C-3"])["events"].clone();
    for (ours, theirs) in told(&desk).as_array().expect("events").iter().zip(told(&other).as_array().expect("events")) {
        for part in ["id", "version", "occurred_at", "data", "refs", "source", "corrected_by"] {
            assert_eq!(ours[part], theirs[part], "{part}");
        }
    }
    let again = other.report("import", &["--restore", &file]);
    assert_eq!((again["accepted"].as_u64(), &again["duplicates"]), (Some(0), &exported["events"]));
}

#[test]
fn names_of_entities_are_taken_from_a_restore_only() {
    let desk = Desk::new();
    let event = json!({ "type": "call.logged", "client": "shop:C-1", "occurred_at": "2026-01-01T00:00:00Z",
                        "data": { "direction": "in" }, "refs": { "deal": "shop:D-1" } });
    std::fs::write(desk.path("one.ndjson"), format!("{event}\n")).expect("file");
    let done = desk.run("import", &["{}/one.ndjson"]).expect("import");
    assert_eq!(done.report["rejected_by_rule"], json!({ "unknown_field": 1 }));
}

#[test]
fn a_raw_copy_is_the_same_leaf_by_leaf_and_opens_with_the_secrets() {
    let (desk, _) = entangled();
    let ours = desk.report("verify", &["--deep"]);
    let report = desk.report("export", &["--raw", "{}/copy"]);
    assert_eq!((&report["different"], report["with_keys"].as_bool()), (&json!([]), Some(true)));
    let copy = Desk::with_key_of(&desk);
    let copied = |name: &str| std::fs::copy(desk.path("copy").join(name), copy.data().join(name)).expect(name);
    copied("log.db");
    copied("keys.db");
    copied("settings.toml");
    let theirs = copy.report("verify", &["--deep"]);
    assert_eq!((&ours["last_leaf"], &ours["events"]), (&theirs["last_leaf"], &theirs["events"]));
    let name = |desk: &Desk| {
        desk.report("history", &["shop:C-3", "--type", "client.registered"])["events"][0]["data"]["name"].clone()
    };
    assert_eq!(name(&copy), Value::Null, "without the key-encryption key personal fields stay sealed");
    std::fs::copy(desk.data().join("secrets/kek.key"), copy.data().join("secrets/kek.key")).expect("key");
    assert_eq!(name(&copy), "Client 3");
    // And it goes on from where the other stood.
    assert_eq!(copy.import(&history(12), &[])["accepted"], 0);
    let full = desk.run("export", &["--raw", "{}/copy"]).expect_err("not empty");
    assert!(full.to_string().contains("not empty"), "{full}");
}

#[test]
fn a_table_for_spreadsheets_holds_no_formulas() {
    for text in ["=1+1", "+7 900", "-1", "@x", "\tx", "\rx"] {
        assert_eq!(guard(text), format!("'{text}"));
    }
    assert_eq!(guard("tea = coffee"), "tea = coffee");
    let desk = Desk::new();
    let mut events = history(3);
    events[1]["data"]["name"] = json!("=HYPERLINK(\"x\")");
    desk.import(&events, &[]);
    desk.report("rebuild", &["--install"]);
    let report = desk.report("export", &["--csv", "client_card", "--out", "{}/clients.csv"]);
    assert_eq!(report["rows"], 3);
    let table = std::fs::read_to_string(desk.path("clients.csv")).expect("table");
    assert!(table.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{table}");
    assert!(!table.contains(",=HYP"), "{table}");
    let unknown = desk.run("export", &["--csv", "nothing"]).expect_err("no such view");
    assert!(unknown.to_string().contains("there is no view or table"), "{unknown}");
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_holds_the_table_with_its_types() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    let desk = Desk::new();
    desk.import(&history(5), &[]);
    desk.report("rebuild", &["--install"]);
    let report = desk.report("export", &["--parquet", "client_order", "--out", "{}/orders.parquet"]);
    assert_eq!(report["rows"], 5);
    let file = std::fs::File::open(desk.path("orders.parquet")).expect("file");
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let schema = reader.metadata().file_metadata().schema_descr();
    let column = |name: &str| (0..schema.num_columns()).find(|&i| schema.column(i).name() == name).expect("column");
    let (channel, owed) = (column("channel"), column("owed_minor"));
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("row")).collect();
    assert_eq!(rows.len(), 5);
    for row in &rows {
        assert_eq!(row.get_string(channel).expect("text"), "shop");
        assert!(row.get_long(owed).expect("a number") > 0);
    }
}

#[test]
fn two_positions_differ_by_what_lies_between_them() {
    let (desk, rows) = entangled();
    let last = rows[0]["position"].to_string();
    let head = desk.report("stat", &[])["head"].to_string();
    let same = desk.report("diff", &["--positions", &head, &head]);
    assert!(same["tables"].as_array().expect("tables").iter().all(|table| table["changed"] == 0));
    let done = desk.run("diff", &["--positions", &last, &head, "--view", "orders"]).expect("diff");
    assert_eq!(done.exit, Exit::Found);
    let orders = done.report["tables"].as_array().expect("tables");
    let orders = orders.iter().find(|table| table["is_total"] == false).expect("rows");
    assert_eq!((orders["only_left"].as_u64(), orders["only_right"].as_u64()), (Some(0), Some(13)));
}

#[test]
fn each_export_is_entered_in_the_register_and_named_by_a_later_erasure() {
    let desk = Desk::new();
    desk.import(&history(2), &[]);
    desk.report("rebuild", &["--install"]);
    desk.report("seal", &[]);
    let events = desk.report("export", &["--out", "{}/all.ndjson.gz"]);
    desk.report("export", &["--csv", "client_card", "--out", "{}/cards.csv"]);
    let bundle = ["--client", "shop:C-1", "--out"];
    desk.report("prove", &[&bundle[..], &["{}/closed.bundle"]].concat());
    let opened = desk.report("prove", &[&bundle[..], &["{}/opened.bundle", "--opened"]].concat());
    desk.report("export", &["--raw", "{}/raw"]);
    let plan = |client: &str| desk.report("erase", &["--client", client, "--plan"])["copies"].clone();
    let what = |copies: &Value| {
        let copies = copies.as_array().expect("copies").iter();
        copies.map(|copy| copy["what"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let copies = plan("shop:C-1");
    assert_eq!(what(&copies), ["events", "view", "bundle", "raw"]);
    assert_eq!(what(&plan("shop:C-0")), ["events", "view", "raw"], "the bundle was about another");
    assert_eq!((&copies[0]["digest"], &copies[0]["record"]), (&events["digest"], &events["register"]));
    assert_eq!(copies[2]["digest"], opened["digest"]);
    let report = desk.report("erase", &["--client", "shop:C-1", "--basis", "gdpr-17"]);
    assert_eq!(report["certificate"]["copies"], copies);
    // A copy of the folder is told so, and is not written to.
    let copy = desk.path("raw").display().to_string();
    let words = ["replay-tool", "export", "--data", &copy, "--raw", &format!("{copy}-again")];
    let cli = Cli::try_parse_from(words).expect("a call");
    let done = commands::run(&cli.command, &Console { json: true, quiet: true }).expect("copied");
    assert_eq!((&done.report["register"], done.text.contains("NOT entered")), (&Value::Null, true), "{}", done.text);
}
