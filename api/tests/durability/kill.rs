//! kill -9 under load: no acknowledged event is lost, none is doubled, and everything else is as a rebuild makes it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::chance::{Chance, from_env};
use super::folder::{holding, verify};
use super::load::{Shared, post_one, start};
use super::process::{Process, Start};

/// Cycles on one folder; then a new one is begun, so that an account stays cheap.
const CYCLES_OF_A_FOLDER: u64 = 20;

/// What a run came to.
#[derive(Debug, Default)]
struct Report {
    cycles: u64,
    /// Killed while a request of this kind was under way.
    posting: u64,
    importing: u64,
    rebuilding: u64,
    erasing: u64,
    /// Killed while it was ending: it drains and seals.
    ending: u64,
    /// Killed while it was starting.
    starting: u64,
    acked: u64,
    stored: u64,
    not_stored: u64,
    erased: u64,
    slowest_start: Duration,
}

/// Lets a server be killed so often.
///
/// # Errors
/// The first thing that is not as it must be, with the cycle.
fn run(cycles: u64, fault: Option<&'static str>, chance: &mut Chance) -> Result<Report, String> {
    let mut report = Report::default();
    while report.cycles < cycles {
        let dir = tempfile::tempdir().expect("a folder");
        let shared = Shared::new(fault.is_none());
        let last = (report.cycles + CYCLES_OF_A_FOLDER).min(cycles);
        let begin = Start { fault, ..Start::new(dir.path()) };
        let mut server = begin.ready()?;
        while report.cycles < last {
            report.cycles += 1;
            server = cycle(&begin, server, &shared, chance, &mut report)
                .map_err(|error| format!("cycle {}: {error}", report.cycles))?;
        }
        report.erased += shared.ledger.erased_words().len() as u64;
    }
    Ok(report)
}

fn cycle(
    begin: &Start,
    mut server: Process,
    shared: &Shared,
    chance: &mut Chance,
    report: &mut Report,
) -> Result<Process, String> {
    shared.stop.store(false, Ordering::SeqCst);
    let callers = start(|| server.agent(), shared, chance);
    std::thread::sleep(Duration::from_millis(60 + chance.below(600)));
    let doing = &shared.doing;
    if chance.below(4) == 0 {
        server.terminate();
        std::thread::sleep(Duration::from_micros(chance.below(60_000)));
        report.ending += 1;
    }
    for (count, now) in [
        (&mut report.posting, &doing.posts),
        (&mut report.importing, &doing.imports),
        (&mut report.rebuilding, &doing.rebuilds),
        (&mut report.erasing, &doing.erasures),
    ] {
        *count += u64::from(now.load(Ordering::SeqCst) > 0);
    }
    server.kill();
    shared.stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.join().map_err(|_| "a caller panicked")?;
    }
    if chance.below(5) == 0 {
        // Once more, while it is still recovering.
        let mut child = begin.spawn();
        std::thread::sleep(Duration::from_millis(chance.below(150)));
        child.kill().expect("killed");
        child.wait().expect("ends");
        report.starting += 1;
    }
    let started = Instant::now();
    let server = begin.ready()?;
    report.slowest_start = report.slowest_start.max(started.elapsed());
    let account = shared.ledger.account(&server.agent())?;
    report.acked += account.acked;
    report.stored += account.stored;
    report.not_stored += account.not_stored;
    server.settled()?;
    verify(&begin.data, true)?;
    forgotten(&begin.data, shared)?;
    Ok(server)
}

/// Whose erasure was certified is in no file.
fn forgotten(data: &Path, shared: &Shared) -> Result<(), String> {
    match holding(data, &shared.ledger.erased_words()).first() {
        None => Ok(()),
        Some((path, word)) => Err(format!("{word} was erased and stands in {}", path.display())),
    }
}

#[test]
fn a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    let mut chance = Chance::printed("kill");
    let report = run(from_env("LETOPIS_CYCLES", 3), None, &mut chance).expect("everything is accounted for");
    println!("{report:?}");
    assert!(report.acked > 0 && report.posting > 0, "it was killed while it worked: {report:?}");
}

#[test]
#[ignore = "takes the better part of an hour: LETOPIS_CYCLES, 200 when not given"]
fn a_server_that_is_killed_two_hundred_times_loses_nothing_and_doubles_nothing() {
    let mut chance = Chance::printed("kill");
    let started = Instant::now();
    let report = run(from_env("LETOPIS_CYCLES", 200), None, &mut chance).expect("everything is accounted for");
    println!("{report:?} in {:?}", started.elapsed());
}

#[test]
fn negative_control_a_server_that_acknowledges_before_it_commits_is_found_out() {
    let mut chance = Chance::printed("kill");
    let fault = Some("ack-before-commit");
    // One caller alone: what was acknowledged to him last is lost by every kill.
    let (dir, shared) = (tempfile::tempdir().expect("a folder"), Shared::new(false));
    let begin = Start { fault, ..Start::new(dir.path()) };
    let mut server = begin.ready().expect("ready");
    (0..3).for_each(|_| post_one(&server.agent(), &shared, &mut chance));
    server.kill();
    let server = begin.ready().expect("ready");
    let found = shared.ledger.account(&server.agent()).expect_err("an acknowledged event is lost");
    assert!(found.starts_with("LOST"), "{found}");
    // Under load the kill may take what no caller had heard of; then the views tell, which have folded it already.
    let found = run(10, fault, &mut chance).expect_err("acknowledged events are lost");
    println!("found: {found}");
    assert!(found.contains("LOST") || found.contains("same_log"), "{found}");
}

#[test]
fn negative_control_views_that_are_committed_apart_from_their_checkpoint_are_found_out() {
    let mut chance = Chance::printed("kill");
    let found = run(20, Some("checkpoint-apart"), &mut chance).expect_err("facts are folded twice");
    println!("found: {found}");
    assert!(found.contains("verify") || found.contains("views"), "{found}");
}
