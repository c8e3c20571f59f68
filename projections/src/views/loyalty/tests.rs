use letopis_core::ids::ClientId;
use letopis_core::time::{Day, YEARS};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::abc::{Of, abc};
use super::cohorts::{Measure, cohorts};
use super::lost::{State, lost, loyal_share};
use super::rfm::{rfm, rfm_table};
use super::summary::{repeat_rate, summary};
use super::{Basis, Window};
use crate::engine::list;
use crate::engine::read::Reader;
use crate::views::orders::testing::{Facts, NOBODY, any_history, currency};

const P: Basis = Basis::Purchases;

/// Orders of one piece of tea at 10, one per day.
fn buys(facts: Facts, client: u128, days: &[i32]) -> Facts {
    days.iter().fold(facts, |facts, day| {
        let order = client * 10_000 + facts.0.len() as u128;
        facts.placed(*day, client, order, "EUR", &[("tea", "1", "10")])
    })
}

fn all() -> list::Window {
    list::Window { limit: 1_000, cursor: None }
}

#[test]
fn the_window_of_all_days_is_that_of_all_years() {
    let new_year = |year: i16| format!("{year:04}-01-01").parse::<Day>();
    assert_eq!(Ok(Window::ALL.from), new_year(YEARS.start));
    assert_eq!(Window::ALL.to, Day(new_year(YEARS.end - 1).expect("a day").0 + 365));
}

#[test]
fn a_summary_counts_days_and_values_repeat_purchases() {
    let facts = buys(Facts::default(), 7, &[3, 3, 10, 24]).placed(24, 7, 1, "EUR", &[("cup", "1", "5")]).returned(
        30,
        7,
        1,
        &[("cup", "1", "4")],
    );
    let answer = summary(&facts.store().at(38), ClientId(7), P).expect("readable").expect("bought");
    assert_eq!((answer.x, answer.t_x_days, answer.age_days, answer.orders), (2, 21, 35, 5));
    assert_eq!((answer.t_x_weeks, answer.age_weeks), (3.0, 5.0));
    assert_eq!((answer.values[0].zbar, answer.values[0].net.exact.to_string()), (Some(10.5), "41".into()));
    let first = summary(&facts.store().at(9), ClientId(7), P).expect("readable").expect("bought");
    assert_eq!((first.x, first.values[0].zbar), (0, None));
    assert_eq!(summary(&facts.store().at(2), ClientId(7), P).expect("readable"), None);
}

#[test]
fn a_day_counts_while_one_of_its_orders_is_not_cancelled() {
    let facts = buys(Facts::default(), 7, &[1, 5, 5]).cancelled(6, 7, 70_001).cancelled(8, 7, 70_002);
    let days = |at| summary(&facts.store().at(at), ClientId(7), P).expect("readable").expect("bought").x + 1;
    assert_eq!((days(5), days(6), days(8)), (2, 2, 1));
}

#[test]
fn a_free_order_is_a_purchase_and_no_sale() {
    let facts = buys(Facts::default(), 7, &[1]).placed(2, 8, 1, "EUR", &[("tea", "1", "0")]);
    let clients = |basis| repeat_rate(&facts.store().at(9), Window::ALL, basis).expect("readable").rate.denominator;
    assert_eq!((clients(Basis::Purchases), clients(Basis::Sales)), (2, 1));
}

#[test]
fn nobody_knows_is_nobody_counted() {
    let facts = buys(buys(Facts::default(), 7, &[1, 2]), NOBODY, &[1, 2]);
    let store = facts.store();
    let rate = repeat_rate(&store.at(9), Window::ALL, P).expect("readable").rate;
    assert_eq!((rate.numerator, rate.denominator, rate.small), (1, 1, true));
    assert_eq!(abc(&store.at(9), &by(Of::Clients), &all()).expect("readable").page.items.len(), 1);
}

fn by(of: Of) -> super::abc::Question {
    super::abc::Question { of, window: Window::ALL, currency: None }
}

