//! [`Calendar`]: working hours, so that a clock can run in business time.
//!
//! Hours are told by the clock on the wall of the calendar's zone; what is measured between two instants is time
//! that really passed within them. So a night in which clocks are set back has an hour more, and a working day
//! that loses an hour is an hour shorter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::events::service::CalendarDefined;
use crate::time::{Day, InvalidZone, SECOND_US, Timestamp, Zone};

/// How far ahead business time is looked for: a calendar that is closed for so long stays closed.
const MAX_DAYS: i32 = 20 * 366;
/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A time by the clock on the wall, in minutes after midnight: `09:30` in JSON, `24:00` is the day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u16);

/// The text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time of day: expected HH:MM, 00:00 to 24:00")]
pub struct InvalidWallTime(String);

impl WallTime {
    /// Minutes after midnight, 0 to 1440.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for WallTime {
    type Err = InvalidWallTime;

    fn from_str(text: &str) -> Result<Self, InvalidWallTime> {
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
        let parts = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
        match parts {
            Some((hour, minute)) if minute < 60 && hour * 60 + minute <= DAY_MIN => Ok(Self(hour * 60 + minute)),
            _ => Err(InvalidWallTime(text.chars().take(20).collect())),
        }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Open from a time until before another on the same day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From this time,
    pub from: WallTime,
    /// until before this one.
    pub to: WallTime,
}

/// Hours on some days of every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeekHours {
    /// On these days.
    pub days: Vec<Weekday>,
    /// From this time,
    pub from: WallTime,
    /// until before this one.
    pub to: WallTime,
}

/// The hours of one day, whatever its week and the holidays say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayHours {
    /// The day.
    pub day: Day,
    /// Its hours; none when it is closed.
    pub hours: Vec<Hours>,
}

/// Working hours, ready to count.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Zone,
    /// Monday first; hours in order, not overlapping.
    weekly: [Vec<(u16, u16)>; 7],
    holidays: BTreeSet<Day>,
    exceptions: BTreeMap<Day, Vec<(u16, u16)>>,
}

impl Calendar {
    /// As it is defined.
    ///
    /// # Errors
    /// When the zone is unknown.
    pub fn new(defined: &CalendarDefined) -> Result<Self, InvalidZone> {
        let mut weekly: [Vec<(u16, u16)>; 7] = Default::default();
        for hours in &defined.weekly {
            for &day in &hours.days {
                weekly[day as usize].push((hours.from.0, hours.to.0));
            }
        }
        let exceptions = defined.exceptions.iter().map(|exception| {
            let hours = exception.hours.iter().map(|hours| (hours.from.0, hours.to.0)).collect();
            (exception.day, joined(hours))
        });
        Ok(Self {
            zone: Zone::named(defined.zone.as_str())?,
            weekly: weekly.map(joined),
            holidays: defined.holidays.iter().copied().collect(),
            exceptions: exceptions.collect(),
        })
    }

    /// One that is always open: elapsed time.
    pub fn always() -> Self {
        let weekly = std::array::from_fn(|_| vec![(0, DAY_MIN)]);
        Self { zone: Zone::default(), weekly, holidays: BTreeSet::new(), exceptions: BTreeMap::new() }
    }

    /// One that is open from Monday to Friday, without holidays.
    pub fn weekdays() -> Self {
        let weekly = std::array::from_fn(|day| if day < 5 { vec![(0, DAY_MIN)] } else { Vec::new() });
        Self { weekly, ..Self::always() }
    }

    /// Days of `[from, to)` on which it is open at all; 0 when there are none.
    pub fn open_days(&self, from: Day, to: Day) -> i64 {
        (from.0..to.0).filter(|day| !self.hours(Day(*day)).is_empty()).count() as i64
    }

