//! The document of the vocabulary.

use std::path::Path;

#[test]
fn the_catalogue_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let wanted = letopis_core::events::catalogue::markdown();
    if std::env::var_os("LETOPIS_WRITE").is_some() {
        std::fs::write(&path, &wanted).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/events.md is out of date: run with LETOPIS_WRITE=1");
}
