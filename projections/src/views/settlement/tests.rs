use std::collections::BTreeSet;

use letopis_core::ids::ClientId;
use proptest::prelude::*;

use super::{ClientSettlement, client_settlement};
use crate::views::orders::OrderRow;
use crate::views::orders::charges::charges;
use crate::views::orders::reconcile::reconciliation;
use crate::views::orders::testing::{Facts, any_history};

fn settled(facts: &Facts, client: u128) -> ClientSettlement {
    client_settlement(&facts.store().at(90), ClientId(client)).expect("readable")
}

#[test]
fn a_client_owes_the_sum_of_his_orders_less_what_he_paid_for_none() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "1", "0.005")])
        .placed(1, 7, 2, "EUR", &[("tea", "1", "0.005")])
        .placed(1, 8, 3, "EUR", &[("tea", "1", "99")])
        .paid(2, 7, Some(1), 1, "EUR")
        .paid(2, 7, None, 3, "EUR")
        .paid(2, 7, None, 100, "JPY");
    let settlement = settled(&facts, 7);
    let found: Vec<(&str, i64, i64)> = settlement
        .currencies
        .iter()
        .map(|own| (own.total.currency.as_str(), own.total.owed_minor, own.unallocated_paid_minor))
        .collect();
    // Two orders of half a cent ask for a cent each.
    assert_eq!(found, [("EUR", -2, 3), ("JPY", -100, 100)]);
    assert_eq!(
        (settlement.currencies[0].orders, settlement.currencies[0].total.ordered.to_string()),
        (2, "0.01".into())
    );
}

#[test]
fn overdue_invoices_of_a_client_stand_by_their_day() {
    let facts = Facts::default()
        .placed(1, 7, 1, "EUR", &[("tea", "1", "10")])
        .invoiced(1, 7, 1, 1, 1000, "1970-02-02")
        .placed(1, 7, 2, "EUR", &[("tea", "1", "10")])
        .invoiced(1, 7, 2, 2, 1000, "1970-01-20")
        .placed(1, 7, 3, "EUR", &[("tea", "1", "10")])
        .invoiced(1, 7, 3, 3, 1000, "1971-01-20");
    let late: Vec<i64> = settled(&facts, 7).overdue.iter().map(|invoice| invoice.invoice.0 as i64).collect();
    assert_eq!(late, [2, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_client_owes_is_the_sum_over_his_orders_and_the_unallocated(facts in any_history()) {
        let store = facts.store();
        let reader = store.at(90);
        let settlement = client_settlement(&reader, ClientId(1)).expect("readable");
        let rows: Vec<OrderRow> = reader.rows("", &[]).expect("readable");
        for own in settlement.currencies {
            let currency = own.total.currency;
            let of_orders: i64 = rows
                .iter()
                .filter(|row| row.client.client() == ClientId(1) && row.currencies().contains(&currency))
                .map(|row| row.account(currency).owed_minor)
                .sum();
            let rest = own.unallocated_services_minor - own.unallocated_paid_minor + own.unallocated_refunded_minor;
            prop_assert_eq!(own.total.owed_minor, of_orders + rest);
        }
    }

    #[test]
    fn revenue_leads_to_what_is_owed_without_a_difference(facts in any_history()) {
        let store = facts.store();
        let reader = store.at(90);
        let clients: BTreeSet<ClientId> =
            reader.rows::<OrderRow>("", &[]).expect("readable").iter().map(|row| row.client.client()).collect();
        let unallocated: Vec<super::UnallocatedRow> = reader.rows("", &[]).expect("readable");
        let clients: BTreeSet<ClientId> =
            clients.into_iter().chain(unallocated.iter().map(|row| row.client.client())).collect();
        for way in reconciliation(&reader).expect("readable") {
            prop_assert_eq!(way.difference.0, 0, "{:?}", &way);
            let owed: i64 = clients
                .iter()
                .flat_map(|client| client_settlement(&reader, *client).expect("readable").currencies)
                .filter(|own| own.total.currency == way.currency)
                .map(|own| own.total.owed_minor)
                .sum();
            prop_assert_eq!(way.owed.round(way.currency).minor, owed, "{}", way.currency);
        }
    }

    #[test]
    fn what_an_order_asks_for_day_by_day_adds_up_to_its_account(facts in any_history()) {
        let store = facts.store();
        let reader = store.at(90);
        for row in reader.rows::<OrderRow>("", &[]).expect("readable") {
            for currency in row.currencies() {
                let days = charges(&row, reader.zone);
                let own = || days.iter().filter(|charge| charge.currency == currency);
                let account = row.account(currency);
                let sums = (own().map(|c| c.charged).sum::<i64>(), own().map(|c| c.credited).sum::<i64>());
                prop_assert_eq!(sums, (account.charged_minor, account.credited_minor), "{:?}", &row);
            }
        }
    }
}
