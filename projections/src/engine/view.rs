//! [`View`]: a projection without its types, and what the engine does with any of them.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use letopis_core::events::Areas;
use letopis_core::fact::Fact;
use letopis_core::ids::Position;
use letopis_core::time::Zone;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::group::{Group, Placed, definition_owner};
use super::projection::{Context, Contributions, Projection, Scope};
use super::row::{Atom, Column, Owner, Row, TotalTable};

/// Anything that can go wrong in a view file.
pub type StoreError = rusqlite::Error;

/// A projection without its types.
pub trait View: Send + Sync {
    /// The stable name.
    fn name(&self) -> &'static str;
    /// The version of its fold.
    fn version(&self) -> u32;
    /// The areas of the facts that it has rows for.
    fn areas(&self) -> Areas;
    /// Which facts it is folded from.
    fn scope(&self) -> Scope;
    /// Whether its rows are single events.
    fn per_event(&self) -> bool;
    /// Whether its fold reads personal fields of an area.
    fn opens(&self, area: &str) -> bool;
    /// Its table of rows.
    fn table(&self) -> &'static str;
    /// The columns of its rows.
    fn columns(&self) -> &'static [Column];
    /// The tables of its totals.
    fn totals(&self) -> &'static [TotalTable];
    /// SQL that makes its tables.
    fn create_tables(&self) -> String;
    /// SQL that makes its indexes; after a bulk load.
    fn create_indexes(&self) -> String;
    /// The rows that a fact of its areas touches.
    fn route(&self, fact: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>);
    /// Folds new facts, none of them late, into stored rows.
    ///
    /// # Errors
    /// When the view file fails.
    fn extend(&self, batch: &mut Batch<'_>, identified: bool, owner: Owner, facts: &[Placed])
    -> Result<(), StoreError>;
    /// Replaces the stored rows of an owner, or those of the given keys, by a fold of all its facts.
    ///
    /// # Errors
    /// When the view file fails.
    fn refold(
        &self,
        batch: &mut Batch<'_>,
        was_identified: bool,
        group: &Group,
        keys: Option<&HashSet<u128>>,
    ) -> Result<(), StoreError>;
    /// Takes the stored rows of an owner away.
    ///
    /// # Errors
    /// When the view file fails.
    fn remove(&self, batch: &mut Batch<'_>, was_identified: bool, owner: Owner) -> Result<(), StoreError>;
    /// Folds all facts of an owner in memory.
    fn build(&self, zone: &Zone, group: &Group, out: &mut Built);
    /// Recomputes digest and totals from the stored rows.
    ///
    /// # Errors
    /// When the view file fails.
    fn recompute(&self, conn: &Connection, zone: &Zone) -> Result<Recomputed, StoreError>;
}

/// A row as its columns.
pub type Atoms = Vec<Atom>;

/// Sums by table and key.
pub type Sums = HashMap<(&'static str, Atoms), Vec<i64>>;

/// Rows and totals folded in memory.
#[derive(Debug, Default)]
pub struct Built {
    /// The rows of each table.
    pub rows: HashMap<&'static str, Vec<Atoms>>,
    /// The totals.
    pub sums: Sums,
    /// For each view the sum of its row hashes.
    pub digests: HashMap<&'static str, u128>,
    /// Keys whose fold panicked.
    pub parked: Vec<Parked>,
}

impl Built {
    /// Adds another part.
    pub fn merge(&mut self, other: Self) {
        for (table, rows) in other.rows {
            self.rows.entry(table).or_default().extend(rows);
        }
        for (key, sums) in other.sums {
            add(&mut self.sums, key, &sums, 1);
        }
        for (view, digest) in other.digests {
            let sum = self.digests.entry(view).or_default();
            *sum = sum.wrapping_add(digest);
        }
        self.parked.extend(other.parked);
    }
}

/// What stored rows come to.
#[derive(Debug, Default, PartialEq)]
pub struct Recomputed {
    /// The sum of row hashes.
    pub digest: u128,
    /// Rows.
    pub rows: u64,
    /// The totals, without those that are all zero.
    pub sums: Sums,
}

/// A key whose fold panicked: its row stays as it was, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The view.
    pub view: &'static str,
    /// Whose row.
    pub owner: Owner,
    /// Which row.
    pub key: u128,
    /// The fact that could not be folded.
    pub position: Position,
    /// What the fold said.
    pub reason: String,
}

/// One transaction on a view file.
pub struct Batch<'a> {
    pub(super) conn: &'a Connection,
    pub(super) zone: &'a Zone,
    pub(super) sums: Sums,
    pub(super) digests: HashMap<&'static str, u128>,
    /// Keys that were parked before and may not be extended.
    pub(super) parked: &'a HashSet<(&'static str, Owner, u128)>,
    pub(super) newly_parked: Vec<Parked>,
    pub(super) unparked: Vec<(&'static str, Owner, u128)>,
}

pub(super) fn add(sums: &mut Sums, key: (&'static str, Atoms), values: &[i64], sign: i64) {
    let entry = sums.entry(key).or_insert_with(|| vec![0; values.len()]);
    for (sum, value) in entry.iter_mut().zip(values) {
        // Amounts near the limits of i64 are refused when they are posted; sums wrap rather than stop the view.
        *sum = sum.wrapping_add(value.wrapping_mul(sign));
    }
}

/// Hash of the columns of a row that the digest covers.
pub(super) fn row_hash(table: &str, columns: &[Column], atoms: &[Atom]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(table.as_bytes());
    for (column, atom) in columns.iter().zip(atoms) {
        if !column.digest {
            continue;
        }
        match atom {
            Atom::Null => hasher.update(&[0]),
            Atom::Int(value) => hasher.update(&[1]).update(&value.to_be_bytes()),
            Atom::Text(text) => hasher.update(&[2]).update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes()),
        };
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(out)
}

/// A [`Projection`] as a [`View`].
pub struct Folded<P: Projection> {
    projection: P,
    areas: Areas,
    insert: String,
    select: String,
    by_owner: String,
    delete: String,
}

struct Slot<R> {
    old: Option<R>,
    new: Option<R>,
}

impl<P: Projection> Folded<P> {
    /// Wraps a projection.
    pub fn new(projection: P) -> Self {
        let columns: Vec<String> = P::Row::COLUMNS.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let (table, list) = (P::Row::TABLE, columns.join(", "));
        let marks = vec!["?"; columns.len()].join(", ");
        Self {
            projection,
            areas: Areas::named(P::AREAS),
            insert: format!("INSERT OR REPLACE INTO {table} ({list}) VALUES ({marks})"),
            select: format!("SELECT {list} FROM {table} WHERE {} = ?1 AND {} = ?2", columns[0], columns[1]),
            by_owner: format!("SELECT {list} FROM {table} WHERE {} = ?1", columns[1]),
            delete: format!("DELETE FROM {table} WHERE {} = ?1 AND {} = ?2", columns[0], columns[1]),
        }
    }

    fn context<'a>(&self, zone: &'a Zone, owner: Owner, identified: bool, late: bool) -> Context<'a> {
        Context { owner, identified: identified && !P::PER_EVENT, late, zone }
    }

