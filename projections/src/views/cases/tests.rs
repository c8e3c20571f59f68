use letopis_core::fact::Fact;
use letopis_core::time::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::engine::list::Window;
use crate::views::client::testing::{DAY, File, at, client, fact, id};

fn file(facts: &[Fact]) -> File {
    File::new(&[(client(2), client(1))]).with(&Cases, facts)
}

fn event(position: u64, seconds: i64, name: &str, mut data: Value) -> Fact {
    data["case"] = id(1).into();
    fact(position, 1, seconds, &format!("case.{name}"), data)
}

fn due(seconds: i64) -> Moment {
    Moment::utc(at(seconds))
}

fn the_case(file: &File, now: i64) -> CaseItem {
    case(&file.reader(at(now)), CaseId(1)).expect("a query").expect("a case")
}

fn counted(file: &File, now: i64) -> CaseOverview {
    overview(&file.reader(at(now)), Day(0), Day(1_000), None).expect("a query").remove(0)
}

#[test]
fn a_date_moved_twice_shows_all_dates_the_reasons_and_what_became_of_it() {
    let facts = [
        event(1, 0, "raised", json!({ "kind": "complaint" })),
        event(2, 10, "due_set", json!({ "due": due(DAY) })),
        event(3, 20, "due_moved", json!({ "due": due(2 * DAY), "reason": "supplier" })),
        event(4, 30, "due_moved", json!({ "due": due(3 * DAY), "reason": "customs" })),
        event(5, 4 * DAY, "resolved", json!({ "resolution": "repaired" })),
    ];
    let ask = |facts: &[Fact], now| {
        let file = file(facts);
        let page = promises(&file.reader(at(now)), &PromiseQuery::default(), &Window::first(5)).expect("a page");
        page.items[0].clone()
    };
    let promise = ask(&facts, 9 * DAY);
    let dues: Vec<(i64, Option<&str>)> =
        promise.dues.iter().map(|d| (d.due.at.0 / 1_000_000 / DAY, d.reason.as_ref().map(Code::as_str))).collect();
    assert_eq!(dues, [(1, None), (2, Some("supplier")), (3, Some("customs"))]);
    assert_eq!((promise.moves, promise.state), (2, PromiseState::Broken));
    assert_eq!(ask(&facts[..4], DAY).state, PromiseState::Pending);
    assert_eq!(ask(&facts[..4], 5 * DAY).state, PromiseState::Broken);
    let sums = counted(&file(&facts), 9 * DAY);
    assert_eq!((sums.due_moved, sums.kept, sums.broken), (2, 0, 1));
}

#[test]
fn a_reopened_case_goes_on_from_its_first_raising() {
    let facts = [
        event(1, 0, "raised", json!({ "kind": "question" })),
        event(2, 100, "answered", json!({})),
        event(3, 1_000, "resolved", json!({ "resolution": "told" })),
        event(4, 2 * DAY, "reopened", json!({})),
        event(5, 5 * DAY, "resolved", json!({ "resolution": "shown" })),
    ];
    let open = the_case(&file(&facts[..4]), 3 * DAY);
    assert_eq!((open.status, open.resolved_at, open.reopened), (Status::Open, None, 1));
    let live = file(&facts);
    let case = the_case(&live, 9 * DAY);
    assert_eq!((case.status, case.resolution_s, case.first_response_s), (Status::Resolved, Some(5 * DAY), Some(100)));
    let on = |day: i64| counted(&live, day * DAY);
    assert_eq!(on(1).resolution.n, 1, "before the reopening the first resolution counts");
    assert_eq!((on(4).resolution.n, on(4).open), (0, 1), "from then on it does not");
    assert_eq!((on(9).resolution.n, on(9).resolved, on(9).reopened), (1, 2, 1));
    let median = on(9).resolution.median_s.expect("one");
    assert!((median - 5 * DAY).abs() * 100 <= 5 * DAY, "{median}");
}

#[test]
fn what_is_due_later_today_is_not_overdue_yet() {
    let facts = [
        event(1, 0, "raised", json!({ "kind": "question" })),
        event(2, 10, "due_set", json!({ "due": due(DAY + 3_600) })),
    ];
    let file = file(&facts);
    let overdue = |now| (counted(&file, now).overdue, the_case(&file, now).overdue);
    assert_eq!(overdue(DAY), (0, false));
    assert_eq!(overdue(DAY + 3_600), (0, false));
    assert_eq!(overdue(DAY + 3_601), (1, true));
    assert_eq!(overdue(2 * DAY), (1, true));
    let filter = CaseFilter { overdue: true, ..CaseFilter::default() };
    assert_eq!(cases(&file.reader(at(2 * DAY)), &filter, &Window::first(5)).expect("a page").items.len(), 1);
}

#[test]
fn a_case_that_was_never_raised_is_listed_flagged_and_counted_nowhere() {
    let file = file(&[event(1, 0, "answered", json!({}))]);
    let case = the_case(&file, DAY);
    assert_eq!((case.flags, case.first_response_s), (vec!["case.not_raised".to_owned()], None));
    let sums = counted(&file, DAY);
    assert_eq!((sums.open, sums.answered, sums.first_response.n), (0, 0, 0));
}

