use letopis_core::ids::{ClientId, OrderId};
use letopis_core::time::Day;
use proptest::prelude::*;
use serde_json::json;

use super::card::{OrderCard, order, orders_of_client};
use super::revenue::{Answer, By, Question, revenue};
use super::row::Status;
use super::testing::{Facts, any_history, currency, id};
use crate::engine::list;

fn card(facts: &Facts, number: u128, day: i32) -> OrderCard {
    order(&facts.store().at(day), OrderId(number)).expect("readable").expect("known")
}

fn ask(facts: &Facts, by: By, from: i32, to: i32, as_of: i32) -> Answer {
    let question = Question { from: Day(from), to: Day(to), by, currency: None, identified: None };
    revenue(&facts.store().at(as_of), &question, &list::Window::first(100)).expect("readable")
}

/// Ordered, returned, cancelled and net of a period, in one currency.
fn sums(facts: &Facts, from: i32, to: i32, as_of: i32) -> [String; 4] {
    let answer = ask(facts, By::Day, from, to, as_of);
    let [only] = answer.totals.as_slice() else { panic!("one currency") };
    [only.ordered, only.returned, only.cancelled, only.net].map(|amount| amount.exact.to_string())
}

#[test]
fn an_order_shows_what_was_ordered_shipped_paid_and_is_owed() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "3", "2.50"), ("cup", "1", "10")])
        .shipped(2, 7, 1, &[("tea", "3", "")])
        .returned(3, 7, 1, &[("tea", "1", "")])
        .paid(4, 7, Some(1), 1000, "EUR");
    let card = card(&facts, 1, 9);
    assert_eq!((card.status, card.client), (Status::Placed, ClientId(7)));
    let account = &card.accounts[0];
    assert_eq!((account.ordered.to_string(), account.shipped.to_string()), ("17.5".into(), "7.5".into()));
    assert_eq!((account.charged_minor, account.credited_minor, account.owed_minor), (1750, 250, 500));
    assert_eq!(card.products[1].shipped.to_string(), "3");
    assert!(card.flags.is_empty());
}

#[test]
fn invoices_are_paid_in_the_order_of_their_due_days_and_then_overdue() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "3", "10")])
        .invoiced(2, 7, 1, 1, 2000, "1970-01-21")
        .invoiced(2, 7, 1, 2, 1000, "1970-01-11")
        .paid(3, 7, Some(1), 1500, "EUR");
    let open = |day| -> Vec<(i64, bool)> {
        card(&facts, 1, day).invoices.iter().map(|invoice| (invoice.open_minor, invoice.overdue)).collect()
    };
    assert_eq!(open(20), [(0, false), (1500, true)]);
    assert_eq!(open(19), [(0, false), (1500, false)]);
    assert_eq!(card(&facts, 1, 9).accounts[0].owed_minor, 1500);
    let refunded =
        facts.on(4, 7, "payment.refunded", json!({"order": id(1), "amount": {"minor": 1200, "currency": "EUR"}}));
    let card = card(&refunded, 1, 9);
    let open: Vec<i64> = card.invoices.iter().map(|invoice| invoice.open_minor).collect();
    assert_eq!((open, card.accounts[0].owed_minor), (vec![700, 2000], 2700));
}

#[test]
fn a_shipment_nobody_ordered_is_kept_flagged_and_becomes_an_order_when_one_is_placed() {
    let facts = Facts::default().shipped(1, 7, 1, &[("tea", "2", "")]);
    let before = card(&facts, 1, 9);
    assert_eq!(before.status, Status::Unplaced);
    assert!(before.flags.contains("order.not_placed"));
    let after = card(&facts.placed(2, 7, 1, "EUR", &[("tea", "1", "5")]), 1, 9);
    assert_eq!(after.flags.iter().map(String::as_str).collect::<Vec<_>>(), ["order.not_ordered"]);
    assert_eq!((after.accounts[0].shipped.to_string(), after.accounts[0].owed_minor), ("10".into(), 500));
}

#[test]
fn a_late_placement_takes_its_true_place_whatever_order_facts_came_in() {
    let facts = Facts::default().returned(5, 7, 1, &[("tea", "1", "")]).placed(2, 7, 1, "EUR", &[("tea", "4", "5")]);
    assert_eq!(sums(&facts, 0, 10, 9), ["20", "5", "0", "15"]);
    assert_eq!(sums(&facts, 0, 10, 4), ["20", "0", "0", "20"]);
}

