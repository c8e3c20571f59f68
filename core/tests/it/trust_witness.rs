//! A witness signs a log that grows, and no other.

use std::path::Path;

use letopis_core::random::Random;
use letopis_core::testing::samples::START;
use letopis_core::time::Timestamp;
use letopis_core::trust::check::{Policy, check};
use letopis_core::trust::cosign::{Cosigner, with_line};
use letopis_core::trust::hex;
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::note::{SigningKey, VerifierKey};
use letopis_core::trust::prove::Personal;
use letopis_core::trust::tree::Tree;
use letopis_core::trust::witness::{Refusal, Witness, request};
use proptest::prelude::*;
use sha2_next::{Digest, Sha256};

use crate::trust_tree::Grown;
use crate::trust_world::{ANNA, World};

const ORIGIN: &str = "crm.example/log";

fn signing(seed: u8) -> SigningKey {
    SigningKey::new(&[seed; 32], ORIGIN).expect("a name")
}

fn log_key() -> VerifierKey {
    VerifierKey::parse(&signing(1).verifier_line()).expect("a line")
}

fn open(dir: &Path) -> Witness {
    Witness::open(dir, Some("witness.example/w1"), vec![log_key()], &Random::seeded(3)).expect("opens")
}

/// A log of `common` leaves like every other, then leaves of its own.
struct Log(Grown);

impl Log {
    fn new(common: u64, own: u8) -> Self {
        let leaf = |n: u64| if n < common { [0; 32] } else { [own; 32] };
        Self(Grown::of((0..64).map(|n| Sha256::digest([leaf(n), [n as u8; 32]].concat()).into())))
    }

    fn root(&self, size: u64) -> Hash {
        if size == 0 { Sha256::digest([]).into() } else { Tree::new(&self.0, size).root().expect("root") }
    }

    fn body(&self, old: u64, size: u64) -> String {
        let proof = match old {
            0 => Vec::new(),
            _ if old > size => Vec::new(),
            _ => Tree::new(&self.0, size).consistency(old).expect("proof"),
        };
        request(old, &proof, &signing(1).sign(size, self.root(size)).expect("signs"))
    }
}

fn status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Malformed(_) => 400,
        Refusal::Untrusted => 403,
        Refusal::UnknownLog => 404,
        Refusal::OtherSize { .. } => 409,
        Refusal::Inconsistent(_) => 422,
        Refusal::Failed(_) => 500,
    }
}

