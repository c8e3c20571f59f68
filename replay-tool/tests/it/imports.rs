//! What `import` takes, leaves and reports.

use letopis_replay_tool::console::Exit;
use serde_json::{Value, json};

use crate::support::{Desk, full_sets, history, repository};

#[test]
fn importing_twice_changes_nothing() {
    let desk = Desk::new();
    let events = history(40);
    let first = desk.import(&events, &[]);
    assert_eq!((first["accepted"].as_u64(), first["duplicates"].as_u64()), (Some(161), Some(0)));
    let digests = desk.digests();
    let again = desk.import(&events, &["--batch", "7"]);
    assert_eq!((again["accepted"].as_u64(), again["duplicates"].as_u64()), (Some(0), Some(161)));
    assert_eq!(again["head_before"], again["head"]);
    assert_eq!(again["head"], first["head"]);
    assert_eq!(desk.digests(), digests);
}

#[test]
fn a_dry_run_decides_everything_and_appends_nothing() {
    let desk = Desk::new();
    let first = desk.import(&history(5), &["--dry-run"]);
    assert_eq!((first["accepted"].as_u64(), first["head"].as_u64()), (Some(21), Some(0)));
    assert!(!desk.data().exists(), "a folder that was not there is not made");
    desk.import(&history(5), &[]);
    let head = desk.report("stat", &[])["head"].clone();
    let dry = desk.import(&history(7), &["--dry-run"]);
    assert_eq!((dry["accepted"].as_u64(), dry["duplicates"].as_u64()), (Some(8), Some(21)));
    assert_eq!(desk.report("stat", &[])["head"], head);
}

#[test]
fn rejected_rows_are_reported_by_line_and_kept_and_the_others_are_stored() {
    let desk = Desk::new();
    let good = &history(1)[1];
    let mut unknown = good.clone();
    unknown["data"]["colour"] = json!("red");
    let lines = format!("{good}\n{unknown}\nnot json\n\n{}\n", history(2)[5]);
    std::fs::write(desk.path("mixed.ndjson"), lines).expect("file");
    let done = desk.run("import", &["{}/mixed.ndjson", "--report", "{}/report.ndjson"]).expect("import");
    assert_eq!(done.exit, Exit::Found);
    assert_eq!((done.report["accepted"].as_u64(), done.report["rejected"].as_u64()), (Some(2), Some(2)));
    assert_eq!(done.report["rejected_by_rule"], json!({ "malformed_json": 1, "unknown_field": 1 }));
    let read = |path: &std::path::Path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("file");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let rejected = read(std::path::Path::new(done.report["rejects"].as_str().expect("a path")));
    assert_eq!(rejected.len(), 2);
    let second = rejected.iter().find(|row| row["at"]["rows"] == json!([2])).expect("the second line");
    assert_eq!((&second["field"], &second["record"]), (&json!("data.colour"), &unknown));
    assert_eq!(read(&desk.path("report.ndjson")).len(), 4);
    // A report is never written over another.
    assert!(desk.run("import", &["{}/mixed.ndjson", "--report", "{}/report.ndjson"]).is_err());
}

#[test]
fn a_packed_file_is_known_by_its_first_bytes() {
    use std::io::Write;
    let desk = Desk::new();
    let file = std::fs::File::create(desk.path("events")).expect("file");
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    history(3).iter().for_each(|event| writeln!(packed, "{event}").expect("written"));
    packed.finish().expect("written");
    assert_eq!(desk.report("import", &["{}/events"])["accepted"], 13);
}

#[test]
fn shuffled_rows_in_another_folder_with_the_same_identity_key_give_the_same_views() {
    let name = "maven_sales_pipeline.csv";
    let fixtures = repository().join("fixtures/data/maven");
    let desk = Desk::new();
    let first = desk.import_set("maven", &fixtures);
    assert_eq!(first["rejected"], 0, "{first}");

    let other = Desk::with_key_of(&desk);
    let shuffled = other.path("shuffled");
    std::fs::create_dir_all(&shuffled).expect("folder");
    for entry in std::fs::read_dir(&fixtures).expect("fixtures").flatten() {
        std::fs::copy(entry.path(), shuffled.join(entry.file_name())).expect("copied");
    }
    let mut text = String::new();
    let packed = std::fs::File::open(fixtures.join(format!("{name}.gz"))).expect("table");
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(packed), &mut text).expect("unpacked");
    let mut lines: Vec<&str> = text.lines().collect();
    // Any order will do: by the hash of the line.
    lines[1..].sort_unstable_by_key(|line| *blake3::hash(line.as_bytes()).as_bytes());
    std::fs::remove_file(shuffled.join(format!("{name}.gz"))).expect("removed");
    std::fs::write(shuffled.join(name), lines.join("\n") + "\n").expect("written");
    let second = other.import_set("maven", &shuffled);
    assert_eq!(first["accepted"], second["accepted"]);
    assert_eq!(desk.digests(), other.digests());
    let again = desk.import_set("maven", &shuffled);
    assert_eq!((again["accepted"].as_u64(), &again["duplicates"]), (Some(0), &first["accepted"]));
}

#[test]
fn the_full_sets_imported_again_are_all_duplicates() {
    let Some(dir) = full_sets("the_full_sets_imported_again_are_all_duplicates") else { return };
    let desk = Desk::new();
    let first = desk.import_set("cdnow", &dir);
    let again = desk.import_set("cdnow", &dir);
    assert_eq!((again["accepted"].as_u64(), &again["duplicates"]), (Some(0), &first["accepted"]));
    assert_eq!(again["head"], first["head"]);
}
