//! Where clocks of service levels go wrong, each with the minutes worked out by hand.

use letopis_core::definitions::Definitions;
use letopis_core::events::Event;
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EventId, Position, Version};
use letopis_core::time::{Moment, Timestamp};
use serde_json::{Value, json};

use super::clock::{Clock, ClockState, Clocks, Levels};
use super::{CaseRow, Cases, row};
use crate::views::client::testing::{File, client, id};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

fn at(text: &str) -> Timestamp {
    text.parse::<Moment>().expect("a moment").at
}

/// Definitions, each from an instant on; versions count up within a kind and code.
fn definitions(said: &[(&str, &str, Value)]) -> Definitions {
    let mut out = Definitions::default();
    for (n, (from, name, data)) in said.iter().enumerate() {
        let event = Event::from_input(name, data.clone()).expect("a definition");
        let stream = event.definition_stream().expect("a stream");
        let (kind, code) = stream.split_once('/').expect("a kind");
        let before = said[..n].iter().filter(|(_, other, data)| {
            let event = Event::from_input(other, data.clone()).expect("a definition");
            event.definition_stream().as_deref() == Some(&*stream)
        });
        let version = Version(before.count() as u64 + 1);
        out.put(kind, code, (at(from), 0, EventId(n as u128)), (version, Position(version.0)), event);
    }
    out
}

fn hours(code: &str, zone: &str, holidays: &[&str]) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri"];
    let weekly = json!([{ "days": days, "from": "09:00", "to": "18:00" }]);
    json!({ "calendar": code, "zone": zone, "weekly": weekly, "holidays": holidays })
}

/// A first response within one hour, a resolution within eight.
fn level(code: &str, calendar: &str) -> Value {
    json!({
        "level": code, "rank": 1, "calendar": calendar, "first_response_s": HOUR, "resolution_s": 8 * HOUR,
    })
}

const LONG_AGO: &str = "2025-01-01T00:00:00Z";

fn office() -> Definitions {
    definitions(&[
        (LONG_AGO, "calendar.defined", hours("office", "Europe/Moscow", &[])),
        (LONG_AGO, "service_level.defined", level("all", "office")),
    ])
}

fn case(steps: &[(&str, &str)]) -> CaseRow {
    case_of(steps, json!({ "kind": "complaint" }))
}

fn case_of(steps: &[(&str, &str)], raised: Value) -> CaseRow {
    let fact = |(n, (when, what)): (usize, &(&str, &str))| {
        let mut data = match *what {
            "raised" => raised.clone(),
            "resolved" => json!({ "resolution": "done" }),
            _ => json!({}),
        };
        data["case"] = id(1).into();
        let event = Event::from_input(&format!("case.{what}"), data).expect("a step");
        Fact::sample(n as u64 + 1, client(1), at(when), event)
    };
    let facts: Vec<Fact> = steps.iter().enumerate().map(fact).collect();
    let file = File::new(&[]).with(&Cases, &facts);
    row(&file.reader(at("2027-01-01T00:00:00Z")), CaseId(1)).expect("reads").expect("a case")
}

fn clocks(definitions: Definitions, row: &CaseRow, now: &str) -> Clocks {
    Levels::new(definitions).clocks(row, &json!({}), at(now)).expect("a level")
}

fn resolution(definitions: Definitions, row: &CaseRow, now: &str) -> Clock {
    clocks(definitions, row, now).resolution.expect("a target")
}

