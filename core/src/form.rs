//! Forms: texts with places for data, in the Jinja language, filled in to the same bytes every time.
//!
//! A form sees its data and nothing else: no clock, no files, no other form. What it asks for and the data does
//! not have is an error, never a blank.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use sha2::Digest;

use crate::events::canonical;
use crate::events::document::Form;
use crate::trust::hex;

/// Most steps that filling in one form may take.
const MAX_STEPS: u64 = 1_000_000;

/// A form that cannot be read or filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FormError {
    /// The line of the form, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl From<minijinja::Error> for FormError {
    fn from(error: minijinja::Error) -> Self {
        let reason = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
        Self { line: error.line().unwrap_or(1), reason }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MAX_STEPS));
    environment
}

/// Whether a text is a form.
///
/// # Errors
/// When it does not parse, with the line.
pub fn check(text: &str) -> Result<(), FormError> {
    environment().template_from_str(text)?;
    Ok(())
}

/// The forms filled in with the data, one after the other, each under its name.
///
/// # Errors
/// When a form asks for something that the data does not have.
pub fn fill(forms: &[Form], data: &serde_json::Value) -> Result<String, FormError> {
    let environment = environment();
    let mut pack = String::new();
    for form in forms {
        let text = environment.template_from_str(form.text.as_str())?.render(Serde(data))?;
        pack += &format!("--- {} ---\n{text}\n", form.name);
    }
    Ok(pack)
}

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(&sha2::Sha256::digest(bytes))
}

/// SHA-256 of data as canonical JSON (RFC 8785).
pub fn sha256_of(data: &serde_json::Value) -> String {
    sha256(&canonical(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(text: &str) -> Form {
        Form { name: "offer".parse().expect("a code"), text: text.parse().expect("a text") }
    }

    #[test]
    fn a_form_is_filled_in_line_by_line_and_never_with_a_blank() {
        let forms = [form("Order {{ order.id }}\n{% for line in lines %}{{ line.product }};{% endfor %}")];
        let data = json!({ "order": { "id": "O-7" }, "lines": [{ "product": "tea" }, { "product": "cup" }] });
        assert_eq!(fill(&forms, &data).as_deref(), Ok("--- offer ---\nOrder O-7\ntea;cup;\n"));
        let error = fill(&forms, &json!({ "lines": [] })).expect_err("no order");
        assert_eq!(error.line, 1, "{error}");
    }

    #[test]
    fn what_does_not_parse_is_told_by_its_line() {
        assert_eq!(check("fine\n{% for x %}").expect_err("no form").line, 2);
        assert!(
            fill(
                &[form("{% for a in x %}{% for b in x %}{% for c in x %}{{ c }}{% endfor %}{% endfor %}{% endfor %}")],
                &json!({ "x": vec![0; 1_000] })
            )
            .is_err()
        );
    }
}
