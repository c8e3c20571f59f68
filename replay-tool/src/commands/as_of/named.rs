//! Questions of the views by their names: `tasks overdue --class vip`, the same that the server answers.

use anyhow::Result;
use letopis_core::ids::{ClientId, EventId};
use letopis_projections::engine::question::{About, Param, Params, Question};
use letopis_projections::engine::read::{QueryError, Reader};
use letopis_projections::views;
use serde_json::Value;

use crate::console::UsageError;
use crate::data::Data;

/// A question with what was given to it.
pub(in crate::commands) struct Named {
    question: &'static Question,
    params: Params,
    /// The client it is about.
    pub(in crate::commands) client: Option<ClientId>,
    thing: u128,
}

impl Named {
    /// Reads `NAME [SUBJECT] [--parameter VALUE]…`.
    pub(in crate::commands) async fn read(data: &Data, words: &[String]) -> Result<Self> {
        let (question, rest) = find(words)?;
        let mut rest = rest.iter();
        let mut named = Self { question, params: Params::default(), client: None, thing: 0 };
        match question.about {
            About::Totals(_) | About::Rows(_) => {}
            About::Client(_) => named.client = Some(data.client(subject(question, rest.next())?).await?),
            About::Thing { kind, .. } => named.thing = data.entity(kind, subject(question, rest.next())?)?,
        }
        while let Some(word) = rest.next() {
            let (name, param) = parameter(question, word)?;
            let text = rest.next().ok_or_else(|| UsageError(format!("{word} needs a value")))?;
            let value = match param {
                Param::Entity(_, kind, _) => EventId(data.entity(kind, text)?).to_string(),
                Param::Client(..) => data.client(text).await?.to_string(),
                Param::Period | Param::Page | Param::Text(..) => text.clone(),
            };
            named.params.push(name, value);
        }
        Ok(named)
    }

    /// Whether present views answer for the end of any day.
    pub(super) fn is_dated(&self) -> bool {
        matches!(self.question.about, About::Totals(_))
    }

    /// Whether it is about one client, or one thing of his.
    pub(in crate::commands) fn is_about_one(&self) -> bool {
        matches!(self.question.about, About::Client(_) | About::Thing { .. })
    }

    /// Asks it; `root` is the head of the group of the client it is about.
    pub(in crate::commands) fn ask(&self, reader: &Reader<'_>, root: ClientId) -> Result<Value, QueryError> {
        let mut params = self.params.clone();
        let answer = match self.question.about {
            About::Totals(ask) | About::Rows(ask) => ask(reader, &mut params)?,
            About::Client(ask) => ask(reader, &mut params, root)?,
            About::Thing { ask, .. } => ask(reader, &mut params, self.thing)?,
        };
        serde_json::from_str(answer.get()).map_err(|error| QueryError::Storage(Box::new(error)))
    }
}

/// Names have one or two words; the longer one wins.
fn find(words: &[String]) -> Result<(&'static Question, &[String])> {
    let named = |count: usize| {
        let name = words.get(..count)?.join(" ");
        Some((views::questions().find(|question| question.name == name)?, &words[count..]))
    };
    named(2).or_else(|| named(1)).ok_or_else(|| {
        let asked = words.first().map_or("", String::as_str);
        UsageError(format!("there is no question {asked:?}; `replay-tool as-of --help` lists them")).into()
    })
}

fn subject<'a>(question: &Question, word: Option<&'a String>) -> Result<&'a str> {
    let word = word.filter(|word| !word.starts_with("--"));
    Ok(word.ok_or_else(|| UsageError(format!("{:?} needs to be told about whom or what", question.name)))?)
}

fn parameter(question: &Question, word: &str) -> Result<(&'static str, Param)> {
    let name = word.strip_prefix("--").unwrap_or_default();
    let params = question.params.iter().flat_map(|param| param.names().into_iter().map(|(known, _)| (known, *param)));
    let mut known = params.clone();
    known.find(|(known, _)| known.replace('_', "-") == name.replace('_', "-")).ok_or_else(|| {
        let names: Vec<String> = params.map(|(known, _)| format!("--{known}")).collect();
        UsageError(format!("{:?} takes {}, not {word:?}", question.name, names.join(", "))).into()
    })
}

/// What can be asked by name.
pub(super) fn help() -> String {
    let mut help = "Questions by name:\n".to_owned();
    for question in views::questions() {
        let about = match question.about {
            About::Totals(_) | About::Rows(_) => "",
            About::Client(_) => " CLIENT",
            About::Thing { .. } => " ID",
        };
        help += &format!("  {}{about}: {}\n", question.name, question.doc);
        for (name, doc) in question.params.iter().flat_map(|param| param.names()) {
            help += &format!("      --{name}: {doc}\n");
        }
    }
    help
}
