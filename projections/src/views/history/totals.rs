//! Counts of contacts.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::time::{Day, Timestamp};
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Json, Owner, cell};
use crate::views::client::members;
use crate::views::words::Blank;

/// What contacts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactsBy {
    /// The day.
    Day,
    /// The calendar month.
    Month,
    /// The event type.
    Type,
    /// The channel.
    Channel,
    /// The first topic.
    Topic,
    /// Who of us.
    Employee,
    /// Who began.
    Direction,
}

impl ContactsBy {
    fn sql(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "substr(day, 1, 7)",
            Self::Type => "event_type",
            Self::Channel => "channel",
            Self::Topic => "topic",
            Self::Employee => "employee",
            Self::Direction => "direction",
        }
    }
}

/// Contacts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactCount {
    /// Day, month, type, channel, topic, employee or direction, as asked for; none where it is not known.
    pub key: Vec<Option<String>>,
    /// How many.
    pub contacts: i64,
    /// How long, in seconds.
    pub duration_s: i64,
}

/// Counts contacts of the days `[from, to)`, by any number of things; by nothing gives one line.
///
/// # Errors
/// When the file cannot be read.
pub fn contacts(reader: &Reader<'_>, from: Day, to: Day, by: &[ContactsBy]) -> Result<Vec<ContactCount>, QueryError> {
    let to = to.min(Day(reader.day().0.saturating_add(1)));
    let keys: Vec<&str> = by.iter().map(|by| by.sql()).collect();
    let select = keys.iter().map(|key| format!("{key}, ")).collect::<String>();
    let group = if keys.is_empty() { String::new() } else { format!("GROUP BY {0} ORDER BY {0}", keys.join(", ")) };
    let sql = format!(
        "SELECT {select} COALESCE(SUM(contacts), 0), COALESCE(SUM(duration_s), 0) FROM contacts WHERE day >= ?1 AND day < ?2 {group}"
    );
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let rows = statement.query_map([from.put(), to.put()], |row| {
        let key = (0..by.len()).map(|index| cell::<Blank<_>>(row, index).map(|key| key.0)).collect::<Result<_, _>>()?;
        Ok(ContactCount { key, contacts: row.get(by.len())?, duration_s: row.get(by.len() + 1)? })
    })?;
    let lines: Vec<ContactCount> = rows.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| by.is_empty() || line.contacts != 0 || line.duration_s != 0).collect())
}

/// Contacts about one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicCount {
    /// The topic.
    pub topic: Code,
    /// How.
    pub channel: Option<Code>,
    /// How many were about it, among other things.
    pub contacts: i64,
}

/// How many topics an answer names when nothing else is asked for.
pub const DEFAULT_TOPIC_LIMIT: u32 = 100;

/// Topics of contacts of the days `[from, to)`, the most frequent first. A contact with two topics counts
/// under both, so these do not add up to the number of contacts.
///
/// # Errors
/// When the file cannot be read.
pub fn topics(reader: &Reader<'_>, from: Day, to: Day, limit: u32) -> Result<Vec<TopicCount>, QueryError> {
    let to = to.min(Day(reader.day().0.saturating_add(1)));
    let mut statement = reader.conn.prepare_cached(
        "SELECT topic, channel, SUM(contacts) AS n FROM contact_topics WHERE day >= ?1 AND day < ?2
         GROUP BY topic, channel HAVING n <> 0 ORDER BY n DESC, topic, channel LIMIT ?3",
    )?;
    let rows = statement.query_map((from.put(), to.put(), limit), |row| {
        Ok(TopicCount { topic: cell(row, 0)?, channel: cell::<Blank<_>>(row, 1)?.0, contacts: row.get(2)? })
    })?;
    rows.map(|row| row.map_err(Into::into)).collect()
}

/// Contacts with one client, of one month, topic and channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frequency {
    /// The calendar month, `YYYY-MM`, in the tenant's zone.
    pub month: String,
    /// The topic; a contact with two topics has two lines.
    pub topic: Option<Code>,
    /// How.
    pub channel: Option<Code>,
    /// How many.
    pub contacts: u64,
}

/// How often and about what we were in contact with a client and the records merged with him, in `[from, to)`.
///
/// # Errors
/// When the file cannot be read.
pub fn frequency(
    reader: &Reader<'_>,
    root: Owner,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Frequency>, QueryError> {
    let to = to.min(reader.now);
    let mut counts: BTreeMap<(String, Option<Code>, Option<Code>), u64> = BTreeMap::new();
    for member in members(reader, root)? {
        let mut statement = reader.conn.prepare_cached(
            "SELECT occurred_at, topic, topics, channel FROM history
             WHERE client = ?1 AND occurred_at >= ?2 AND occurred_at < ?3 AND class = 'contact'",
        )?;
        let mut rows = statement.query((Owner::from(member).put(), from.put(), to.put()))?;
        while let Some(row) = rows.next()? {
            let mut month = reader.zone.day(cell(row, 0)?).to_string();
            month.truncate("YYYY-MM".len());
            let channel: Option<Code> = cell(row, 3)?;
            let mut listed: Vec<Option<Code>> = match cell::<Option<Json<Vec<Code>>>>(row, 2)? {
                Some(Json(topics)) => topics.into_iter().map(Some).collect(),
                None => vec![cell(row, 1)?],
            };
            listed.sort_unstable();
            listed.dedup();
            for topic in listed {
                *counts.entry((month.clone(), topic, channel.clone())).or_default() += 1;
            }
        }
    }
    let lines = counts.into_iter();
    Ok(lines.map(|((month, topic, channel), contacts)| Frequency { month, topic, channel, contacts }).collect())
}
