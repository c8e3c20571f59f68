//! What codes are called: events and answers hold codes, catalogues hold their texts, by language.
//!
//! Labels stand beside an answer, never in it: what an answer says does not depend on who reads it.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label};
use letopis_core::definitions::Definition;
use letopis_core::events::definition::{ProductDefined, StageModelDefined};
use letopis_core::events::text::CatalogueDefined;
use serde_json::Value;

use crate::engine::read::{QueryError, Reader};

/// The texts of a language, as they are defined at the reader's bound. Where a language with a country (`en-GB`) says
/// nothing, the language alone (`en`) does; where neither does, the names of products and stages are what they are
/// called everywhere.
///
/// # Errors
/// When the definitions cannot be read.
pub fn texts(reader: &Reader<'_>, locale: &Code) -> Result<BTreeMap<Code, Label>, QueryError> {
    let kinds = [CatalogueDefined::KIND, ProductDefined::KIND, StageModelDefined::KIND];
    let definitions = reader.definitions(&kinds)?;
    let mut texts = BTreeMap::new();
    for product in definitions.all::<ProductDefined>() {
        texts.insert(product.value.product.clone(), product.value.label.clone());
    }
    for model in definitions.all::<StageModelDefined>() {
        let labels = model.value.stages.iter().filter_map(|stage| Some((stage.stage.clone(), stage.label.clone()?)));
        texts.extend(labels);
    }
    let language = locale.as_str().split_once('-').map_or(locale.as_str(), |(language, _)| language);
    for wanted in [language, locale.as_str()] {
        for part in definitions.all::<CatalogueDefined>() {
            if part.value.locale == *wanted {
                texts.extend(part.value.texts.clone());
            }
        }
    }
    Ok(texts)
}

/// What the codes in an answer are called; codes without a text are left out.
///
/// # Errors
/// When the definitions cannot be read.
pub fn labels(reader: &Reader<'_>, locale: &Code, answer: &Value) -> Result<BTreeMap<Code, Label>, QueryError> {
    let (texts, mut found) = (texts(reader, locale)?, BTreeMap::new());
    collect(answer, &texts, &mut found);
    Ok(found)
}

fn collect(value: &Value, texts: &BTreeMap<Code, Label>, found: &mut BTreeMap<Code, Label>) {
    let mut see = |text: &str| {
        if let Some((code, label)) = texts.get_key_value(text) {
            found.insert(code.clone(), label.clone());
        }
    };
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts, found)),
        Value::Object(fields) => {
            fields.keys().for_each(|key| see(key));
            fields.values().for_each(|field| collect(field, texts, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The language that a client prefers, as far as his card tells it.
///
/// # Errors
/// When the view cannot be read.
pub fn preferred(reader: &Reader<'_>, client: letopis_core::ids::ClientId) -> Result<Option<Code>, QueryError> {
    use crate::engine::row::Cell;
    let rows = reader.rows::<super::client::ClientRow>("WHERE client = ?1", &[&client.put()])?;
    Ok(rows.into_iter().next().and_then(|row| row.language))
}
