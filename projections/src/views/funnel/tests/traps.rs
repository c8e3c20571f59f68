//! Stories that funnels are known to get wrong.

use letopis_core::ids::DealId;

use super::*;
use crate::engine::read::QueryError;
use crate::views::deals::Status;
use crate::views::definitions::employees;
use crate::views::funnel::{Board, By, board, cohort, flow, lost_reasons, time_in_stage, velocity, win_rate};

fn eur(minor: i64) -> Money {
    money(minor, "EUR")
}

/// The default board as of a day, ungrouped: deals per stage.
fn stock(story: &Story, day: i32) -> Vec<(String, i64, Vec<Money>)> {
    let board = snapshot(story, day);
    let stages = board.groups.into_iter().flat_map(|group| group.stages);
    stages.map(|stage| (stage.name.stage.to_string(), stage.deals, stage.value)).filter(|stage| stage.1 != 0).collect()
}

fn snapshot(story: &Story, day: i32) -> Board {
    story.ask(day, |reader| board(reader, &default_model(), By::None, Day(day))).expect("a board")
}

#[test]
fn a_board_of_a_past_day_is_what_was_there_that_evening() {
    let mut story = Story::new();
    story.tell(0.5, opened(1, "lead", eur(100))).tell(2.5, moved(1, "offer")).tell(4.5, won(1, None));
    assert_eq!(stock(&story, -1), []);
    assert_eq!(stock(&story, 1), [("lead".into(), 1, vec![eur(100)])]);
    assert_eq!(stock(&story, 2), [("offer".into(), 1, vec![eur(100)])]);
    assert_eq!(stock(&story, 4), []);
    let later = story.ask(4, |reader| board(reader, &default_model(), By::None, Day(2)));
    assert_eq!(later.expect("a board"), snapshot(&story, 2), "as of a day, or for a day: one answer");
}

#[test]
fn a_day_that_is_not_covered_is_refused() {
    let answer = Story::new().ask(3, |reader| board(reader, &default_model(), By::None, Day(4)));
    assert!(matches!(answer, Err(QueryError::Parameter { name: "day", .. })));
    let answer = Story::new().ask(3, |reader| board(reader, &default_model(), By::Quarter, Day(3)));
    assert!(matches!(answer, Err(QueryError::Parameter { name: "by", .. })));
    let answer = Story::new().ask(3, |reader| flow(reader, &default_model(), days(3, 2)));
    assert!(matches!(answer, Err(QueryError::Parameter { name: "to", .. })));
}

#[test]
fn skipped_stages_are_reached_but_not_entered() {
    let mut story = Story::new();
    story.tell(0.1, opened(1, "lead", eur(100))).tell(1.0, moved(1, "contract"));
    story.tell(0.2, opened(2, "lead", eur(100))).tell(1.0, won(2, None));
    story.tell(0.3, opened(3, "lead", eur(100))).tell(1.0, lost(3, None, None));
    let cohort = story.ask(5, |reader| cohort(reader, &default_model(), days(0, 1))).expect("a cohort");
    let stages: Vec<_> = cohort.stages.iter().map(|s| (s.reached.numerator, s.entered, s.open)).collect();
    assert_eq!(stages, [(3, 3, 0), (2, 0, 0), (2, 1, 1)], "who won is beyond every stage");
    let steps: Vec<_> = cohort.stages.iter().map(|s| s.conversion.map(|c| (c.numerator, c.denominator))).collect();
    assert_eq!(steps, [Some((2, 3)), Some((2, 2)), Some((1, 2))]);
    assert_eq!((cohort.open, cohort.is_final, cohort.won.numerator, cohort.lost.numerator), (1, false, 1, 1));
}

#[test]
fn a_cohort_as_of_an_earlier_day_does_not_know_what_came_later() {
    let mut story = Story::new();
    story.tell(0.1, opened(1, "lead", eur(100))).tell(3.0, moved(1, "offer")).tell(4.0, won(1, None));
    let at = |day| story.ask(day, |reader| cohort(reader, &default_model(), days(0, 1))).expect("a cohort");
    assert_eq!(at(2).stages[1].reached.numerator, 0);
    assert_eq!((at(3).stages[1].reached.numerator, at(3).is_final), (1, false));
    assert!(at(4).is_final);
    assert_eq!(at(-1).deals, 0);
}

