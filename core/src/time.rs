//! Two clocks and their units: [`Timestamp`], [`Moment`], [`Day`], [`Zone`], [`Clock`].

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in a day of 24 hours.
pub const DAY_US: i64 = 86_400 * SECOND_US;
/// The earliest and the first forbidden year of anything recorded.
pub const YEARS: std::ops::Range<i16> = 1800..2200;

/// Microseconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Moment { at: *self, offset_min: 0 }.fmt(f)
    }
}

/// An instant and the UTC offset it was told in: `2026-03-01T12:30:00+03:00`.
///
/// Instants compare by the instant alone in folds, by both fields here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// Minutes east of UTC in the original text.
    pub offset_min: i16,
}

/// The text is no instant this log can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not RFC 3339, or an impossible date.
    #[error("{0:?} is not a time: expected RFC 3339 with an offset, such as 2026-03-01T12:30:00+03:00")]
    Text(String),
    /// Not a date.
    #[error("{0:?} is not a date: expected YYYY-MM-DD")]
    Date(String),
    /// Not a month.
    #[error("{0:?} is not a month: expected YYYY-MM")]
    Month(String),
    /// Outside [`YEARS`].
    #[error("the year of {0:?} is outside {start} to {end}", start = YEARS.start, end = YEARS.end - 1)]
    Year(String),
}

impl Moment {
    /// At an instant, told in UTC.
    pub fn utc(at: Timestamp) -> Self {
        Self { at, offset_min: 0 }
    }
}

impl FromStr for Moment {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let bad = || InvalidTime::Text(text.chars().take(64).collect());
        // jiff's `Pieces` keeps the offset that the text names; a timestamp parse would lose it.
        let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| bad())?;
        let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
            return Err(bad());
        };
        if !YEARS.contains(&pieces.date().year()) {
            return Err(InvalidTime::Year(text.chars().take(64).collect()));
        }
        let at = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| bad())?;
        if offset.seconds() % 60 != 0 {
            return Err(bad());
        }
        Ok(Self { at: Timestamp(at.as_microsecond()), offset_min: (offset.seconds() / 60) as i16 })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Ok(at), Ok(offset)) =
            (jiff::Timestamp::from_microsecond(self.at.0), Offset::from_seconds(i32::from(self.offset_min) * 60))
        else {
            return write!(f, "{}us", self.at.0);
        };
        if self.offset_min == 0 { at.fmt(f) } else { at.display_with_offset(offset).fmt(f) }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar day, counted from 1970-01-01: in JSON and SQL text `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Day(pub i32);

impl Day {
    /// The calendar date.
    pub fn date(self) -> civil::Date {
        // Civil from days, from the same source as `from_date`.
        let days = i64::from(self.0) + 719_468;
        let era = days.div_euclid(146_097);
        let doe = days.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = ((doy - (153 * mp + 2) / 5 + 1) as i8, (if mp < 10 { mp + 3 } else { mp - 9 }) as i8);
        let year = yoe + era * 400 + i64::from(month <= 2);
        let end = if year < 0 { civil::Date::MIN } else { civil::Date::MAX };
        i16::try_from(year).ok().and_then(|year| civil::Date::new(year, month, day).ok()).unwrap_or(end)
    }

    /// From a calendar date.
    pub fn from_date(date: civil::Date) -> Self {
        // Days from civil, H. Hinnant, "chrono-compatible low-level date algorithms".
        let (y, m, d) = (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
        let y = if m <= 2 { y - 1 } else { y };
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        Self(era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
    }

    /// Months since year 0: equal for two days of one calendar month.
    pub fn month(self) -> i32 {
        let date = self.date();
        i32::from(date.year()) * 12 + i32::from(date.month()) - 1
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        let (Ok(year), month, day) = (u16::try_from(date.year()), date.month() as u16, date.day() as u16) else {
            return date.fmt(f);
        };
        // Totals are full of days: digit by digit this is a tenth of what a formatter of dates takes.
        let digit = |number: u16, unit: u16| b'0' + (number / unit % 10) as u8;
        let text = [
            digit(year, 1_000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            b'-',
            digit(month, 10),
            digit(month, 1),
            b'-',
            digit(day, 10),
            digit(day, 1),
        ];
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = InvalidTime;
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let bad = || InvalidTime::Date(text.chars().take(64).collect());
        if text.len() != 10 {
            return Err(bad());
        }
        let date: civil::Date = text.parse().map_err(|_| bad())?;
        if !YEARS.contains(&date.year()) {
            return Err(InvalidTime::Year(text.to_owned()));
        }
        Ok(Self::from_date(date))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar month, counted as [`Day::month`] does: in JSON and SQL text `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Month(pub i32);

impl Month {
    /// The month of a day.
    pub fn of(day: Day) -> Self {
        Self(day.month())
    }