#[test]
fn time_in_which_we_wait_for_the_client_is_taken_off() {
    // Monday 10:00 to 12:00 runs: 2 h. Waiting until Tuesday 15:00. Then 15:00 to 17:30: 2 h 30 min.
    let row = case(&[
        ("2026-03-02T10:00:00+03:00", "raised"),
        ("2026-03-02T12:00:00+03:00", "paused"),
        ("2026-03-03T15:00:00+03:00", "resumed"),
        ("2026-03-03T17:30:00+03:00", "resolved"),
    ]);
    let found = clocks(office(), &row, "2026-03-10T00:00:00Z");
    let clock = found.resolution.expect("a target");
    assert_eq!((clock.elapsed_s, clock.state), (4 * HOUR + 30 * MINUTE, ClockState::Met));
    // Monday 12:00 to 18:00 and Tuesday 09:00 to 15:00.
    assert_eq!(found.paused_s, 12 * HOUR);
    // Without the pause 16 h 30 min would have passed: a breach that is none.
    let ignored = case(&[("2026-03-02T10:00:00+03:00", "raised"), ("2026-03-03T17:30:00+03:00", "resolved")]);
    let clock = resolution(office(), &ignored, "2026-03-10T00:00:00Z");
    assert_eq!((clock.elapsed_s, clock.state), (16 * HOUR + 30 * MINUTE, ClockState::Breached));
}

#[test]
fn a_case_on_hold_does_not_run_late() {
    // Seven hours ran on Monday; then it waits for a week. One hour is left, wherever that begins.
    let steps = [("2026-03-02T09:00:00+03:00", "raised"), ("2026-03-02T16:00:00+03:00", "paused")];
    let held = resolution(office(), &case(&steps), "2026-03-09T12:00:00+03:00");
    assert_eq!((held.elapsed_s, held.state, held.due), (7 * HOUR, ClockState::AtRisk, None));
    let resumed = [steps[0], steps[1], ("2026-03-09T12:00:00+03:00", "resumed")];
    let goes_on = resolution(office(), &case(&resumed), "2026-03-09T12:30:00+03:00");
    assert_eq!((goes_on.elapsed_s, goes_on.state), (7 * HOUR + 30 * MINUTE, ClockState::AtRisk));
    assert_eq!(goes_on.due, Some(Moment::utc(at("2026-03-09T13:00:00+03:00"))));
    let late = resolution(office(), &case(&resumed), "2026-03-09T13:00:01+03:00");
    assert_eq!((late.elapsed_s, late.state), (8 * HOUR + 1, ClockState::Breached));
}

#[test]
fn a_reopened_case_goes_on_from_its_raising() {
    let steps = [
        ("2026-03-02T09:00:00+03:00", "raised"),
        ("2026-03-02T09:40:00+03:00", "answered"),
        ("2026-03-02T11:00:00+03:00", "resolved"),
        ("2026-03-02T17:00:00+03:00", "reopened"),
        ("2026-03-03T10:30:00+03:00", "resolved"),
    ];
    let first = resolution(office(), &case(&steps[..3]), "2026-03-02T12:00:00+03:00");
    assert_eq!((first.elapsed_s, first.state), (2 * HOUR, ClockState::Met));
    let open = resolution(office(), &case(&steps[..4]), "2026-03-02T17:00:00+03:00");
    assert_eq!((open.elapsed_s, open.state, open.ended_at), (8 * HOUR, ClockState::AtRisk, None));
    // Monday 09:00 to 18:00 and Tuesday 09:00 to 10:30.
    let found = clocks(office(), &case(&steps), "2026-03-10T00:00:00Z");
    let last = found.resolution.expect("a target");
    assert_eq!((last.elapsed_s, last.state), (10 * HOUR + 30 * MINUTE, ClockState::Breached));
    let answered = found.first_response.expect("a target");
    assert_eq!((answered.elapsed_s, answered.state), (40 * MINUTE, ClockState::Met));
}

