//! [`View`]: a projection without its types, and what the engine does with any of them.

use std::collections::HashSet;

use foldhash::HashMap;
use letopis_core::events::Areas;
use letopis_core::fact::Fact;
use letopis_core::ids::Position;
use letopis_core::time::Zone;
use rusqlite::Connection;

use super::built::Built;
pub use super::folded::Folded;
use super::group::{Group, Placed};
use super::projection::{Context, Scope};
use super::row::{Atom, Column, Owner, TotalTable};

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
    /// The columns of its indexes, separated by commas, besides those of key and owner.
    fn indexes(&self) -> &'static [&'static str];
    /// The tables of its totals.
    fn totals(&self) -> &'static [TotalTable];
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

impl<'a> Batch<'a> {
    pub(super) fn new(conn: &'a Connection, zone: &'a Zone, parked: &'a HashSet<(&'static str, Owner, u128)>) -> Self {
        let (sums, digests) = (Sums::default(), HashMap::default());
        Self { conn, zone, sums, digests, parked, newly_parked: Vec::new(), unparked: Vec::new() }
    }
}

/// Adds values to the sums under a key.
pub(super) fn add<K: Eq + std::hash::Hash>(sums: &mut HashMap<K, Vec<i64>>, key: K, values: &[i64], sign: i64) {
    let entry = sums.entry(key).or_insert_with(|| vec![0; values.len()]);
    for (sum, value) in entry.iter_mut().zip(values) {
        // Amounts near the limits of i64 are refused when they are posted; sums wrap rather than stop the view.
        *sum = sum.wrapping_add(value.wrapping_mul(sign));
    }
}

/// Hash of the columns of a row that the digest covers.
pub(super) fn row_hash(table: &str, columns: &[Column], atoms: &[Atom]) -> u128 {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(table.as_bytes());
    for (column, atom) in columns.iter().zip(atoms) {
        if !column.digest {
            continue;
        }
        match atom {
            Atom::Null => bytes.push(0),
            Atom::Int(value) => {
                bytes.push(1);
                bytes.extend_from_slice(&value.to_be_bytes());
            }
            Atom::Text(text) => {
                bytes.push(2);
                let text = text.as_bytes();
                bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
                bytes.extend_from_slice(text);
            }
        }
    }
    let mut out = [0; 16];
    out.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
    u128::from_be_bytes(out)
}