#[test]
fn each_wrong_request_has_the_status_of_the_specification_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("tempdir");
    let witness = open(dir.path());
    let (log, fork) = (Log::new(64, 0), Log::new(3, 9));
    let note = |size: u64, root: Hash| signing(1).sign(size, root).expect("signs");
    let by = |key: SigningKey| request(0, &[], &key.sign(5, log.root(5)).expect("signs"));
    let elsewhere = SigningKey::new(&[1; 32], "other.example/log").expect("a name");
    assert_eq!(
        witness.add_checkpoint(&log.body(2, 5), START).map_err(|refusal| status(&refusal)),
        Err(409),
        "never seen"
    );
    witness.add_checkpoint(&log.body(0, 5), START).expect("cosigned");
    let good = log.body(5, 9);
    let forged = good.replacen("\n9\n", "\n8\n", 1);
    let cases: Vec<(&str, String, u16)> = vec![
        ("no old size", good.replacen("old 5\n", "", 1), 400),
        ("old size spelt otherwise", good.replacen("old 5", "old 05", 1), 400),
        ("a hash that is none", good.replacen("old 5\n", "old 5\nAAAA\n", 1), 400),
        ("more than 63 hashes", request(5, &[[7; 32]; 64], &note(9, log.root(9))), 400),
        ("no note", "old 5\n\nnothing".to_owned(), 400),
        ("old larger than new", request(9, &[], &note(7, log.root(7))), 400),
        ("another log", by(elsewhere), 404),
        ("another key", by(signing(2)), 403),
        ("a signature of another text", forged, 403),
        ("shrinking", log.body(4, 4), 409),
        ("from the beginning again", log.body(0, 9), 409),
        ("from another size", log.body(6, 9), 409),
        ("another tree of that size", request(5, &[], &note(5, fork.root(5))), 422),
        ("a proof for the same tree", request(5, &[[7; 32]], &note(5, log.root(5))), 422),
        ("another history", fork.body(5, 9), 422),
        ("no proof", request(5, &[], &note(9, log.root(9))), 422),
        ("proof of another log", request(5, &[[7; 32]; 3], &note(9, log.root(9))), 422),
    ];
    for (name, body, expected) in cases {
        match witness.add_checkpoint(&body, START) {
            Ok(_) => panic!("{name} was cosigned"),
            Err(refusal) => {
                assert_eq!(status(&refusal), expected, "{name}: {refusal}");
                assert!(!matches!(refusal, Refusal::OtherSize { size } if size != 5), "{name}");
            }
        }
    }
    witness.add_checkpoint(&good, START).expect("and the right one is cosigned still");
    let empty = tempfile::tempdir().expect("tempdir");
    let witness = open(empty.path());
    assert!(matches!(
        witness.add_checkpoint(&request(0, &[], &note(0, [1; 32])), START),
        Err(Refusal::Inconsistent(_))
    ));
    assert!(matches!(
        witness.add_checkpoint(&request(0, &[[1; 32]], &note(3, [1; 32])), START),
        Err(Refusal::Inconsistent(_))
    ));
    witness.add_checkpoint(&request(0, &[], &note(0, log.root(0))), START).expect("a log without events");
}

#[test]
fn what_was_cosigned_is_on_disk_and_served_with_both_signatures() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = Log::new(64, 0);
    let witness = open(dir.path());
    let public = witness.public().clone();
    let line = witness.add_checkpoint(&log.body(0, 5), START).expect("cosigned");
    let busy = Witness::open(dir.path(), None, vec![log_key()], &Random::seeded(4));
    assert!(busy.is_err_and(|error| error.to_string().contains("another witness")));
    drop(witness);
    let other = Witness::open(dir.path(), Some("another/name"), vec![log_key()], &Random::seeded(4));
    assert!(other.is_err_and(|error| error.to_string().contains("witness.example/w1")));
    let witness = Witness::open(dir.path(), None, vec![log_key()], &Random::seeded(4)).expect("opens");
    assert_eq!(witness.public(), &public);
    let plain = signing(1).sign(5, log.root(5)).expect("signs");
    let name = hex::encode(&Sha256::digest(ORIGIN));
    let kept = witness.checkpoint(&name).expect("reads").expect("there");
    assert_eq!(kept, with_line(&plain, &public, &line));
    let (checkpoint, cosigned) = log_key().verify_cosigned(&kept, &[public]).expect("good");
    assert_eq!((checkpoint.size, cosigned[0].at), (5, Timestamp(START.0 / 1_000_000 * 1_000_000)));
    assert_eq!(witness.checkpoint("../witness.key").expect("reads"), None);
    assert_eq!(witness.checkpoint(&hex::encode(&[1; 32])).expect("reads"), None);
    assert!(matches!(witness.add_checkpoint(&log.body(0, 9), START), Err(Refusal::OtherSize { size: 5 })));
    std::fs::write(dir.path().join("checkpoints").join(name), plain).expect("altered");
    let refused = witness.add_checkpoint(&log.body(5, 9), START);
    assert!(matches!(refused, Err(Refusal::Failed(_))), "a state that is not its own is not believed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Whatever is asked in whatever order, all that was ever cosigned is one history that grows.
    #[test]
    fn all_that_is_cosigned_is_one_history(common in 0u64..20, asked in prop::collection::vec((0u8..2, 0u64..32, 1u64..32, any::<bool>()), 1..40)) {
        let dir = tempfile::tempdir().expect("tempdir");
        let witness = open(dir.path());
        let logs = [Log::new(64, 0), Log::new(common, 9)];
        let mut signed: Vec<(u64, Hash)> = Vec::new();
        for (which, old, size, right) in asked {
            let log = &logs[usize::from(which)];
            let old = if right { signed.last().map_or(0, |last| last.0) } else { old };
            if witness.add_checkpoint(&log.body(old, size), START).is_ok() {
                prop_assert!(signed.last().is_none_or(|last| last.0 <= size), "it shrank");
                signed.push((size, log.root(size)));
            }
        }
        let one = |log: &Log| signed.iter().all(|(size, root)| log.root(*size) == *root);
        prop_assert!(logs.iter().any(one), "two histories");
    }
}

