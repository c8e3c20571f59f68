//! Working days: Monday to Friday.

use letopis_core::time::Day;

/// The Monday of a day's week.
pub(super) fn monday(day: Day) -> Day {
    // 1970-01-01 was a Thursday.
    Day(day.0 - (day.0 + 3).rem_euclid(7))
}

/// Working days from `from` up to, not including, `to`.
pub(super) fn working_days(from: Day, to: Day) -> i64 {
    let until = |day: Day| {
        let start = monday(day);
        i64::from(start.0.div_euclid(7)) * 5 + i64::from((day.0 - start.0).min(5))
    };
    (until(to) - until(from)).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_are_no_working_days() {
        let day = |text: &str| text.parse::<Day>().expect("a date");
        assert_eq!(monday(day("2026-03-01")), day("2026-02-23"));
        assert_eq!(working_days(day("2026-02-01"), day("2026-03-01")), 20);
        assert_eq!(working_days(day("2026-02-28"), day("2026-03-02")), 0);
        assert_eq!(working_days(day("2026-02-27"), day("2026-03-03")), 2);
        assert_eq!(working_days(day("1969-12-31"), day("1970-01-02")), 2);
    }
}