#[test]
fn a_holiday_that_is_added_later_does_not_excuse_an_old_breach() {
    let said = |holiday: &'static str| {
        definitions(&[
            (LONG_AGO, "calendar.defined", hours("office", "Europe/Moscow", &[])),
            (LONG_AGO, "service_level.defined", level("all", "office")),
            ("2026-03-20T00:00:00Z", "calendar.defined", hours("office", "Europe/Moscow", &[holiday])),
        ])
    };
    // Friday 6 March 12:00 to Monday 9 March 12:00: 6 h and 3 h.
    let steps = [("2026-03-06T12:00:00+03:00", "raised"), ("2026-03-09T12:00:00+03:00", "resolved")];
    let old = clocks(said("2026-03-09"), &case(&steps), "2026-04-10T00:00:00Z");
    let clock = old.resolution.clone().expect("a target");
    assert_eq!((clock.elapsed_s, clock.state), (9 * HOUR, ClockState::Breached));
    assert_eq!((old.calendar.as_deref(), &*old.level), (Some("calendar:office@1"), "service-level:all@1"));
    // Who came later has the holiday: Friday 1 May is closed, so 6 h and 2 h.
    let steps = [("2026-04-30T12:00:00+03:00", "raised"), ("2026-05-04T11:00:00+03:00", "resolved")];
    let new = clocks(said("2026-05-01"), &case(&steps), "2026-06-01T00:00:00Z");
    let clock = new.resolution.expect("a target");
    assert_eq!((clock.elapsed_s, clock.state), (8 * HOUR, ClockState::Met));
    assert_eq!(new.calendar.as_deref(), Some("calendar:office@2"));
}

#[test]
fn a_night_in_which_clocks_are_set_forward_has_an_hour_less() {
    let nights = json!([{ "days": ["sat", "sun"], "from": "00:00", "to": "24:00" }]);
    let said = definitions(&[
        (LONG_AGO, "calendar.defined", json!({ "calendar": "c", "zone": "Europe/Berlin", "weekly": nights })),
        (LONG_AGO, "service_level.defined", level("all", "c")),
    ]);
    // Saturday 22:00 to Sunday 07:00 by the clock on the wall: nine hours, of which eight pass.
    let steps = [("2026-03-28T22:00:00+01:00", "raised"), ("2026-03-29T07:00:00+02:00", "resolved")];
    let clock = resolution(said, &case(&steps), "2026-04-10T00:00:00Z");
    assert_eq!((clock.elapsed_s, clock.state), (8 * HOUR, ClockState::Met));
}

#[test]
fn a_client_in_another_time_zone_is_served_in_his_hours() {
    let east = json!({
        "level": "east", "rank": 0, "calendar": "east", "when": "case.region == 'vladivostok'",
        "first_response_s": HOUR,
    });
    let said = definitions(&[
        (LONG_AGO, "calendar.defined", hours("office", "Europe/Moscow", &[])),
        (LONG_AGO, "calendar.defined", hours("east", "Asia/Vladivostok", &[])),
        (LONG_AGO, "service_level.defined", level("all", "office")),
        (LONG_AGO, "service_level.defined", east),
    ]);
    // 17:30 in Vladivostok is 10:30 in Moscow. Thirty minutes until 18:00, twenty from 09:00 on.
    let steps = [("2026-03-02T17:30:00+10:00", "raised"), ("2026-03-03T09:20:00+10:00", "answered")];
    let there = case_of(&steps, json!({ "kind": "complaint", "region": "vladivostok" }));
    let found = clocks(said.clone(), &there, "2026-03-10T00:00:00Z");
    let first = found.first_response.expect("a target");
    assert_eq!((&*found.level, first.elapsed_s, first.state), ("service-level:east@1", 50 * MINUTE, ClockState::Met));
    // The same instants of a client in Moscow: 10:30 to 18:00, and nothing before 09:00: too late.
    let here = clocks(said, &case(&steps), "2026-03-10T00:00:00Z").first_response.expect("a target");
    assert_eq!((here.elapsed_s, here.state), (7 * HOUR + 30 * MINUTE, ClockState::Breached));
}

#[test]
fn a_case_closed_in_time_without_an_answer_is_neither_met_nor_breached() {
    let steps = [("2026-03-02T10:00:00+03:00", "raised"), ("2026-03-02T10:30:00+03:00", "closed")];
    let found = clocks(office(), &case(&steps), "2026-03-10T00:00:00Z");
    let state = |clock: Option<Clock>| clock.expect("a target").state;
    assert_eq!((state(found.first_response), state(found.resolution)), (ClockState::Void, ClockState::Void));
}
