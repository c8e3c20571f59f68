//! [`Writer`]: what is written inside a transaction of a view file.

use foldhash::HashMap;
use letopis_core::ids::ClientId;
use rusqlite::{Connection, params_from_iter};

use super::built::Built;
use super::file::{Checkpoint, SubjectState};
use super::group::{AliasChange, order_bytes};
use super::row::{Atom, Cell, Owner, TotalTable};
use super::view::{Atoms, Parked, StoreError, Sums, View};

/// Writes inside a transaction of a view file.
pub struct Writer<'a> {
    conn: &'a Connection,
    additions: &'a Additions,
}

/// For each total the statement that adds to it.
pub(super) type Additions = HashMap<&'static str, String>;

/// The statements that add to the totals of some views.
pub(super) fn additions(views: &[Box<dyn View>]) -> Additions {
    let statement = |total: &'static TotalTable| {
        let keys: Vec<String> = total.keys.iter().map(|(key, _)| format!("\"{key}\"")).collect();
        let sums: Vec<String> = total.sums.iter().map(|s| format!("\"{s}\" = \"{s}\" + excluded.\"{s}\"")).collect();
        let marks = vec!["?"; keys.len() + sums.len()].join(", ");
        let (name, keys, sums) = (total.name, keys.join(", "), sums.join(", "));
        (name, format!("INSERT INTO {name} VALUES ({marks}) ON CONFLICT ({keys}) DO UPDATE SET {sums}"))
    };
    views.iter().flat_map(|view| view.totals()).map(statement).collect()
}

impl<'a> Writer<'a> {
    pub(super) fn new(conn: &'a Connection, additions: &'a Additions) -> Self {
        Self { conn, additions }
    }

    /// Stores rows that were folded in memory into tables without them.
    pub(super) fn load(&self, views: &[Box<dyn View>], built: &Built) -> Result<(), StoreError> {
        for view in views {
            let Some(rows) = built.rows.get(view.table()) else { continue };
            let columns = view.columns().len();
            let marks = vec!["?"; columns].join(", ");
            let mut insert = self.conn.prepare_cached(&format!("INSERT INTO {} VALUES ({marks})", view.table()))?;
            for row in rows.chunks_exact(columns) {
                insert.execute(params_from_iter(row))?;
            }
        }
        Ok(())
    }

    /// Stores totals into empty tables.
    pub(super) fn load_sums(&self, sums: &Sums) -> Result<(), StoreError> {
        by_table(sums).into_iter().try_for_each(|(table, totals)| self.load_sorted(table, &totals))
    }

    /// Stores the sums of one total into a table without them.
    pub(super) fn load_total(&self, table: &str, sums: &HashMap<Atoms, Vec<i64>>) -> Result<(), StoreError> {
        let mut totals: Vec<_> = sums.iter().filter(|(_, values)| !is_zero(values)).collect();
        totals.sort_unstable();
        self.load_sorted(table, &totals)
    }

