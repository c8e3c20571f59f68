//! Short machine-readable words: [`Code`] for facts, [`Label`] for the names of things, [`Text`] for texts of ours.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Longest [`Code`], in bytes.
pub const MAX_CODE: usize = 96;
/// Longest [`Label`], in characters.
pub const MAX_LABEL: usize = 200;
/// Longest [`Text`], in characters.
pub const MAX_TEXT: usize = 20_000;

/// A code such as `won`, `GTX-Pro` or `retail/uk`: what a fact may say in the clear.
///
/// One ASCII letter or digit, then letters, digits, `.`, `_`, `/`, `+` or `-`; at most
/// [`MAX_CODE`] bytes. Free words cannot be written in it, so a code names or describes no person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(Box<str>);

/// The text cannot be a [`Code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a code: expected up to {MAX_CODE} letters, digits, or `.`, `_`, `/`, `+`, `-`, the first a letter or digit"
)]
pub struct InvalidCode(pub String);

impl Code {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a code of any text: lower case, every run of other characters one `-`.
    ///
    /// Returns `None` when nothing is left.
    pub fn slug(text: &str) -> Option<Self> {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                out.push(c.to_ascii_lowercase());
            } else if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
        }
        out.truncate(MAX_CODE);
        let out = out.trim_end_matches('-');
        (!out.is_empty()).then(|| Self(out.into()))
    }

    fn is_valid(text: &str) -> bool {
        text.len() <= MAX_CODE
            && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+-".contains(&b))
    }
}

impl FromStr for Code {
    type Err = InvalidCode;
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(InvalidCode(text.chars().take(120).collect())) }
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Code;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a code")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Code, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Code {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

/// The name of a thing (a product, a stage, a region) in words, in the clear.
///
/// Only definitions carry labels: they name things we own, never a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Label(Box<str>);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;
    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
            return Err(InvalidLabel);
        }
        Ok(Self(text.into()))
    }
}

/// The text cannot be a [`Label`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a label: expected 1 to {MAX_LABEL} characters without control characters")]
pub struct InvalidLabel;

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Words of ours of any length, in the clear: the text of a form, an article.
///
/// Only definitions carry texts: they are about things we own, never about a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text(Box<str>);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = InvalidText;
    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT || text.chars().any(odd) {
            return Err(InvalidText);
        }
        Ok(Self(text.into()))
    }
}

/// The text cannot be a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a text: expected 1 to {MAX_TEXT} characters without control characters but line breaks and tabs")]
pub struct InvalidText;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_holds_no_words_mail_or_phone() {
        for good in ["won", "GTX-Pro", "retail/uk", "22386", "C++"] {
            assert!(good.parse::<Code>().is_ok(), "{good}");
        }
        for bad in ["", "Ivan Petrov", "a@b.c", "+79991234567", "é", "-x"] {
            assert!(bad.parse::<Code>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slug_keeps_letters_and_digits() {
        assert_eq!(Code::slug("Money transfer, or service").expect("letters").as_str(), "money-transfer-or-service");
        assert_eq!(Code::slug("££"), None);
    }
}
