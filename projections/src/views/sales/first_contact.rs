//! What became of first contacts: cohorts by the week in which somebody first turned to us.

use std::collections::{BTreeMap, HashMap};

use letopis_core::ids::ClientId;
use letopis_core::time::{Day, Timestamp};
use serde::Serialize;

use super::calendar::monday;
use crate::engine::question::{Answer, Params, json, wrong};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::cell;
use crate::views::funnel::{Period, Ratio};

/// Most weeks that a cohort is followed.
const MAX_WEEKS: usize = 104;

/// First contacts and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactCohorts {
    /// When the first contacts were.
    pub period: Period,
    /// All cohorts together.
    pub total: ContactCohort,
    /// Week by week.
    pub cohorts: Vec<ContactCohort>,
}

/// Everybody who first turned to us in one week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactCohort {
    /// The Monday of the week; null for all together.
    pub week: Option<Day>,
    /// How many they are.
    pub contacts: i64,
    /// Those of them whom nobody knows yet.
    pub unidentified: i64,
    /// With a deal opened since, out of all.
    pub deals: Ratio,
    /// With a deal won since, out of all.
    pub won: Ratio,
    /// Week by week since the first contact, each with all weeks before; empty for all together.
    pub weeks: Vec<ContactWeek>,
}

/// How far a cohort was, so many weeks on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactWeek {
    /// Full weeks since the first contact, from 0.
    pub week: usize,
    /// With a deal opened by then; null for weeks that have not begun.
    pub deals: Option<Ratio>,
    /// With a deal won by then.
    pub won: Option<Ratio>,
    /// Whether the week is over for all of the cohort.
    pub complete: bool,
}

#[derive(Default)]
struct Tally {
    contacts: i64,
    unidentified: i64,
    deals: Vec<i32>,
    won: Vec<i32>,
}

impl Tally {
    fn add(&mut self, known: bool, deal: Option<i32>, won: Option<i32>) {
        self.contacts += 1;
        self.unidentified += i64::from(!known);
        self.deals.extend(deal);
        self.won.extend(won);
    }

    fn cohort(&self, week: Option<Day>, weeks: usize, last: Day) -> ContactCohort {
        let share = |of: &[i32], week: usize| {
            let by_then = of.iter().filter(|days| (**days / 7) as usize <= week).count();
            Ratio::of_cases(by_then as i64, self.contacts)
        };
        let line = |(monday, k): (Day, usize)| {
            // The last of them turned to us on the Sunday.
            let (begins, ends) = (monday.0 + 7 * k as i32, monday.0 + 6 + 7 * (k as i32 + 1));
            let begun = begins <= last.0;
            ContactWeek {
                week: k,
                deals: begun.then(|| share(&self.deals, k)),
                won: begun.then(|| share(&self.won, k)),
                complete: ends <= last.0 + 1,
            }
        };
        ContactCohort {
            week,
            contacts: self.contacts,
            unidentified: self.unidentified,
            deals: Ratio::of_cases(self.deals.len() as i64, self.contacts),
            won: Ratio::of_cases(self.won.len() as i64, self.contacts),
            weeks: week.map_or_else(Vec::new, |monday| (0..weeks).map(|k| line((monday, k))).collect()),
        }
    }
}

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let weeks = params.one::<usize>("weeks")?.unwrap_or(12);
    if !(1..=MAX_WEEKS).contains(&weeks) {
        return Err(wrong("weeks", format!("{weeks} is outside 1 to {MAX_WEEKS}")));
    }
    let deals = deals(reader)?;
    let (mut total, mut cohorts) = (Tally::default(), BTreeMap::<Day, Tally>::new());
    let sql =
        "SELECT s.root, MIN(h.occurred_at), MAX(s.identified) FROM history h JOIN subject s ON s.client = h.client
               WHERE h.occurred_at < ?1 AND (h.class = 'contact' OR h.event_type IN ('lead.captured', 'case.raised'))
               GROUP BY s.root";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let mut rows = statement.query([reader.now.0])?;
    while let Some(row) = rows.next()? {
        let (client, first, known): (ClientId, Timestamp, bool) = (cell(row, 0)?, cell(row, 1)?, row.get(2)?);
        let day = reader.zone.day(first);
        if day < from || day >= to {
            continue;
        }
        // What began before somebody turned to us did not come of it.
        let own = deals.get(&client).map_or(&[][..], Vec::as_slice);
        let since = |at: Timestamp| (at >= first).then(|| reader.zone.day(at).0 - day.0);
        let opened = own.iter().filter_map(|(opened, _)| since(*opened)).min();
        let won = own.iter().filter(|(opened, _)| *opened >= first).filter_map(|(_, won)| since((*won)?)).min();
        total.add(known, opened, won);
        cohorts.entry(monday(day)).or_default().add(known, opened, won);
    }
    let last = reader.day();
    let cohorts = cohorts.iter().map(|(week, tally)| tally.cohort(Some(*week), weeks, last)).collect();
    json(ContactCohorts { period: Period { from, to }, total: total.cohort(None, weeks, last), cohorts })
}

/// When the deals of each client were opened, and won.
type Opened = HashMap<ClientId, Vec<(Timestamp, Option<Timestamp>)>>;

fn deals(reader: &Reader<'_>) -> Result<Opened, QueryError> {
    let sql = "SELECT client, opened_at, CASE WHEN status = 'won' THEN closed_at END FROM deal
               WHERE opened_at IS NOT NULL AND date_known = 1";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Opened::new();
    while let Some(row) = rows.next()? {
        found.entry(cell(row, 0)?).or_default().push((cell(row, 1)?, cell(row, 2)?));
    }
    Ok(found)
}
