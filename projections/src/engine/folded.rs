//! [`Folded`]: a [`Projection`] as a [`View`].

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use foldhash::{HashMap, HashMapExt};
use letopis_core::events::Areas;
use letopis_core::fact::Fact;
use letopis_core::time::Zone;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::built::{Built, add_digest};
use super::group::{Group, Placed};
use super::projection::{Context, Contributions, Projection, Scope};
use super::row::{Atom, Cell, Column, Owner, Row, TotalTable};
use super::view::{Atoms, Batch, Parked, Recomputed, StoreError, View, add, row_hash};

/// A [`Projection`] as a [`View`].
pub struct Folded<P: Projection> {
    projection: P,
    areas: Areas,
    insert: String,
    select: String,
    by_owner: String,
    delete: String,
}

/// A row before and after.
struct Slot<R> {
    /// With its number in the table.
    old: Option<(i64, R)>,
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
            insert: format!("INSERT INTO {table} ({list}) VALUES ({marks})"),
            select: format!("SELECT {list}, rowid FROM {table} WHERE {} = ?1 AND {} = ?2", columns[0], columns[1]),
            by_owner: format!("SELECT {list}, rowid FROM {table} WHERE {} = ?1", columns[1]),
            delete: format!("DELETE FROM {table} WHERE rowid = ?1"),
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
    fn fold_all<'a>(
        &self,
        zone: &Zone,
        owner: Owner,
        identified: bool,
        facts: impl Iterator<Item = &'a Placed>,
        only: Option<&HashSet<u128>>,
    ) -> (HashMap<u128, P::Row>, Vec<Parked>) {
        let mut rows: HashMap<u128, P::Row> = HashMap::new();
        let mut parked: HashMap<u128, Parked> = HashMap::new();
        let mut keys = Vec::new();
        for placed in facts.filter(|placed| self.areas.hold(&placed.fact.event)) {
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

    fn load(&self, conn: &Connection, owner: Owner, key: u128) -> Result<Option<(i64, P::Row)>, StoreError> {
        // All ids are written alike.
        let key = Owner(key).put();
        conn.prepare_cached(&self.select)?.query_row((key, owner.put()), numbered).optional()
    }

    fn load_owner(&self, conn: &Connection, owner: Owner) -> Result<Vec<(i64, P::Row)>, StoreError> {
        let mut statement = conn.prepare_cached(&self.by_owner)?;
        let rows = statement.query_map([owner.put()], numbered)?;
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
        add_digest(&mut batch.digests, P::NAME, if sign > 0 { hash } else { hash.wrapping_neg() });
        atoms
    }

    fn store(
        &self,
        batch: &mut Batch<'_>,
        slot: Slot<P::Row>,
        was_identified: bool,
        identified: bool,
    ) -> Result<(), StoreError> {
        let Slot { old, new } = slot;
        if was_identified == identified && old.as_ref().map(|(_, row)| row) == new.as_ref() {
            return Ok(());
        }
        let before = old.map(|(number, row)| {
            let cx = self.context(batch.zone, row.owner(), was_identified, false);
            (number, self.count(batch, &row, &cx, -1))
        });
        let after = new.map(|row| {
            let cx = self.context(batch.zone, row.owner(), identified, false);
            self.count(batch, &row, &cx, 1)
        });
        match (before, after) {
            (Some((number, before)), Some(after)) => Self::update(batch.conn, number, &before, &after),
            (Some((number, _)), None) => batch.conn.prepare_cached(&self.delete)?.execute([number]).map(drop),
            (None, Some(after)) => batch.conn.prepare_cached(&self.insert)?.execute(params_from_iter(after)).map(drop),
            (None, None) => Ok(()),
        }
    }

    /// Writes the columns that changed, so that indexes of the others are left alone.
    fn update(conn: &Connection, number: i64, before: &Atoms, after: &Atoms) -> Result<(), StoreError> {
        let changed: Vec<usize> = (0..after.len()).filter(|&n| before[n] != after[n]).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let set: Vec<String> = changed.iter().map(|&n| format!("\"{}\" = ?", P::Row::COLUMNS[n].name)).collect();
        let sql = format!("UPDATE {} SET {} WHERE rowid = ?", P::Row::TABLE, set.join(", "));
        let number = Atom::Int(number);
        let values = changed.iter().map(|&n| &after[n]).chain([&number]);
        conn.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
    }
}

/// A row with its number, which stands behind its columns.
fn numbered<R: Row>(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, R)> {
    Ok((row.get(R::COLUMNS.len())?, R::get(row)?))
}

/// The owners of a view's rows in a group. A row that is one event keeps its own client.
fn owners(group: &Group, per_event: bool) -> Vec<Owner> {
    match group.members.as_slice() {
        [] | [_] => vec![group.owner],
        _ if !per_event => vec![group.owner],
        members => members.iter().map(|&client| client.into()).collect(),
    }
}

/// The facts of a group that an owner's rows are folded from.
fn facts_of(group: &Group, per_event: bool, owner: Owner) -> impl Iterator<Item = &Placed> {
    let apart = per_event && group.members.len() > 1;
    group.folded().filter(move |placed| !apart || placed.fact.client.map(Owner::from) == Some(owner))
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
    fn indexes(&self) -> &'static [&'static str] {
        P::Row::INDEXES
    }
    fn totals(&self) -> &'static [TotalTable] {
        P::TOTALS
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
                        // A row that is one event is new, as every event is once.
                        let old = if P::PER_EVENT { None } else { self.load(batch.conn, owner, key)? };
                        entry.insert(Slot { new: old.as_ref().map(|(_, row)| row.clone()), old })
                    }
                };
                let row = slot.new.get_or_insert_with(|| P::Row::empty(key, owner));
                if let Err(reason) = self.fold(row, placed, &cx) {
                    slot.new = slot.old.as_ref().map(|(_, row)| row.clone());
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
        for owner in owners(group, P::PER_EVENT) {
            let facts = facts_of(group, P::PER_EVENT, owner);
            let (mut rows, parked) = self.fold_all(batch.zone, owner, group.identified, facts, keys);
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
                old.retain(|(_, row)| row.key() != parked.key);
                rows.remove(&parked.key);
                batch.newly_parked.push(parked);
            }
            for old in old {
                let key = old.1.key();
                let new = rows.remove(&key);
                batch.unparked.push((P::NAME, owner, key));
                self.store(batch, Slot { old: Some(old), new }, was_identified, group.identified)?;
            }
            for row in rows.into_values() {
                batch.unparked.push((P::NAME, owner, row.key()));
                self.store(batch, Slot { old: None, new: Some(row) }, was_identified, group.identified)?;
            }
        }
        Ok(())
    }

    fn remove(&self, batch: &mut Batch<'_>, was_identified: bool, owner: Owner) -> Result<(), StoreError> {
        for old in self.load_owner(batch.conn, owner)? {
            self.store(batch, Slot { old: Some(old), new: None }, was_identified, was_identified)?;
        }
        Ok(())
    }

    fn build(&self, zone: &Zone, group: &Group, out: &mut Built) {
        let mut contributions = Contributions::default();
        for owner in owners(group, P::PER_EVENT) {
            let facts = facts_of(group, P::PER_EVENT, owner);
            let (rows, parked) = self.fold_all(zone, owner, group.identified, facts, None);
            out.parked.extend(parked);
            let cx = self.context(zone, owner, group.identified, false);
            let mut rows: Vec<P::Row> = rows.into_values().collect();
            rows.sort_unstable_by_key(Row::key);
            for row in rows {
                self.projection.contribute(&row, &cx, &mut contributions);
                out.push(P::NAME, &row);
            }
        }
        for (table, key, values) in contributions.0 {
            add(&mut out.sums, (table, key), &values, 1);
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
