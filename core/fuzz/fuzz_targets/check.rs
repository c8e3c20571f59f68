//! The check of bundles: nothing panics, and no other bytes pass for the good ones.
#![no_main]

use letopis_core::trust::check::{Policy, check};
use letopis_core_fuzz::{BUNDLES, Said, key, reshaped};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert!(check(data, key(), &Policy::default()).is_err() || BUNDLES.contains(&data));
    let mut said = Said(data);
    let good = BUNDLES[said.below(BUNDLES.len())];
    let bytes = reshaped(good, &mut said);
    assert!(check(&bytes, key(), &Policy::default()).is_err() || BUNDLES.contains(&&bytes[..]));
});
