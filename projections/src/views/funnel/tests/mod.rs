//! The funnel by small stories, and by random ones.

mod same_as_rebuilt;
mod traps;

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::events::Event;
use letopis_core::events::deal::{AmountChanged, Lost, Opened, Reopened, StageChanged, TeamChanged, Won};
use letopis_core::events::definition::{EmployeeDefined, ProductDefined, Stage, StageModelDefined};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, DealId, EmployeeId};
use letopis_core::money::Money;
use letopis_core::personal::Personal;
use letopis_core::time::{DAY_US, Day, SECOND_US, Timestamp, Zone};
use rusqlite::Connection;

use super::Period;
use crate::engine::projection::{Context, Contributions, Projection};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Owner, Row};
use crate::views::deals::Deals;
use crate::views::definitions::{Employees, Stated};

/// Facts, and the views folded from those of them that happened before an instant.
#[derive(Debug)]
struct Story {
    facts: Vec<Fact>,
    zone: Zone,
}

impl Story {
    /// In UTC, with the stages `lead` (10 %), `offer` (50 %) and `contract`.
    fn new() -> Self {
        let mut story = Self { facts: Vec::new(), zone: Zone::default() };
        story.tell(-10.0, model(&[("lead", Some(1_000)), ("offer", Some(5_000)), ("contract", None)]));
        story
    }

    /// Adds a fact, so many days after the first.
    fn tell(&mut self, day: f64, event: impl Into<Event>) -> &mut Self {
        self.tell_of(1, day, event)
    }

    fn tell_of(&mut self, client: u128, day: f64, event: impl Into<Event>) -> &mut Self {
        let at = Timestamp((day * DAY_US as f64) as i64);
        self.facts.push(Fact::sample(self.facts.len() as u64 + 1, ClientId(client), at, event));
        self
    }

    fn file(&self, bound: Timestamp) -> Connection {
        let conn = Connection::open_in_memory().expect("memory");
        let mut facts: Vec<&Fact> = self.facts.iter().filter(|fact| fact.occurred.at < bound).collect();
        facts.sort_by_key(|fact| fact.fold_order());
        fill(&Deals, &facts, &self.zone, &conn);
        fill(&Stated, &facts, &self.zone, &conn);
        fill(&Employees, &facts, &self.zone, &conn);
        conn
    }