#[test]
fn complaints_forwarded_to_a_company_are_counted_by_its_answer() {
    let facts = [
        event(1, 0, "raised", json!({ "kind": "complaint", "topic": "fees", "channel": "web", "product": "card" })),
        event(2, 10, "forwarded", json!({ "to": "company", "response": "in-progress", "timely": true })),
        event(3, DAY, "forwarded", json!({ "to": "company", "response": "closed-with-explanation", "timely": false })),
    ];
    let file = file(&facts);
    let answers = |now| {
        let lines = responses(&file.reader(at(now))).expect("lines");
        lines.into_iter().map(|line| (line.response.expect("an answer"), line.timely, line.cases)).collect::<Vec<_>>()
    };
    assert_eq!(answers(DAY), [("in-progress".to_owned(), Some(true), 1)]);
    assert_eq!(answers(2 * DAY), [("closed-with-explanation".to_owned(), Some(false), 1)]);
    assert_eq!((counted(&file, DAY).untimely, counted(&file, 2 * DAY).untimely), (0, 1));
    let topics = overview(&file.reader(at(2 * DAY)), Day(0), Day(9), Some(CasesBy::Topic)).expect("lines");
    assert_eq!((topics[0].key.as_deref(), topics[0].raised, topics[0].open), (Some("fees"), 1, 1));
}

#[test]
fn the_cases_of_a_merged_client_stand_under_the_head_and_are_paged() {
    let raised = |position, of, seconds, case| {
        fact(position, of, seconds, "case.raised", json!({ "case": id(case), "kind": "wish" }))
    };
    let file = file(&[raised(1, 1, 10, 11), raised(2, 2, 20, 12), raised(3, 3, 30, 13)]);
    let filter = CaseFilter { client: Some(client(1).into()), ..CaseFilter::default() };
    let reader = file.reader(at(DAY));
    let first = cases(&reader, &filter, &Window::first(1)).expect("a page");
    let second = cases(&reader, &filter, &Window { limit: 1, cursor: first.next }).expect("a page");
    assert_eq!((first.items[0].case.0, second.items[0].case.0, second.next), (12, 11, None));
}

fn histories() -> impl Strategy<Value = Vec<Fact>> {
    let step = (0i64..6 * DAY, 1u128..4, 0usize..8, 0i64..7 * DAY, 0usize..2);
    prop::collection::vec(step, 0..40).prop_map(|steps| {
        let fact = |((seconds, case, what, until, n), position): ((i64, u128, usize, i64, usize), u64)| {
            let (name, mut data) = match what {
                0 => ("raised", json!({ "kind": (["complaint", "wish"][n]), "topic": "fees", "channel": "web" })),
                1 => ("classified", json!({ "topic": (["fees", "service"][n]) })),
                2 => ("due_set", json!({ "due": due(until) })),
                3 => ("due_moved", json!({ "due": due(until), "reason": "supplier" })),
                4 => ("answered", json!({})),
                5 => ("resolved", json!({ "resolution": "done" })),
                6 => ("reopened", json!({})),
                _ if n == 0 => ("closed", json!({})),
                _ => ("forwarded", json!({ "to": "company", "response": "paid", "timely": until > DAY })),
            };
            data["case"] = id(case).into();
            // A case belongs to one group, recorded by either of its records.
            let of = if case == 3 { 3 } else { 1 + (position % 2) as u128 };
            fact(position, of, seconds, &format!("case.{name}"), data)
        };
        steps.into_iter().zip(1..).map(fact).collect()
    })
}

proptest! {
    #[test]
    fn as_of_a_day_the_live_file_counts_like_one_of_earlier_facts_alone(facts in histories(), day in 0i32..9) {
        let bound = at(i64::from(day) * DAY);
        let before: Vec<Fact> = facts.iter().filter(|fact| fact.occurred.at < bound).cloned().collect();
        let (live, past) = (file(&facts), file(&before));
        for by in [None, Some(CasesBy::Kind), Some(CasesBy::Topic), Some(CasesBy::Channel), Some(CasesBy::Product)] {
            for (from, to) in [(0, 99), (2, 4)] {
                let ask = |file: &File| overview(&file.reader(bound), Day(from), Day(to), by).expect("lines");
                prop_assert_eq!(ask(&live), ask(&past));
            }
        }
        prop_assert_eq!(responses(&live.reader(bound)).expect("lines"), responses(&past.reader(bound)).expect("lines"));
    }

    #[test]
    fn the_overview_counts_what_the_list_shows(facts in histories(), now in 7 * DAY..9 * DAY) {
        let file = file(&facts);
        let reader = file.reader(at(now));
        let list = cases(&reader, &CaseFilter::default(), &Window::first(100)).expect("a page").items;
        let raised: Vec<&CaseItem> = list.iter().filter(|case| case.raised_at.is_some()).collect();
        let count = |keep: &dyn Fn(&CaseItem) -> bool| raised.iter().filter(|case| keep(case)).count() as i64;
        let sums = counted(&file, now);
        prop_assert_eq!(sums.raised, raised.len() as i64);
        prop_assert_eq!(sums.open, count(&|case| case.status == Status::Open));
        prop_assert_eq!(sums.answered, count(&|case| case.status == Status::Answered));
        prop_assert_eq!(sums.overdue, count(&|case| case.overdue));
        prop_assert_eq!(sums.resolution.n, count(&|case| case.resolution_s.is_some()));
    }
}
