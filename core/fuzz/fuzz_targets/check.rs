//! The check of bundles: nothing panics, and no other bytes pass for the good ones. What an operator makes who has the
//! signing key may be good, but in its one encoding only.
#![no_main]

use letopis_core::trust::bundle::Bundle;
use letopis_core::trust::check::{Policy, check};
use letopis_core_fuzz::{BUNDLES, Said, forged, forger, key, reshaped};
use libfuzzer_sys::fuzz_target;

fn check_forged(bytes: &[u8]) {
    if check(bytes, forger(), &Policy::default()).is_ok() {
        assert_eq!(Bundle::decode(bytes).expect("a bundle").encode(), bytes);
    }
}

fuzz_target!(|data: &[u8]| {
    assert!(check(data, key(), &Policy::default()).is_err() || BUNDLES.contains(&data));
    check_forged(data);
    let mut said = Said(data);
    let good = BUNDLES[said.below(BUNDLES.len())];
    let bytes = reshaped(good, &mut said);
    assert!(check(&bytes, key(), &Policy::default()).is_err() || BUNDLES.contains(&&bytes[..]));
    if let Some(bytes) = forged(&bytes) {
        check_forged(&bytes);
    }
});
