//! How a server begins and ends: one at a time on a folder, and nothing to recover after an orderly end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use letopis_api::folder;
use letopis_core::intake::{Caller, Outcome};

use letopis_core::time::{ManualClock, Moment, Timestamp};
use serde_json::{Value, json};

use super::chance::Chance;
use super::folder::{files, tool, verify};
use super::load::{Shared, start};
use super::process::Start;

const HOUR_US: i64 = 3_600_000_000;

fn call(n: u64) -> Value {
    json!({
        "type": "call.logged", "source": "pbx", "id": format!("call/{n}"), "client": "shop:C-1",
        "occurred_at": "2026-01-01T10:00:00Z", "data": { "direction": "in", "duration_s": n },
    })
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let start = Start::new(dir.path());
    let first = start.ready().expect("ready");
    let refused = start.listening().err().expect("refused");
    assert!(refused.contains("another process writes to"), "{refused}");
    let (status, _) = first.agent().post("/v1/events", "application/json", &call(1).to_string()).expect("answered");
    assert_eq!(status, 201);
    drop(first);
    start.ready().expect("a killed server leaves no lock");
}

#[test]
fn an_order_to_end_drains_and_leaves_nothing_to_recover() {
    let dir = tempfile::tempdir().expect("a folder");
    let begin = Start::new(dir.path());
    let mut server = begin.ready().expect("ready");
    // A rebuild that runs at the end is dropped, and keeps its files open up to then.
    let shared = Shared { rebuild: false, ..Shared::new(false) };
    let callers = start(|| server.agent(), &shared, &mut Chance::printed("drain"));
    std::thread::sleep(Duration::from_millis(400));
    server.terminate();
    let status = server.wait();
    shared.stop.store(true, Ordering::SeqCst);
    callers.into_iter().for_each(|caller| caller.join().expect("no panic"));
    assert!(status.success(), "{status}: {}", server.said());
    let left: Vec<_> = files(dir.path()).into_iter().filter(|path| path.to_string_lossy().ends_with("-wal")).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "no write-ahead log is left");
    let stat = tool(dir.path(), "stat", &[]).expect("stat").report;
    let sealed = tool(dir.path(), "verify", &[]).expect("verify").report;
    assert_eq!(sealed["signed"], stat["head"], "the last event is the seal, and it is signed");
    verify(dir.path(), true).expect("sound");
    let server = begin.ready().expect("ready");
    server.settled().expect("folded");
    shared.ledger.account(&server.agent()).expect("everything is accounted for");
}

#[test]
fn a_server_whose_lines_nobody_reads_any_more_goes_on_and_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let begin = Start { unheard: true, ..Start::new(dir.path()) };
    let mut server = begin.ready().expect("ready");
    let (status, _) = server.agent().post("/v1/events", "application/json", &call(1).to_string()).expect("answered");
    assert_eq!(status, 201);
    server.terminate();
    assert!(server.wait().success());
    let stat = tool(dir.path(), "stat", &[]).expect("stat").report;
    let sealed = tool(dir.path(), "verify", &[]).expect("verify").report;
    assert_eq!(sealed["signed"], stat["head"], "the last event is the seal, and it is signed");
}

#[tokio::test]
async fn a_clock_that_is_set_back_by_an_hour_turns_no_time_of_record_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let noon = "2026-03-10T12:00:00Z".parse::<Moment>().expect("a moment").at;
    let at = |offset_us: i64| Arc::new(ManualClock::at(Timestamp(noon.0 + offset_us)));
    let mut times = Vec::new();
    // Set back while it runs, and again between two starts.
    for (from, to) in [(0, -HOUR_US), (-HOUR_US, -2 * HOUR_US)] {
        let clock = at(from);
        let app = folder::open_at(dir.path(), false, clock.clone()).await.expect("opens");
        for n in 0..3 {
            let event = call(times.len() as u64);
            let answers = app.intake.post(&Caller::default(), vec![event], false).await;
            let Outcome::Accepted { receipt, .. } = &answers[0] else { panic!("{answers:?}") };
            times.push(receipt.recorded_at);
            if n == 0 {
                clock.set(Timestamp(noon.0 + to));
            }
        }
        app.sealer.seal().await.expect("seals");
        assert_eq!(app.log.head().await.expect("head").0, app.views.catch_up().await.expect("folds").0);
    }
    assert!(times.is_sorted(), "{times:?}");
    verify(dir.path(), true).expect("sound");
}