    /// Folds one fact into a row. After a panic the row is worth nothing, and the reason is told.
    fn fold(&self, row: &mut P::Row, placed: &Placed, cx: &Context<'_>) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| self.projection.fold(row, &placed.fact, cx))).map_err(|panic| {
            panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "the fold panicked".to_owned())
        })
    }

    /// All rows of one owner, from nothing.
    fn fold_all(
        &self,
        zone: &Zone,
        owner: Owner,
        identified: bool,
        facts: &[&Placed],
        only: Option<&HashSet<u128>>,
    ) -> (HashMap<u128, P::Row>, Vec<Parked>) {
        let mut rows: HashMap<u128, P::Row> = HashMap::new();
        let mut parked: HashMap<u128, Parked> = HashMap::new();
        let mut keys = Vec::new();
        for placed in facts.iter().filter(|placed| self.areas.hold(&placed.fact.event)) {
            let cx = self.context(zone, owner, identified, placed.late);
            keys.clear();
            self.projection.route(&placed.fact, &cx, &mut keys);
            for &key in &keys {
                if parked.contains_key(&key) || only.is_some_and(|only| !only.contains(&key)) {
                    continue;
                }
                let row = rows.entry(key).or_insert_with(|| P::Row::empty(key, owner));
                if let Err(reason) = self.fold(row, placed, &cx) {
                    rows.remove(&key);
                    parked.insert(key, Parked { view: P::NAME, owner, key, position: placed.fact.position, reason });
                }
            }
        }
        (rows, parked.into_values().collect())
    }

    fn load(&self, conn: &Connection, owner: Owner, key: u128) -> Result<Option<P::Row>, StoreError> {
        use super::row::Cell;
        let probe = P::Row::empty(key, owner).put();
        conn.prepare_cached(&self.select)?.query_row((&probe[0], owner.put()), P::Row::get).optional()
    }

    fn load_owner(&self, conn: &Connection, owner: Owner) -> Result<Vec<P::Row>, StoreError> {
        use super::row::Cell;
        let mut statement = conn.prepare_cached(&self.by_owner)?;
        let rows = statement.query_map([owner.put()], P::Row::get)?;
        rows.collect()
    }

    fn count(&self, batch: &mut Batch<'_>, row: &P::Row, cx: &Context<'_>, sign: i64) -> Atoms {
        let mut out = Contributions::default();
        self.projection.contribute(row, cx, &mut out);
        for (table, key, values) in out.0 {
            add(&mut batch.sums, (table, key), &values, sign);
        }
        let atoms = row.put();
        let hash = row_hash(P::Row::TABLE, P::Row::COLUMNS, &atoms);
        let digest = batch.digests.entry(P::NAME).or_default();
        *digest = if sign > 0 { digest.wrapping_add(hash) } else { digest.wrapping_sub(hash) };
        atoms
    }

    fn store(
        &self,
        batch: &mut Batch<'_>,
        slot: Slot<P::Row>,
        was_identified: bool,
        identified: bool,
    ) -> Result<(), StoreError> {
        if was_identified == identified && slot.old == slot.new {
            return Ok(());
        }
        if let Some(old) = &slot.old {
            let cx = self.context(batch.zone, old.owner(), was_identified, false);
            self.count(batch, old, &cx, -1);
        }
        match (&slot.old, &slot.new) {
            (_, Some(new)) => {
                let cx = self.context(batch.zone, new.owner(), identified, false);
                let atoms = self.count(batch, new, &cx, 1);
                batch.conn.prepare_cached(&self.insert)?.execute(params_from_iter(atoms))?;
            }
            (Some(old), None) => {
                let atoms = old.put();
                batch.conn.prepare_cached(&self.delete)?.execute((&atoms[0], &atoms[1]))?;
            }
            (None, None) => {}
        }
        Ok(())
    }
}

