//! [`Text`]: the text of a cell. Ids, days and codes lie in the value itself: a view file is full of them.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Longest text that lies in the value itself, in bytes: an id (26) or a day (10) does.
const SHORT: usize = 30;

/// An immutable text.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

impl Text {
    /// Writes a value as a text, without a heap when it is short.
    pub fn of(value: &impl fmt::Display) -> Self {
        let mut text = Growing::Short { len: 0, bytes: [0; SHORT] };
        // Neither writing into memory nor the types of cells can fail.
        let _ = write!(text, "{value}");
        match text {
            Growing::Short { len, bytes } => Self(Repr::Short { len, bytes }),
            Growing::Long(text) => Self(Repr::Long(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was made of a text, so the check never fails.
            Repr::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Repr::Long(text) => text,
        }
    }

    /// Its bytes in UTF-8, which need no check.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(text) => text.as_bytes(),
        }
    }
}

/// A text that is being written.
enum Growing {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(String),
}

impl Write for Growing {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        match self {
            Self::Short { len, bytes } => {
                let (start, end) = (usize::from(*len), usize::from(*len) + more.len());
                if let Some(free) = bytes.get_mut(start..end) {
                    free.copy_from_slice(more.as_bytes());
                    *len = end as u8;
                } else {
                    let mut text = std::str::from_utf8(&bytes[..start]).unwrap_or_default().to_owned();
                    text.push_str(more);
                    *self = Self::Long(text);
                }
            }
            Self::Long(text) => text.push_str(more),
        }
        Ok(())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        Self(match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                Repr::Short { len: text.len() as u8, bytes }
            }
            None => Repr::Long(text.into()),
        })
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.len() <= SHORT { text.as_str().into() } else { Self(Repr::Long(text.into())) }
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        // Bytes of UTF-8 sort as their characters do.
        self.as_bytes().cmp(other.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_what_it_was_made_of(first in "\\PC{0,20}", second in "\\PC{0,20}") {
            let whole = format!("{first}{second}");
            for text in [Text::from(whole.as_str()), Text::from(whole.clone()), Text::of(&format_args!("{first}{second}"))] {
                prop_assert_eq!(text.as_str(), &whole);
                prop_assert_eq!(&text, &Text::from(whole.as_str()));
            }
            prop_assert_eq!(Text::from(first.as_str()).cmp(&Text::from(second.as_str())), first.cmp(&second));
        }
    }

    #[test]
    fn an_id_needs_no_heap() {
        let id = letopis_core::ids::ClientId(u128::MAX);
        assert!(matches!(Text::of(&id), Text(Repr::Short { len: 26, .. })));
        assert_eq!(size_of::<super::super::row::Atom>(), 32);
    }
}