    /// Its first day.
    pub fn first(self) -> Day {
        let (year, month) = (self.0.div_euclid(12) as i16, self.0.rem_euclid(12) as i8 + 1);
        civil::Date::new(year, month, 1).map(Day::from_date).unwrap_or_default()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl FromStr for Month {
    type Err = InvalidTime;
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let bad = |_| InvalidTime::Month(text.chars().take(40).collect());
        format!("{text}-01").parse::<Day>().map(Self::of).map_err(bad)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The IANA time zone in which the tenant's calendar days are cut.
#[derive(Debug, Clone)]
pub struct Zone {
    name: Arc<str>,
    zone: TimeZone,
    utc: bool,
}

/// The name is no IANA time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IANA time zone such as Europe/Moscow or UTC")]
pub struct InvalidZone(pub String);

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC, utc: true }
    }
}

impl Zone {
    /// By IANA name, from the rules bundled with the program.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn named(name: &str) -> Result<Self, InvalidZone> {
        if name == "UTC" {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(name).map_err(|_| InvalidZone(name.to_owned()))?;
        Ok(Self { name: name.into(), zone, utc: false })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The local calendar day of an instant.
    pub fn day(&self, at: Timestamp) -> Day {
        if self.utc {
            return Day(at.0.div_euclid(DAY_US) as i32);
        }
        match jiff::Timestamp::from_microsecond(at.0) {
            Ok(at) => Day::from_date(self.zone.to_datetime(at).date()),
            Err(_) => Day(at.0.div_euclid(DAY_US) as i32),
        }
    }

    /// The first instant of a local day; the end of day `d` is the start of `d + 1`.
    pub fn start(&self, day: Day) -> Timestamp {
        if self.utc {
            return Timestamp(i64::from(day.0) * DAY_US);
        }
        match self.zone.to_zoned(day.date().to_datetime(civil::Time::midnight())) {
            Ok(start) => Timestamp(start.timestamp().as_microsecond()),
            Err(_) => Timestamp(i64::from(day.0) * DAY_US),
        }
    }

    /// The instant at which the clock on the wall shows so many minutes after midnight, 24 hours at most: the first
    /// such instant where clocks are set back; where they are set forward over it, as far behind the jump as it
    /// lies in the gap.
    pub fn at(&self, day: Day, minute: u16) -> Timestamp {
        let (hour, rest) = (minute / 60, minute % 60);
        if hour >= 24 {
            return self.end(day);
        }
        let utc = Timestamp(i64::from(day.0) * DAY_US + i64::from(minute) * 60 * SECOND_US);
        if self.utc {
            return utc;
        }
        let time = civil::time(hour as i8, rest as i8, 0, 0);
        let zoned = self.zone.to_zoned(day.date().to_datetime(time));
        zoned.map_or(utc, |zoned| Timestamp(zoned.timestamp().as_microsecond()))
    }

    /// The instant from which nothing of this day is left: the exclusive bound that a date stands for.
    pub fn end(&self, day: Day) -> Timestamp {
        self.start(Day(day.0.saturating_add(1)))
    }
}

/// Where the present comes from; handed in at the edge, so that tests own it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// A clock from any start that is never set: how much time really passed while [`Clock::now`] moved.
    fn steady(&self) -> Timestamp {
        self.now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_micros() as i64)
    }

    fn steady(&self) -> Timestamp {
        static START: OnceLock<Instant> = OnceLock::new();
        Timestamp(START.get_or_init(Instant::now).elapsed().as_micros() as i64)
    }
}

/// A clock that a test sets by hand.
#[derive(Debug, Default)]
pub struct ManualClock {
    steady: AtomicI64,
    ahead: AtomicI64,
}

impl ManualClock {
    /// Starts at an instant.
    pub fn at(now: Timestamp) -> Self {
        Self { steady: now.0.into(), ahead: 0.into() }
    }

    /// Lets time pass until an instant; also backwards.
    pub fn set(&self, now: Timestamp) {
        self.steady.store(now.0, Ordering::SeqCst);
        self.ahead.store(0, Ordering::SeqCst);
    }

    /// Sets the clock to an instant while no time passes.
    pub fn jump(&self, now: Timestamp) {
        self.ahead.store(now.0.saturating_sub(self.steady.load(Ordering::SeqCst)), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.steady.load(Ordering::SeqCst).saturating_add(self.ahead.load(Ordering::SeqCst)))
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.steady.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_moment_reads_back_with_its_offset(us in -5_000_000_000_000_000i64..7_000_000_000_000_000, offset in -14 * 60i16..=14 * 60) {
            let moment = Moment { at: Timestamp(us), offset_min: offset };
            prop_assert_eq!(moment.to_string().parse::<Moment>(), Ok(moment));
        }

        #[test]
        fn a_day_reads_back_and_counts_like_the_calendar(raw in -60_000i32..80_000) {
            let day = Day(raw);
            prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
            prop_assert_eq!(Day::from_date(day.date()), day);
            prop_assert_eq!(day.to_string(), day.date().to_string());
        }

        #[test]
        fn a_local_day_holds_the_instants_from_its_start_to_the_next(us in 0i64..2_000_000_000_000_000) {
            let zone = Zone::named("Europe/Moscow").expect("bundled");
            let at = Timestamp(us);
            let day = zone.day(at);
            prop_assert!(zone.start(day) <= at && at < zone.end(day));
        }
    }

    #[test]
    fn impossible_and_remote_dates_are_refused() {
        for bad in [
            "2026-02-30T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "2026-03-01",
            "2026-03-01T10:00:00",
            "now",
        ] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }
}
