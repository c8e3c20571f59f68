//! A disk that is nearly full: appends are refused before anything breaks, everything else goes on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::folder::{tool, verify};
use super::process::{PATIENCE, Process, Start};

/// Bytes of the small disk; the log wants 64 MiB of them free.
const DISK: u64 = 120 << 20;
const MIB: usize = 1 << 20;

/// A small disk of its own; taken away when it is dropped.
struct Small(PathBuf);

impl Small {
    /// `None`, with a line that says so, where this process may not mount.
    fn mount(at: &Path) -> Option<Self> {
        let options = format!("size={DISK}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            other => {
                println!("SKIPPED: a small disk cannot be mounted here ({other:?})");
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

fn post(server: &Process, n: u64) -> (u16, Value) {
    let event = json!({
        "type": "call.logged", "source": "pbx", "id": format!("call/{n}"), "client": format!("shop:C-{}", n % 7),
        "occurred_at": "2026-01-01T10:00:00Z", "data": { "direction": "in", "duration_s": n },
    });
    server.agent().post("/v1/events", "application/json", &event.to_string()).expect("answered")
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Somebody else fills the disk, a piece at a time, while events come, until one is refused.
fn fill(server: &Process, ballast: &Path, n: &mut u64) -> (u16, Value) {
    loop {
        let answer = post(server, *n);
        if answer.0 != 201 {
            return answer;
        }
        *n += 1;
        let mut file = std::fs::File::options().create(true).append(true).open(ballast).expect("opens");
        file.write_all(&vec![1; MIB]).expect("still room");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_nearly_full_disk_refuses_events_and_nothing_else_until_there_is_room_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let Some(small) = Small::mount(dir.path()) else { return };
    let (data, ballast) = (dir.path().join("data"), dir.path().join("ballast"));
    let start = Start::new(&data);
    let server = start.ready().expect("ready");
    for n in 0..50 {
        assert_eq!(post(&server, n).0, 201);
    }
    server.settled().expect("folded");
    let mut n = 50;
    let refusal = fill(&server, &ballast, &mut n);
    let accepted = n;
    assert_eq!((refusal.0, &refusal.1["code"]), (503, &json!("log_refused")), "{}", refusal.1);
    let detail = refusal.1["detail"].as_str().expect("a reason");
    assert!(detail.contains("bytes are free") && detail.contains("are needed"), "{detail}");
    // Reads, proofs, verify and export go on; so does what is known already.
    server.settled().expect("the views have everything");
    assert_eq!(server.get("/v1/clients/shop:C-1").expect("answered").0, 200);
    assert_eq!(
        server.get("/v1/events?limit=1000").expect("answered").1["position"].as_u64().map(|at| at > accepted),
        Some(true)
    );
    assert_eq!(post(&server, 3).0, 200, "a duplicate is answered by its first receipt");
    assert_eq!(server.agent().post("/v1/views/rebuild", "application/json", "").expect("answered").0, 202);
    server.settled().expect("even a rebuild");
    verify(&data, true).expect("sound");
    let out = tempfile::tempdir().expect("elsewhere");
    let file = out.path().join("all.ndjson").display().to_string();
    let exported = tool(&data, "export", &["--out", &file]).expect("export").report;
    assert!(exported["events"].as_u64().is_some_and(|events| events >= accepted), "{exported}");
    // A start on the full disk goes on reading, too.
    drop(server);
    let server = start.listening().expect("starts");
    until("it is ready", || server.get("/readyz").is_ok_and(|(status, _)| status == 200));
    // Building and folding gave some room back.
    assert_eq!(fill(&server, &ballast, &mut n).0, 503);
    assert_eq!(server.get("/v1/clients/shop:C-1").expect("answered").0, 200);
    // And when there is room again, events are taken without a restart, and sealed.
    std::fs::remove_file(&ballast).expect("removed");
    until("events are taken again", || post(&server, n).0 == 201);
    server.settled().expect("folded");
    let mut server = server;
    server.terminate();
    assert!(server.wait().success(), "{}", server.said());
    let report = tool(&data, "verify", &["--deep", "--views"]).expect("verify").report;
    assert_eq!((&report["findings"]["total"], &report["signed"]), (&json!(0), &report["last_position"]));
    drop((server, small));
}
