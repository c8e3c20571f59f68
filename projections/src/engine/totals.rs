//! [`Totals`]: sums over all parts of a rebuild, in bounded memory.
//!
//! Most totals have few keys and stay in memory. One that has a key for every client's day does not: its sums
//! wait in a temporary table and are added up when all are there.

use std::collections::BTreeSet;

use foldhash::HashMap;

use super::row::TotalTable;
use super::view::{Atoms, StoreError, Sums, View, add};
use super::writer::Writer;

/// Sums by table and key.
pub(super) struct Totals {
    tables: HashMap<&'static str, HashMap<Atoms, Vec<i64>>>,
    /// Keys in memory.
    keys: usize,
    limit: usize,
    waiting: BTreeSet<&'static str>,
}

impl Totals {
    /// With at most about so many keys in memory.
    pub(super) fn new(limit: usize) -> Self {
        Self { tables: HashMap::default(), keys: 0, limit, waiting: BTreeSet::new() }
    }

    /// Takes in the sums of a part.
    pub(super) fn take(&mut self, sums: &mut Sums, writer: &Writer<'_>) -> Result<(), StoreError> {
        for ((table, key), values) in sums.drain() {
            let table = self.tables.entry(table).or_default();
            let before = table.len();
            add(table, key, &values, 1);
            self.keys += table.len() - before;
        }
        while self.keys > self.limit {
            let largest = self.tables.iter().max_by_key(|(_, sums)| sums.len()).map(|(table, _)| *table);
            let Some(table) = largest else { break };
            self.set_aside(table, writer)?;
        }
        Ok(())
    }

    /// Moves the sums of a table out of memory.
    fn set_aside(&mut self, table: &'static str, writer: &Writer<'_>) -> Result<(), StoreError> {
        let sums = self.tables.remove(table).unwrap_or_default();
        self.keys -= sums.len();
        if self.waiting.insert(table) {
            writer.execute(&format!("CREATE TEMP TABLE \"waiting_{table}\" AS SELECT * FROM {table} WHERE false"))?;
        }
        writer.load_total(&format!("\"waiting_{table}\""), &sums)
    }

    /// Stores everything into the empty tables.
    pub(super) fn finish(mut self, views: &[Box<dyn View>], writer: &Writer<'_>) -> Result<(), StoreError> {
        for total in views.iter().flat_map(|view| view.totals()) {
            if self.waiting.contains(total.name) {
                self.set_aside(total.name, writer)?;
                writer.execute(&add_up(total))?;
                writer.execute(&format!("DROP TABLE \"waiting_{}\"", total.name))?;
            } else if let Some(sums) = self.tables.remove(total.name) {
                writer.load_total(total.name, &sums)?;
            }
        }
        Ok(())
    }
}

/// SQL that adds up what waited, in the order of keys, without what is zero.
fn add_up(total: &TotalTable) -> String {
    let quoted = |name: &str| format!("\"{name}\"");
    let keys: Vec<String> = total.keys.iter().map(|(name, _)| quoted(name)).collect();
    let sums: Vec<String> = total.sums.iter().map(|name| format!("sum({})", quoted(name))).collect();
    let some: Vec<String> = sums.iter().map(|sum| format!("{sum} <> 0")).collect();
    let (name, keys) = (total.name, keys.join(", "));
    format!(
        "INSERT INTO {name} SELECT {keys}, {} FROM \"waiting_{name}\" GROUP BY {keys} HAVING {} ORDER BY {keys}",
        sums.join(", "),
        some.join(" OR ")
    )
}
