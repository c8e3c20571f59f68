//! [`Asked`]: the parameters of a query, every one of them known.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, OriginalUri, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use letopis_core::ids::{ClientId, EventId, Position};
use letopis_core::time::{Day, Moment, Timestamp, Zone};
use letopis_projections::engine::group::Clocks;

use crate::auth::demand;
use crate::error::{Kind, Problem};
use crate::keys::{Role, Who};
use crate::state::App;

/// Most items of one page.
pub const MAX_LIMIT: u32 = 1_000;
/// Items of a page when nobody says how many.
pub const DEFAULT_LIMIT: u32 = 50;

/// A query: the two clocks, the position to wait for, and its own parameters.
///
/// Handlers take their parameters out; what is left over is refused by name in [`Asked::finish`].
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asks.
    pub who: Who,
    /// Where he asked, for `Location`.
    pub uri: Uri,
    /// The bounds of the two clocks.
    pub clocks: Clocks,
    /// The views must be here before the answer.
    pub min_position: Option<Position>,
    /// Whether the answer is a page.
    pub is_page: bool,
    pairs: Vec<(String, String)>,
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let who = demand(parts, Role::Read)?;
        let uri = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |uri| uri.0.clone());
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(Kind::Parameter, error.body_text()))?;
        let mut asked = Self { who, uri, clocks: Clocks::default(), min_position: None, is_page: false, pairs };
        let zone = &app.settings.zone;
        // What codes are called is added to the answer afterwards, see `locale`.
        drop(asked.text(crate::locale::LOCALE)?);
        asked.clocks.as_of = asked.bound("as_of", zone)?;
        asked.clocks.known_at = asked.bound("known_at", zone)?;
        asked.min_position = asked.one::<u64>("min_position")?.map(Position);
        Ok(asked)
    }
}

impl Asked {
    fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let first = found.next();
        if found.next().is_some() {
            return Err(Problem::parameter(name, format!("{name} is given twice")));
        }
        Ok(first)
    }

    /// Every value of a parameter, as it was given.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// A parameter that may be missing.
    ///
    /// # Errors
    /// When it cannot be read or is given twice.
    pub fn one<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| read(name, &text)).transpose()
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// When it is missing, cannot be read or is given twice.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T, Problem> {
        self.one(name)?.ok_or_else(|| Problem::parameter(name, format!("{name} is missing")))
    }

    /// A parameter that may be given several times, or with commas.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn many<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Vec<T>, Problem> {
        self.all(name).iter().flat_map(|text| text.split(',')).map(|text| read(name, text)).collect()
    }

    /// A parameter that is one of a few words.
    ///
    /// # Errors
    /// When it is another one.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| word(name, &text, words)).transpose()
    }

    /// A parameter that is some of a few words.
    ///
    /// # Errors
    /// When it is another one.
    pub fn words<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Vec<T>, Problem> {
        self.many::<String>(name)?.iter().map(|text| word(name, text, words)).collect()
    }

    /// The id of an employee, a deal, an order …: a ULID, or what it is called in another system.
    ///
    /// # Errors
    /// When it is neither.
    pub fn entity(&mut self, app: &App, kind: &str) -> Result<Option<u128>, Problem> {
        self.text_entity(app, kind, kind)
    }

    /// As [`Asked::entity`], for a parameter that is not named as what it is.
    ///
    /// # Errors
    /// As [`Asked::entity`].
    pub fn text_entity(&mut self, app: &App, name: &str, kind: &str) -> Result<Option<u128>, Problem> {
        let text = self.text(name)?;
        text.map(|text| entity(app, kind, &text).map_err(|problem| problem.field(name))).transpose()
    }

    /// `limit`, 1 to [`MAX_LIMIT`], and `cursor`.
    ///
    /// # Errors
    /// When the limit is out of range.
    pub fn page(&mut self) -> Result<(u32, Option<String>), Problem> {
        Ok((self.limit()?, self.one("cursor")?))
    }

    /// `limit`, 1 to [`MAX_LIMIT`].
    ///
    /// # Errors
    /// When it is out of range.
    pub fn limit(&mut self) -> Result<u32, Problem> {
        self.is_page = true;
        match self.one::<u32>("limit")?.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            limit => Err(Problem::parameter("limit", format!("{limit} is outside 1 to {MAX_LIMIT}"))),
        }
    }

    /// An instant, or a date that stands for the end of that local day; exclusive.
    ///
    /// # Errors
    /// When it is neither.
    pub fn bound(&mut self, name: &str, zone: &Zone) -> Result<Option<Timestamp>, Problem> {
        self.instant(name, |day| zone.end(day))
    }

    /// An instant, or a date that stands for the start of that local day; inclusive.
    ///
    /// # Errors
    /// When it is neither.
    pub fn start(&mut self, name: &str, zone: &Zone) -> Result<Option<Timestamp>, Problem> {
        self.instant(name, |day| zone.start(day))
    }

    fn instant(&mut self, name: &str, of_day: impl Fn(Day) -> Timestamp) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if let Ok(day) = text.parse::<Day>() {
            return Ok(Some(of_day(day)));
        }
        // A plus sign that was not escaped arrives as a blank.
        read::<Moment>(name, &text.replace(' ', "+")).map(|moment| Some(moment.at))
    }

    /// The instant that stands for now.
    pub fn now(&self, app: &App) -> Timestamp {
        self.clocks.as_of.unwrap_or_else(|| app.now())
    }

    /// Refuses what nobody took out.
    ///
    /// # Errors
    /// When there is such a parameter.
    pub fn finish(&self) -> Result<(), Problem> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(80).collect();
                Err(Problem::parameter(&name, format!("there is no parameter {name:?} here")))
            }
        }
    }
}