#[test]
fn scores_cut_at_nearest_ranks_and_never_split_equal_values() {
    // Ten clients, the first buys once, the tenth ten times; R is the same for all.
    let facts = (1..=10).fold(Facts::default(), |facts, n| buys(facts, n, &vec![5; n as usize]));
    let store = facts.store();
    let question = super::rfm::Question { window: Window::ALL, currency: None, basis: P, scores: None };
    let page = rfm(&store.at(15), &question, &all()).expect("readable");
    let scores: Vec<[u8; 3]> = page.items.iter().map(|client| client.scores).collect();
    assert_eq!(scores.iter().map(|s| s[1]).collect::<Vec<_>>(), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    assert!(scores.iter().all(|s| s[0] == 5 && s[1] == s[2]) && page.items[0].recency_days == 10);
    let table = &rfm_table(&store.at(15), Window::ALL, None, P).expect("readable")[0];
    assert_eq!(table.cuts.as_ref().map(|cuts| cuts.frequency), Some([2, 4, 6, 8]));
    assert_eq!((table.clients, table.cells.len()), (10, 5));
}

#[test]
fn a_cohort_keeps_its_months_apart_from_those_not_over_and_those_to_come() {
    // January 1970 has days 0 to 30, February 31 to 58, March 59 to 89.
    let facts = buys(buys(buys(Facts::default(), 1, &[0, 31, 60]), 2, &[30, 60]), 3, &[40]);
    let store = facts.store();
    let answer = cohorts(&store.at(70), Window::ALL, Measure::InMonth, P).expect("readable");
    let cells: Vec<Vec<Option<(i64, bool)>>> = answer
        .cohorts
        .iter()
        .map(|c| c.cells.iter().map(|c| c.as_ref().map(|c| (c.retention.numerator, c.complete))).collect())
        .collect();
    assert_eq!(
        cells,
        [vec![Some((2, true)), Some((1, true)), Some((2, false))], vec![Some((1, true)), Some((0, false)), None]]
    );
    let rolling = cohorts(&store.at(89), Window::ALL, Measure::InMonthOrLater, P).expect("readable");
    let first: Vec<i64> = rolling.cohorts[0].cells.iter().flatten().map(|c| c.retention.numerator).collect();
    assert_eq!((first, rolling.cohorts[0].month.as_str()), (vec![2, 2, 2], "1970-01"));
    assert!(rolling.cohorts[0].cells.iter().flatten().all(|cell| cell.complete));
}

#[test]
fn the_item_that_crosses_a_line_stays_in_the_higher_class() {
    let facts = [80, 15, 4, 1].into_iter().enumerate().fold(Facts::default(), |facts, (n, worth)| {
        let (product, price) = (format!("p{n}"), worth.to_string());
        facts.placed(1, n as u128 + 1, n as u128 + 1, "EUR", &[(&product, "1", &price)])
    });
    let facts = facts.sent_back(2, 9, 99, "EUR", &[("p9", "1", "3")]);
    let store = facts.store();
    for of in [Of::Clients, Of::Products] {
        let answer = abc(&store.at(9), &by(of), &all()).expect("readable");
        let classes: Vec<String> = answer.page.items.iter().map(|item| format!("{:?}", item.class)).collect();
        assert_eq!(classes, ["A", "B", "C", "C", "N"]);
        assert_eq!(answer.total.map(|total| total.exact.to_string()), Some("100".into()));
    }
}

#[test]
fn a_client_is_lost_against_his_own_rhythm() {
    // Base: gaps of client 1 (10, 10, 10) and of client 2 (60): 90 days in 4 gaps, mean 22.5.
    let facts = buys(buys(buys(Facts::default(), 1, &[0, 10, 20, 30]), 2, &[0, 60]), 3, &[5]);
    let store = facts.store();
    let at = |day| lost(&store.at(day), None, P, &all()).expect("readable");
    let answer = at(300);
    assert_eq!((answer.rule.base_gap_days, answer.rule.base_gaps, answer.rule.one_time_days), (90, 4, Some(60)));
    // Client 2: (60 + 3 × 22.5) / 4 = 31.875; lost after 95, at risk after the floor of 90.
    let bounds = (answer.page.items[1].at_risk_after_days, answer.page.items[1].lost_after_days);
    assert_eq!((bounds, answer.page.items[0].lost_after_days), ((Some(90), 95), 90));
    let states = |day| at(day).page.items.iter().map(|client| client.state).collect::<Vec<_>>();
    assert_eq!(states(65), [State::Active, State::Active, State::Active]);
    assert_eq!(states(66), [State::Active, State::Active, State::Lost]);
    assert_eq!(states(151), [State::Lost, State::AtRisk, State::Lost]);
    assert_eq!(states(156), [State::Lost, State::Lost, State::Lost]);
    let only = lost(&store.at(151), Some(State::AtRisk), P, &all()).expect("readable");
    assert_eq!((only.page.items.len(), only.counts.lost), (1, 2));
}

#[test]
fn the_loyal_bought_twice_in_a_year_and_are_active() {
    let facts = buys(buys(buys(Facts::default(), 1, &[300, 390]), 2, &[10, 390]), 3, &[100, 101]);
    let loyal = loyal_share(&facts.store().at(400), P).expect("readable");
    assert_eq!((loyal.share.numerator, loyal.share.denominator), (1, 3));
    assert_eq!(
        (loyal.window.from.to_string(), loyal.window.to.to_string()),
        ("1970-02-06".into(), "1971-02-06".into())
    );
}

#[test]
fn a_question_about_money_names_its_currency_where_there_are_several() {
    let facts = buys(Facts::default(), 7, &[1]).placed(2, 7, 1, "JPY", &[("tea", "1", "500")]);
    let store = facts.store();
    assert!(abc(&store.at(9), &by(Of::Clients), &all()).is_err());
    let question = super::abc::Question { currency: Some(currency("JPY")), ..by(Of::Clients) };
    assert_eq!(abc(&store.at(9), &question, &all()).expect("readable").page.items[0].net.rounded.minor, 500);
    assert_eq!(rfm_table(&store.at(9), Window::ALL, None, P).expect("readable").len(), 2);
}

#[test]
fn pages_join_to_the_whole_and_no_cursor_fits_another_question() {
    let facts = (1..=23).fold(Facts::default(), |facts, n| buys(facts, n, &vec![1; n as usize % 4 + 1]));
    let store = facts.store();
    let whole = abc(&store.at(9), &by(Of::Clients), &all()).expect("readable").page.items;
    let (mut paging, mut joined) = (list::Window { limit: 5, cursor: None }, Vec::new());
    loop {
        let page = abc(&store.at(9), &by(Of::Clients), &paging).expect("readable").page;
        joined.extend(page.items);
        match page.next {
            Some(cursor) => paging.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!((joined.len(), joined), (23, whole));
    assert!(lost(&store.at(9), None, P, &paging).is_err());
    assert!(abc(&store.at(8), &by(Of::Clients), &paging).is_err());
}

/// Every answer there is, as a caller sees it.
fn everything(reader: &Reader<'_>) -> Value {
    let window = Window { from: Day(10), to: Day(70) };
    let money = ["EUR", "JPY", "KWD"].map(|text| {
        let currency = Some(currency(text));
        let scores = super::rfm::Question { window, currency, basis: P, scores: None };
        let classes = |of| super::abc::Question { of, window, currency };
        json!([
            rfm(reader, &scores, &all()).expect("rfm"),
            rfm_table(reader, window, currency, P).expect("table"),
            abc(reader, &classes(Of::Clients), &all()).expect("abc"),
            abc(reader, &classes(Of::Products), &all()).expect("abc"),
        ])
    });
    let counts = [Basis::Purchases, Basis::Sales].map(|basis| {
        json!([
            cohorts(reader, Window::ALL, Measure::InMonth, basis).expect("cohorts"),
            cohorts(reader, Window::ALL, Measure::InMonthOrLater, basis).expect("cohorts"),
            repeat_rate(reader, window, basis).expect("rate"),
            lost(reader, None, basis, &all()).expect("lost"),
            loyal_share(reader, basis).expect("loyal"),
            summary(reader, ClientId(1), basis).expect("summary"),
        ])
    });
    json!([money, counts])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn loyalty_as_of_a_past_day_is_loyalty_of_the_facts_up_to_it(facts in any_history(), day in 0i32..84) {
        prop_assert_eq!(everything(&facts.store().at(day)), everything(&facts.until(day).store().at(day)));
    }

    #[test]
    fn a_summary_stays_within_its_bounds(facts in any_history(), day in 0i32..84) {
        if let Some(answer) = summary(&facts.store().at(day), ClientId(1), P).expect("readable") {
            prop_assert!(answer.x >= 0 && 0 <= answer.t_x_days && answer.t_x_days <= answer.age_days);
        }
    }
}
