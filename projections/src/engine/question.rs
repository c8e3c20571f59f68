//! [`Question`]: what can be asked of the views, once for all who ask.
//!
//! The server gives each a path and the command line a name; both hand over the same parameters and get the same
//! answer. A new answer is a function and an entry in the list of its view.

use std::fmt::Display;
use std::str::FromStr;

use letopis_core::ids::ClientId;
use letopis_core::time::Day;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::list::{MAX_LIMIT, Window};
use super::read::{QueryError, Reader};

/// What an answer says, as JSON.
pub type Answer = Result<Box<RawValue>, QueryError>;

/// Something that can be asked.
#[derive(Debug)]
pub struct Question {
    /// What the command line calls it, one or two words: `tasks overdue`.
    pub name: &'static str,
    /// Its path on the server; what it is about stands in it as `{id}`.
    pub path: &'static str,
    /// The view that answers.
    pub view: &'static str,
    /// What is asked, in a sentence.
    pub doc: &'static str,
    /// Its parameters besides the clocks.
    pub params: &'static [Param],
    /// Whom it is about, and the query.
    pub about: About,
}

/// Whom a question is about, and how it is answered.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// All clients, from dated totals alone: the present views answer as of the end of any day.
    Totals(fn(&Reader<'_>, &mut Params) -> Answer),
    /// All clients, from rows as they are: another date needs views built up to it.
    Rows(fn(&Reader<'_>, &mut Params) -> Answer),
    /// One client, by the head of his group.
    Client(fn(&Reader<'_>, &mut Params, ClientId) -> Answer),
    /// One thing of one client: an order, a case, a deal.
    Thing {
        /// What it is, such as `order`: ids of other systems are turned into ours by it.
        kind: &'static str,
        /// Whose it is.
        find: fn(&Reader<'_>, u128) -> Result<Option<ClientId>, QueryError>,
        /// The answer; JSON `null` when nothing is known of it at the bound.
        ask: fn(&Reader<'_>, &mut Params, u128) -> Answer,
    },
}

/// A parameter that a question takes.
#[derive(Debug, Clone, Copy)]
pub enum Param {
    /// `from` and `to`, the days of a half-open period: [`Params::period`].
    Period,
    /// `limit` and `cursor`: [`Params::window`].
    Page,
    /// A text that is read by its type: [`Params::one`], [`Params::many`].
    Text(&'static str, &'static str),
    /// Something of ours by its ULID, or by `system:id-in-that-system`: name, kind (`employee`, `deal` …), meaning.
    Entity(&'static str, &'static str, &'static str),
    /// A client by his ULID or an identity: name and meaning.
    Client(&'static str, &'static str),
}

impl Param {
    /// The names under which it is given, each with its meaning.
    pub fn names(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Period => vec![
                ("from", "The first day (YYYY-MM-DD); the beginning when missing"),
                ("to", "The day after the last (YYYY-MM-DD); up to the bound when missing"),
            ],
            Self::Page => vec![
                ("limit", "At most so many items, 1 to 1000; 50 when missing"),
                ("cursor", "`next` of the page before, of the same query"),
            ],
            Self::Text(name, doc) | Self::Entity(name, _, doc) | Self::Client(name, doc) => vec![(name, doc)],
        }
    }
}

/// Parameters that were given. Whoever asks makes sure that every name is one of the question's.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(&'static str, String)>);

impl Params {
    /// Adds one.
    pub fn push(&mut self, name: &'static str, value: String) {
        self.0.push((name, value));
    }

    fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(given, _)| *given == name).map(|(_, value)| value).collect()
    }

    /// A parameter that may be missing.
    ///
    /// # Errors
    /// When it cannot be read or is given twice.
    pub fn one<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Result<Option<T>, QueryError> {
        let mut found = self.all(name);
        match (found.pop(), found.pop()) {
            (_, Some(_)) => Err(wrong(name, format!("{name} is given twice"))),
            (text, None) => text.map(|text| read(name, &text)).transpose(),
        }
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// When it is missing, cannot be read or is given twice.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Result<T, QueryError> {
        self.one(name)?.ok_or_else(|| wrong(name, format!("{name} is missing")))
    }

    /// A parameter that may be given several times, or with commas.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn many<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Result<Vec<T>, QueryError> {
        self.all(name).iter().flat_map(|text| text.split(',')).map(|text| read(name, text)).collect()
    }

    /// A parameter that is one of a few words.
    ///
    /// # Errors
    /// When it is another one.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>, QueryError> {
        self.one::<String>(name)?.map(|text| word(name, &text, words)).transpose()
    }

    /// A parameter that is some of a few words.
    ///
    /// # Errors
    /// When it is another one.
    pub fn words<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Result<Vec<T>, QueryError> {
        self.many::<String>(name)?.iter().map(|text| word(name, text, words)).collect()
    }

    /// The days `[from, to)` of [`Param::Period`].
    ///
    /// # Errors
    /// When one is no date, or they are turned round.
    pub fn period(&mut self, reader: &Reader<'_>) -> Result<(Day, Day), QueryError> {
        let (from, to) = reader.days((self.one("from")?, self.one("to")?));
        if from > to {
            return Err(wrong("to", format!("{to} is before {from}")));
        }
        Ok((from, to))
    }

    /// Limit and place of [`Param::Page`].
    ///
    /// # Errors
    /// When the limit is out of range.
    pub fn window(&mut self) -> Result<Window, QueryError> {
        let limit = self.one("limit")?.unwrap_or(Window::default().limit);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(wrong("limit", format!("{limit} is outside 1 to {MAX_LIMIT}")));
        }
        Ok(Window { limit, cursor: self.one("cursor")? })
    }
}

/// An answer of anything that serialises.
///
/// # Errors
/// Never for answers without maps whose keys are no strings.
pub fn json<T: Serialize>(answer: T) -> Answer {
    to_raw_value(&answer).map_err(|error| QueryError::Storage(Box::new(error)))
}

/// A parameter that cannot be what it was given as.
pub fn wrong(name: &'static str, reason: impl Into<String>) -> QueryError {
    QueryError::Parameter { name, reason: reason.into() }
}

fn read<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, QueryError> {
    text.parse().map_err(|error| wrong(name, format!("{error}")))
}

fn word<T: Copy>(name: &'static str, text: &str, words: &[(&str, T)]) -> Result<T, QueryError> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let text: String = text.chars().take(40).collect();
        wrong(name, format!("{text:?} is not one of {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_makes_no_sense_is_told_by_name() {
        let mut params = Params::default();
        for (name, value) in [("by", "day"), ("n", "x"), ("limit", "0"), ("twice", "1"), ("twice", "2")] {
            params.push(name, value.into());
        }
        let told = |error: QueryError| error.to_string();
        let by = params.word("by", &[("month", 1)]).expect_err("no month");
        assert_eq!(told(by), "parameter by: \"day\" is not one of month");
        assert!(told(params.one::<u32>("n").expect_err("no number")).starts_with("parameter n: "));
        assert!(told(params.window().expect_err("none")).contains("outside 1 to 1000"));
        assert!(told(params.one::<u32>("twice").expect_err("two")).contains("given twice"));
        assert!(told(params.required::<u32>("must").expect_err("none")).contains("must is missing"));
    }
}
