//! How fast `verify` is, against bare SHA-256 over the same bytes in the same run.
//!
//! `LETOPIS_DATA_DIR=… cargo bench -p letopis-replay-tool --bench verify` on any data folder.

use std::path::PathBuf;
use std::time::Instant;

use letopis_core::log::sqlite::audit::{Audit, RawRow};
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::leaf::{LEAF_LEN, facts_hash, meta_hash, sealed_hash};
use letopis_replay_tool::verify::{Beside, Options, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(dir) = std::env::var_os("LETOPIS_DATA_DIR").map(PathBuf::from) else {
        println!("SKIPPED: LETOPIS_DATA_DIR names no data folder");
        return Ok(());
    };
    let log = dir.join("log.db");
    let audit = Audit::open(&log)?;
    let mut events = Vec::new();
    audit.rows(1, audit.last_position()?, &mut |row| {
        if let RawRow::Event(event) = row {
            let at = Moment { at: Timestamp(event.occurred_at), offset_min: event.offset_min };
            events.push((
                at,
                event.order,
                event.meta.to_vec(),
                event.salt,
                event.facts.to_vec(),
                event.envelope.map(<[u8]>::to_vec),
            ));
        }
    });
    let beside = Beside { folder: Some(&dir), ..Beside::default() };
    let threads = Options::default().threads;
    for round in 1..=3 {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for part in events.chunks(events.len().div_ceil(threads).max(1)) {
                scope.spawn(move || {
                    for (at, order, meta, salt, facts, envelope) in part {
                        std::hint::black_box(meta_hash("order.placed", 1, *at, *order, meta));
                        std::hint::black_box(facts_hash(salt, facts));
                        std::hint::black_box(envelope.as_deref().map(|sealed| sealed_hash(Some(sealed))));
                        std::hint::black_box(sealed_hash(Some(&[0; LEAF_LEN + 1])));
                    }
                });
            }
        });
        let bare = events.len() as f64 / started.elapsed().as_secs_f64();
        let verified = verify(&log, &beside, Options::default(), &|_, _| {})?;
        let ours = verified.events as f64 / verified.seconds;
        println!(
            "round {round}, {threads} threads: verify {ours:.0} events/s, bare SHA-256 {bare:.0} events/s, ratio {:.2}",
            ours / bare
        );
    }
    Ok(())
}