fn word<T: Copy>(name: &str, text: &str, words: &[(&str, T)]) -> Result<T, Problem> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let text: String = text.chars().take(40).collect();
        Problem::parameter(name, format!("{text:?} is not one of {}", known.join(", ")))
    })
}

fn read<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::parameter(name, format!("{error}")))
}

/// The client that a text in a path or a parameter names.
///
/// # Errors
/// When nobody has this id or identity.
pub async fn client(app: &App, text: &str) -> Result<ClientId, Problem> {
    let region = app.settings.phone_region.as_deref();
    letopis_core::reader::resolve_client(&*app.log, &app.identity, region, text)
        .await?
        .ok_or_else(|| Problem::new(Kind::UnknownClient, "nobody has this id or identity").field("id"))
}

/// The id of a deal, an order, a case: as it is, or derived from what it is called in another system.
///
/// # Errors
/// When the text is neither a ULID nor `system:id-in-that-system`.
pub fn entity(app: &App, kind: &str, text: &str) -> Result<u128, Problem> {
    if let Ok(id) = text.parse::<letopis_core::ids::EventId>() {
        return Ok(id.0);
    }
    match text.split_once(':') {
        Some((system, id)) if !system.is_empty() && !id.is_empty() => Ok(app.identity.derive(kind, &[text])),
        _ => {
            let text: String = text.chars().take(80).collect();
            let detail = format!("{text:?} is neither a ULID nor `system:id-in-that-system`");
            Err(Problem::new(Kind::Parameter, detail).field(kind))
        }
    }
}

/// The id of an event: as it is, or derived from `source:id-in-that-source`.
///
/// # Errors
/// When the text is neither.
pub fn event(app: &App, text: &str) -> Result<EventId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    match text.split_once(':') {
        Some((source, id)) if !source.is_empty() && !id.is_empty() => {
            Ok(EventId(app.identity.derive("event", &[source, id])))
        }
        _ => {
            let text: String = text.chars().take(80).collect();
            Err(Problem::new(Kind::Parameter, format!("{text:?} is neither a ULID nor `source:id`")).field("id"))
        }
    }
}
