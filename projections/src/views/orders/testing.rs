//! A view file for tests of queries: tables made from their declarations, filled by folding in memory.

use std::collections::{BTreeMap, HashMap};

use letopis_core::events::Event;
use letopis_core::fact::{Fact, effective};
use letopis_core::ids::{ClientId, OrderId};
use letopis_core::money::Currency;
use letopis_core::time::{DAY_US, Day, Timestamp, Zone};
use rusqlite::Connection;
use serde_json::json;

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Row};

/// Clients from this id on are known to nobody.
pub(crate) const NOBODY: u128 = 1_000_000;

pub(crate) struct Store {
    conn: Connection,
    zone: Zone,
}

impl Store {
    /// Both views, folded from facts in any order.
    pub(crate) fn of(facts: Vec<Fact>) -> Self {
        let store = Self { conn: Connection::open_in_memory().expect("memory"), zone: Zone::default() };
        let (facts, _) = effective(facts);
        store.fill(&super::Orders, &facts);
        store.fill(&crate::views::settlement::Settlement, &facts);
        store
    }

    /// As of the end of a day.
    pub(crate) fn at(&self, day: i32) -> Reader<'_> {
        Reader::new(&self.conn, &self.zone, self.zone.end(Day(day)))
    }

    fn fill<P: Projection>(&self, view: &P, facts: &[Fact]) {
        let mut rows: HashMap<(u128, u128), P::Row> = HashMap::new();
        let cx = |client: ClientId| Context {
            owner: client.into(),
            identified: client.0 < NOBODY,
            late: false,
            zone: &self.zone,
        };
        for fact in facts {
            let client = fact.client.expect("a client's fact");
            let mut keys = Vec::new();
            view.route(fact, &cx(client), &mut keys);
            for key in keys {
                let row = rows.entry((key, client.0)).or_insert_with(|| P::Row::empty(key, client.into()));
                view.fold(row, fact, &cx(client));
            }
        }
        let columns: Vec<String> =
            P::Row::COLUMNS.iter().map(|column| format!("{} {}", column.name, column.sql)).collect();
        self.create(P::Row::TABLE, &columns);
        let mut totals: BTreeMap<(&str, Vec<Atom>), Vec<i64>> = BTreeMap::new();
        for row in rows.values() {
            self.insert(P::Row::TABLE, row.put());
            let mut out = Contributions::default();
            view.contribute(row, &cx(row.owner().client()), &mut out);
            for (table, key, sums) in out.0 {
                let known = totals.entry((table, key)).or_insert_with(|| vec![0; sums.len()]);
                known.iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
            }
        }
        for table in P::TOTALS {
            let names: Vec<&str> = table.keys.iter().map(|(name, _)| *name).collect();
            let mut columns: Vec<String> = table.keys.iter().map(|(name, sql)| format!("{name} {sql}")).collect();
            columns.extend(table.sums.iter().map(|sum| format!("{sum} INTEGER")));
            columns.push(format!("PRIMARY KEY ({})", names.join(", ")));
            self.create(table.name, &columns);
        }
        for ((table, mut key), sums) in totals {
            key.extend(sums.into_iter().map(Atom::Int));
            self.insert(table, key);
        }
    }

    fn create(&self, table: &str, columns: &[String]) {
        self.conn.execute_batch(&format!("CREATE TABLE {table} ({})", columns.join(", "))).expect("table");
    }

    fn insert(&self, table: &str, values: Vec<Atom>) {
        let marks = vec!["?"; values.len()].join(", ");
        let mut statement = self.conn.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})")).expect("insert");
        statement.execute(rusqlite::params_from_iter(values)).expect("row");
    }
}

/// An event from its payload.
pub(crate) fn event(name: &str, data: serde_json::Value) -> Event {
    Event::from_input(name, data).expect("a valid event")
}

pub(crate) fn currency(text: &str) -> Currency {
    text.parse().expect("currency")
}

pub(crate) fn id(n: u128) -> String {
    OrderId(n).to_string()
}

/// Lines of an order or, without prices, of goods: product, quantity, price.
pub(crate) fn lines(of: &[(&str, &str, &str)]) -> serde_json::Value {
    let line = |(product, quantity, price): &(&str, &str, &str)| match *price {
        "" => json!({"product": product, "quantity": quantity}),
        _ => json!({"product": product, "quantity": quantity, "unit_price": price}),
    };
    of.iter().map(line).collect()
}

/// Facts, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts(pub(crate) Vec<Fact>);

