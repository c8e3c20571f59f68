//! The verifier in Python names the same reasons as ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use letopis_core::random::Random;
use letopis_core::time::{DAY_US, SECOND_US};
use letopis_core::trust::check::{Policy, check};
use letopis_core::trust::hex;

use crate::trust_bundle::{cases, made, mutate};
use crate::trust_forged::{self, forgeries};
use crate::trust_world::BORIS;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/verify_bundle.py")
}

fn verdicts(dir: &Path, key: &str, demands: &[&str], bundles: &[Vec<u8>]) -> Vec<String> {
    std::fs::write(dir.join("key.pub"), key).expect("written");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script()).arg("--key").arg(dir.join("key.pub")).args(demands);
    for (n, bytes) in bundles.iter().enumerate() {
        let path = dir.join(format!("{n}.bundle"));
        std::fs::write(&path, bytes).expect("written");
        command.arg(path);
    }
    let output = command.output().expect("runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(ToOwned::to_owned).collect()
}

#[test]
fn the_verifier_in_python_agrees_on_every_bundle() {
    let has = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: python3 with the library `cryptography` is not installed");
        return;
    }
    let dir = tempfile::tempdir().expect("tempdir");
    let agree = |key: &str, cases: Vec<(String, Vec<u8>, &str)>| {
        let bundles: Vec<Vec<u8>> = cases.iter().map(|(_, bytes, _)| bytes.clone()).collect();
        let verdicts = verdicts(dir.path(), key, &[], &bundles);
        assert_eq!(verdicts.len(), cases.len());
        for ((name, _, code), verdict) in cases.iter().zip(verdicts) {
            let expected = if code.is_empty() { "ok".to_owned() } else { format!("rejected {code}") };
            assert!(verdict == expected || verdict.starts_with("ok ") && code.is_empty(), "{name}: {verdict}");
        }
    };
    let m = made();
    agree(&m.key_line, cases());
    let named = forgeries().into_iter().map(|(name, bytes, code)| (name.to_owned(), bytes, code)).collect();
    agree(&trust_forged::signing_key().verifier_line(), named);

    // What an auditor may demand beyond what a bundle proves.
    let report = check(&m.anna, &m.key, &Policy::default()).expect("good");
    let (size, root, now) = (report.tree.0, hex::encode(&report.tree.1), m.now.0);
    let (day, zeros) = (DAY_US / SECOND_US, "00".repeat(32));
    for (demand, expected) in [
        (format!("--client {BORIS}"), "rejected other-client"),
        (format!("--seen {size}:{root}"), "ok"),
        (format!("--seen {}:{zeros}", size - 1), "ok"),
        (format!("--seen {}:{zeros}", size + 1), "rejected older-than-seen"),
        (format!("--seen {size}:{zeros}"), "rejected two-histories"),
        (format!("--max-age {day} --now {now}"), "ok"),
        (format!("--max-age {day} --now {}", now + 2 * DAY_US), "rejected stale"),
    ] {
        let demands: Vec<&str> = demand.split(' ').collect();
        let verdict = verdicts(dir.path(), &m.key_line, &demands, std::slice::from_ref(&m.anna)).remove(0);
        assert!(verdict.starts_with(expected), "{demand}: {verdict}");
    }
    let other = trust_forged::signing_key().verifier_line();
    assert_eq!(verdicts(dir.path(), &other, &[], std::slice::from_ref(&m.anna)), ["rejected unknown-signer"]);

    let random = Random::seeded(11);
    let mutants: Vec<Vec<u8>> = (0..300).map(|_| mutate(&m.boris, &random)).collect();
    for (mutant, verdict) in mutants.iter().zip(verdicts(dir.path(), &m.key_line, &[], &mutants)) {
        let ours = check(mutant, &m.key, &Policy::default());
        assert_eq!(ours.is_ok(), verdict.starts_with("ok"), "{ours:?} {verdict}");
    }
}
