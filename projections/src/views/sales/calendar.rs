//! Weeks begin on Monday.

use letopis_core::time::Day;

/// The Monday of a day's week.
pub(super) fn monday(day: Day) -> Day {
    // 1970-01-01 was a Thursday.
    Day(day.0 - (day.0 + 3).rem_euclid(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_named_by_its_monday() {
        let day = |text: &str| text.parse::<Day>().expect("a date");
        assert_eq!(monday(day("2026-03-01")), day("2026-02-23"));
        assert_eq!(monday(day("2026-03-02")), day("2026-03-02"));
        assert_eq!(monday(day("1969-12-31")), day("1969-12-29"));
    }
}