    /// Asks the view of all facts, as of the end of a day.
    fn ask<T>(&self, day: i32, question: impl FnOnce(&Reader<'_>) -> T) -> T {
        let conn = self.file(Timestamp(i64::MAX));
        question(&Reader::new(&conn, &self.zone, self.zone.end(Day(day))))
    }

    fn deal(&self, id: u128) -> crate::views::deals::DealRow {
        let rows = self.ask(100, |reader| reader.rows("WHERE deal = ?1", &[&DealId(id).to_string()]));
        rows.expect("readable").pop().expect("such a deal")
    }
}

/// Folds facts, in fold order, into the tables of a view.
fn fill<P: Projection>(view: &P, facts: &[&Fact], zone: &Zone, conn: &Connection) {
    let names: Vec<&str> = P::Row::COLUMNS.iter().map(|column| column.name).collect();
    conn.execute_batch(&format!("CREATE TABLE {} ({})", P::Row::TABLE, names.join(", "))).expect("table");
    for total in P::TOTALS {
        let keys = total.keys.iter().map(|(name, _)| *name);
        let columns: Vec<&str> = keys.chain(total.sums.iter().copied()).collect();
        conn.execute_batch(&format!("CREATE TABLE {} ({})", total.name, columns.join(", "))).expect("table");
    }
    let mut rows: BTreeMap<(u128, Owner), P::Row> = BTreeMap::new();
    let context = |owner| Context { owner, identified: true, late: false, zone };
    for fact in facts {
        let owner = Owner::from(fact.client.expect("sample facts stand in clients' streams"));
        let mut keys = Vec::new();
        view.route(fact, &context(owner), &mut keys);
        for key in keys {
            let row = rows.entry((key, owner)).or_insert_with(|| P::Row::empty(key, owner));
            view.fold(row, fact, &context(owner));
        }
    }
    let mut totals: BTreeMap<(&str, Vec<Atom>), Vec<i64>> = BTreeMap::new();
    for ((_, owner), row) in rows {
        insert(conn, P::Row::TABLE, &row.put());
        let mut out = Contributions::default();
        view.contribute(&row, &context(owner), &mut out);
        for (table, keys, sums) in out.0 {
            let total = totals.entry((table, keys)).or_insert_with(|| vec![0; sums.len()]);
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    }
    for ((table, mut atoms), sums) in totals {
        atoms.extend(sums.into_iter().map(Atom::Int));
        insert(conn, table, &atoms);
    }
}

fn insert(conn: &Connection, table: &str, atoms: &[Atom]) {
    let marks = vec!["?"; atoms.len()].join(", ");
    conn.execute(&format!("INSERT INTO {table} VALUES ({marks})"), rusqlite::params_from_iter(atoms)).expect("row");
}

fn code(text: &str) -> Code {
    text.parse().expect("a code")
}

fn default_model() -> Code {
    code("default")
}

fn money(minor: i64, currency: &str) -> Money {
    Money { minor, currency: currency.parse().expect("ISO 4217") }
}

fn days(from: i32, to: i32) -> Period {
    Period { from: Day(from), to: Day(to) }
}

const DAY_S: i64 = DAY_US / SECOND_US;

fn model(stages: &[(&str, Option<u16>)]) -> StageModelDefined {
    let stage = |(name, probability_bp): &(&str, Option<u16>)| Stage {
        stage: code(name),
        label: None,
        probability_bp: *probability_bp,
    };
    StageModelDefined { model: default_model(), stages: stages.iter().map(stage).collect() }
}

fn employee(id: u128, manager: u128, region: &str, name: Option<&str>) -> EmployeeDefined {
    EmployeeDefined {
        employee: EmployeeId(id),
        manager: Some(EmployeeId(manager)),
        region: Some(code(region)),
        role: None,
        department: None,
        name: name.map_or(Personal::Absent, |name| Personal::Known(name.to_owned())),
    }
}

fn product(name: &str, group: &str) -> ProductDefined {
    ProductDefined {
        product: code(name),
        label: name.parse().expect("a label"),
        group: Some(code(group)),
        list_price: None,
        currency: None,
    }
}

fn opened(deal: u128, stage: &str, amount: Money) -> Opened {
    Opened {
        caused_by: None,
        rule: None,
        deal: DealId(deal),
        stage: code(stage),
        date_known: true,
        model: None,
        product: Some(code("saw")),
        amount: Some(amount),
        agent: Some(EmployeeId(7)),
        source: None,
        title: Personal::Absent,
    }
}

fn moved(deal: u128, to: &str) -> StageChanged {
    StageChanged { deal: DealId(deal), to: code(to), from: None, reason: Personal::Absent }
}

fn priced(deal: u128, amount: Money) -> AmountChanged {
    AmountChanged { deal: DealId(deal), amount, reason: Personal::Absent }
}

fn led_by(deal: u128, employee: u128) -> TeamChanged {
    TeamChanged { deal: DealId(deal), employee: EmployeeId(employee), role: code("agent"), joined: true }
}

fn won(deal: u128, amount: Option<Money>) -> Won {
    Won { deal: DealId(deal), amount, reason: Personal::Absent }
}

fn lost(deal: u128, reason: Option<&str>, competitor: Option<&str>) -> Lost {
    Lost {
        deal: DealId(deal),
        reason: reason.map(code),
        competitor: competitor.map(code),
        reason_text: Personal::Absent,
    }
}

fn reopened(deal: u128, stage: &str) -> Reopened {
    Reopened { deal: DealId(deal), stage: code(stage), reason: Personal::Absent }
}
