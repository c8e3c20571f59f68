//! Crash images: whatever a power cut leaves of what was not synced, the folder opens, verifies, and holds every
//! promise.

use std::collections::HashSet;
use std::path::Path;

use letopis_api::folder as served;
use letopis_core::error::chain;
use letopis_core::folder::Folder;
use letopis_core::ids::EventId;
use letopis_core::log::EventLog;
use letopis_core::random::Random;
use letopis_core::time::SystemClock;

use super::chance::{Chance, from_env};
use super::disk::{Cut, Disk, Image, records, shim};
use super::folder::{holding, verify};
use super::writer::{Promise, promises, run};

/// One image in so many is opened as a server does, with its views compared with a rebuild.
const WHOLE: u64 = 8;

/// Checks an image in a folder of its own.
///
/// # Errors
/// What is not as it was promised.
pub(crate) async fn check(data: &Path, promised: &[Promise], whole: bool) -> Result<(), String> {
    let clock = || std::sync::Arc::new(SystemClock);
    let log = if whole {
        let app = served::open(data, false).await.map_err(|error| format!("it does not open: {error:#}"))?;
        app.views.catch_up().await.map_err(|error| format!("the views do not follow: {error}"))?;
        app.search.catch_up().await.map_err(|error| format!("the index does not follow: {error}"))?;
        app.sealer.seal().await.map_err(|error| format!("it cannot be sealed: {error}"))?;
        app.log.clone()
    } else {
        let folder = Folder::create_or_open(data, clock())
            .await
            .map_err(|error| format!("it does not open: {}", chain(&error)))?;
        let sealer = folder.sealer(clock(), std::sync::Arc::new(Random::system())).await;
        sealer.map_err(|error| format!("it cannot be sealed: {error}"))?;
        folder.log.clone() as std::sync::Arc<dyn EventLog>
    };
    let stored = promised.iter().filter_map(|promise| match promise {
        Promise::Stored { id, position } => Some((id.parse::<EventId>().expect("an id"), *position)),
        Promise::Erased(_) => None,
    });
    let (ids, places): (Vec<EventId>, Vec<u64>) = stored.unzip();
    let found = log.positions(&ids).await.map_err(|error| format!("the log cannot be read: {error}"))?;
    for ((id, place), found) in ids.iter().zip(places).zip(found) {
        if found.map(|position| position.0) != Some(place) {
            return Err(format!("LOST: event {id} was promised at {place} and is found at {found:?}"));
        }
    }
    drop(log);
    verify(data, whole)?;
    // Views that went back are told to forget again when the server opens.
    let words = promised.iter().filter(|_| whole).filter_map(|promise| match promise {
        Promise::Erased(word) => Some(word.clone()),
        Promise::Stored { .. } => None,
    });
    match holding(data, &words.collect::<Vec<_>>()).first() {
        None => Ok(()),
        Some((path, word)) => Err(format!("{word} was erased and stands in {}", path.display())),
    }
}

#[derive(Debug, Default)]
struct Tally {
    calls: u64,
    syncs: u64,
    images: u64,
    whole: u64,
    promises: u64,
}

/// Checks images of a recorded run: at every call, or at so many of them spread evenly.
///
/// # Errors
/// The first image that breaks a promise.
fn walk(fault: Option<&str>, wanted: u64, chance: &mut Chance) -> Result<Option<Tally>, String> {
    let Some(shim) = shim() else { return Ok(None) };
    let dir = tempfile::tempdir().expect("a folder");
    let (below, trace) = (dir.path().join("disk"), dir.path().join("trace"));
    std::fs::create_dir(&below).expect("made");
    let output = run(&below, &shim, &trace, None, fault);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("ran to its end"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let records = records(&trace);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    let (mut disk, mut seen, mut tally) = (Disk::default(), HashSet::new(), Tally::default());
    // About every second image was there before.
    let each = (2 * wanted) as f64 / records.len() as f64;
    let mut due = 0.0;
    for (at, record) in records.iter().enumerate() {
        disk.take(record);
        tally.calls += 1;
        tally.syncs += u64::from(record.is_sync());
        due += each;
        while due >= 1.0 && tally.images < wanted {
            due -= 1.0;
            let cut = [Cut::Strict, Cut::Kept, Cut::Torn, Cut::Torn, Cut::Torn][chance.below(5) as usize];
            let image = disk.image(cut, chance);
            if !seen.insert(image.number()) {
                continue;
            }
            tally.images += 1;
            let whole = tally.images % WHOLE == 0;
            tally.whole += u64::from(whole);
            let promised = promises(&disk.told("promises"));
            tally.promises = promised.len() as u64;
            try_out(&image, &promised, whole, &runtime)
                .map_err(|error| format!("image {} after call {at}, {cut:?}: {error}", tally.images))?;
        }
    }
    Ok(Some(tally))
}

fn try_out(image: &Image, promised: &[Promise], whole: bool, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    std::fs::create_dir(&data).expect("made");
    image.write("data", &data);
    let checked = runtime.block_on(check(&data, promised, whole));
    if let (Err(_), Some(keep)) = (&checked, std::env::var_os("LETOPIS_KEEP")) {
        let keep = std::path::PathBuf::from(keep);
        std::fs::create_dir_all(&keep).expect("made");
        image.write("data", &keep);
    }
    checked
}

#[test]
fn what_a_power_cut_leaves_opens_verifies_and_holds_every_promise() {
    let mut chance = Chance::printed("images");
    let tally = walk(None, from_env("LETOPIS_IMAGES", 60), &mut chance).expect("every image is sound");
    println!("{tally:?}");
}

#[test]
#[ignore = "takes minutes: LETOPIS_IMAGES, 2500 when not given"]
fn thousands_of_power_cuts_break_no_promise() {
    let mut chance = Chance::printed("images");
    let started = std::time::Instant::now();
    let tally = walk(None, from_env("LETOPIS_IMAGES", 2_500), &mut chance).expect("every image is sound");
    println!("{tally:?} in {:?}", started.elapsed());
}

#[test]
fn negative_control_a_log_that_does_not_wait_for_the_disk_is_found_out() {
    let mut chance = Chance::printed("images");
    match walk(Some("no-sync"), 300, &mut chance) {
        Ok(None) => {}
        Ok(Some(tally)) => panic!("synchronous=OFF broke no promise in {tally:?}"),
        Err(found) => {
            println!("found: {found}");
            assert!(found.contains("LOST"), "{found}");
        }
    }
}