    fn hours(&self, day: Day) -> &[(u16, u16)] {
        match self.exceptions.get(&day) {
            Some(hours) => hours,
            None if self.holidays.contains(&day) => &[],
            // 1970-01-01 was a Thursday.
            None => &self.weekly[(i64::from(day.0) + 3).rem_euclid(7) as usize],
        }
    }

    /// When it is open on a day, as instants.
    fn spans(&self, day: Day) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.hours(day).iter().map(move |(from, to)| (self.zone.at(day, *from), self.zone.at(day, *to)))
    }

    /// Whole seconds of business time from one instant to a later one; 0 when it is not later.
    pub fn seconds(&self, from: Timestamp, to: Timestamp) -> i64 {
        if to <= from {
            return 0;
        }
        let (first, last) = (self.zone.day(from), self.zone.day(to));
        let spans = (first.0..=last.0).flat_map(|day| self.spans(Day(day)));
        let open = spans.map(|(opens, closes)| (closes.min(to).0 - opens.max(from).0).max(0)).sum::<i64>();
        open / SECOND_US
    }

    /// The instant at which so many seconds of business time have passed; none when it never comes.
    pub fn after(&self, from: Timestamp, seconds: i64) -> Option<Timestamp> {
        let mut left = seconds.max(0).saturating_mul(SECOND_US);
        if left == 0 {
            return Some(from);
        }
        let first = self.zone.day(from).0;
        for day in first..first.saturating_add(MAX_DAYS) {
            for (opens, closes) in self.spans(Day(day)) {
                let begins = opens.max(from);
                let open = (closes.0 - begins.0).max(0);
                if open >= left {
                    return Some(Timestamp(begins.0 + left));
                }
                left -= open;
            }
        }
        None
    }
}

