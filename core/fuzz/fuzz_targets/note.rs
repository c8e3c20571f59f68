//! Checkpoints and keys: nothing panics, no key reads two ways, and no other text passes for what was signed.
#![no_main]

use letopis_core::trust::cosign::WitnessKey;
use letopis_core::trust::note::VerifierKey;
use letopis_core_fuzz::{NOTE, Said, edited, key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(VerifierKey::parse(text));
        if let Ok(witness) = text.parse::<WitnessKey>() {
            assert_eq!(witness.to_string(), text.trim());
        }
        assert!(key().verify(text).is_err() || text == NOTE);
    }
    if let Ok(text) = String::from_utf8(edited(NOTE.as_bytes(), &mut Said(data))) {
        assert!(key().verify(&text).is_err() || text == NOTE);
    }
});
