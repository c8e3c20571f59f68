//! The data folder.

use std::sync::Arc;

use letopis_core::folder::Folder;
use letopis_core::intake::Outcome;
use letopis_core::log::EventLog;
use letopis_core::random::Random;
use letopis_core::time::SystemClock;

use crate::intake::{call, caller};

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock)
}

async fn post(folder: &Folder) {
    let intake = folder.intake(clock(), Arc::new(Random::system())).expect("has its keys");
    let answers = intake.post(&caller(), vec![call("shop:C-1", 1)], false).await;
    assert!(matches!(answers[0], Outcome::Accepted { .. }), "{answers:?}");
}

#[tokio::test]
async fn a_folder_is_made_once_and_opened_again_with_its_keys() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("data");
    assert!(Folder::open(&path, clock()).await.is_err());
    assert!(Folder::open_read_only(&path).is_err());
    let folder = Folder::create_or_open(&path, clock()).await.expect("made");
    post(&folder).await;
    assert!(Folder::open(&path, clock()).await.is_err(), "a second writer is told off");
    assert_eq!(Folder::open_read_only(&path).expect("reads").log.head().await.expect("head").0, 2);
    drop(folder);
    post(&Folder::open(&path, clock()).await.expect("opens")).await;
    for part in ["log.db", "keys.db", "secrets/identity.key", "secrets/kek.key", "settings.toml", "views"] {
        assert!(path.join(part).exists(), "{part}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path.join("secrets/kek.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
    }
}

#[tokio::test]
async fn a_key_that_is_missing_beside_a_log_is_not_made_anew() {
    let dir = tempfile::tempdir().expect("tempdir");
    post(&Folder::create_or_open(dir.path(), clock()).await.expect("made")).await;
    for key in ["identity.key", "kek.key"] {
        let (path, aside) = (dir.path().join("secrets").join(key), dir.path().join("aside"));
        std::fs::rename(&path, &aside).expect("moved");
        let error = Folder::open(dir.path(), clock()).await.expect_err("refused").to_string();
        assert!(error.contains("is missing") && error.contains(key), "{error}");
        let reader = Folder::open_read_only(dir.path()).expect("an analyst needs no keys");
        assert_eq!(reader.vault.is_none(), key == "kek.key");
        assert!(key == "kek.key" || reader.intake(clock(), Arc::new(Random::system())).is_err());
        std::fs::rename(&aside, &path).expect("moved back");
    }
    Folder::open(dir.path(), clock()).await.expect("whole again");
}