#[test]
fn a_move_back_is_an_exit_that_does_not_convert_and_the_entry_counts_again() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(100))).tell(1.0, moved(1, "offer")).tell(3.0, moved(1, "lead"));
    story.tell(4.0, moved(1, "offer")).tell(4.5, moved(1, "offer"));
    let flow = story.ask(9, |reader| flow(reader, &default_model(), days(0, 9))).expect("a flow");
    let (lead, offer) = (&flow.stages[0], &flow.stages[1]);
    assert_eq!((lead.entries.started, lead.entries.back, lead.exits.forward), (1, 1, 2));
    assert_eq!((offer.entries.forward, offer.exits.back, offer.exits.total), (2, 1, 1));
    assert_eq!((offer.conversion.numerator, offer.conversion.value), (0, Some(0.0)));
    assert_eq!(flow.stages[2].conversion.value, None, "no exits, no conversion");
    assert_eq!(flow.entries, 4, "to go where one is already is no move");
}

#[test]
fn a_win_stands_until_the_day_it_is_reopened() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(100))).tell(10.0, won(1, None)).tell(20.0, reopened(1, "offer"));
    story.tell(30.0, lost(1, Some("price"), Some("acme")));
    let rate = |day, from, to| {
        let answer = story.ask(day, |reader| win_rate(reader, days(from, to), By::None)).expect("a rate").total;
        (answer.won, answer.lost)
    };
    assert_eq!(rate(19, 0, 15), (1, 0));
    assert_eq!(rate(20, 0, 15), (0, 0), "withdrawn from the day of the reopening on, from its own period");
    assert_eq!(rate(20, 15, 25), (0, 0), "and never a negative number of wins in another");
    assert_eq!(rate(40, 0, 50), (0, 1));
    assert_eq!(stock(&story, 25), [("offer".into(), 1, vec![eur(100)])]);
    assert_eq!((story.deal(1).reopened, story.deal(1).status), (1, Status::Lost));
    let flow = story.ask(40, |reader| flow(reader, &default_model(), days(0, 50))).expect("a flow");
    assert_eq!((flow.won, flow.lost, flow.stages[1].entries.reopened), (1, 1, 1), "moves happened and stay");
}

#[test]
fn a_second_close_overturns_the_first_from_its_day_on() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(100))).tell(1.0, won(1, None)).tell(3.0, lost(1, None, None));
    let rate = |day| story.ask(day, |reader| win_rate(reader, days(0, 9), By::None)).expect("a rate").total;
    assert_eq!((rate(2).won, rate(2).lost, rate(3).won, rate(3).lost), (1, 0, 0, 1));
    assert!(story.deal(1).odd.0.contains("deal.closed_twice"));
    let flow = story.ask(9, |reader| flow(reader, &default_model(), days(0, 9))).expect("a flow");
    assert_eq!((flow.won, flow.lost, flow.reclosed), (1, 0, 1));
}

#[test]
fn an_amount_changed_later_leaves_the_days_before_alone() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(100))).tell(5.0, priced(1, eur(250)));
    assert_eq!(stock(&story, 4), [("lead".into(), 1, vec![eur(100)])]);
    assert_eq!(stock(&story, 5), [("lead".into(), 1, vec![eur(250)])]);
    story.tell(6.0, won(1, Some(eur(240)))).tell(8.0, priced(1, eur(200)));
    let value = |day| story.ask(day, |reader| win_rate(reader, days(6, 7), By::None)).expect("a rate").total.value;
    assert_eq!((value(7)[0].won, value(8)[0].won), (eur(240), eur(200)));
}

#[test]
fn a_change_of_agent_moves_the_stock_and_not_the_closes_of_the_past() {
    let mut story = Story::new();
    story.tell(-5.0, employee(7, 70, "north", Some("Anna"))).tell(-5.0, employee(8, 80, "south", None));
    story.tell(0.0, opened(1, "lead", eur(100))).tell(0.0, opened(2, "lead", eur(30)));
    story.tell(3.0, led_by(1, 8)).tell(5.0, won(1, None)).tell(7.0, led_by(1, 7));
    let regions = |day| {
        let board = story.ask(day, |reader| board(reader, &default_model(), By::Region, Day(day))).expect("a board");
        board.groups.into_iter().map(|group| (group.key.expect("known"), group.deals)).collect::<Vec<_>>()
    };
    assert_eq!(regions(2), [("north".into(), 2)]);
    assert_eq!(regions(3), [("north".into(), 1), ("south".into(), 1)]);
    assert_eq!(regions(9), [("north".into(), 1)]);
    let rate = story.ask(9, |reader| win_rate(reader, days(0, 9), By::Agent)).expect("a rate");
    assert_eq!(rate.groups.len(), 1);
    assert_eq!(rate.groups[0].key, Some(EmployeeId(8).to_string()), "credit stays with who closed");
}