#[test]
fn a_cancelled_order_takes_back_its_worth_on_its_own_day_and_returns_after_it_take_nothing_more() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "4", "5")])
        .returned(2, 7, 1, &[("tea", "1", "")])
        .cancelled(3, 7, 1)
        .returned(4, 7, 1, &[("tea", "2", "")]);
    assert_eq!(sums(&facts, 0, 10, 2), ["20", "5", "0", "15"]);
    assert_eq!(sums(&facts, 3, 4, 9), ["0", "0", "15", "-15"]);
    assert_eq!(sums(&facts, 4, 5, 9), ["0", "10", "-10", "0"]);
    assert_eq!(sums(&facts, 0, 10, 9), ["20", "15", "5", "0"]);
    let answer = ask(&facts, By::Day, 0, 10, 9);
    assert_eq!((answer.totals[0].orders, answer.totals[0].cancelled_orders), (Some(1), Some(1)));
}

#[test]
fn a_cancelled_order_charges_only_what_the_client_kept() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "4", "5")])
        .invoiced(1, 7, 1, 1, 2000, "1970-01-03")
        .shipped(2, 7, 1, &[("tea", "2", "")])
        .paid(2, 7, Some(1), 2000, "EUR")
        .cancelled(3, 7, 1)
        .returned(4, 7, 1, &[("tea", "1", "")]);
    let card = card(&facts, 1, 9);
    assert_eq!((card.accounts[0].charged_minor, card.accounts[0].owed_minor), (500, -1500));
    assert_eq!((card.invoices[0].open_minor, card.status), (0, Status::Cancelled));
}

#[test]
fn a_change_counts_as_a_difference_on_its_own_day() {
    let facts = Facts::default().placed(1, 7, 1, "EUR", &[("tea", "4", "5")]).changed(3, 7, 1, &[("cup", "1", "50")]);
    assert_eq!(sums(&facts, 3, 4, 9)[0], "30");
    let products = |from| -> Vec<(String, String)> {
        let items = ask(&facts, By::Product, from, 10, 9).page.items;
        items.into_iter().map(|item| (item.key.unwrap_or_default(), item.sums.ordered.exact.to_string())).collect()
    };
    assert_eq!(products(0), [("cup".into(), "50".into())]);
    assert_eq!(products(2), [("cup".into(), "50".into()), ("tea".into(), "-20".into())]);
}

#[test]
fn a_return_on_a_document_of_its_own_is_returned_value_and_no_order() {
    let facts = Facts::default().placed(1, 7, 1, "EUR", &[("tea", "4", "5")]).sent_back(
        2,
        7,
        900,
        "EUR",
        &[("tea", "1", "4.5")],
    );
    assert_eq!(sums(&facts, 0, 10, 9), ["20", "4.5", "0", "15.5"]);
    assert_eq!(ask(&facts, By::Day, 0, 10, 9).totals[0].orders, Some(1));
    assert_eq!(card(&facts, 900, 9).accounts[0].owed_minor, -450);
}

#[test]
fn free_lines_are_no_sale_and_returned_pieces_cost_what_their_lines_did() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "2", "5"), ("tea", "2", "3"), ("cup", "1", "0")])
        .returned(2, 7, 1, &[("tea", "3", "")])
        .placed(1, 7, 2, "EUR", &[("cup", "1", "0")]);
    let answer = ask(&facts, By::Day, 0, 10, 9);
    assert_eq!((answer.totals[0].sale_lines, answer.totals[0].orders), (Some(2), Some(1)));
    assert_eq!(sums(&facts, 0, 10, 9)[1], "13");
}

#[test]
fn currencies_stay_apart_and_are_rounded_once_to_their_own_places() {
    let facts = Facts::default()
        .placed(1, 7, 1, "JPY", &[("tea", "3", "0.5")])
        .placed(1, 7, 2, "JPY", &[("tea", "1", "1")])
        .placed(1, 7, 3, "KWD", &[("tea", "3", "0.0005")])
        .placed(1, 7, 4, "EUR", &[("tea", "1", "0.125")])
        .paid(2, 7, Some(4), 5, "KWD");
    let answer = ask(&facts, By::Month, 0, 10, 9);
    let found: Vec<(&str, String, i64)> = answer
        .totals
        .iter()
        .map(|sum| (sum.currency.as_str(), sum.ordered.exact.to_string(), sum.ordered.rounded.minor))
        .collect();
    assert_eq!(found, [("EUR", "0.125".into(), 13), ("JPY", "2.5".into(), 3), ("KWD", "0.0015".into(), 2)]);
    let card = card(&facts, 4, 9);
    assert_eq!(
        card.accounts.iter().map(|a| (a.currency, a.owed_minor)).collect::<Vec<_>>(),
        [(currency("EUR"), 13), (currency("KWD"), -5)]
    );
    assert!(card.flags.contains("order.currency"));
}

