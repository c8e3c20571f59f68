//! A view file of given facts, for tests of queries: folded in memory, without the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use letopis_core::fact::{Fact, effective};
use letopis_core::ids::ClientId;
use letopis_core::time::{SECOND_US, Timestamp, Zone};
use rusqlite::{Connection, params_from_iter};

use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Cell, Owner, Row};

/// A day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// So many seconds after the beginning of the test's time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * SECOND_US)
}

/// A file and what its queries need.
pub(crate) struct File {
    pub(crate) conn: Connection,
    pub(crate) zone: Zone,
    groups: BTreeMap<ClientId, ClientId>,
}

impl File {
    /// An empty file. `groups` tells which records are answered under which.
    pub(crate) fn new(groups: &[(ClientId, ClientId)]) -> Self {
        let conn = Connection::open_in_memory().expect("memory");
        conn.execute_batch("CREATE TABLE subject (client TEXT PRIMARY KEY, root TEXT, identified INTEGER)")
            .expect("a table");
        Self { conn, zone: Zone::default(), groups: groups.iter().copied().collect() }
    }

    /// Folds the facts into the tables of a view.
    pub(crate) fn with<P: Projection>(self, projection: &P, facts: &[Fact]) -> Self {
        let (facts, broken) = effective(facts.to_vec());
        assert_eq!(broken, []);
        let mut frontier: HashMap<ClientId, _> = HashMap::new();
        let mut by_position: Vec<&Fact> = facts.iter().collect();
        by_position.sort_by_key(|fact| fact.position);
        let mut late = BTreeSet::new();
        for fact in by_position {
            let client = fact.client.expect("a client's fact");
            let top = frontier.entry(client).or_insert_with(|| fact.fold_order());
            if fact.fold_order() < *top {
                late.insert(fact.id);
            }
            *top = fact.fold_order().max(*top);
        }
        let mut rows: BTreeMap<(Owner, u128), P::Row> = BTreeMap::new();
        for fact in facts.iter().filter(|fact| !fact.is_knowledge()) {
            let client = fact.client.expect("a client's fact");
            let root = self.groups.get(&client).copied().unwrap_or(client);
            for (client, root) in [(client, root), (root, root)] {
                let insert = "INSERT OR IGNORE INTO subject VALUES (?1, ?2, 1)";
                self.conn.execute(insert, (client.put(), root.put())).expect("a row");
            }
            let owner = if P::PER_EVENT { client.into() } else { root.into() };
            let cx = Context { owner, identified: true, late: late.contains(&fact.id), zone: &self.zone };
            let mut keys = Vec::new();
            projection.route(fact, &cx, &mut keys);
            for key in keys {
                let row = rows.entry((owner, key)).or_insert_with(|| P::Row::empty(key, owner));
                projection.fold(row, fact, &cx);
            }
        }
        self.store(projection, rows)
    }

    fn store<P: Projection>(self, projection: &P, rows: BTreeMap<(Owner, u128), P::Row>) -> Self {
        let create = |name: &str, columns: Vec<String>| {
            self.conn.execute_batch(&format!("CREATE TABLE {name} ({}) STRICT", columns.join(", "))).expect("a table");
        };
        let marks = |n: usize| vec!["?"; n].join(", ");
        let columns = P::Row::COLUMNS;
        create(P::Row::TABLE, columns.iter().map(|column| format!("{} {}", column.name, column.sql)).collect());
        for (n, index) in P::Row::INDEXES.iter().enumerate() {
            let sql = format!("CREATE INDEX {table}_{n} ON {table} ({index})", table = P::Row::TABLE);
            self.conn.execute_batch(&sql).expect("an index");
        }
        let mut sums: BTreeMap<(&'static str, Vec<Atom>), Vec<i64>> = BTreeMap::new();
        for row in rows.values() {
            let sql = format!("INSERT INTO {} VALUES ({})", P::Row::TABLE, marks(columns.len()));
            self.conn.execute(&sql, params_from_iter(row.put())).expect("a row");
            let mut out = Contributions::default();
            let cx = Context { owner: row.owner(), identified: true, late: false, zone: &self.zone };
            projection.contribute(row, &cx, &mut out);
            for (table, key, values) in out.0 {
                let sum = sums.entry((table, key)).or_insert_with(|| vec![0; values.len()]);
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        for total in P::TOTALS {
            let keys = total.keys.iter().map(|(name, sql)| format!("{name} {sql} NOT NULL"));
            create(total.name, keys.chain(total.sums.iter().map(|name| format!("{name} INTEGER"))).collect());
        }
        for ((table, key), values) in sums {
            let sql = format!("INSERT INTO {table} VALUES ({})", marks(key.len() + values.len()));
            let values = key.into_iter().chain(values.into_iter().map(Atom::Int));
            self.conn.execute(&sql, params_from_iter(values)).expect("a total");
        }
        // Every row reads back as it was written.
        let reader = self.reader(at(0));
        assert_eq!(reader.rows::<P::Row>("", &[]).expect("rows").len(), rows.len());
        for row in rows.values() {
            let (key, owner) = (columns[0].name, columns[1].name);
            let found =
                reader.rows::<P::Row>(&format!("WHERE {key} = ?1 AND {owner} = ?2"), &[&row.put()[0], &row.put()[1]]);
            assert!(found.expect("rows").contains(row));
        }
        self
    }

    /// Asks as of an instant.
    pub(crate) fn reader(&self, now: Timestamp) -> Reader<'_> {
        Reader::new(&self.conn, &self.zone, now)
    }
}

/// A client by number.
pub(crate) fn client(number: u128) -> ClientId {
    ClientId(number)
}

/// A fact of a client as it is posted: personal values are open.
pub(crate) fn fact(position: u64, of: u128, seconds: i64, name: &str, data: serde_json::Value) -> Fact {
    let event = letopis_core::events::Event::from_input(name, data).expect("a valid event");
    Fact::sample(position, client(of), at(seconds), event)
}

/// The fact after the key of its subject was destroyed.
pub(crate) fn erased(mut fact: Fact) -> Fact {
    let opened = letopis_core::personal::Opened::Erased;
    fact.event.fill(&opened).expect("erased fields");
    fact.opened = opened;
    fact
}

/// An id as text.
pub(crate) fn id(number: u128) -> String {
    client(number).to_string()
}
