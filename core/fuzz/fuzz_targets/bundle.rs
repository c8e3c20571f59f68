//! The reader of bundles: nothing panics, and what it takes has no other encoding.
#![no_main]

use letopis_core::trust::bundle::Bundle;
use letopis_core_fuzz::{BUNDLES, Said, edited};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(bundle) = Bundle::decode(data) {
        assert_eq!(bundle.encode(), data);
    }
    let mut said = Said(data);
    let good = BUNDLES[said.below(BUNDLES.len())];
    let bytes = edited(good, &mut said);
    if let Ok(bundle) = Bundle::decode(&bytes) {
        assert_eq!(bundle.encode(), bytes);
    }
});
