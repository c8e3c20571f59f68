//! Proofs of single events: nothing panics, and no other bytes pass for the good ones.
#![no_main]

use letopis_core::trust::receipt::check;
use letopis_core_fuzz::{PROOF, Said, edited, key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert!(check(data, key(), &[]).is_err() || data == PROOF);
    let bytes = edited(PROOF, &mut Said(data));
    assert!(check(&bytes, key(), &[]).is_err() || bytes == PROOF);
});