#[test]
fn a_deal_lost_that_was_never_opened_counts_as_lost_and_marks_itself() {
    let mut story = Story::new();
    story.tell(1.0, lost(1, None, None)).tell(2.0, led_by(2, 7)).tell(2.0, priced(3, eur(5)));
    let rate = story.ask(9, |reader| win_rate(reader, days(0, 9), By::Product)).expect("a rate");
    assert_eq!((rate.total.lost, rate.groups[0].key.clone()), (1, None));
    assert_eq!(rate.total.cycle_days.value, None);
    assert_eq!(stock(&story, 9), []);
    assert!(story.deal(1).odd.0.contains("deal.not_opened"));
    let cohort = story.ask(9, |reader| cohort(reader, &default_model(), days(-100, 100))).expect("a cohort");
    assert_eq!(cohort.deals, 0);
    story.tell(3.0, opened(1, "lead", eur(9)));
    assert_eq!(story.deal(1).status, Status::Lost, "a late opening does not undo the close");
}

#[test]
fn currencies_are_never_added_up() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(1_000))).tell(0.0, opened(2, "lead", money(300, "JPY")));
    story.tell(0.0, opened(3, "lead", eur(205))).tell(1.0, priced(3, money(7, "JPY")));
    let stage = &snapshot(&story, 1).groups[0].stages[0];
    assert_eq!(stage.value, [eur(1_000), money(307, "JPY")]);
    assert_eq!(stage.weighted, Some(vec![eur(100), money(31, "JPY")]), "30.7 is rounded once");
    assert_eq!((stage.empirical.numerator, stage.empirical.denominator, stage.empirical.n), (1, 2, 0));
    assert_eq!(stage.weighted_empirical, [eur(500), money(154, "JPY")]);
    story.tell(4.0, won(1, None)).tell(4.0, lost(2, None, None));
    let speed = story.ask(9, |reader| velocity(reader, days(0, 9))).expect("a velocity");
    assert_eq!(
        (speed.open, speed.rate.numerator, speed.rate.denominator, speed.cycle_days.value),
        (1, 1, 2, Some(4.0))
    );
    let speeds: Vec<_> = speed.speeds.iter().map(|s| (s.currency.to_string(), s.minor_per_day)).collect();
    assert_eq!(speeds, [("EUR".into(), Some(1.0 * 1_000.0 * 0.5 / 4.0))]);
}

#[test]
fn deals_of_unknown_date_are_in_the_stock_and_told_apart() {
    let mut story = Story::new();
    story.tell(2.0, Opened { date_known: false, ..opened(1, "lead", eur(100)) });
    let board = snapshot(&story, 3);
    assert_eq!((board.groups[0].stages[0].deals, board.groups[0].stages[0].undated), (1, 1));
    let cohort = story.ask(9, |reader| cohort(reader, &default_model(), days(0, 9))).expect("a cohort");
    assert_eq!((cohort.deals, cohort.undated), (0, 1));
    let flow = story.ask(9, |reader| flow(reader, &default_model(), days(0, 9))).expect("a flow");
    assert_eq!((flow.entries, flow.undated), (0, 1));
    let time = story.ask(9, |reader| time_in_stage(reader, &default_model())).expect("times");
    assert_eq!((time.stages[0].per_visit.n, time.stages[0].undated_visits), (0, 1));
    story.tell(4.0, moved(1, "offer")).tell(6.0, won(1, None));
    let rate = story.ask(9, |reader| win_rate(reader, days(0, 9), By::None)).expect("a rate").total;
    assert_eq!((rate.won, rate.cycle_days.denominator), (1, 0), "a stand-in date makes no cycle");
}

#[test]
fn the_median_time_in_a_stage_counts_those_still_there() {
    let mut story = Story::new();
    for (deal, end) in [(1, 1.0), (2, 2.0), (3, 3.0)] {
        story.tell(0.0, opened(deal, "lead", eur(1))).tell(end, moved(deal, "offer"));
    }
    story.tell(0.0, opened(4, "lead", eur(1))).tell(0.0, opened(5, "lead", eur(1)));
    story.tell(4.0, moved(1, "lead"));
    let lead = story.ask(9, |reader| time_in_stage(reader, &default_model())).expect("times").stages.remove(0);
    assert_eq!((lead.per_visit.n, lead.per_visit.open), (6, 3));
    assert_eq!(lead.per_visit.median_s, Some(3 * DAY_S), "the mean of the finished ones would be 2 days");
    assert_eq!((lead.per_deal.n, lead.per_deal.open, lead.per_deal.median_s), (5, 3, None));
}

#[test]
fn lost_reasons_come_by_frequency_and_then_by_name() {
    let mut story = Story::new();
    for (deal, reason) in [(1, Some("price")), (2, Some("delay")), (3, Some("price")), (4, None), (5, Some("alone"))] {
        story.tell(0.0, opened(deal, "lead", eur(10))).tell(1.0, lost(deal, reason, None));
    }
    let reasons = story.ask(9, |reader| lost_reasons(reader, days(0, 9))).expect("reasons");
    let names: Vec<_> = reasons.reasons.iter().map(|r| (r.reason.as_deref(), r.deals.numerator)).collect();
    assert_eq!(names, [(Some("price"), 2), (None, 1), (Some("alone"), 1), (Some("delay"), 1)]);
    assert_eq!((reasons.lost, reasons.reasons[0].value.clone()), (5, vec![eur(20)]));
}

