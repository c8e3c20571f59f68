//! `as-of`: ask the views, as of a date, as known at a time.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::{Args, Parser};
use letopis_core::code::{Code, Label};
use letopis_core::ids::{ClientId, Position};
use letopis_core::log::{EventLog, alias_group};
use letopis_core::time::{Clock, SystemClock, Timestamp};
use letopis_projections::engine::file::ViewFile;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::read::{QueryError, Reader};
use letopis_projections::engine::rebuild::{Options, rebuild};
use letopis_projections::engine::scope;
use letopis_projections::views::texts;
use serde_json::{Value, json};

use super::DataArg;
use crate::console::{Console, Done, UsageError};
use crate::data::{Data, Scratch};
use crate::table::show;
use crate::time::bound;

mod named;
mod question;

pub(super) use named::Named;
pub use question::Question;

/// Arguments of `as-of`.
#[derive(Debug, Args)]
#[command(after_help = named::help())]
pub struct AsOfArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// Only what happened before this time; a date means its end. Now when not given.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// Fold the log anew even where the folder's view file can answer.
    #[arg(long)]
    pub rebuild: bool,
    /// Tell also what the codes in the answer are called in this language, such as `ru`; `preferred` for the one that
    /// the client prefers.
    #[arg(long, value_name = "LANGUAGE")]
    pub locale: Option<Code>,
    /// What to ask.
    #[command(subcommand)]
    pub question: Question,
}

impl AsOfArgs {
    /// The arguments of a question by its words, as on the command line.
    ///
    /// # Errors
    /// When the words are no question.
    pub fn of(
        data: &DataArg,
        as_of: Option<&str>,
        known_at: Option<&str>,
        words: impl IntoIterator<Item = String>,
    ) -> Result<Self> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: AsOfArgs,
        }
        let folder = data.data.display().to_string();
        let clock = |name: &str, at: Option<&str>| at.map(|at| [name.to_owned(), at.to_owned()]);
        let mut line = vec!["as-of".to_owned(), "--data".to_owned(), folder];
        line.extend(clock("--as-of", as_of).into_iter().chain(clock("--known-at", known_at)).flatten());
        line.extend(words);
        let line = Line::try_parse_from(line).map_err(|error| UsageError(error.to_string()))?;
        Ok(line.args)
    }
}

/// What is asked.
struct Asked<'a> {
    args: &'a AsOfArgs,
    named: Option<Named>,
}

impl Asked<'_> {
    fn is_dated(&self) -> bool {
        self.named.as_ref().is_some_and(Named::is_dated)
    }

    fn ask(&self, reader: &Reader<'_>, client: Option<ClientId>) -> Result<Said, QueryError> {
        let client = client.unwrap_or_default();
        let value = match &self.named {
            Some(named) => named.ask(reader, client),
            None => self.args.question.ask(reader, client),
        }?;
        let locale = match &self.args.locale {
            Some(locale) if *locale == *"preferred" => texts::preferred(reader, client)?,
            locale => locale.clone(),
        };
        let labels = locale.map(|locale| texts::labels(reader, &locale, &value)).transpose()?;
        Ok(Said { value, labels })
    }
}

/// What was answered, and what its codes are called.
struct Said {
    value: Value,
    labels: Option<BTreeMap<Code, Label>>,
}

/// Where an answer came from.
struct Answer {
    said: Said,
    from: &'static str,
    position: Position,
}

/// Runs it.
///
/// # Errors
/// When the question makes no sense, or the log cannot be read.
pub async fn run(args: &AsOfArgs, console: &Console) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let zone = &data.folder.settings.zone;
    let as_of = args.as_of.as_deref().map(|text| bound(text, zone)).transpose()?;
    let known_at = args.known_at.as_deref().map(|text| bound(text, zone)).transpose()?;
    let now = as_of.unwrap_or_else(|| SystemClock.now());
    let clocks = Clocks { as_of, known_at };
    let named = match &args.question {
        Question::Named(words) => Some(Named::read(&data, words).await?),
        _ => None,
    };
    let client = match (&named, args.question.client()) {
        (Some(named), _) => named.client,
        (None, Some(text)) => Some(data.client(text).await?),
        (None, None) => None,
    };
    let asked = Asked { args, named };
    let answer = answer(&asked, &data, clocks, now, client, console).await?;
    let head = data.folder.log.head().await?;
    let text = format!(
        "{}\nfrom {}, events up to position {} of {head}\n",
        show(&answer.said.value),
        answer.from,
        answer.position
    );
    let mut report = json!({
        "as_of": as_of.map(|at| at.to_string()), "known_at": known_at.map(|at| at.to_string()),
        "position": answer.position, "head": head, "from": answer.from, "answer": answer.said.value,
    });
    if let Some(labels) = answer.said.labels {
        report["labels"] = json!(labels);
    }
    Ok(Done::fine(report, text))
}

/// Takes the cheapest way that gives the exact answer.
async fn answer(
    asked: &Asked<'_>,
    data: &Data,
    clocks: Clocks,
    now: Timestamp,
    client: Option<ClientId>,
    console: &Console,
) -> Result<Answer> {
    let zone = &data.folder.settings.zone;
    let head = data.folder.log.head().await?;
    // One client's own facts are few; who he was merged with at a past known_at only the whole log tells.
    if let (Some(client), None) = (client, clocks.known_at) {
        let members = alias_group(&*data.folder.log, client).await.context("reading the alias group")?;
        let root = members[0];
        let mut file = ViewFile::in_memory(&data.views, zone)?;
        scope::fold_client(data.source(), &mut file, members, clocks).await?;
        scope::fold_definitions(data.source(), &mut file, clocks).await?;
        let said = file.read(now, |reader| asked.ask(reader, Some(root))).map_err(usage)?;
        return Ok(Answer { said, from: "the client's events", position: head });
    }
    let whole_day = zone.end(zone.day(Timestamp(now.0 - 1))) == now;
    let dated = clocks.is_now() || (clocks.known_at.is_none() && whole_day && asked.is_dated());
    if dated && !asked.args.rebuild {
        // A view file that cannot be read is as good as none.
        if let Ok(Some(stored)) = data.stored()
            && stored.checkpoint()?.position == head
            && stored.is_of(&data.views)?
        {
            let said = stored.read(now, |reader| asked.ask(reader, None)).map_err(usage)?;
            return Ok(Answer { said, from: "the folder's views", position: head });
        }
    }
    let scratch = Scratch::new()?;
    let path = scratch.path("views.db");
    let bar = console.progress("events", head.0);
    let options = Options { clocks, ..Options::default() };
    let file = rebuild(data.source(), &path, zone, options, &|at, of| {
        bar.set_length(of);
        bar.set_position(at);
    })
    .await?;
    bar.finish_and_clear();
    let root = match client {
        Some(client) => Some(root_in(&path, data, client)?),
        None => None,
    };
    let said = file.read(now, |reader| asked.ask(reader, root)).map_err(usage)?;
    Ok(Answer { said, from: "a rebuild", position: file.checkpoint()?.position })
}

fn root_in(path: &std::path::Path, data: &Data, client: ClientId) -> Result<ClientId> {
    let stored = letopis_projections::engine::stored::StoredViews::open(path, &data.folder.settings.zone)?;
    Ok(stored.root(client)?.unwrap_or(client))
}

/// A parameter out of range is a wrong call, anything else a failure.
pub(super) fn usage(error: QueryError) -> anyhow::Error {
    match error {
        QueryError::Storage(_) => error.into(),
        other => UsageError(other.to_string()).into(),
    }
}
