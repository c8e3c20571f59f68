//! What codes are called, by language.

use std::collections::BTreeMap;

use crate::code::{Code, Label};

area! {
    /// Texts.
    TextEvent in Text "text";

    /// What some codes are called in a language.
    event CatalogueDefined = "catalogue.defined" @ 1, stream "catalogue"(locale, part) {
        /// The language, with or without a country: `ru`, `en-GB`.
        locale: Code,
        /// Which part of its catalogue: parts are replaced one by one.
        part: Code,
        /// What each code is called.
        texts: BTreeMap<Code, Label>,
    }
}