#[test]
fn managers_and_names_are_those_of_the_day_that_is_asked_about() {
    let mut story = Story::new();
    story.tell(0.0, employee(7, 70, "north", Some("Anna"))).tell(5.0, employee(7, 71, "south", None));
    story.tell(0.0, employee(70, 1, "north", Some("Boris"))).tell(0.0, product("saw", "tools"));
    story.tell(1.0, opened(1, "lead", eur(10))).tell(2.0, won(1, None));
    let managers = |day| {
        let rate = story.ask(day, |reader| win_rate(reader, days(0, 9), By::Manager)).expect("a rate");
        rate.groups.into_iter().map(|group| (group.key, group.label)).collect::<Vec<_>>()
    };
    assert_eq!(managers(4), [(Some(EmployeeId(70).to_string()), Some("Boris".into()))]);
    assert_eq!(managers(5), [(Some(EmployeeId(71).to_string()), None)]);
    let staff = story.ask(9, employees).expect("employees");
    assert_eq!(staff[&EmployeeId(7)].name.as_deref(), Some("Anna"), "a new manager does not rename anybody");
    let rate = story.ask(9, |reader| win_rate(reader, days(0, 9), By::ProductGroup)).expect("a rate");
    assert_eq!(rate.groups[0].key.as_deref(), Some("tools"));
    let rate = story.ask(9, |reader| win_rate(reader, days(0, 9), By::Quarter)).expect("a rate");
    assert_eq!(rate.groups[0].key.as_deref(), Some("1970-Q1"));
}

#[test]
fn the_chance_of_winning_is_counted_from_closes_that_stand_and_came_that_far() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(10))).tell(1.0, won(1, None)).tell(6.0, reopened(1, "offer"));
    story.tell(0.0, opened(2, "lead", eur(10))).tell(1.0, moved(2, "offer")).tell(2.0, lost(2, None, None));
    story.tell(0.0, opened(3, "lead", eur(10))).tell(3.0, lost(3, None, None));
    let chances = |day| {
        let stages = snapshot(&story, day).groups.remove(0).stages.into_iter();
        stages.map(|s| (s.empirical.numerator, s.empirical.denominator)).collect::<Vec<_>>()
    };
    assert_eq!(chances(2), [(2, 4), (2, 4), (2, 3)]);
    assert_eq!(chances(6), [(1, 4), (1, 3), (1, 2)]);
}

#[test]
fn closes_without_an_amount_are_named_beside_the_money() {
    let mut story = Story::new();
    for (deal, amount) in [(1, Some(eur(10))), (2, None)] {
        story.tell(0.0, Opened { amount, ..opened(deal, "lead", eur(0)) }).tell(1.0, won(deal, None));
    }
    let total = story.ask(9, |reader| win_rate(reader, days(0, 9), By::None)).expect("a rate").total;
    assert_eq!((total.won, total.unpriced_won, total.unpriced_lost, total.value[0].rate.n), (2, 1, 0, 1));
}

#[test]
fn stages_that_no_model_knows_are_shown_without_an_order() {
    let mut story = Story::new();
    story.tell(0.0, opened(1, "lead", eur(10))).tell(1.0, moved(1, "limbo")).tell(2.0, moved(1, "offer"));
    let flow = story.ask(9, |reader| flow(reader, &default_model(), days(0, 9))).expect("a flow");
    let limbo = flow.stages.last().expect("limbo");
    assert_eq!((limbo.name.in_model, limbo.entries.unordered, limbo.exits.unordered), (false, 1, 1));
    assert_eq!(flow.stages[0].conversion.denominator, 1);
    let other = story.ask(9, |reader| board(reader, &code("unheard-of"), By::None, Day(9))).expect("a board");
    assert_eq!(other.groups, []);
}

#[test]
fn one_deal_in_two_clients_streams_is_two_rows() {
    let mut story = Story::new();
    story.tell_of(1, 0.0, opened(1, "lead", eur(10))).tell_of(2, 0.0, opened(1, "lead", eur(10)));
    assert_eq!(stock(&story, 1), [("lead".into(), 2, vec![eur(20)])]);
    let rows = story.ask(9, |reader| reader.rows::<crate::views::deals::DealRow>("", &[])).expect("rows");
    assert!(rows.iter().all(|row| row.deal == DealId(1)));
}