/// The facts of a group by the owners of this view's rows.
fn by_owner(group: &Group, per_event: bool) -> Vec<(Owner, Vec<&Placed>)> {
    if !per_event {
        return vec![(group.owner, group.folded().collect())];
    }
    let mut owners: Vec<(Owner, Vec<&Placed>)> =
        group.members.iter().map(|&client| (Owner::from(client), Vec::new())).collect();
    if owners.is_empty() {
        owners.push((group.owner, Vec::new()));
    }
    for placed in group.folded() {
        let owner = placed.fact.client.map_or_else(|| definition_owner(&placed.fact.stream), Owner::from);
        match owners.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, facts)) => facts.push(placed),
            None => owners.push((owner, vec![placed])),
        }
    }
    owners
}

impl<P: Projection> View for Folded<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }
    fn version(&self) -> u32 {
        P::VERSION
    }
    fn areas(&self) -> Areas {
        self.areas
    }
    fn scope(&self) -> Scope {
        P::SCOPE
    }
    fn per_event(&self) -> bool {
        P::PER_EVENT
    }
    fn opens(&self, area: &str) -> bool {
        P::OPENS.contains(&area)
    }
    fn table(&self) -> &'static str {
        P::Row::TABLE
    }
    fn columns(&self) -> &'static [Column] {
        P::Row::COLUMNS
    }
    fn totals(&self) -> &'static [TotalTable] {
        P::TOTALS
    }

    fn create_tables(&self) -> String {
        let columns: Vec<String> = P::Row::COLUMNS.iter().map(|c| format!("\"{}\" {}", c.name, c.sql)).collect();
        let mut sql = format!("CREATE TABLE {} ({}) STRICT;\n", P::Row::TABLE, columns.join(", "));
        for total in P::TOTALS {
            let keys: Vec<String> = total.keys.iter().map(|(name, ty)| format!("\"{name}\" {ty} NOT NULL")).collect();
            let sums: Vec<String> = total.sums.iter().map(|name| format!("\"{name}\" INTEGER NOT NULL")).collect();
            let names: Vec<String> = total.keys.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            sql += &format!(
                "CREATE TABLE {} ({}, {}, PRIMARY KEY ({})) STRICT, WITHOUT ROWID;\n",
                total.name,
                keys.join(", "),
                sums.join(", "),
                names.join(", ")
            );
        }
        sql
    }

    fn create_indexes(&self) -> String {
        let (table, key, owner) = (P::Row::TABLE, P::Row::COLUMNS[0].name, P::Row::COLUMNS[1].name);
        let mut sql = format!("CREATE UNIQUE INDEX {table}_key ON {table} (\"{key}\", \"{owner}\");\n");
        if !P::Row::INDEXES.iter().any(|index| index.starts_with(owner)) {
            sql += &format!("CREATE INDEX {table}_owner ON {table} (\"{owner}\");\n");
        }
        for (n, index) in P::Row::INDEXES.iter().enumerate() {
            sql += &format!("CREATE INDEX {table}_{n} ON {table} ({index});\n");
        }
        sql
    }

    fn route(&self, fact: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>) {
        self.projection.route(fact, cx, keys);
    }

    fn extend(
        &self,
        batch: &mut Batch<'_>,
        identified: bool,
        owner: Owner,
        facts: &[Placed],
    ) -> Result<(), StoreError> {
        let mut slots: HashMap<(Owner, u128), Slot<P::Row>> = HashMap::new();
        let mut keys = Vec::new();
        let concerns = |placed: &&Placed| self.areas.hold(&placed.fact.event) && !placed.fact.is_knowledge();
        for placed in facts.iter().filter(concerns) {
            let owner = match placed.fact.client {
                Some(client) if P::PER_EVENT => client.into(),
                _ => owner,
            };
            let cx = self.context(batch.zone, owner, identified, placed.late);
            keys.clear();
            self.projection.route(&placed.fact, &cx, &mut keys);
            for &key in &keys {
                if batch.parked.contains(&(P::NAME, owner, key))
                    || batch.newly_parked.iter().any(|p| (p.view, p.owner, p.key) == (P::NAME, owner, key))
                {
                    continue;
                }
                let slot = match slots.entry((owner, key)) {
                    std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        let old = self.load(batch.conn, owner, key)?;
                        entry.insert(Slot { new: old.clone(), old })
                    }
                };
                let row = slot.new.get_or_insert_with(|| P::Row::empty(key, owner));
                if let Err(reason) = self.fold(row, placed, &cx) {
                    slot.new = slot.old.clone();
                    batch.newly_parked.push(Parked {
                        view: P::NAME,
                        owner,
                        key,
                        position: placed.fact.position,
                        reason,
                    });
                }
            }
        }
        for slot in slots.into_values() {
            self.store(batch, slot, identified, identified)?;
        }
        Ok(())
    }

    fn refold(
        &self,
        batch: &mut Batch<'_>,
        was_identified: bool,
        group: &Group,
        keys: Option<&HashSet<u128>>,
    ) -> Result<(), StoreError> {
        for (owner, facts) in by_owner(group, P::PER_EVENT) {
            let (mut rows, parked) = self.fold_all(batch.zone, owner, group.identified, &facts, keys);
            let mut old = match keys {
                None => self.load_owner(batch.conn, owner)?,
                Some(keys) => {
                    let mut old = Vec::new();
                    for &key in keys {
                        old.extend(self.load(batch.conn, owner, key)?);
                    }
                    old
                }
            };
            for parked in parked {
                // Served as it was, so it must not count as gone.
                old.retain(|row| row.key() != parked.key);
                rows.remove(&parked.key);
                batch.newly_parked.push(parked);
            }
            for row in old {
                let new = rows.remove(&row.key());
                batch.unparked.push((P::NAME, owner, row.key()));
                self.store(batch, Slot { old: Some(row), new }, was_identified, group.identified)?;
            }
            for row in rows.into_values() {
                batch.unparked.push((P::NAME, owner, row.key()));
                self.store(batch, Slot { old: None, new: Some(row) }, was_identified, group.identified)?;
            }
        }
        Ok(())
    }

    fn remove(&self, batch: &mut Batch<'_>, was_identified: bool, owner: Owner) -> Result<(), StoreError> {
        for row in self.load_owner(batch.conn, owner)? {
            self.store(batch, Slot { old: Some(row), new: None }, was_identified, was_identified)?;
        }
        Ok(())
    }

    fn build(&self, zone: &Zone, group: &Group, out: &mut Built) {
        for (owner, facts) in by_owner(group, P::PER_EVENT) {
            let (rows, parked) = self.fold_all(zone, owner, group.identified, &facts, None);
            out.parked.extend(parked);
            let cx = self.context(zone, owner, group.identified, false);
            for row in rows.into_values() {
                let mut contributions = Contributions::default();
                self.projection.contribute(&row, &cx, &mut contributions);
                for (table, key, values) in contributions.0 {
                    add(&mut out.sums, (table, key), &values, 1);
                }
                let atoms = row.put();
                let digest = out.digests.entry(P::NAME).or_default();
                *digest = digest.wrapping_add(row_hash(P::Row::TABLE, P::Row::COLUMNS, &atoms));
                out.rows.entry(P::Row::TABLE).or_default().push(atoms);
            }
        }
    }

    fn recompute(&self, conn: &Connection, zone: &Zone) -> Result<Recomputed, StoreError> {
        let columns: Vec<String> = P::Row::COLUMNS.iter().map(|c| format!("t.\"{}\"", c.name)).collect();
        let sql = format!(
            "SELECT {}, coalesce(s.identified, 0) FROM {} t LEFT JOIN subject s ON s.client = t.\"{}\"",
            columns.join(", "),
            P::Row::TABLE,
            P::Row::COLUMNS[1].name
        );
        let mut out = Recomputed::default();
        let mut statement = conn.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(stored) = rows.next()? {
            let row = P::Row::get(stored)?;
            let identified: bool = stored.get(columns.len())?;
            out.rows += 1;
            out.digest = out.digest.wrapping_add(row_hash(P::Row::TABLE, P::Row::COLUMNS, &row.put()));
            let mut contributions = Contributions::default();
            self.projection.contribute(&row, &self.context(zone, row.owner(), identified, false), &mut contributions);
            for (table, key, values) in contributions.0 {
                add(&mut out.sums, (table, key), &values, 1);
            }
        }
        out.sums.retain(|_, sums| sums.iter().any(|sum| *sum != 0));
        Ok(out)
    }
}
