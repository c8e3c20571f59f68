//! The verifier in Python names the same reasons as ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use letopis_core::random::Random;
use letopis_core::trust::check::{Policy, check};

use crate::trust_bundle::{cases, made, mutate};
use crate::trust_forged::{self, forgeries};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/verify_bundle.py")
}

fn verdicts(dir: &Path, key: &str, bundles: &[Vec<u8>]) -> Vec<String> {
    std::fs::write(dir.join("key.pub"), key).expect("written");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script()).arg("--key").arg(dir.join("key.pub"));
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
        let verdicts = verdicts(dir.path(), key, &bundles);
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

    let random = Random::seeded(11);
    let mutants: Vec<Vec<u8>> = (0..300).map(|_| mutate(&m.boris, &random)).collect();
    for (mutant, verdict) in mutants.iter().zip(verdicts(dir.path(), &m.key_line, &mutants)) {
        let ours = check(mutant, &m.key, &Policy::default());
        assert_eq!(ours.is_ok(), verdict.starts_with("ok"), "{ours:?} {verdict}");
    }
}