#[tokio::test]
async fn a_cosigned_bundle_is_good_for_those_only_who_name_all_its_witnesses() {
    let w = World::new();
    let sealer = w.sealer().await;
    w.note(ANNA, 1).await;
    let note = sealer.seal().await.expect("seals").expect("one");
    let size = w.key().verify(&note).expect("verifies").size;
    let (one, two) = (
        Cosigner::new(&[5; 32], "w.example/1").expect("a name"),
        Cosigner::new(&[6; 32], "w.example/2").expect("a name"),
    );
    let text = format!("{}\n", note.split_once("\n\n").expect("two parts").0);
    let line = |by: &Cosigner, text: &str| by.sign(text, START).expect("signs");
    let key = one.public();
    assert!(!sealer.cosign(size, key, &line(&two, &text)).await.expect("reads"), "of another witness");
    assert!(!sealer.cosign(size, key, &line(&one, "another text\n")).await.expect("reads"), "of another text");
    assert!(!sealer.cosign(size + 1, key, &line(&one, &text)).await.expect("reads"), "of another size");
    assert_eq!(w.proofs().checkpoint().expect("reads").as_ref(), Some(&note), "nothing was kept");
    let answer = format!("{}{}", line(&two, &text), line(&one, &text));
    assert!(sealer.cosign(size, key, &answer).await.expect("kept"));
    let plain = w.bundle(ANNA, false).await;
    let cosigned = w.proofs().cosigned_bundle(&*w.log, Personal::Closed, ANNA).await.expect("a bundle").encode();
    let checked = |bytes: &[u8], witnesses: &[_]| {
        let policy = Policy { witnesses, ..Policy::default() };
        check(bytes, &w.key(), &policy).map(|report| report.cosigned.len()).map_err(|why| why.code())
    };
    let (key, other) = (key.clone(), two.public().clone());
    assert_eq!(checked(&plain, &[]), Ok(0));
    assert_eq!(checked(&plain, std::slice::from_ref(&key)), Err("not-cosigned"));
    assert_eq!(checked(&cosigned, &[]), Err("unknown-signer"));
    assert_eq!(checked(&cosigned, std::slice::from_ref(&key)), Ok(1));
    assert_eq!(checked(&cosigned, &[key.clone(), other]), Err("not-cosigned"));
    let receipt =
        w.proofs().receipt(&*w.log, letopis_core::ids::Position(1), true).await.expect("reads").expect("sealed");
    let read = |text: &str, witnesses: &[_]| letopis_core::trust::receipt::check(text.as_bytes(), &w.key(), witnesses);
    assert_eq!(read(&receipt, std::slice::from_ref(&key)).expect("good").position.0, 1);
    let plain = w.proofs().receipt(&*w.log, letopis_core::ids::Position(1), false).await.expect("reads");
    assert_eq!(read(&plain.expect("sealed"), &[]).expect("good").cosigned, []);
    assert_eq!(read(&receipt, &[]).map_err(|why| why.code()), Err("unknown-signer"));
    for at in 0..receipt.len() {
        let mut bytes = receipt.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(text) = String::from_utf8(bytes) {
            assert!(read(&text, std::slice::from_ref(&key)).is_err(), "byte {at}: {text}");
        }
    }
}