impl Facts {
    /// Something that happened to a client at noon of a day.
    pub(crate) fn on(mut self, day: i32, client: u128, name: &str, data: serde_json::Value) -> Self {
        let at = Timestamp(i64::from(day) * DAY_US + DAY_US / 2);
        self.0.push(Fact::sample(self.0.len() as u64 + 1, ClientId(client), at, event(name, data)));
        self
    }

    pub(crate) fn placed(self, day: i32, client: u128, order: u128, money: &str, of: &[(&str, &str, &str)]) -> Self {
        self.on(
            day,
            client,
            "order.placed",
            json!({"order": id(order), "currency": money, "channel": "web", "lines": lines(of)}),
        )
    }

    pub(crate) fn changed(self, day: i32, client: u128, order: u128, of: &[(&str, &str, &str)]) -> Self {
        self.on(day, client, "order.changed", json!({"order": id(order), "lines": lines(of)}))
    }

    pub(crate) fn cancelled(self, day: i32, client: u128, order: u128) -> Self {
        self.on(day, client, "order.cancelled", json!({"order": id(order)}))
    }

    pub(crate) fn shipped(self, day: i32, client: u128, order: u128, of: &[(&str, &str, &str)]) -> Self {
        self.on(day, client, "goods.shipped", json!({"order": id(order), "lines": lines(of)}))
    }

    pub(crate) fn returned(self, day: i32, client: u128, order: u128, of: &[(&str, &str, &str)]) -> Self {
        self.on(day, client, "goods.returned", json!({"order": id(order), "lines": lines(of)}))
    }

    /// A return on a document of its own.
    pub(crate) fn sent_back(self, day: i32, client: u128, order: u128, money: &str, of: &[(&str, &str, &str)]) -> Self {
        self.on(day, client, "goods.returned", json!({"order": id(order), "currency": money, "lines": lines(of)}))
    }

    pub(crate) fn invoiced(self, day: i32, client: u128, order: u128, invoice: u128, minor: i64, due: &str) -> Self {
        let amount = json!({"minor": minor, "currency": "EUR"});
        self.on(
            day,
            client,
            "invoice.issued",
            json!({"order": id(order), "invoice": id(invoice), "amount": amount, "due": due}),
        )
    }

    pub(crate) fn paid(self, day: i32, client: u128, order: Option<u128>, minor: i64, money: &str) -> Self {
        let mut data = json!({"amount": {"minor": minor, "currency": money}});
        if let Some(order) = order {
            data["order"] = id(order).into();
        }
        self.on(day, client, "payment.received", data)
    }

    /// What had happened by the end of a day.
    pub(crate) fn until(&self, day: i32) -> Self {
        let bound = Timestamp((i64::from(day) + 1) * DAY_US);
        Self(self.0.iter().filter(|fact| fact.occurred.at < bound).cloned().collect())
    }

    pub(crate) fn store(&self) -> Store {
        Store::of(self.0.clone())
    }
}

/// Any history of three clients (one of them known to nobody) and their orders over twelve weeks.
pub(crate) fn any_history() -> impl proptest::strategy::Strategy<Value = Facts> {
    use proptest::prelude::*;
    const CURRENCIES: [&str; 3] = ["EUR", "JPY", "KWD"];
    const PRODUCTS: [&str; 2] = ["tea", "cup"];
    const PRICES: [&str; 4] = ["0", "2.5", "10", "0.125"];
    let step = (0i32..84, 0u128..3, 0u128..4, 0usize..8, (0usize..3, 0usize..2, 0usize..4, 1u8..4));
    prop::collection::vec(step, 0..40).prop_map(|steps| {
        steps.into_iter().fold(
            Facts::default(),
            |facts, (day, client, order, kind, (money, product, price, quantity))| {
                let (order, client) = (client * 10 + order, if client == 2 { NOBODY } else { client + 1 });
                let quantity = quantity.to_string();
                let line = |price| [(PRODUCTS[product], quantity.as_str(), price)];
                match kind {
                    0..3 => facts.placed(day, client, order, CURRENCIES[money], &line(PRICES[price])),
                    3 => facts.changed(day, client, order, &line(PRICES[price])),
                    4 => facts.cancelled(day, client, order),
                    5 => facts.returned(day, client, order, &line("")),
                    6 => facts.sent_back(day, client, order, CURRENCIES[money], &line(PRICES[price])),
                    _ => facts.paid(day, client, (order % 2 == 0).then_some(order), 100, CURRENCIES[money]),
                }
            },
        )
    })
}