/// Hours in order, those that touch or overlap as one.
fn joined(mut hours: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    hours.sort_unstable();
    let mut out: Vec<(u16, u16)> = Vec::with_capacity(hours.len());
    for (from, to) in hours {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, ServiceEvent};
    use crate::time::Moment;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;

    fn calendar(data: Value) -> Calendar {
        let event = Event::from_input("calendar.defined", data).expect("a calendar");
        let Event::Service(ServiceEvent::CalendarDefined(defined)) = event else { panic!("a calendar") };
        Calendar::new(&defined).expect("a zone")
    }

    /// Monday to Friday, 09:00 to 18:00.
    fn office(zone: &str) -> Calendar {
        let days = ["mon", "tue", "wed", "thu", "fri"];
        calendar(
            json!({ "calendar": "office", "zone": zone, "weekly": [{ "days": days, "from": "09:00", "to": "18:00" }] }),
        )
    }

    fn at(text: &str) -> Timestamp {
        text.parse::<Moment>().expect("a moment").at
    }

    #[test]
    fn nights_and_weekends_do_not_count() {
        let office = office("Europe/Moscow");
        // Friday 17:30 to Monday 09:40: half an hour and forty minutes.
        let (from, to) = (at("2026-03-06T17:30:00+03:00"), at("2026-03-09T09:40:00+03:00"));
        assert_eq!(office.seconds(from, to), 70 * MINUTE);
        assert_eq!(office.after(from, 70 * MINUTE), Some(to));
        assert_eq!(office.seconds(at("2026-03-07T10:00:00+03:00"), at("2026-03-08T10:00:00+03:00")), 0);
        assert_eq!(office.seconds(to, from), 0, "turned round");
    }

    #[test]
    fn holidays_are_closed_and_exceptions_open_them() {
        let days = ["mon", "tue", "wed", "thu", "fri"];
        let calendar = calendar(json!({
            "calendar": "office", "zone": "UTC", "holidays": ["2026-01-01", "2026-01-02"],
            "weekly": [{ "days": days, "from": "09:00", "to": "13:00" }, { "days": days, "from": "12:00", "to": "17:00" }],
            "exceptions": [{ "day": "2026-01-02", "hours": [{ "from": "10:00", "to": "11:00" }] }],
        }));
        let whole = |day: &str| {
            let start = at(&format!("{day}T00:00:00Z"));
            calendar.seconds(start, Timestamp(start.0 + 24 * HOUR * SECOND_US))
        };
        assert_eq!((whole("2025-12-31"), whole("2026-01-01"), whole("2026-01-02")), (8 * HOUR, 0, HOUR));
    }

    #[test]
    fn days_off_are_no_working_days() {
        let day = |text: &str| text.parse::<Day>().expect("a date");
        let weekdays = |from: &str, to: &str| Calendar::weekdays().open_days(day(from), day(to));
        assert_eq!(weekdays("2026-02-01", "2026-03-01"), 20);
        assert_eq!(weekdays("2026-02-28", "2026-03-02"), 0);
        assert_eq!(weekdays("2026-02-27", "2026-03-03"), 2);
        assert_eq!(weekdays("1969-12-31", "1970-01-02"), 2);
        assert_eq!(weekdays("2026-03-03", "2026-02-27"), 0, "turned round");
        let calendar = calendar(json!({
            "calendar": "office", "zone": "UTC", "holidays": ["2026-02-23"],
            "weekly": [{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00" }],
            "exceptions": [{ "day": "2026-02-28", "hours": [{ "from": "10:00", "to": "14:00" }] }, { "day": "2026-02-27", "hours": [] }],
        }));
        // 20 weekdays, less a holiday and a day that is closed by exception, and a Saturday that is open.
        assert_eq!(calendar.open_days(day("2026-02-01"), day("2026-03-01")), 19);
    }

    #[test]
    fn a_night_in_which_clocks_are_set_is_counted_as_it_passes() {
        let nights = calendar(json!({
            "calendar": "nights", "zone": "Europe/Berlin",
            "weekly": [{ "days": ["sun"], "from": "00:00", "to": "06:00" }],
        }));
        let night = |from: &str, to: &str| nights.seconds(at(from), at(to));
        // 29 March 2026, 02:00 becomes 03:00: five hours pass until 06:00.
        assert_eq!(night("2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"), 5 * HOUR);
        // 25 October 2026, 03:00 becomes 02:00: seven hours pass.
        assert_eq!(night("2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"), 7 * HOUR);
        let due = nights.after(at("2026-03-28T23:00:00+01:00"), 4 * HOUR);
        assert_eq!(due, Some(at("2026-03-29T05:00:00+02:00")));
    }

    #[test]
    fn a_calendar_that_never_opens_has_no_due_time() {
        let closed = calendar(json!({ "calendar": "closed", "zone": "UTC", "weekly": [] }));
        assert_eq!(closed.after(at("2026-01-01T00:00:00Z"), 1), None);
        assert_eq!(closed.after(at("2026-01-01T00:00:00Z"), 0), Some(at("2026-01-01T00:00:00Z")));
    }

    #[test]
    fn a_time_of_day_is_hours_and_minutes() {
        for bad in ["9:00", "24:01", "12:60", "noon", "12:5"] {
            assert!(bad.parse::<WallTime>().is_err(), "{bad}");
        }
        assert_eq!("24:00".parse::<WallTime>().expect("the day's end").minutes(), DAY_MIN);
    }

    proptest! {
        #[test]
        fn business_time_adds_up_and_is_found_again(
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Vladivostok"]),
            start in 1_767_225_600i64..1_798_761_600, first in 0i64..2_000_000, second in 0i64..2_000_000,
        ) {
            let office = office(zone);
            let at = |seconds: i64| Timestamp(seconds * SECOND_US);
            let (a, b, c) = (at(start), at(start + first), at(start + first + second));
            let whole = office.seconds(a, c);
            prop_assert_eq!(office.seconds(a, b) + office.seconds(b, c), whole);
            prop_assert!(whole <= first + second);
            let found = office.after(a, whole).expect("it opens");
            prop_assert!(found <= c);
            prop_assert_eq!(office.seconds(a, found), whole);
        }
    }
}