    fn load_sorted(&self, table: &str, totals: &[(&Atoms, &Vec<i64>)]) -> Result<(), StoreError> {
        let Some((key, values)) = totals.first() else { return Ok(()) };
        let marks = vec!["?"; key.len() + values.len()].join(", ");
        let mut insert = self.conn.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})"))?;
        for (key, values) in totals {
            insert.execute(params_from_iter(with(key, values)))?;
        }
        Ok(())
    }

    /// Runs SQL that answers nothing.
    pub(super) fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.execute_batch(sql)
    }

    /// Adds to totals. Those that come to nothing are taken away by a trigger of their tables.
    pub(super) fn sums(&self, sums: &Sums) -> Result<(), StoreError> {
        for (table, totals) in by_table(sums) {
            let addition = self.additions.get(table).expect("a total belongs to a view that the file was opened for");
            let mut add = self.conn.prepare_cached(addition)?;
            for (key, values) in totals {
                add.execute(params_from_iter(with(key, values)))?;
            }
        }
        Ok(())
    }

    /// Adds to the digests of views.
    pub(super) fn digests(&self, digests: &HashMap<&'static str, u128>) -> Result<(), StoreError> {
        let mut select = self.conn.prepare_cached("SELECT digest FROM view WHERE name = ?1")?;
        let mut update = self.conn.prepare_cached("UPDATE view SET digest = ?2 WHERE name = ?1")?;
        for (view, delta) in digests.iter().filter(|(_, delta)| **delta != 0) {
            let old: [u8; 16] = select.query_row([view], |row| row.get(0))?;
            let new = u128::from_be_bytes(old).wrapping_add(*delta);
            update.execute((view, new.to_be_bytes()))?;
        }
        Ok(())
    }

    /// Forgets that rows could not be folded.
    pub(super) fn unpark(&self, unparked: &[(&'static str, Owner, u128)]) -> Result<(), StoreError> {
        for (view, owner, key) in unparked {
            self.conn.execute(
                "DELETE FROM parked WHERE view = ?1 AND owner = ?2 AND key = ?3",
                (view, owner.put(), key.to_be_bytes()),
            )?;
        }
        Ok(())
    }

    /// Remembers rows that could not be folded.
    pub(super) fn park(&self, parked: &[Parked]) -> Result<(), StoreError> {
        for p in parked {
            tracing::error!(view = p.view, owner = %p.owner, position = p.position.0, "a row cannot be folded and is parked");
            self.conn.execute(
                "INSERT OR REPLACE INTO parked (view, owner, key, position, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
                (p.view, p.owner.put(), p.key.to_be_bytes(), p.position.0, &p.reason),
            )?;
        }
        Ok(())
    }

    pub(super) fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE checkpoint SET position = ?1, leaf = ?2")?
            .execute((checkpoint.position.0, checkpoint.leaf))?;
        Ok(())
    }

    /// Keeps what is known of a client.
    pub(super) fn subject(&self, client: ClientId, root: ClientId, state: &SubjectState) -> Result<(), StoreError> {
        // Under whom somebody is answered changes seldom: the indexes are left alone.
        let sql = "UPDATE subject SET identified = ?3, known = ?4, version = ?5, seen = ?6, frontier = ?7
                   WHERE client = ?1 AND root = ?2";
        match self.put_subject(sql, client, root, state)? {
            0 => {
                self.conn.prepare_cached("DELETE FROM subject WHERE client = ?1")?.execute([client.put()])?;
                self.new_subject(client, root, state)
            }
            _ => Ok(()),
        }
    }

    /// Keeps what is known of a client of whom nothing was.
    pub(super) fn new_subject(&self, client: ClientId, root: ClientId, state: &SubjectState) -> Result<(), StoreError> {
        let sql = "INSERT INTO subject (client, root, identified, known, version, seen, frontier)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.put_subject(sql, client, root, state).map(drop)
    }

    fn put_subject(
        &self,
        sql: &str,
        client: ClientId,
        root: ClientId,
        state: &SubjectState,
    ) -> Result<usize, StoreError> {
        let SubjectState { identified, known, version, seen, frontier } = *state;
        let (seen, frontier) = (order_bytes(seen), order_bytes(frontier));
        let values = (client.put(), root.put(), identified, known, version.0, seen, frontier);
        self.conn.prepare_cached(sql)?.execute(values)
    }

    pub(super) fn alias(&self, change: &AliasChange) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT OR REPLACE INTO alias_change (position, recorded_at, absorbed, survivor) VALUES (?1, ?2, ?3, ?4)",
            (change.position.0, change.recorded_at.0, change.absorbed.put(), change.into.put()),
        )?;
        Ok(())
    }
}

fn is_zero(values: &[i64]) -> bool {
    values.iter().all(|value| *value == 0)
}

/// The columns of a total.
fn with(key: &Atoms, values: &[i64]) -> impl Iterator<Item = Atom> {
    key.iter().cloned().chain(values.iter().map(|value| Atom::Int(*value)))
}

/// Totals that are not zero by their tables, each in the order of keys.
fn by_table(sums: &Sums) -> HashMap<&'static str, Vec<(&Atoms, &Vec<i64>)>> {
    let mut tables: HashMap<&'static str, Vec<_>> = HashMap::default();
    for ((table, key), values) in sums.iter().filter(|(_, values)| !is_zero(values)) {
        tables.entry(table).or_default().push((key, values));
    }
    tables.values_mut().for_each(|totals| totals.sort_unstable());
    tables
}
