//! Another key-encryption key: no part becomes unreadable, and a rotation that is broken off is finished.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use letopis_core::folder::Folder;
use letopis_core::ids::{ClientId, Version};
use letopis_core::intake::Outcome;
use letopis_core::log::{EventLog, LogError, StreamName};
use letopis_core::personal::Opened;
use letopis_core::random::Random;
use letopis_core::reader::read_stream;
use letopis_core::rotation::{NextKey, Step, rotate};
use letopis_core::time::SystemClock;
use letopis_core::trust::vault::{LocalKek, Vault};

use crate::intake::{call, caller};

async fn open(dir: &Path) -> Folder {
    Folder::create_or_open(dir, Arc::new(SystemClock)).await.expect("opens")
}

async fn post(folder: &Folder, name: &str) -> ClientId {
    let intake = folder.intake(Arc::new(SystemClock), Arc::new(Random::system())).expect("keys");
    match intake.post(&caller(), vec![call(name, 4)], false).await.remove(0) {
        Outcome::Accepted { receipt, .. } => receipt.client.expect("a client"),
        other => panic!("{other:?}"),
    }
}

/// Whether what is personal of a client can be read.
async fn is_readable(folder: &Folder, client: ClientId) -> bool {
    let vault = folder.vault.as_deref().expect("keys");
    let (mut facts, stream) = (Vec::new(), StreamName::client(client));
    let opener = letopis_core::fact::Opener::Vault(vault);
    let read = read_stream(&*folder.log, opener, &stream, Version(0), &mut facts).await;
    read.is_ok() && facts.iter().any(|fact| matches!(fact.opened, Opened::Values(_)))
}

fn kek(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("secrets/kek.key")).expect("there")
}

fn turn(dir: &Path, next: &NextKey, stop: Option<Step>) -> Result<letopis_core::rotation::Rotated, LogError> {
    rotate(dir, Arc::new(SystemClock), &Random::system(), next, &mut |step| {
        // The number of keys of a batch does not matter here.
        let same = stop.is_some_and(|stop| std::mem::discriminant(&stop) == std::mem::discriminant(&step));
        if same { Err(LogError::damage("killed")) } else { Ok(()) }
    })
}

#[tokio::test]
async fn after_a_rotation_everything_opens_with_the_new_key_and_nothing_with_the_old() {
    let dir = tempfile::tempdir().expect("tempdir");
    let folder = open(dir.path()).await;
    let client = post(&folder, "shop:C-1").await;
    let number = folder.log.subject_key(&letopis_core::personal::Subject::Client(client).to_bytes()).await;
    let number = number.expect("reads").expect("a key");
    assert!(turn(dir.path(), &NextKey::Generated, None).is_err(), "a server has the folder");
    drop(folder);
    let old = kek(dir.path());
    let rotated = turn(dir.path(), &NextKey::Generated, None).expect("rotated");
    assert!(rotated.keys >= 1 && rotated.kept && rotated.from != rotated.to);
    assert_ne!(kek(dir.path()), old);
    let folder = open(dir.path()).await;
    assert!(is_readable(&folder, client).await);
    post(&folder, "shop:C-2").await;
    drop(folder);
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&old[2 * i..2 * i + 2], 16).expect("hex")).collect();
    let before = Box::new(LocalKek::new(bytes.try_into().expect("32 bytes")));
    let vault = Vault::open_read_only(&dir.path().join("keys.db"), before).expect("opens");
    assert!(vault.key(number).is_err());
}

#[tokio::test]
async fn a_rotation_that_is_killed_after_any_step_is_finished_at_the_next_start() {
    for step in [Step::Stored, Step::Rewrapped(0), Step::Complete] {
        let dir = tempfile::tempdir().expect("tempdir");
        let folder = open(dir.path()).await;
        let client = post(&folder, "shop:C-1").await;
        drop(folder);
        let old = kek(dir.path());
        turn(dir.path(), &NextKey::Generated, Some(step)).expect_err("killed");
        assert_eq!(kek(dir.path()), old, "{step:?}");
        let reader = Folder::open_read_only(dir.path()).expect("reads");
        assert!(is_readable(&reader, client).await, "{step:?}: an analyst reads on in between");
        drop(reader);
        let folder = open(dir.path()).await;
        assert!(is_readable(&folder, client).await, "{step:?}");
        assert_ne!(kek(dir.path()), old, "{step:?}");
        assert!(!dir.path().join("secrets/kek.next").exists());
    }
}

#[tokio::test]
async fn a_key_from_a_file_is_taken_and_the_one_in_use_is_refused() {
    let dir = tempfile::tempdir().expect("tempdir");
    drop(open(dir.path()).await);
    let same = NextKey::File(dir.path().join("secrets/kek.key"));
    assert!(turn(dir.path(), &same, None).expect_err("in use").to_string().contains("in use"));
    let path = dir.path().join("next");
    std::fs::write(&path, "ab".repeat(32)).expect("written");
    turn(dir.path(), &NextKey::File(path), None).expect("rotated");
    assert_eq!(kek(dir.path()).trim(), "ab".repeat(32));
    assert!(turn(dir.path(), &NextKey::Variable("LETOPIS_NO_SUCH_KEY".into()), None).is_err());
}

/// `cargo test --workspace --test it -- --ignored --nocapture hundred_thousand_keys`
#[test]
#[ignore = "a measurement"]
fn hundred_thousand_keys_are_wrapped_anew() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("keys.db");
    let vault = Vault::open(&path, Box::new(LocalKek::new([1; 32])), Random::system()).expect("opens");
    for _ in 0..100_000 {
        vault.take().expect("a key");
    }
    let started = Instant::now();
    let count = vault.rewrap(&LocalKek::new([2; 32]), &mut |_| Ok(())).expect("wrapped");
    let seconds = started.elapsed().as_secs_f64();
    println!("{count} keys in {seconds:.2} s, {:.0} keys/s", count as f64 / seconds);
    assert_eq!(vault.not_wrapped_by(&LocalKek::new([2; 32])).expect("counts"), 0);
}
