//! Words and their stems.

use std::sync::LazyLock;

use letopis_core::events::Event;
use serde_json::Value;
use snowball_stemmers_rs::{Algorithm, Stemmer};

static RUSSIAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Russian));
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// Areas whose personal texts are searched; their facts must be opened before they are indexed.
pub(super) const AREAS: &[&str] = &["client", "interaction", "case"];

/// The words of a text in lower case, `ё` as `е`, without accents written apart from their letters.
fn words(text: &str) -> Vec<String> {
    let apart = |c: &char| !('\u{300}'..='\u{36f}').contains(c);
    let lower = text.chars().flat_map(char::to_lowercase).filter(apart);
    let lower: String = lower.map(|c| if c == 'ё' { 'е' } else { c }).collect();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The stem of a word, by its script; numbers and mixtures stay as they are.
fn stem(word: &str) -> String {
    let cyrillic = |c: char| ('а'..='я').contains(&c);
    if word.chars().all(cyrillic) {
        RUSSIAN.stem(word).into_owned()
    } else if word.bytes().all(|b| b.is_ascii_lowercase()) {
        ENGLISH.stem(word).into_owned()
    } else {
        word.to_owned()
    }
}

/// The stems of a text, separated by spaces.
pub(super) fn terms(text: &str) -> String {
    words(text).iter().map(|word| stem(word)).collect::<Vec<_>>().join(" ")
}

/// What a reader types as an FTS5 expression over `terms`: all words, the last one also as a beginning.
/// None when there is no word in it.
pub(super) fn match_expression(text: &str) -> Option<String> {
    let words = words(text);
    let (last, rest) = words.split_last()?;
    // Words hold letters and digits only, so nothing in the quotes can end them.
    let mut expression: String = rest.iter().map(|word| format!("\"{}\" AND ", stem(word))).collect();
    // What is half typed is no word form yet: its stem may cut too little, the whole of it too much.
    expression += &format!("(\"{}\" OR \"{last}\"*)", stem(last));
    Some(expression)
}

/// The personal texts of an event that are open, one after the other; none when there are none to search.
pub(super) fn texts_of(event: &Event) -> Option<String> {
    if !AREAS.contains(&event.area()) {
        return None;
    }
    let mut texts = Vec::new();
    for value in event.personal().values() {
        collect(value, &mut texts);
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