#[test]
fn amounts_beyond_any_column_stay_at_its_bound() {
    let huge = "79228162514264337593543950335";
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", huge, huge), ("tea", huge, huge)])
        .returned(2, 7, 1, &[("tea", huge, "")])
        .returned(2, 7, 1, &[("tea", huge, huge)])
        .shipped(2, 7, 1, &[("tea", huge, "")])
        .shipped(2, 7, 1, &[("tea", huge, "")])
        .paid(3, 7, Some(1), i64::MAX, "EUR")
        .paid(3, 7, Some(1), i64::MAX, "EUR")
        .cancelled(4, 7, 1);
    let card = card(&facts, 1, 9);
    assert!(card.flags.contains("order.inexact"));
    assert_eq!(ask(&facts, By::Day, 0, 10, 9).totals.len(), 1);
}

#[test]
fn pages_of_revenue_and_of_orders_join_to_the_whole() {
    let facts = (0..25).fold(Facts::default(), |facts, n| {
        facts.placed(n % 7, 7, n as u128 + 1, if n % 2 == 0 { "EUR" } else { "JPY" }, &[("tea", "1", "2")])
    });
    let store = facts.store();
    let question = Question { from: Day(0), to: Day(9), by: By::Day, currency: None, identified: Some(true) };
    let whole = revenue(&store.at(20), &question, &list::Window::first(100)).expect("readable").page.items;
    let (mut paging, mut joined) = (list::Window { limit: 3, cursor: None }, Vec::new());
    loop {
        let page = revenue(&store.at(20), &question, &paging).expect("readable").page;
        joined.extend(page.items);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!((joined.len(), joined), (14, whole));
    let (mut paging, mut orders) = (list::Window { limit: 4, cursor: None }, Vec::new());
    loop {
        let page = orders_of_client(&store.at(20), ClientId(7), &paging).expect("readable");
        orders.extend(page.items.into_iter().map(|item| (std::cmp::Reverse(item.since), item.order)));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert!(orders.len() == 25 && orders.is_sorted());
    let foreign = list::Window { limit: 3, cursor: Some("00".into()) };
    assert!(revenue(&store.at(20), &question, &foreign).is_err());
    assert!(revenue(&store.at(20), &question, &list::Window { limit: 0, cursor: None }).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn revenue_as_of_a_past_day_is_revenue_of_the_facts_up_to_it(facts in any_history(), day in 0i32..84) {
        let past = facts.until(day);
        for by in [By::Day, By::Month, By::Product, By::Channel, By::Region, By::Client] {
            prop_assert_eq!(ask(&facts, by, 10, 80, day), ask(&past, by, 10, 80, day));
        }
    }

    #[test]
    fn the_parts_of_revenue_add_up_to_one_sum_however_it_is_broken_down(facts in any_history()) {
        let net = |by| -> Vec<_> {
            let totals = ask(&facts, by, 0, 84, 90).totals;
            totals.iter().map(|sum| (sum.currency, sum.net)).filter(|(_, net)| net.exact.0 != 0).collect()
        };
        let whole = net(By::Day);
        for by in [By::Product, By::Client] {
            prop_assert_eq!(net(by), whole.clone());
        }
    }

    #[test]
    fn a_cancelled_order_nets_to_nothing(facts in any_history()) {
        let store = facts.store();
        for row in store.at(90).rows::<super::OrderRow>("WHERE status = 'cancelled' AND mixed = 0", &[]).expect("rows") {
            let ordered = row.ordered_micro.0;
            let net: i64 = super::effect::flows(&row).iter().filter(|flow| flow.1.0.is_some()).map(|flow| flow.2[2] - flow.2[3] - flow.2[4]).sum();
            // Returns of more than was ordered still count.
            prop_assert!(net == 0 || (net < 0 && row.returned_micro.0 > 0), "{net} of {ordered}");
        }
    }
}
